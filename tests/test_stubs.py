"""The stub files describe the names that are bound now."""

from torchlike import stubs


def test_the_stub_files_are_up_to_date():
    stale = [path.name for path, text in stubs.generate().items() if path.read_text() != text]
    assert not stale, f"{stale} differ from what is bound: run `python -m torchlike.stubs`"
