"""The engine: registry, tape, programs, graph, storage. It imports JAX and knows no operation by name."""

from torchlike.core import cache as _cache

_cache.switch_on()
