"""torch.special: special functions of mathematics. Bound from the table of operations."""
