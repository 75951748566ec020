"""torch.signal.windows: window functions. Bound from the table of operations."""
