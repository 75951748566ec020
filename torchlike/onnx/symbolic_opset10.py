"""torch.onnx.symbolic_opset10: symbolic functions for ONNX, of which there are none here; asking for one raises."""

from torchlike.onnx.symbolic_helper import parse_args as parse_args


def __getattr__(name: str):
    if name.startswith("__"):
        raise AttributeError(name)
    raise NotImplementedError(f"torch.onnx.symbolic_opset10.{name}: nothing is exported to ONNX here")
