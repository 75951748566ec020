"""Random programs run under torchlike and under PyTorch: `aliasing` draws views and writes, `operators` computations.

    python -m tests.random_programs aliasing --count 10000 --seed 0
    python -m tests.random_programs operators --count 10000 --seed 0

A program is a list of lines of Python; a seed always draws the same one. A program that fails is printed with its seed
after everything that does not matter has been taken out of it; it belongs into tests/test_found_programs.py.
"""
