

from torchlike.ops.matrix_checks import LinAlgError as LinAlgError
