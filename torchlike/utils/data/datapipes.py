"""torch.utils.data.datapipes: chains of data sets, given up by PyTorch; use IterableDataset."""


def __getattr__(name: str):
    if name.startswith("__"):
        raise AttributeError(name)
    raise NotImplementedError(f"torch.utils.data.datapipes.{name}: write an IterableDataset with a loop in __iter__")
