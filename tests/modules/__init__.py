"""PyTorch's database of modules as the yardstick.

`python -m tests.modules` runs it; `test_modules.py` holds it to `failures.tsv`, a list that can only shrink.

    database.py   the entries: `module_db`, and the older tables of layers, criteria and functions
    pair.py       one layer in both libraries, with the same parameters
    aspects.py    what is asked of each layer: parameters, results, gradients, copies, errors, compilations
    ../suite.py   runs entries; reads and writes the list
"""
