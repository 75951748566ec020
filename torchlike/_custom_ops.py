"""torch._custom_ops: the older names of torch.library."""

from torchlike import absent as _absent

_absent.fill(globals(), "use torch.library.custom_op", functions="custom_op impl impl_abstract impl_backward")
