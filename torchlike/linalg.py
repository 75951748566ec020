"""torch.linalg: decompositions, solvers, norms and inverses of matrices. Bound from the table of operations."""
