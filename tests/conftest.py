"""What holds for all tests."""

import os

# LLVM's optimisations change no meaning and cost half the time of the many small compilations that tests make. The
# examples and benchmarks run with what users run with.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0".strip()
