"""The engine: registry, tape, programs, graph, storage. It imports JAX and knows no operation by name."""

from torchlike.core import cache as _cache
from torchlike.core import memory as _memory

_memory.keep_freed()
_cache.switch_on()
