"""PyTorch's operator database as the yardstick.

`python -m tests.conformance` runs it; `test_conformance.py` holds it to `failures.tsv`, a list that can only shrink.

    database.py   which operators are in scope, and why the others are not
    translate.py  PyTorch's samples and lambdas in torchlike's terms
    verdict.py    whether two results say the same
    aspects.py    what is asked of each operator: dtypes, method, in-place, out=, gradients, errors
    ../suite.py   runs entries; reads and writes the list
"""
