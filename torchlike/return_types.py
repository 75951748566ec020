"""The classes of named results: `torch.return_types.max` and the others."""

from torchlike.ops.results import TYPES as _TYPES

globals().update(_TYPES)
