"""Helpers around the tensors: ``torchlike.utils.data`` brings samples into the training loop."""
