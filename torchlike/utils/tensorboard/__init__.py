"""torch.utils.tensorboard: scalars, images, histograms for TensorBoard, written by the package tensorboardX.

Install it with `pip install torchlike[tensorboard]`.
"""

from __future__ import annotations

from typing import Any

try:
    import tensorboardX as _writer
except ImportError as e:
    raise ImportError("torch.utils.tensorboard needs tensorboardX: pip install torchlike[tensorboard]") from e

from torchlike.utils._pytree import tree_map_only as _tree_map_only

__all__ = ["SummaryWriter", "FileWriter"]

FileWriter = _writer.writer.FileWriter


def _plain(x: Any) -> Any:
    """Tensors in a nest as NumPy arrays: tensorboardX knows PyTorch's tensors only."""
    from torchlike.tensor import Tensor

    return _tree_map_only(Tensor, lambda t: t.detach().cpu().float().numpy() if t.is_floating_point() else
                          t.detach().cpu().numpy(), x)  # fmt: skip


class SummaryWriter(_writer.SummaryWriter):
    """tensorboardX's writer, which takes tensors. `add_graph` raises.

    Args:
        log_dir: a folder; by default runs/<date and host>.
        comment: what is added to the name of the default folder.

    >>> writer = SummaryWriter("/tmp/run")  # doctest: +SKIP
    >>> writer.add_scalar("loss", 0.5, 1)  # doctest: +SKIP
    """

    def add_graph(self, model: Any, *args: Any, **kwargs: Any) -> None:
        """Raises: programs are not traced to graphs of modules here."""
        raise NotImplementedError("SummaryWriter.add_graph(): programs are not traced to graphs of modules here")


def _taking_tensors(name: str) -> Any:
    inner = getattr(_writer.SummaryWriter, name)

    def method(self, *args, **kwargs):
        return inner(self, *_plain(args), **_plain(kwargs))

    method.__name__, method.__doc__ = name, inner.__doc__
    return method


for _name in (
    "add_scalar", "add_scalars", "add_histogram", "add_image", "add_images", "add_image_with_boxes", "add_video",
    "add_audio", "add_embedding", "add_pr_curve", "add_mesh", "add_hparams", "add_text",
):  # fmt: skip
    if hasattr(_writer.SummaryWriter, _name):
        setattr(SummaryWriter, _name, _taking_tensors(_name))
