"""The chi squared distribution."""

from __future__ import annotations

from typing import Any

from torchlike.distributions import constraints
from torchlike.distributions.gamma import Gamma
from torchlike.distributions.utils import broadcast_all
from torchlike.tensor import Tensor


class Chi2(Gamma):
    """The sum of `df` squared standard normal values."""

    arg_constraints = {"df": constraints.positive}  # noqa: RUF012

    def __init__(self, df: Any, validate_args: bool | None = None):
        (df,) = broadcast_all(df)
        self.__dict__["concentration"], self.__dict__["rate"] = 0.5 * df, 0.5 * df.new_ones(df.shape)
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with parameters expanded to a larger batch shape."""
        return Chi2(self.df.expand(tuple(batch_shape)), validate_args=False)

    @property
    def df(self) -> Tensor:
        """How many values."""
        return self.concentration * 2
