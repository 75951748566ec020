"""Runs PyTorch's database of operators and prints what fails and the shares that pass.

    python -m tests.conformance                          everything, on two cores
    python -m tests.conformance --only 'linalg\\..*'      only names that match a pattern
    python -m tests.conformance --aspects forward,int64  only these aspects
    python -m tests.conformance --limit 3                at most so many samples of each
    python -m tests.conformance --write                  bring failures.tsv up to date
    python -m tests.conformance --listed --write         take out of failures.tsv what passes now
"""

import sys

from tests.suite import main

if __name__ == "__main__":
    sys.exit(main("tests.conformance", __doc__))
