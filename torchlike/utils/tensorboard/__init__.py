"""torch.utils.tensorboard: scalars, images, histograms for TensorBoard, written by the package tensorboardX.

Install it with `pip install torchlike[tensorboard]`.
"""

from __future__ import annotations

from typing import Any

try:
    import tensorboardX as _writer
    from tensorboardX.proto import event_pb2 as _event_pb2
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
    """tensorboardX's writer, which takes tensors.

    Args:
        log_dir: a folder; by default runs/<date and host>.
        comment: what is added to the name of the default folder.

    >>> writer = SummaryWriter("/tmp/run")  # doctest: +SKIP
    >>> writer.add_scalar("loss", 0.5, 1)  # doctest: +SKIP
    """

    def add_graph(
        self, model: Any, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True
    ) -> None:
        """Write the operations of one forward pass, grouped by modules.

        Args:
            model: a Module.
            input_to_model: its argument, or a tuple of its arguments.
            verbose: print the graph too.
            use_strict_trace: no meaning here, where a call is recorded and not scripted.

        Differs from PyTorch: the nodes are the operations recorded, not those of TorchScript.
        """
        from torchlike.utils.tensorboard.graph import graph

        if input_to_model is None:
            raise ValueError("SummaryWriter.add_graph(): input_to_model is needed, the graph is that of a call")
        args = tuple(input_to_model) if isinstance(input_to_model, tuple | list) else (input_to_model,)
        made = graph(model, args)
        if verbose:
            print(made)
        event = _event_pb2.Event(graph_def=made.SerializeToString())
        self._get_file_writer().add_event(event)


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
