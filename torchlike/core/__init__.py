"""The engine: registry, tape, programs, graph, storage. It imports JAX and knows no operation by name."""
