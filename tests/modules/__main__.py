"""Runs PyTorch's database of modules and prints what fails and the shares that pass.

    python -m tests.modules                          everything, on two cores
    python -m tests.modules --only 'nn\\..*Norm.*'    only names that match a pattern

and the other options of `python -m tests.conformance`.
"""

import sys

from tests.suite import main

if __name__ == "__main__":
    sys.exit(main("tests.modules", __doc__, ("nn.", "table.", "criterion.", "")))
