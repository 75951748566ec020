"""torch.utils.flop_counter: XLA counts the operations of a compiled program; the mode of PyTorch raises."""

from torchlike import absent as _absent

_absent.fill(
    globals(), "use torch.utils.summary(model, input).total_flops, or torch.utils.program(fn).cost()['flops']",
    kinds="FlopCounterMode", functions="register_flop_formula",
)  # fmt: skip
