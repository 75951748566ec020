"""torch.fft: discrete Fourier transforms. Bound from the table of operations."""
