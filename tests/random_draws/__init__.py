"""Random draws of every kind under torchlike and under PyTorch: values, and the generator's state afterwards.

    python -m tests.random_draws                      # 1,000 cases of each, a table
    python -m tests.random_draws randn dropout --count 100
    python -m tests.random_draws --record             # writes tests/data/random_draws.npz from PyTorch

A case is a kind of draw, a seed, a size, a dtype, parameters and a layout in memory, all drawn from the case's number;
the same lines of Python run under both libraries.
"""
