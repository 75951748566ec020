"""torch.distributed.device_mesh: a grid of processes, here of one. For a grid of devices there is jax.make_mesh."""

from __future__ import annotations

import math
from typing import Any

from torchlike.distributed.groups import WAY, ProcessGroup, init_process_group, is_initialized, new_group

__all__ = ["DeviceMesh", "init_device_mesh"]


class DeviceMesh:
    """A grid of processes whose every side is 1, with names for its sides.

    NotImplementedError for a larger grid: use jax.make_mesh and jax.sharding.
    """

    def __init__(self, device_type: str, mesh: Any, *, mesh_dim_names: tuple[str, ...] | None = None, **kwargs: Any):
        from torchlike.from_data import as_tensor

        self.device_type = device_type
        self.mesh = as_tensor(mesh)
        if self.mesh.numel() != 1:
            raise NotImplementedError(f"DeviceMesh of shape {tuple(self.mesh.shape)}: {WAY}")
        self.mesh_dim_names = tuple(mesh_dim_names) if mesh_dim_names else None
        if not is_initialized():
            init_process_group(rank=0, world_size=1)
        self._groups = [new_group([0]) for _ in range(self.ndim)]

    @property
    def ndim(self) -> int:
        """How many sides the grid has."""
        return self.mesh.ndim

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each side."""
        return tuple(self.mesh.shape)

    def size(self, mesh_dim: int | None = None) -> int:
        """The number of processes, or the length of one side."""
        return self.mesh.numel() if mesh_dim is None else self.mesh.size(mesh_dim)

    def _dim(self, mesh_dim: int | str | None) -> int:
        if mesh_dim is None:
            if self.ndim != 1:
                raise RuntimeError(f"Found the DeviceMesh have {self.ndim} dimensions. Optional kwarg `mesh_dim` needs "
                                   "to be specified when device_mesh.ndim > 1.")  # fmt: skip
            return 0
        if isinstance(mesh_dim, str):
            if not self.mesh_dim_names or mesh_dim not in self.mesh_dim_names:
                raise KeyError(f"Invalid mesh_dim_name {mesh_dim!r} specified.")
            return self.mesh_dim_names.index(mesh_dim)
        return mesh_dim

    def get_group(self, mesh_dim: int | str | None = None) -> ProcessGroup:
        """The group of processes along one side."""
        return self._groups[self._dim(mesh_dim)]

    def get_all_groups(self) -> list[ProcessGroup]:
        """The groups of all sides."""
        return list(self._groups)

    def get_rank(self) -> int:
        """0."""
        return 0

    def get_local_rank(self, mesh_dim: int | str | None = None) -> int:
        """0."""
        self._dim(mesh_dim)
        return 0

    def get_coordinate(self) -> list[int]:
        """The place of this process: all zeros."""
        return [0] * self.ndim

    def __getitem__(self, names: str | tuple[str, ...]) -> DeviceMesh:
        names = (names,) if isinstance(names, str) else tuple(names)
        for name in names:
            self._dim(name)
        return DeviceMesh(self.device_type, self.mesh.reshape((1,) * len(names)), mesh_dim_names=names)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, DeviceMesh) and (self.device_type, self.shape, self.mesh_dim_names) == (
            other.device_type, other.shape, other.mesh_dim_names,
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash((self.device_type, self.shape, self.mesh_dim_names))

    def __repr__(self) -> str:
        return f"DeviceMesh({self.device_type!r}, {self.mesh.tolist()}, mesh_dim_names={self.mesh_dim_names})"


def init_device_mesh(
    device_type: str, mesh_shape: tuple[int, ...], *, mesh_dim_names: tuple[str, ...] | None = None, **kwargs: Any
) -> DeviceMesh:
    """A grid of processes of this shape: every side must be 1 here, see `DeviceMesh`."""
    if mesh_dim_names is not None:
        if len(set(mesh_dim_names)) != len(mesh_dim_names):
            raise RuntimeError("Each mesh_dim_name must be unique.")
        if len(mesh_dim_names) != len(mesh_shape):
            raise RuntimeError("mesh_shape and mesh_dim_names should have same length!")
    if math.prod(mesh_shape) != 1:
        raise NotImplementedError(f"init_device_mesh({device_type!r}, {tuple(mesh_shape)}): {WAY}")
    from torchlike.creation import zeros

    return DeviceMesh(device_type, zeros(mesh_shape).int(), mesh_dim_names=mesh_dim_names)
