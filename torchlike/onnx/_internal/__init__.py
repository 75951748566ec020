"""torch.onnx._internal: nothing is in it here."""
