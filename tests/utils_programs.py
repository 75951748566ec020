"""Programs over torch.nn.utils and what of torch.nn and torch.optim the packages use besides."""

# ruff: noqa: E501  programs of one line

LAYER = """
def fixed(m):
    with torch.no_grad():
        for i, p in enumerate(m.parameters()):
            p.copy_(torch.linspace(-1, 1 + i / 10, p.numel()).view(p.shape))
    return m
U = torch.nn.utils
L = fixed(torch.nn.Linear(2, 3))
x = torch.tensor([[1.0, -2.0], [0.5, 3.0]])
"""

PROGRAMS = {
    "weight_norm": "U.weight_norm(L)\nL(x).sum().backward()\nout = [list(L.state_dict()), L(x), L.weight_g.grad, L.weight_v.grad]",
    "weight_norm dim None": "U.weight_norm(L, dim=None)\nout = [L.weight_g, L(x)]",
    "weight_norm removed": "U.weight_norm(L)\nU.remove_weight_norm(L)\nout = [list(L.state_dict()), L(x), len(L._forward_pre_hooks)]",
    "remove_weight_norm bad": "U.remove_weight_norm(L)",
    "weight_norm twice": "U.weight_norm(U.weight_norm(L))",
    "new weight_norm": "P = use('torch.nn.utils.parametrizations')\nP.weight_norm(L)\nL(x).sum().backward()\nout = [list(L.state_dict()), L(x), L.parametrizations.weight.original0.grad, repr(L)]",
    "new weight_norm old checkpoint": "P = use('torch.nn.utils.parametrizations')\nP.weight_norm(L)\nL.load_state_dict({'bias': torch.zeros(3), 'weight_g': torch.ones(3, 1), 'weight_v': torch.ones(3, 2)})\nout = L(x)",
    "spectral_norm": "torch.manual_seed(0)\nU.spectral_norm(L)\nout = [list(L.state_dict()), L(x), L.weight_u, L(x), L.eval()(x)]",
    "spectral_norm removed": "torch.manual_seed(0)\nU.spectral_norm(L)\nL(x)\nU.remove_spectral_norm(L)\nout = [list(L.state_dict()), L.weight]",
    "new spectral_norm": "torch.manual_seed(0)\nuse('torch.nn.utils.parametrizations').spectral_norm(L)\nL(x).sum().backward()\nout = [list(L.state_dict()), L.eval().weight, L.parametrizations.weight.original.grad]",
    "parametrize": """
P = use("torch.nn.utils.parametrize")
class Symmetric(torch.nn.Module):
    def forward(self, w): return w.triu() + w.triu(1).t()
    def right_inverse(self, w): return w.triu()
m = fixed(torch.nn.Linear(3, 3))
P.register_parametrization(m, "weight", Symmetric())
a = m.weight
m.weight = torch.ones(3, 3)
b = m.weight
out = [a, b, list(m.state_dict()), P.is_parametrized(m), P.is_parametrized(m, "bias"), type(m).__name__, P.type_before_parametrizations(m).__name__, repr(m)]
P.remove_parametrizations(m, "weight")
out += [m.weight, type(m).__name__, list(m.state_dict()), isinstance(m.weight, torch.nn.Parameter)]
""",
    "parametrize without an inverse": """
P = use("torch.nn.utils.parametrize")
P.register_parametrization(L, "weight", torch.nn.ReLU())
P.register_parametrization(L, "weight", torch.nn.Tanh())
with P.cached():
    same = L.weight is L.weight
out = [L.weight, same, L.parametrizations.weight.original, len(L.parametrizations.weight)]
P.remove_parametrizations(L, "weight", leave_parametrized=False)
out.append(L.weight)
""",
    "parametrize assigned without an inverse": "P = use('torch.nn.utils.parametrize')\nP.register_parametrization(L, 'weight', torch.nn.ReLU())\nL.weight = torch.ones(3, 2)",
    "parametrize a shape": "use('torch.nn.utils.parametrize').register_parametrization(L, 'weight', torch.nn.Flatten(0))",
    "parametrize nothing": "use('torch.nn.utils.parametrize').register_parametrization(L, 'w', torch.nn.ReLU())",
    "parametrize removed twice": "use('torch.nn.utils.parametrize').remove_parametrizations(L, 'weight')",
    "parametrize copied": "import copy\nuse('torch.nn.utils.parametrize').register_parametrization(L, 'weight', torch.nn.ReLU())\nc = copy.deepcopy(L)\nL.parametrizations.weight.original.data.fill_(9.0)\nout = c.weight",
    "parametrize pickled": "import pickle\nuse('torch.nn.utils.parametrize').register_parametrization(L, 'weight', torch.nn.ReLU())\npickle.dumps(L)",
    "skip_init": "torch.manual_seed(0)\nm = U.skip_init(torch.nn.Linear, 2, 3)\nout = [m.weight.shape, torch.rand(1)]",
    "skip_init bad": "U.skip_init(torch.nn.ReLU)",
    "vectors": "v = U.parameters_to_vector(L.parameters())\nU.vector_to_parameters(v * 2, L.parameters())\nout = [v, L.bias]",
    "fused conv": """
c, b = fixed(torch.nn.Conv2d(1, 2, 2)).eval(), torch.nn.BatchNorm2d(2).eval()
b.running_mean.fill_(0.5); b.running_var.fill_(2.0)
y = torch.arange(9.0).view(1, 1, 3, 3)
f = use("torch.nn.utils.fusion").fuse_conv_bn_eval(c, b)
out = [f(y), b(c(y))]
""",
    "fused linear": "b = torch.nn.BatchNorm1d(3).eval()\nb.running_var.fill_(2.0)\nout = U.fuse_linear_bn_eval(L.eval(), b)(x)",
    "fused in training": "U.fuse_linear_bn_eval(L, torch.nn.BatchNorm1d(3))",
    "pad_sequence": "R = use('torch.nn.utils.rnn')\ns = [torch.ones(2, 2), torch.ones(3, 2) * 2]\nout = [R.pad_sequence(s), R.pad_sequence(s, True, -1.0, 'left'), R.unpad_sequence(R.pad_sequence(s), torch.tensor([2, 3]))]",
    "pad_sequence bad": "use('torch.nn.utils.rnn').pad_sequence(3)",
    "pad_sequence uneven": "use('torch.nn.utils.rnn').pad_sequence([torch.ones(2, 2), torch.ones(3, 3)])",
    "packed": """
R = use("torch.nn.utils.rnn")
y = torch.arange(12.0).view(3, 2, 2)
p = R.pack_padded_sequence(y, torch.tensor([1, 3]), enforce_sorted=False)
out = [list(p), *R.pad_packed_sequence(p, padding_value=-1.0, total_length=4), R.unpack_sequence(R.pack_sequence([torch.ones(3), torch.ones(2)]))]
""",
    "packed unsorted": "use('torch.nn.utils.rnn').pack_padded_sequence(torch.ones(3, 2, 2), torch.tensor([1, 3]))",
    "packed empty": "use('torch.nn.utils.rnn').pack_padded_sequence(torch.ones(3, 2, 2), [3, 0])",
    "packed lengths": "use('torch.nn.utils.rnn').pack_padded_sequence(torch.ones(3, 2, 2), [3])",
    **{f"packed {mode}": f"""
R = use("torch.nn.utils.rnn")
y = torch.linspace(-1, 1, 24).view(4, 3, 2).requires_grad_()
p = R.pack_padded_sequence(y, torch.tensor([2, 4, 1]), enforce_sorted=False)
m = fixed(torch.nn.{mode}(2, 3, num_layers=2, bidirectional=True))
o, h = m(p)
o.data.sum().backward()
out = [o.data, o.batch_sizes, *(h if isinstance(h, tuple) else (h,)), y.grad]
""" for mode in ("LSTM", "GRU", "RNN")},
    "prune": """
R = use("torch.nn.utils.prune")
L.weight.data[0] *= 1.5
R.l1_unstructured(L, "weight", 2)
a = [L.weight, L.weight_mask, list(L.state_dict()), R.is_pruned(L)]
R.ln_structured(L, "weight", amount=1, n=2, dim=0)
b = [L.weight, len(list(L._forward_pre_hooks.values())[0]), L(x)]
R.remove(L, "weight")
out = [a, b, L.weight, list(L.state_dict()), R.is_pruned(L)]
""",
    "prune by chance": "R = use('torch.nn.utils.prune')\ntorch.manual_seed(0)\nR.random_unstructured(L, 'weight', 0.5)\nout = L.weight_mask.sum()",
    "prune globally": "R = use('torch.nn.utils.prune')\nR.global_unstructured([(L, 'weight'), (L, 'bias')], R.L1Unstructured, amount=0.4)\nout = [L.weight, L.bias]",
    "prune too much": "use('torch.nn.utils.prune').l1_unstructured(L, 'weight', 7)",
    "prune bad share": "use('torch.nn.utils.prune').l1_unstructured(L, 'weight', 1.5)",
    "prune remove": "use('torch.nn.utils.prune').remove(L, 'weight')",
    **{f"LBFGS {options}": f"""
w = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
o = torch.optim.LBFGS([w], {options})
losses = []
def closure():
    o.zero_grad()
    loss = (1 - w[0]) ** 2 + 10 * (w[1] - w[0] ** 2) ** 2
    loss.backward()
    losses.append(float(loss))
    return loss
first = o.step(closure)
out = [first, losses[:8], w, o.state[w]["n_iter"], sorted(o.state_dict()["state"][0])[:4]]
""" for options in ("lr=0.1, max_iter=5", "line_search_fn='strong_wolfe', max_iter=6", "history_size=1, lr=0.05, max_iter=4")},
    "LBFGS bad search": "w = torch.ones(1, requires_grad=True)\ndef c():\n    l = (w ** 2).sum()\n    l.backward()\n    return l\ntorch.optim.LBFGS([w], line_search_fn='no').step(c)",
    "LBFGS groups": "w = torch.ones(1, requires_grad=True)\ntorch.optim.LBFGS([{'params': [w]}, {'params': [torch.ones(1)]}])",
    "LBFGS bad lr": "torch.optim.LBFGS([torch.ones(1)], lr=-1)",
    **{f"transformer {options}": f"""
t = fixed(torch.nn.Transformer(4, 2, 2, 2, 8, dropout=0.0, {options}))
a, b = torch.linspace(-1, 1, 24).view(2, 3, 4), torch.linspace(1, -2, 16).view(2, 2, 4)
if not t.batch_first:
    a, b = a.transpose(0, 1), b.transpose(0, 1)
m = t.generate_square_subsequent_mask(2)
y = t(a, b, tgt_mask=m, tgt_is_causal=True, src_key_padding_mask=torch.tensor([[False, False, True], [False, False, False]]))
y.square().sum().backward()
out = [y, t.encoder.layers[0].linear1.weight.grad, list(t.state_dict()), repr(t), m]
""" for options in ("batch_first=True", "norm_first=True, activation='gelu'", "bias=False, batch_first=True, norm_first=True")},
    "transformer draws": "torch.manual_seed(0)\nt = torch.nn.Transformer(4, 2, 1, 1, 8)\nout = list(t.parameters())",
    "transformer widths": "torch.nn.Transformer(4, 2, 1, 1, 8)(torch.ones(3, 2, 4), torch.ones(3, 2, 5))",
    "transformer activation": "torch.nn.TransformerEncoderLayer(4, 2, activation='sin')",
    "adaptive softmax": """
m = fixed(torch.nn.AdaptiveLogSoftmaxWithLoss(4, 9, [3, 5], div_value=2.0, head_bias=True))
y = torch.linspace(-1, 1, 16).view(4, 4).requires_grad_()
r = m(y, torch.tensor([0, 4, 8, 2]))
r.loss.backward()
out = [r.output, r.loss, y.grad, m.log_prob(y), m.predict(y), repr(m), m(y[0], torch.tensor(6)).output]
""",
    "adaptive softmax target": "torch.nn.AdaptiveLogSoftmaxWithLoss(4, 9, [3])(torch.ones(1, 4), torch.tensor([9]))",
    "adaptive softmax cutoffs": "torch.nn.AdaptiveLogSoftmaxWithLoss(4, 9, [3, 3])",
    "lazy": "P = use('torch.nn.parameter')\nout = [isinstance(L.weight, P.UninitializedParameter), P.is_lazy(L.weight)]",
    # inside a function: PyTorch's compiler looks for the globals of a real module
    **{f"flex_attention {name}": f"""
def run():
    A = use("torch.nn.attention.flex_attention")
    q, k, v = (torch.linspace(-1, i, 2 * 2 * 3 * 4).view(2, 2, 3, 4) for i in (1, 2, 3))
    bias = torch.linspace(0, 1, 2)
    doc = torch.tensor([0, 0, 1])
    mask = A.create_block_mask({mask}, {b}, None, 3, 3, device="cpu")
    o, lse = A.flex_attention(q, k, v, score_mod={score}, block_mask=mask, return_lse=True)
    return [o, lse, A.create_mask({mask}, {b}, None, 3, 3, device="cpu")]
out = run()
""" for name, mask, b, score in (
        ("causal", "lambda b, h, q, kv: q >= kv", None, "None"),
        ("documents", "A.and_masks(lambda b, h, q, kv: doc[q] == doc[kv], lambda b, h, q, kv: q > kv)", None, "None"),
        ("scores", "lambda b, h, q, kv: (q >= kv) | (b == 1)", 2, "lambda s, b, h, q, kv: s + bias[h] * (q - kv)"),
    )},
    "flex_attention heads": "use('torch.nn.attention.flex_attention').flex_attention(torch.ones(1, 4, 2, 2), torch.ones(1, 2, 2, 2), torch.ones(1, 2, 2, 2))",
    "flex_attention gqa": "out = use('torch.nn.attention.flex_attention').flex_attention(torch.linspace(0, 1, 16).view(1, 4, 2, 2), torch.linspace(0, 2, 8).view(1, 2, 2, 2), torch.linspace(0, 3, 8).view(1, 2, 2, 2), enable_gqa=True)",
}
