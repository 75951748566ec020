"""torch.fx.experimental.proxy_tensor: names only, see torch.fx."""

from torchlike import absent as _absent

_absent.fill(globals(), _absent.NO_GRAPHS, kinds="ProxyTorchDispatchMode", functions="make_fx get_proxy_mode")
