"""torch.fx._symbolic_trace: names only, see torch.fx."""

from torchlike import absent as _absent

_absent.fill(globals(), _absent.NO_GRAPHS, kinds="Tracer PHBase", functions="symbolic_trace")
PH = None


class ProxyableClassMeta(type):
    """A metaclass for classes that a trace may hold: it changes nothing."""


def is_fx_tracing() -> bool:
    """False: nothing is traced."""
    return False
