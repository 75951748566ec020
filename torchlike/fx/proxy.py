"""torch.fx.proxy: names only, see torch.fx."""

from torchlike import absent as _absent

_absent.fill(
    globals(), _absent.NO_GRAPHS,
    kinds="Proxy Attribute ParameterProxy TracerBase GraphAppendingTracer TraceError",
)  # fmt: skip
