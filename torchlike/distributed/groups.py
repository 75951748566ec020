"""Groups of processes, for a group of one.

Several processes are JAX's business: `jax.distributed.initialize`, a mesh, and sharded arrays, for which a program is
written once. What scripts ask of torch.distributed before that, in one process, works here: a collective over a group
of one is the identity. A larger world raises NotImplementedError.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from torchlike.distributed.stores import HashStore, Store

WAY = (
    "several processes are JAX's business: jax.distributed.initialize(), a mesh and sharded arrays; "
    "torch.distributed serves one process here"
)
_NOT_YET = "Default process group has not been initialized, please make sure to call init_process_group."


class _Named(str):
    """A constant that prints as PyTorch's."""

    def __repr__(self) -> str:
        return f"<RedOpType.{str(self)}: {str(self)!r}>"


class ReduceOp:
    """How the values of several processes become one."""

    SUM, AVG, PRODUCT, MIN, MAX = map(_Named, ("SUM", "AVG", "PRODUCT", "MIN", "MAX"))
    BAND, BOR, BXOR, PREMUL_SUM = map(_Named, ("BAND", "BOR", "BXOR", "PREMUL_SUM"))
    RedOpType = _Named


reduce_op = ReduceOp


class Backend(str):
    """The name of a library that carries messages. In a group of one there are none to carry."""

    UNDEFINED, GLOO, NCCL, MPI, UCC, XCCL = "undefined", "gloo", "nccl", "mpi", "ucc", "xccl"
    backend_list = ["undefined", "gloo", "nccl", "xccl", "ucc", "mpi"]  # noqa: RUF012
    default_device_backend_map = {"cpu": "gloo", "cuda": "nccl"}  # noqa: RUF012

    def __new__(cls, name: str):
        if not isinstance(name, str):
            raise ValueError("Backend constructor parameter must be string-ish")
        return str.__new__(cls, name.lower())

    @classmethod
    def register_backend(cls, name: str, func: Callable, *args: Any, **kwargs: Any) -> None:
        """Raises: a group of one needs no library."""
        raise NotImplementedError(f"torch.distributed.Backend.register_backend({name!r}): {WAY}")


class ProcessGroup:
    """A group of processes: this one."""

    def __init__(self, backend: str = "gloo", name: str = "0", ranks: tuple[int, ...] = (0,)):
        self._backend, self.group_name, self.ranks = backend, name, ranks
        self.bound_device_id: Any = None

    def rank(self) -> int:
        """0."""
        return 0

    def size(self) -> int:
        """1."""
        return 1

    def name(self) -> str:
        """The name of the backend that was asked for."""
        return self._backend

    def __repr__(self) -> str:
        return f"<torch.distributed.ProcessGroup {self.group_name} of this process>"


class Work:
    """A collective that was started with `async_op=True`: it is done."""

    def __init__(self, result: Any = None):
        self._result = result

    def wait(self, timeout: Any = None) -> bool:
        """True at once."""
        return True

    def is_completed(self) -> bool:
        """True."""
        return True

    def is_success(self) -> bool:
        """True."""
        return True

    def result(self) -> Any:
        """The tensors of the collective."""
        return self._result

    def get_future(self) -> Any:
        """A finished future with the result."""
        from torchlike.futures import Future

        done: Any = Future()
        done.set_result(self._result)
        return done


class _WorldMeta(type):
    @property
    def WORLD(cls) -> ProcessGroup | None:
        """The group of all processes; None before `init_process_group`."""
        return _state["world"]

    @WORLD.setter
    def WORLD(cls, group: ProcessGroup | None) -> None:
        _state["world"] = group


class group(metaclass=_WorldMeta):
    """`group.WORLD`, the group of all processes."""


class GroupMember(metaclass=_WorldMeta):
    """`GroupMember.WORLD`, and the mark that `new_group` gives to processes that are not in the group."""

    NON_GROUP_MEMBER = -100


_state: dict[str, Any] = {"world": None, "groups": 0}
_rank_not_in_group = GroupMember.NON_GROUP_MEMBER


# --- the group --------------------------------------------------------------------------------------------------------


def is_available() -> bool:
    """True: the names are there, and one process can be a group."""
    return True


def is_initialized() -> bool:
    """Whether `init_process_group` was called."""
    return _state["world"] is not None


def is_mpi_available() -> bool:
    """False."""
    return False


is_nccl_available = is_ucc_available = is_xccl_available = is_mpi_available


def is_gloo_available() -> bool:
    """True, for what asks: in a group of one nothing has to be carried."""
    return True


def is_backend_available(backend: str) -> bool:
    """Whether `init_process_group` takes a backend: in a group of one any known name will do."""
    return backend.lower() in Backend.backend_list


def is_torchelastic_launched() -> bool:
    """Whether torchrun started this process."""
    return os.environ.get("TORCHELASTIC_RUN_ID") is not None


def init_process_group(
    backend: str | None = None, init_method: str | None = None, timeout: timedelta | None = None, world_size: int = -1,
    rank: int = -1, store: Store | None = None, group_name: str = "", pg_options: Any = None, device_id: Any = None,
) -> None:  # fmt: skip
    """Make this process a group.

    Args:
        backend: a name, kept for `get_backend`; by default "gloo".
        world_size, rank: 1 and 0, given here, in `init_method` ("...?world_size=1&rank=0") or in WORLD_SIZE and RANK.
        init_method, timeout, store, pg_options, device_id: of how processes find each other; not needed for one.

    NotImplementedError for more than one process; ValueError if there is a group already.
    """
    if is_initialized():
        raise ValueError("trying to initialize the default process group twice!")
    size = world_size if world_size != -1 else _given(init_method, "world_size", "WORLD_SIZE", 1 if store else None)
    number = rank if rank != -1 else _given(init_method, "rank", "RANK", 0 if store else None)
    if size is None or number is None:
        missing = "RANK" if number is None else "WORLD_SIZE"
        raise ValueError(
            f"Error initializing torch.distributed using env:// rendezvous: environment variable {missing} expected, "
            "but not set"
        )
    if size != 1:
        raise NotImplementedError(f"torch.distributed.init_process_group(world_size={size}): {WAY}")
    if number != 0:
        raise ValueError(f"rank {number} in a world of size 1")
    name = Backend(backend or "gloo")
    _state["world"] = ProcessGroup(name, group_name or "0")
    _state["store"] = store or HashStore()


def _given(init_method: str | None, key: str, variable: str, otherwise: int | None) -> int | None:
    if init_method and not init_method.startswith("env://"):
        from urllib.parse import parse_qs, urlparse

        found = parse_qs(urlparse(init_method).query).get(key)
        return int(found[0]) if found else otherwise
    value = os.environ.get(variable)
    return int(value) if value is not None else otherwise


def destroy_process_group(group: ProcessGroup | None = None) -> None:
    """End a group, by default that of all processes."""
    _world()
    if group is None or group is _state["world"]:
        _state["world"] = None


def _world() -> ProcessGroup:
    found = _state["world"]
    if found is None:
        raise ValueError(_NOT_YET)
    return found


def _get_default_group() -> ProcessGroup:
    """The group of all processes; ValueError before `init_process_group`."""
    return _world()


def _get_default_store() -> Store:
    """The store of the group of all processes."""
    _world()
    return _state["store"]


def _in(group: Any) -> bool:
    """Whether this process is in a group; ValueError before `init_process_group`."""
    _world()
    return group is not GroupMember.NON_GROUP_MEMBER


def new_group(
    ranks: list[int] | None = None, timeout: Any = None, backend: str | None = None, pg_options: Any = None,
    use_local_synchronization: bool = False, group_desc: str | None = None, device_id: Any = None,
) -> Any:  # fmt: skip
    """A group of some of the processes: of this one, or a mark that this one is not in it."""
    world = _world()
    if ranks is not None and any(r != 0 for r in ranks):
        raise ValueError("the new group's rank should be within the world_size set by init_process_group")
    if ranks is not None and not ranks:
        return GroupMember.NON_GROUP_MEMBER
    _state["groups"] += 1
    return ProcessGroup(Backend(backend) if backend else world._backend, str(_state["groups"]))


def new_subgroups(group_size: int | None = None, **kwargs: Any) -> tuple[ProcessGroup, list[ProcessGroup]]:
    """The group of this process, and the list of all such groups."""
    made = new_group([0])
    return made, [made]


def get_rank(group: Any = None) -> int:
    """The number of this process: 0; -1 if it is not in the group."""
    return 0 if _in(group) else -1


def get_world_size(group: Any = None) -> int:
    """How many processes there are: 1; -1 if this one is not in the group."""
    return 1 if _in(group) else -1


def get_backend(group: Any = None) -> Backend:
    """The name of the backend that was asked for."""
    return Backend((group or _world())._backend) if _in(group) else Backend("undefined")


def get_backend_config(group: Any = None) -> str:
    """The name of the backend, for each kind of device."""
    name = get_backend(group)
    return f"cpu:{name},cuda:{name}"


def get_default_backend_for_device(device: Any) -> str:
    """The backend that PyTorch would choose."""
    from torchlike.core.device import device as device_class

    kind = str(device_class(device).type)
    return Backend.default_device_backend_map.get(kind, "gloo")


def get_process_group_ranks(group: Any) -> list[int]:
    """The numbers of the processes in a group: [0]."""
    _in(group)
    return [0]


def get_global_rank(group: Any, group_rank: int) -> int:
    """The number among all processes of one in a group."""
    _in(group)
    if group_rank != 0:
        raise ValueError(f"Group rank {group_rank} is not part of group {group}")
    return 0


def get_group_rank(group: Any, global_rank: int) -> int:
    """The number in a group of one of all processes."""
    _in(group)
    if global_rank != 0:
        raise ValueError(f"Global rank {global_rank} is not part of group {group}")
    return 0


def get_node_local_rank(fallback_rank: int | None = None) -> int:
    """The number of this process on its machine, from LOCAL_RANK."""
    value = os.environ.get("LOCAL_RANK")
    if value is None and fallback_rank is None:
        raise RuntimeError(
            "LOCAL_RANK is not in the environment. Consider passing fallback_rank to allow `get_node_local_rank` to "
            "work, assuming you are not running in a multi-device context."
        )
    return int(value) if value is not None else int(fallback_rank or 0)
