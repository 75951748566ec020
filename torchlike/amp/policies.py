"""Which operations autocast casts, by the name of the operation and the kind of device.

Source: https://docs.pytorch.org/docs/stable/amp.html#autocast-op-reference. What stands in no list runs in the dtypes
that it gets.
"""

from __future__ import annotations

LOWER, FLOAT32, WIDEST, BANNED = "lower", "float32", "widest", "banned"

_PRODUCTS = {
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "bmm", "mm", "baddbmm",
    "addmm", "addbmm", "linear", "matmul", "vecdot", "prelu", "scaled_dot_product_attention", "conv_tbc", "lstm", "gru",
    "rnn_tanh", "rnn_relu",
}  # fmt: skip
_LOSSES = {
    "poisson_nll_loss", "cosine_embedding_loss", "nll_loss", "nll_loss_nd", "smoothed_nll_loss", "probability_loss",
    "hinge_embedding_loss", "kl_div", "l1_loss", "smooth_l1_loss", "huber_loss", "mse_loss", "margin_ranking_loss",
    "multilabel_margin_loss", "soft_margin_loss", "triplet_margin_loss", "multi_margin_loss",
    "binary_cross_entropy_with_logits",
}  # fmt: skip
_CPU_FLOAT32 = {
    "avg_pool3d", "grid_sample", "polar", "prod", "quantile", "nanquantile", "stft", "cdist", "trace",
    "view_as_complex", "cholesky", "cholesky_inverse", "cholesky_solve", "inverse", "lu_solve", "orgqr", "ormqr",
    "pinverse", "max_pool3d", "max_unpool2d", "max_unpool3d", "adaptive_avg_pool3d", "reflection_pad",
    "replication_pad", "ctc_loss", "binary_cross_entropy", "fft", "ifft", "fft2", "ifft2", "fftn", "ifftn", "rfft",
    "irfft", "rfft2", "irfft2", "rfftn", "irfftn", "hfft", "ihfft", "cond", "matrix_rank", "solve", "cholesky_ex",
    "svdvals", "eigvals", "eigvalsh", "inv", "householder_product", "tensorinv", "tensorsolve", "geqrf", "qr",
    "svd", "triangular_solve", "eig", "eigh", "lstsq", "inv_ex", "solve_ex",
}  # fmt: skip
_CUDA_FLOAT32 = {
    "acos", "asin", "cosh", "erfinv", "exp", "expm1", "log", "log10", "log2", "log1p", "reciprocal", "rsqrt", "sinh",
    "tan", "pow", "softplus", "layer_norm", "group_norm", "norm", "cosine_similarity", "dist", "pdist", "cdist",
    "renorm", "logsumexp", "prod", "softmax", "log_softmax", "cumprod", "cumsum", "sum",
}  # fmt: skip

CPU = {
    **dict.fromkeys(_PRODUCTS | {"einsum", "tensordot", "chain_matmul", "multi_dot"}, LOWER),
    **dict.fromkeys(_LOSSES | _CPU_FLOAT32, FLOAT32),
    **dict.fromkeys(("stack", "cat", "index_copy"), WIDEST),
}
CUDA = {
    **dict.fromkeys(_PRODUCTS | {"addmv", "addr", "mv", "einsum", "chain_matmul", "multi_dot"}, LOWER),
    **dict.fromkeys({"lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"}, LOWER),
    **dict.fromkeys(_LOSSES | _CUDA_FLOAT32, FLOAT32),
    **dict.fromkeys(
        ("addcdiv", "addcmul", "atan2", "bilinear", "cross", "dot", "grid_sample", "index_put", "scatter_add",
         "tensordot", "cat", "stack", "vdot"), WIDEST,
    ),
    "binary_cross_entropy": BANNED,
}  # fmt: skip
TPU = {**CUDA, "binary_cross_entropy": FLOAT32}
OF = {"cpu": CPU, "cuda": CUDA, "tpu": TPU}
