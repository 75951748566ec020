"""Writes docs/coverage.md, or with --names records PyTorch's names."""

import argparse

from . import names
from .page import PAGE, page

parser = argparse.ArgumentParser(prog="python -m tests.coverage", description=__doc__)
parser.add_argument("--names", action="store_true", help="record the names of the PyTorch that is installed")
if parser.parse_args().names:
    names.record()
    print(f"{names.RECORD}: {len(names.recorded())} names of PyTorch {names.version()}")
PAGE.write_text(page())
print(PAGE)
