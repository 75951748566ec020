"""torch.utils.flop_counter: XLA counts the operations of a compiled program; the mode of PyTorch raises."""

from torchlike import absent as _absent

_absent.fill(
    globals(), "use jax.jit(fn).lower(...).compile().cost_analysis()['flops'] on a function of tensors' arrays",
    kinds="FlopCounterMode", functions="register_flop_formula",
)  # fmt: skip
