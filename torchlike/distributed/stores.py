"""Stores of torch.distributed: values under names that all processes see, here in this one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

default_pg_timeout = timedelta(minutes=30)


class DistError(RuntimeError):
    """The base of errors about processes."""


class DistBackendError(DistError):
    """An error of a library that carries messages."""


class DistNetworkError(DistError):
    """An error of the network."""


class DistStoreError(DistError):
    """An error of a store."""


class Store:
    """Values under names, for all processes; here a dictionary in this one."""

    def __init__(self, *args: Any, **kwargs: Any):
        self._values: dict[str, bytes] = {}
        self.timeout = default_pg_timeout

    def set(self, key: str, value: Any) -> None:
        """Put a value."""
        self._values[key] = value.encode() if isinstance(value, str) else bytes(value)

    def get(self, key: str) -> bytes:
        """The value; DistStoreError where there is none, since nobody else can put it."""
        if key not in self._values:
            raise DistStoreError(f"wait timeout: nobody else is there to set {key!r}")
        return self._values[key]

    def add(self, key: str, amount: int) -> int:
        """Add to a counter; returns the sum."""
        total = int(self._values.get(key, b"0")) + amount
        self._values[key] = str(total).encode()
        return total

    def wait(self, keys: Any, timeout: timedelta | None = None) -> None:
        """Wait until the keys are there; DistStoreError where they are not, since nobody else can put them."""
        for key in keys:
            self.get(key)

    def delete_key(self, key: str) -> bool:
        """Take a value away; whether there was one."""
        return self._values.pop(key, None) is not None

    def num_keys(self) -> int:
        """How many values there are."""
        return len(self._values)

    def check(self, keys: Any) -> bool:
        """Whether all these keys are there."""
        return all(k in self._values for k in keys)

    def set_timeout(self, timeout: timedelta) -> None:
        """Kept."""
        self.timeout = timeout


class HashStore(Store):
    """A store in this process."""


class FileStore(Store):
    """A store in this process; the file is not used, since there is one process."""


class TCPStore(Store):
    """A store in this process; nothing listens, since there is one process."""


class PrefixStore(Store):
    """A store whose names begin with a prefix inside another one."""

    def __init__(self, prefix: str, store: Store):
        super().__init__()
        self._values = store._values
        self.prefix, self.underlying_store = prefix, store

    def set(self, key: str, value: Any) -> None:
        """Put a value."""
        super().set(f"{self.prefix}/{key}", value)

    def get(self, key: str) -> bytes:
        """The value."""
        return super().get(f"{self.prefix}/{key}")
