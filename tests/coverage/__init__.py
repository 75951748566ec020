"""What of PyTorch's public names works here, as docs/coverage.md tells it.

    python -m tests.coverage            writes the page; needs no PyTorch
    python -m tests.coverage --names    records PyTorch's names anew in tests/data/torch_names.tsv; needs PyTorch

    names.py   the public names of PyTorch: recorded ones, and how they are found
    facts.py   what is true of a name here: there or not, which aspects of it differ, what to do instead
    page.py    the page
"""
