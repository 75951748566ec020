"""Averages of models over several processes: names can be imported, uses raise."""

from torchlike.distributed.algorithms.model_averaging import averagers as averagers
