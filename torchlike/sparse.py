"""torch.sparse: tensors that hold only what is not zero. There are none here: every tensor is dense."""

from torchlike import absent as _absent

WAY = (
    "sparse tensors do not exist here: keep a dense tensor, or indices and values and put them together with "
    "index_put_(indices, values, accumulate=True)"
)
_absent.fill(
    globals(), WAY,
    functions="mm addmm sum softmax log_softmax spdiags sampled_addmm as_sparse_gradcheck to_sparse_semi_structured",
    kinds="SparseSemiStructuredTensor",
)  # fmt: skip


class check_sparse_tensor_invariants:
    """Whether constructors of sparse tensors check their arguments: nothing to check, as there are none."""

    def __init__(self, enable: bool = True):
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        pass

    @staticmethod
    def is_enabled() -> bool:
        """False."""
        return False
