"""torch.utils._sympy: symbolic sizes, which are plain ints here; nothing is in it."""
