"""Optimizers against PyTorch, on the rows of PyTorch's own table of optimizers."""
