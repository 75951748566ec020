"""torch.jit.annotations: names of types that TorchScript's annotations use."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple, Union  # noqa: F401, UP035

from torchlike import absent as _absent

BroadcastingList1: Any = list
BroadcastingList2: Any = list
BroadcastingList3: Any = list
_absent.fill(globals(), "TorchScript does not exist here", functions="get_signature ann_to_type try_ann_to_type")
