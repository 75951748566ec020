"""torch.utils.data.graph_settings: settings of datapipes, of which there are none here. Calls raise."""

from torchlike import absent as _absent

_absent.fill(
    globals(), "there are no datapipes here; give a DataLoader a generator=",
    functions="apply_sharding apply_shuffle_settings apply_shuffle_seed apply_random_seed get_all_graph_pipes",
)  # fmt: skip
