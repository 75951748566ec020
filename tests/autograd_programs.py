"""Short programs about `torch.autograd`; each leaves its outcome in `out`, or ends in an exception.

`x` and `w` are leaves of two and three elements that require grad, `names(fn)` lists a graph, `Square` and `Save` are
custom Functions: `PRELUDE` makes them. What PyTorch 2.13 does is kept in `tests/data/autograd_outcomes.json`.
"""

# ruff: noqa: E501  programs of one line

PRELUDE = """
import gc, copy, warnings, weakref
ag, nn = torch.autograd, torch.nn
F = nn.functional
torch.manual_seed(0)
x = torch.tensor([1.0, 2.0], requires_grad=True)
w = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
def names(fn, depth=0):
    found = [(depth, fn.name().split("::")[-1])]
    for f, _ in fn.next_functions:
        if f is not None:
            found += names(f, depth + 1)
    return found
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, t):
        ctx.save_for_backward(t)
        return t * t
    @staticmethod
    def backward(ctx, g):
        t, = ctx.saved_tensors
        return 2 * t * g
def function(forward, backward):
    return type("Made", (torch.autograd.Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})
"""

BACKWARD = {
    "scalar": "(x * x).sum().backward(); out = x.grad",
    "gradient": "(x * x).backward(torch.tensor([1.0, 0.5])); out = x.grad",
    "gradient by keyword": "(x * x).backward(gradient=torch.ones(2), retain_graph=True); out = x.grad",
    "no gradient for a vector": "(x * x).backward()",
    "gradient of one element for one of shape [1]": "(x * x).sum().reshape(1).backward(); out = x.grad",
    "wrong shape of the gradient": "(x * x).backward(torch.ones(3))",
    "gradient that would broadcast": "(x * x).backward(torch.ones(1))",
    "gradient of another dtype": "(x * x).backward(torch.ones(2, dtype=torch.float64)); out = x.grad",
    "gradient of integers": "(x * x).backward(torch.ones(2, dtype=torch.int64)); out = x.grad",
    "gradient that is a number": "(x * x).sum().backward(2.0)",
    "gradient that is a list": "(x * x).backward([1.0, 2.0])",
    "gradient on a scalar": "(x * x).sum().backward(torch.tensor(3.0)); out = x.grad",
    "complex gradient for a real root": "(x * x).backward(torch.ones(2, dtype=torch.complex64))",
    "complex root": "(torch.tensor(1 + 2j, requires_grad=True) * 2).backward()",
    "complex root with a gradient": "z = torch.tensor(1 + 2j, requires_grad=True); (z * z).backward(torch.tensor(1 + 0j)); out = torch.view_as_real(z.grad)",
    "real gradient for a complex root": "z = torch.tensor(1 + 2j, requires_grad=True); (z * z).backward(torch.tensor(1.0))",
    "real leaf under a complex graph": "(x * torch.tensor([1j, 2 - 1j])).abs().sum().backward(); out = x.grad",
    "of a leaf": "s = torch.tensor(2.0, requires_grad=True); s.backward(); s.backward(); out = s.grad",
    "of a constant": "torch.ones(1).backward()",
    "of a constant with others": "ag.backward([x.sum(), torch.ones(())])",
    "of integers": "torch.tensor(1).backward()",
    "twice": "y = (x * x).sum(); y.backward(); y.backward()",
    "twice with retain_graph": "y = (x * x).sum(); y.backward(retain_graph=True); y.backward(); out = x.grad",
    "twice where nothing is saved": "y = (x + 1).sum(); y.backward(); y.backward(); out = x.grad",
    "a shared part twice": "y = x * x; y.sum().backward(); (y * 2).sum().backward()",
    "a shared part twice after retain_graph": "y = x * x; y.sum().backward(retain_graph=True); (y * 2).sum().backward(); out = x.grad",
    "several roots": "ag.backward([(x * x).sum(), x * 3], [None, torch.ones(2)]); out = x.grad",
    "several roots on one graph": "y = x * x; ag.backward((y.sum(), y.prod())); out = x.grad",
    "one root twice": "y = (x * x).sum(); ag.backward([y, y]); out = x.grad",
    "too few gradients": "ag.backward([x.sum(), w.sum()], [torch.ones(())])",
    "too many gradients": "ag.backward(x.sum(), [torch.ones(()), torch.ones(())])",
    "no roots": "out = ag.backward([])",
    "grad_variables": "ag.backward(x * x, grad_variables=torch.ones(2)); out = x.grad",
    "grad_variables and grad_tensors": "ag.backward(x * x, torch.ones(2), grad_variables=torch.ones(2))",
    "inputs": "(x.sum() * w.sum()).backward(inputs=[x]); out = [x.grad, w.grad]",
    "inputs that is a tensor": "(x.sum() * w.sum()).backward(inputs=w); out = [x.grad, w.grad]",
    "no inputs": "x.sum().backward(inputs=[])",
    "inputs without requires_grad": "x.sum().backward(inputs=[torch.ones(1)])",
    "inputs with a non-leaf": "y = x * 2; y.retain_grad(); (y * y).sum().backward(inputs=[y]); out = [y.grad, x.grad]",
    "inputs with a non-leaf that does not retain": "y = x * 2; (y * y).sum().backward(inputs=[y, x]); out = [y.grad, x.grad]",
    "inputs that are out of reach": "x.sum().backward(inputs=[w]); out = [x.grad, w.grad]",
    "inputs with an edge": "(x * x).sum().backward(inputs=[ag.graph.get_gradient_edge(x)]); out = x.grad",
    "inputs with an edge of a non-leaf": "y = x * 2; (y * y).sum().backward(inputs=[ag.graph.get_gradient_edge(y)]); out = [y.grad, x.grad]",
    "from an edge": "y = x * x; ag.backward(ag.graph.get_gradient_edge(y), torch.ones(2)); out = x.grad",
    "from an edge without a gradient": "y = x * x; ag.backward(ag.graph.get_gradient_edge(y))",
    "from the edge of a scalar": "y = (x * x).sum(); ag.backward(ag.graph.get_gradient_edge(y)); out = x.grad",
    "from an edge with a wrong shape": "y = x * x; ag.backward(ag.graph.get_gradient_edge(y), torch.ones(3))",
    "create_graph": "(w ** 3).sum().backward(create_graph=True); g = w.grad; w.grad = None; g.sum().backward(); out = [g, w.grad, g.grad_fn is not None]",
    "create_graph accumulates out of place": "(x ** 2).sum().backward(); g = x.grad; (x ** 3).sum().backward(create_graph=True); out = [g is x.grad, g, x.grad]",
    "gradient with a history": "k = torch.ones(2, requires_grad=True); (x * x).backward(k, create_graph=True); out = [x.grad, x.grad.requires_grad]",
    "accumulation keeps the tensor": "(x * x).sum().backward(); g = x.grad; (x * x).sum().backward(); out = [g is x.grad, g]",
    "accumulation after None": "(x * x).sum().backward(); g = x.grad; x.grad = None; (x * x).sum().backward(); out = [g is x.grad, x.grad]",
    "accumulation after zero_": "(x * x).sum().backward(); x.grad.zero_(); (x * 3).sum().backward(); out = x.grad",
    "grad does not require grad": "(x * x).sum().backward(); out = [x.grad.requires_grad, x.grad.is_leaf]",
    "under no_grad": "y = (x * x).sum()\nwith torch.no_grad():\n    y.backward()\nout = x.grad",
    "in another dtype": "h = x.to(torch.float64); (h * h).sum().backward(); out = x.grad",
    "bfloat16": "h = x.bfloat16(); h.retain_grad(); (h * h).float().sum().backward(); out = [h.grad, x.grad]",
    "a leaf given up by the user": "def f():\n    leaf = torch.ones(2, requires_grad=True)\n    leaf.register_hook(lambda g: seen.append(g.tolist()))\n    return leaf * 3\nseen = []\ny = f()\ngc.collect()\ny.sum().backward()\nout = seen",
    "broadcast": "(x.reshape(2, 1) * w).sum().backward(); out = [x.grad, w.grad]",
    "expand": "x.expand(4, 2).sum().backward(); out = x.grad",
    "the same tensor twice": "(x * x + x).sum().backward(); out = x.grad",
    "a branch without gradient": "(x * x.detach()).sum().backward(); out = x.grad",
    "where one side is nan": "torch.where(x > 1.5, x, x / 0).sum().backward(); out = x.grad",
    "root with hooks": "y = (x * x).sum(); y.register_hook(lambda g: g * 10); y.backward(); out = x.grad",
    "backward of a method's result kept": "out = (x * x).sum().backward()",
}

GRAD = {
    "one": "out = ag.grad((x * x).sum(), x)",
    "several inputs": "out = ag.grad((x.sum() * w).sum(), [x, w])",
    "leaves no trace": "g, = ag.grad((x * x).sum(), x); out = [g, x.grad]",
    "grad_outputs": "out = ag.grad(x * x, x, torch.tensor([1.0, 3.0]))",
    "grad_outputs wrong": "ag.grad(x * x, x, torch.ones(2, 2))",
    "grad_outputs missing": "ag.grad(x * x, x)",
    "several outputs": "out = ag.grad([x * x, x.sum()], x, [torch.ones(2), None])",
    "unused": "ag.grad(x.sum(), [x, w])",
    "unused allowed": "out = ag.grad(x.sum(), [x, w], allow_unused=True)",
    "unused materialized": "out = ag.grad(x.sum(), [x, w], materialize_grads=True)",
    "materialized and not allowed": "ag.grad(x.sum(), [x, w], materialize_grads=True, allow_unused=False)",
    "materialized with an edge": "ag.grad(x.sum(), [ag.graph.get_gradient_edge(w)], materialize_grads=True)",
    "only_inputs": "out = ag.grad(x.sum(), x, only_inputs=False)",
    "no inputs": "ag.grad(x.sum(), [])",
    "constant input": "ag.grad(x.sum(), torch.ones(2))",
    "constant output": "ag.grad(torch.ones(()), x)",
    "integer output": "ag.grad(torch.tensor(3), x)",
    "non-leaf": "y = x * 2; out = ag.grad((y * y).sum(), y)",
    "non-leaf and its leaf": "y = x * 2; out = ag.grad((y * y).sum(), [y, x])",
    "an input twice": "out = ag.grad((x * x).sum(), [x, x])",
    "the output itself": "y = (x * x).sum(); out = ag.grad(y, y)",
    "a leaf of itself": "out = ag.grad(x, x, torch.ones(2))",
    "twice": "y = (x * x).sum(); ag.grad(y, x); ag.grad(y, x)",
    "second": "g, = ag.grad((w ** 3).sum(), w, create_graph=True); out = ag.grad(g.sum(), w)",
    "third": "g, = ag.grad((w ** 4).sum(), w, create_graph=True); h, = ag.grad(g.sum(), w, create_graph=True); out = ag.grad(h.sum(), w)",
    "second without create_graph": "g, = ag.grad((w ** 3).sum(), w); ag.grad(g.sum(), w)",
    "second of something linear": "g, = ag.grad((x * 3).sum(), x, create_graph=True); out = [g, g.requires_grad]",
    "second of something linear, asked": "g, = ag.grad((x * 3).sum(), x, create_graph=True); ag.grad(g.sum(), x)",
    "penalty": "g, = ag.grad((w.sin() * w).sum(), w, create_graph=True); (g.norm() - 1).pow(2).backward(); out = w.grad",
    "edge as input": "out = ag.grad((x * x).sum(), ag.graph.get_gradient_edge(x))",
    "edge of a non-leaf as input": "y = x * 2; e = ag.graph.get_gradient_edge(y); z = (y * y).sum(); del y; out = ag.grad(z, [e, x])",
    "edge as output": "y = x * x; out = ag.grad(ag.graph.get_gradient_edge(y), x, torch.ones(2))",
    "hooks on the leaf": "x.register_hook(lambda g: g * 10); out = ag.grad((x * x).sum(), x)",
    "hooks on a non-leaf": "y = x * 2; y.register_hook(lambda g: g * 10); out = ag.grad((y * y).sum(), [y, x])",
    "node hooks of an input": "y = x * 2; y.grad_fn.register_prehook(lambda g: (g[0] * 10,)); out = ag.grad((y * y).sum(), [y, x])",
    "post hooks do not run": "seen = []; x.register_post_accumulate_grad_hook(lambda t: seen.append(1)); ag.grad((x * x).sum(), x); out = seen",
    "retain_grad of an input": "y = x * 2; y.retain_grad(); g, = ag.grad((y * y).sum(), y); out = [g, y.grad]",
    "retain_grad on the way": "y = x * 2; y.retain_grad(); g, = ag.grad((y * y).sum(), x); out = [g, y.grad]",
    "batched": "y = x * x; out = ag.grad(y, x, torch.eye(2), is_grads_batched=True)",
    "batched, several": "y, z = x * x, w.sum() * x; out = ag.grad([y, z], [x, w], [torch.eye(2), torch.ones(2, 2)], is_grads_batched=True)",
    "batched, unused": "out = ag.grad(x * x, [x, w], torch.eye(2), is_grads_batched=True, allow_unused=True)",
    "batched, wrong": "ag.grad(x * x, x, torch.ones(2), is_grads_batched=True)",
    "batched, wrong rest": "ag.grad(x * x, x, torch.ones(4, 3), is_grads_batched=True)",
    "batched, linear layer": "m = torch.nn.Linear(2, 3); out = [ag.grad(m(x), x, torch.eye(3), is_grads_batched=True)[0].shape, (ag.grad(m(x), x, torch.eye(3), is_grads_batched=True)[0] - m.weight).abs().max() < 1e-6]",
    "batched, with create_graph": "y = x * x * x; g, = ag.grad(y, x, torch.eye(2), is_grads_batched=True, create_graph=True); out = ag.grad(g.sum(), x)",
    "batched through a hook": "y = x * x; y.register_hook(lambda g: g * 2); out = ag.grad(y, x, torch.eye(2), is_grads_batched=True)",
    "not a tensor": "ag.grad(3.0, x)",
    "input that is no tensor": "ag.grad(x.sum(), 3.0)",
    "output and grad count": "ag.grad([x.sum(), x.prod()], x, [torch.ones(())])",
    "complex and real": "z = torch.tensor([1 + 1j], requires_grad=True); out = [torch.view_as_real(g) for g in ag.grad((z * z.conj()).real.sum(), z)]",
    "mismatch of complex dtypes": "z = torch.tensor([1 + 1j], requires_grad=True); ag.grad(z * z, z, torch.ones(1, dtype=torch.complex128))",
}

TENSORS = {
    "leaf facts": "y = x * 2; out = [x.is_leaf, y.is_leaf, x.grad_fn, y.grad_fn.name(), y.output_nr, x.output_nr, torch.ones(1).is_leaf]",
    "grad of a non-leaf warns": "y = x * 2; out = y.grad",
    "grad of a non-leaf that retains": "y = x * 2; y.retain_grad(); out = [y.grad, y.retains_grad]",
    "retain_grad of a leaf": "x.retain_grad(); x.sum().backward(); out = [x.grad, x.retains_grad]",
    "retain_grad of a constant": "torch.ones(1).retain_grad()",
    "retain_grad twice": "y = x * 2; y.retain_grad(); y.retain_grad(); y.sum().backward(); out = y.grad",
    "retain_grad before a hook": "y = x * 2; y.retain_grad(); y.register_hook(lambda g: g * 7); y.sum().backward(); out = [y.grad, x.grad]",
    "retain_grad and a write": "y = x * 2; y.retain_grad(); y.mul_(3); y.sum().backward(); out = [y.grad, x.grad, y.retains_grad]",
    "grad assigned": "x.grad = torch.ones(2); (x * x).sum().backward(); out = x.grad",
    "grad of another shape": "x.grad = torch.ones(3)",
    "grad of another dtype": "x.grad = torch.ones(2, dtype=torch.float64)",
    "grad of integers": "x.grad = torch.ones(2, dtype=torch.int64)",
    "grad that is no tensor": "x.grad = 3.0",
    "grad that is the tensor": "x.grad = x",
    "grad deleted": "x.sum().backward(); del x.grad; out = x.grad",
    "grad_dtype": "y = x * 2; x.grad_dtype = torch.float64; (x * x).sum().backward(); out = [x.grad, x.grad_dtype, w.grad_dtype]",
    "grad_dtype and a grad assigned": "x.grad_dtype = torch.float64; x.grad = torch.ones(2, dtype=torch.float64); out = x.grad",
    "grad_dtype and a wrong grad assigned": "x.grad_dtype = torch.float64; x.grad = torch.ones(2)",
    "grad_dtype of any": "x.grad_dtype = None; x.grad = torch.ones(2, dtype=torch.int64); out = [x.grad, x.grad_dtype]",
    "grad_dtype of a non-leaf": "(x * 2).grad_dtype",
    "grad_dtype of a wrong kind": "x.grad_dtype = 3",
    "grad_dtype with another grad there": "x.sum().backward(); x.grad_dtype = torch.bfloat16",
    "grad on integers": "t = torch.tensor([1]); t.grad = torch.tensor([2]); out = t.grad",
    "grad on a constant": "t = torch.ones(2); t.grad = torch.zeros(2); out = t.grad",
    "requires_grad of integers": "torch.tensor([1]).requires_grad_()",
    "requires_grad of integers, set": "t = torch.tensor([1]); t.requires_grad = True",
    "requires_grad of integers, made": "torch.zeros(2, dtype=torch.int32, requires_grad=True)",
    "requires_grad of bools": "torch.tensor([True], requires_grad=True)",
    "requires_grad off on a non-leaf": "(x * 2).requires_grad_(False)",
    "requires_grad off on a non-leaf, set": "y = x * 2; y.requires_grad = False",
    "requires_grad on again": "t = torch.ones(2).requires_grad_(); t.requires_grad_(False); y = t * 2; t.requires_grad_(); out = [y.requires_grad, (t * 2).requires_grad]",
    "requires_grad of a wrong kind": "x.requires_grad = 'yes'",
    "detach": "d = x.detach(); d[0] = 5.0; out = [x, d.requires_grad, d.is_leaf, d._version, x._version]",
    "detach_": "y = x * 2; y.detach_(); out = [y.requires_grad, y.is_leaf, y.grad_fn]",
    "detach_ of a view": "(x * 2)[0].detach_()",
    "data": "y = x * x; x.data.mul_(10); y.sum().backward(); out = x",
    "in place on a leaf": "x.add_(1)",
    "in place on a leaf by an operator": "x += 1",
    "in place on a leaf by an index": "x[0] = 1.0",
    "in place on a leaf, no_grad": "with torch.no_grad():\n    x += 1\nout = [x, x.is_leaf, x._version]",
    "in place on a view of a leaf": "x[0].mul_(2)",
    "in place on a view of a leaf, no_grad": "with torch.no_grad():\n    x[0].mul_(2)\nout = x",
    "in place on a non-leaf": "y = x * 2; y.mul_(3); y[0] = 5.0; y.sum().backward(); out = [y, x.grad]",
    "in place with a value that requires grad": "t = torch.zeros(2); t.add_(x * 2); out = [t.requires_grad, t.is_leaf, t.grad_fn.name()]",
    "in place on several views": "a, b = (x * 2).unbind(); a.mul_(2)",
    "in place on a split": "a, b = torch.ones(4).requires_grad_().clone().split(2); a.mul_(2)",
    "in place on an expanded": "(x * 2).expand(3, 2).mul_(2)",
    "view written under no_grad": "y = (x * 2)\nwith torch.no_grad():\n    v = y[0]\nv.mul_(2)",
    "view made under no_grad of a constant": "t = torch.zeros(2)\nwith torch.no_grad():\n    v = t[0]\nv.add_(x.sum())\nout = [t.requires_grad, t]",
    "a write through a view": "base = torch.zeros(3); base[1:2].copy_(x[:1] * 2); (base * base).sum().backward(); out = [base.grad_fn.name(), x.grad]",
    "a write through a view shows in the view": "y = x * 1; v = y[:1]; y.mul_(3); out = [v, v.grad_fn.name(), y.grad_fn.name()]",
    "a write into the view shows in the base": "y = x * 1; v = y[:1]; v.mul_(3); y.sum().backward(); out = [y.grad_fn.name(), v.grad_fn.name(), x.grad]",
    "zero_ cuts the history": "y = x * 2; y.zero_(); (y + x).sum().backward(); out = x.grad",
    "fill of a part": "y = x * 2; y[1:].fill_(7.0); y.sum().backward(); out = x.grad",
    "copy_ from another": "y = torch.zeros(2); y.copy_(x); y.sum().backward(); out = [x.grad, y.grad_fn.name()]",
    "index_put with a tensor": "y = x * 2; y[torch.tensor([1])] = w[:1]; y.sum().backward(); out = [x.grad, w.grad]",
    "masked_fill_": "y = x * 2; y.masked_fill_(torch.tensor([True, False]), 0.0); y.sum().backward(); out = x.grad",
    "out= with grad": "torch.add(x, x, out=torch.zeros(2))",
    "out= under no_grad": "o = torch.zeros(2)\nwith torch.no_grad():\n    torch.add(x, x, out=o)\nout = [o, o.requires_grad]",
    "numpy of one that requires grad": "x.numpy()",
    "item of one that requires grad": "out = x.sum().item()",
    "tensor of one that requires grad": "out = torch.tensor(x.sum())",
    "as_tensor keeps history": "out = torch.as_tensor(x * 2).requires_grad",
    "deepcopy of a non-leaf": "copy.deepcopy(x * 2)",
    "deepcopy of a leaf with grad": "x.sum().backward(); c = copy.deepcopy(x); out = [c, c.grad, c.requires_grad, c.grad is x.grad]",
    "version counts": "t = torch.zeros(2); v = [t._version]; t.add_(1); v.append(t._version); t[0] = 1; v.append(t._version); t.view(2).mul_(2); v.append(t._version); t.detach().zero_(); v.append(t._version); out = v",
    "version of views": "t = torch.zeros(4); a, b = t[:2], t.view(2, 2); a.add_(1); out = [t._version, a._version, b._version]",
    "version and data": "t = torch.zeros(2); t.data.add_(1); d = t.data; d.add_(1); out = [t._version, d._version]",
    "version and reads": "t = torch.zeros(2); t + 1; t.clone(); t.sum(); out = t._version",
    "version and out=": "t = torch.zeros(2); torch.add(t, 1, out=t); out = t._version",
    "version and fill": "t = torch.zeros(2); t.fill_(1).zero_().copy_(x.detach()); out = t._version",
    "version and initialization": "t = torch.empty(2, 2); torch.nn.init.ones_(t); out = t._version",
    "version and grad": "x.sum().backward(); v = x.grad._version; x.sum().backward(); out = [v, x.grad._version]",
    "version and an optimizer": "o = torch.optim.SGD([x], lr=0.1); x.sum().backward(); o.step(); o.step(); out = x._version",
    "version and transposing in place": "t = torch.zeros(2, 3); t.t_(); out = t._version",
    "names": "out = names(((x * 2 + x).exp().sum() - w.mean()).grad_fn)",
    "names of views": "t = x * 1; out = [t[0].grad_fn.name(), t[:1].grad_fn.name(), t.view(2, 1).grad_fn.name(), t.unsqueeze(0).grad_fn.name(), t.expand(3, 2).grad_fn.name(), t.clone().grad_fn.name(), t.reshape(1, 2).T.grad_fn.name()]",
    "names of a layer": "torch.manual_seed(0); out = names(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))(x.reshape(1, 2)).sum().grad_fn)",
    "next_functions with numbers": "out = [len((x * 2).grad_fn.next_functions), len((x + 1).grad_fn.next_functions), len((x ** 2).grad_fn.next_functions), len((x / 2).grad_fn.next_functions), len((2 - x).grad_fn.next_functions), len(x.clamp(0, 1).grad_fn.next_functions)]",
    "next_functions of a constant": "out = [f is None for f, _ in (x * torch.ones(2)).grad_fn.next_functions]",
    "next_functions of cat": "out = [(f.name().split('::')[-1], n) for f, n in torch.cat([x, w * 2]).grad_fn.next_functions]",
    "next_functions of several outputs": "v, i = torch.sort(x); u = torch.unbind(x * 2); out = [u[1].output_nr, (u[1] * 2).grad_fn.next_functions[0][1], v.output_nr]",
    "one accumulator": "a, b = x * 2, x * 3; n = a.grad_fn.next_functions[0][0]; out = [n is b.grad_fn.next_functions[0][0], n.variable is x]",
    "grad_fn is the same object": "y = x * 2; out = y.grad_fn is y.grad_fn",
    "comparison gives none": "out = [(x > 1).requires_grad, x.argmax().requires_grad, x.sign().requires_grad, (x // 1).requires_grad, x.round().requires_grad, torch.ones_like(x).requires_grad, x.long().requires_grad]",
    "repr": "out = [repr(x), repr(x * 2), repr((x * 2).sum()), repr(x.detach())]",
}

HOOKS = {
    "order": "seen = []; y = x * 2; y.register_hook(lambda g: seen.append(1)); y.register_hook(lambda g: seen.append(2)); y.sum().backward(); out = seen",
    "each sees what the last returned": "y = x * 2; y.register_hook(lambda g: g + 1); y.register_hook(lambda g: g * 10); y.sum().backward(); out = x.grad",
    "removed": "y = x * 2; h = y.register_hook(lambda g: g * 10); h.remove(); h.remove(); y.sum().backward(); out = x.grad",
    "with block": "y = (x * 2).sum()\nwith y.register_hook(lambda g: g * 10):\n    y.backward(retain_graph=True)\ny.backward()\nout = x.grad",
    "on a leaf": "h = x.register_hook(lambda g: g * 10); (x * x).sum().backward(); h.remove(); (x * x).sum().backward(); out = x.grad",
    "on a leaf used twice": "seen = []; x.register_hook(lambda g: seen.append(g.tolist())); (x * 2 + x).sum().backward(); out = seen",
    "on a constant": "torch.ones(1).register_hook(print)",
    "of a wrong kind": "y = x * 2; y.register_hook(3); y.sum().backward()",
    "returns a number": "y = x * 2; y.register_hook(lambda g: 3.0); y.sum().backward()",
    "returns a wrong shape": "y = x * 2; y.register_hook(lambda g: torch.ones(3)); y.sum().backward()",
    "returns another dtype": "y = x * 2; y.register_hook(lambda g: g.double()); y.sum().backward(); out = x.grad",
    "raises": "def f(g):\n    raise KeyError('mine')\ny = x * 2\ny.register_hook(f)\ny.sum().backward()",
    "hook writes into the gradient": "y = x * 2; z = y * 1; z.register_hook(lambda g: g.mul_(5)); z.sum().backward(); out = x.grad",
    "hooks after a write stay with the old value": "y = x * 2; seen = []; y.register_hook(lambda g: seen.append(g.tolist())); y.mul_(3); y.register_hook(lambda g: seen.append(g.tolist())); y.sum().backward(); out = seen",
    "hooks run at each pass": "seen = []; y = (x * 2).sum(); y.register_hook(lambda g: seen.append(1)); y.backward(retain_graph=True); y.backward(); out = seen",
    "hook without gradient flow": "seen = []; y = x * 2; y.register_hook(lambda g: seen.append(1)); (x * 3).sum().backward(); out = seen",
    "grad mode in a hook": "seen = []; y = x * 2; y.register_hook(lambda g: seen.append(torch.is_grad_enabled())); y.sum().backward(retain_graph=True); ag.grad(y.sum(), x, create_graph=True); out = seen",
    "backward inside a hook": "y = x * 2; t = torch.ones(1, requires_grad=True)\ndef f(g):\n    with torch.enable_grad():\n        (t * 3).backward()\ny.register_hook(f)\ny.sum().backward()\nout = [x.grad, t.grad]",
    "post accumulate runs": "def f(t):\n    t.grad.mul_(2)\nh = x.register_post_accumulate_grad_hook(f)\n(x * x).sum().backward()\nh.remove()\n(x * x).sum().backward()\nout = x.grad",
    "post accumulate may drop the grad": "def f(t):\n    seen.append(t.grad.tolist())\n    t.grad = None\nseen = []\nx.register_post_accumulate_grad_hook(f)\n(x * x).sum().backward()\nout = [x.grad, seen]",
    "post accumulate on a non-leaf": "(x * 2).register_post_accumulate_grad_hook(print)",
    "post accumulate on a constant": "torch.ones(1).register_post_accumulate_grad_hook(print)",
    "post accumulate returns something": "x.register_post_accumulate_grad_hook(lambda t: t.grad); (x * x).sum().backward()",
    "post accumulate as an optimizer": "o = torch.optim.SGD([x], lr=0.5)\ndef f(t):\n    o.step()\n    o.zero_grad()\nx.register_post_accumulate_grad_hook(f)\n(x * x).sum().backward()\nout = [x, x.grad]",
    "node hook": "seen = []; y = x * 2; y.grad_fn.register_hook(lambda gi, go: seen.append([len(gi), gi[0].tolist(), go[0].tolist()])); y.sum().backward(); out = seen",
    "node hook returns": "y = x * 2; y.grad_fn.register_hook(lambda gi, go: (gi[0] * 10,) + tuple(gi[1:])); y.sum().backward(); out = x.grad",
    "node hook returns too few": "y = x * w[:2]; y.grad_fn.register_hook(lambda gi, go: (gi[0],)); y.sum().backward()",
    "node hook returns no tuple": "y = x.exp(); y.grad_fn.register_hook(lambda gi, go: gi[0]); y.sum().backward()",
    "node hook sees None": "seen = []; y = x * torch.ones(2); y.grad_fn.register_hook(lambda gi, go: seen.append([g is None for g in gi])); y.sum().backward(); out = seen",
    "node prehook": "seen = []; y = x * 2; y.grad_fn.register_prehook(lambda go: seen.append(go[0].tolist())); y.sum().backward(); out = seen",
    "node prehook returns": "y = x * 2; y.grad_fn.register_prehook(lambda go: (go[0] * 10,)); y.sum().backward(); out = x.grad",
    "node prehook returns too many": "y = x * 2; y.grad_fn.register_prehook(lambda go: (go[0], go[0])); y.sum().backward()",
    "node hooks in order": "seen = []; y = x * 2; n = y.grad_fn; n.register_hook(lambda a, b: seen.append('post')); n.register_prehook(lambda b: seen.append('pre')); y.register_hook(lambda g: seen.append('tensor')); y.sum().backward(); out = seen",
    "node hook removed": "seen = []; y = x * 2; h = y.grad_fn.register_hook(lambda a, b: seen.append(1)); h.remove(); y.sum().backward(); out = seen",
    "accumulator hooks": "seen = []; n = (x * 1).grad_fn.next_functions[0][0]; n.register_prehook(lambda g: seen.append(('pre', g[0].tolist(), x.grad is None))); n.register_hook(lambda a, b: seen.append(('post', len(a), b[0].tolist(), x.grad is None))); (x * 2).sum().backward(); out = seen",
    "accumulator prehook returns": "n = (x * 1).grad_fn.next_functions[0][0]; n.register_prehook(lambda g: (g[0] * 10,)); (x * 2).sum().backward(); out = x.grad",
    "metadata": "y = x * 2; y.grad_fn.metadata['k'] = 3; out = [y.grad_fn.metadata, (x * 3).grad_fn.metadata]",
    "node names": "y = x * 2; n = y.grad_fn; out = [n.name(), type(n).__name__, isinstance(n, ag.graph.Node), isinstance(x, ag.graph.Node)]",
    "node called": "y = x * 2; out = y.grad_fn(torch.tensor([1.0, 5.0]))[0]",
    "sequence number": "a = x * 2; b = a * 2; out = b.grad_fn._sequence_nr() > a.grad_fn._sequence_nr()",
    "multi all": "seen = []; a, b = x * 2, w * 2; h = ag.graph.register_multi_grad_hook([a, b], lambda gs: seen.append([g if g is None else g.tolist() for g in gs])); (a.sum() + b.sum()).backward(); out = seen",
    "multi all, one missing": "seen = []; a, b = x * 2, w * 2; h = ag.graph.register_multi_grad_hook([a, b], lambda gs: seen.append([g if g is None else g.tolist() for g in gs])); a.sum().backward(); out = seen",
    "multi any": "seen = []; a, b = x * 2, w * 2; h = ag.graph.register_multi_grad_hook([a, b], lambda g: seen.append(g.shape[0]), mode='any'); (a.sum() + b.sum()).backward(); out = len(seen)",
    "multi removed": "seen = []; a = x * 2; h = ag.graph.register_multi_grad_hook([a], lambda g: seen.append(1)); h.remove(); a.sum().backward(); out = seen",
    "multi twice": "seen = []; a, b = x * 2, w * 2; h = ag.graph.register_multi_grad_hook([a, b], lambda gs: seen.append(len(gs))); s = a.sum() + b.sum(); s.backward(retain_graph=True); s.backward(); out = seen",
    "multi with a wrong mode": "ag.graph.register_multi_grad_hook([x], print, mode='some')",
    "multi on a constant": "ag.graph.register_multi_grad_hook([torch.ones(1)], print)",
    "module full backward hook": "torch.manual_seed(0); seen = []; m = torch.nn.Linear(2, 1); m.register_full_backward_hook(lambda m, gi, go: seen.append([gi[0].shape, go[0].tolist()])); m(x.reshape(1, 2)).sum().backward(); out = seen",
    "module full backward hook replaces": "m = torch.nn.Identity(); m.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10,)); m(x * 1).sum().backward(); out = x.grad",
    "module full backward pre hook replaces": "m = torch.nn.Identity(); m.register_full_backward_pre_hook(lambda m, go: (go[0] * 10,)); m(x * 1).sum().backward(); out = x.grad",
    "module full backward hook without input grad": "seen = []; m = torch.nn.Linear(2, 1); m.register_full_backward_hook(lambda m, gi, go: seen.append([gi[0], go[0].tolist()])); m(torch.ones(1, 2)).sum().backward(); out = seen",
    "module forward hook replaces": "m = torch.nn.Identity(); m.register_forward_hook(lambda m, i, o: o * 3); m(x).sum().backward(); out = x.grad",
    "module forward pre hook replaces": "m = torch.nn.Identity(); m.register_forward_pre_hook(lambda m, i: (i[0] * 3,)); m(x).sum().backward(); out = x.grad",
    "module backward hook returns too many": "m = torch.nn.Identity(); m.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0])); m(x * 1).sum().backward()",
    "module backward hook and a write": "m = torch.nn.Identity(); m.register_full_backward_hook(lambda m, gi, go: None); m(x * 1).mul_(2)",
    "module old and new hook": "m = torch.nn.Identity(); m.register_backward_hook(lambda m, gi, go: None); m.register_full_backward_hook(lambda m, gi, go: None)",
}

SAVED = {
    "modified leaf": "y = x * x\nwith torch.no_grad():\n    x.add_(1)\ny.sum().backward()",
    "modified non-leaf": "y = x * 2; z = y * y; y.add_(1); z.sum().backward()",
    "modified non-leaf twice": "y = x * 2; z = y * y; y.add_(1); y.add_(1); z.sum().backward()",
    "modified and not needed": "y = x * 2; z = y + 1; y.add_(1); z.sum().backward(); out = x.grad",
    "modified before it is saved": "y = x * 2; y.add_(1); z = y * y; z.sum().backward(); out = x.grad",
    "modified other": "c = torch.ones(2); y = x * c; c.add_(1); y.sum().backward()",
    "modified other that is not saved": "c = torch.ones(2, requires_grad=True); k = torch.ones(2); y = c * 2 + k; k.add_(1); y.sum().backward(); out = c.grad",
    "modified matrix": "a = torch.ones(2, 2); y = a @ x; a.zero_(); y.sum().backward()",
    "modified result of exp": "y = x.exp(); y.mul_(2); y.sum().backward()",
    "modified result of sigmoid": "y = x.sigmoid(); y += 1; y.sum().backward()",
    "modified result of tanh": "y = x.tanh(); y.zero_(); y.sum().backward()",
    "modified result of relu": "y = x.relu(); y.add_(1); y.sum().backward()",
    "modified input of relu": "y = x * 1; z = y.relu(); y.add_(1); z.sum().backward(); out = x.grad",
    "modified input of exp": "y = x * 1; z = y.exp(); y.add_(1); z.sum().backward(); out = x.grad",
    "modified input of sin": "y = x * 1; z = y.sin(); y.add_(1); z.sum().backward()",
    "modified result of sin": "y = x.sin(); y.add_(1); y.sum().backward(); out = x.grad",
    "modified through a view": "y = x * 2; z = y * y; y[0] = 5.0; z.sum().backward()",
    "modified base of a saved view": "y = x * 2; v = y[:1]; z = v * v; y.add_(1); z.sum().backward()",
    "modified other part of the base": "y = x * 2; v = y[:1]; z = v * v; y[1] = 0.0; z.sum().backward()",
    "modified through detach": "y = x * 2; z = y * y; y.detach().add_(1); z.sum().backward()",
    "modified through data": "y = x * 2; z = y + y; y.data.add_(1); z.sum().backward(); out = x.grad",
    "modified by an optimizer": "o = torch.optim.SGD([x], lr=0.1); y = (x * x).sum(); y.backward(retain_graph=True); o.step(); y.backward()",
    "modified, then not used": "y = x * 2; z = y * y; y.add_(1); y.sum().backward(); out = x.grad",
    "in place on its own": "y = x * 2; y.mul_(y); y.sum().backward(); out = x.grad",
    "in place with another": "y = x * 2; y.mul_(w[:2]); y.sum().backward(); out = [x.grad, w.grad]",
    "in place exp": "y = x * 1; y.exp_(); y.sum().backward(); out = x.grad",
    "in place sin": "y = x * 1; y.sin_(); y.sum().backward(); out = x.grad",
    "in place pow": "y = x * 1; y.pow_(2); y.sum().backward(); out = x.grad",
    "in place relu after a layer": "torch.manual_seed(0); m = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(inplace=True), torch.nn.Linear(3, 1)); m(x).sum().backward(); out = x.grad.shape",
    "in place relu after sigmoid": "y = x.sigmoid(); y.relu_(); y.sum().backward()",
    "a recurrence written into one tensor": "h = torch.zeros(4)\nh[0] = x.sum()\nfor i in range(1, 4):\n    h[i] = h[i - 1] * h[i - 1]\nh.sum().backward()",
    "a recurrence written into one tensor, with clone": "h = torch.zeros(4)\nh[0] = x.sum()\nfor i in range(1, 4):\n    h[i] = h[i - 1].clone() * 0.5\nh.sum().backward()\nout = x.grad",
    "saved by a Function": "y = x * 1; z = Square.apply(y); y.add_(1); z.sum().backward()",
    "result saved by a Function": "def fw(ctx, t):\n    r = t.exp()\n    ctx.save_for_backward(r)\n    return r\nF = function(fw, lambda ctx, g: g * ctx.saved_tensors[0])\ny = F.apply(x)\ny.add_(1)\ny.sum().backward()",
    "Function twice": "z = Square.apply(x).sum(); z.backward(); z.backward()",
    "saved attributes": "y = x * w[:2]; out = [y.grad_fn._saved_self, y.grad_fn._saved_other]",
    "saved attribute not needed": "y = x * torch.ones(2); out = [y.grad_fn._saved_self, y.grad_fn._saved_other]",
    "saved attribute freed": "y = x * w[:2]; y.sum().backward(); y.grad_fn._saved_self",
    "saved attribute that is none": "(x * 2).grad_fn._saved_nothing",
    "increment_version": "y = x * x; ag.graph.increment_version(x); v = x._version; out = v; y.sum().backward()",
    "increment_version counts": "t = torch.ones(2); ag.graph.increment_version([t]); out = t._version",
    "hooks on saved values": "seen = []\ndef pack(t):\n    seen.append('pack')\n    return t\ndef unpack(t):\n    seen.append('unpack')\n    return t\nwith ag.graph.saved_tensors_hooks(pack, unpack):\n    y = (x * w[:2]).sum()\nassert seen == ['pack', 'pack']\ny.backward()\nout = [seen, x.grad, w.grad]",
    "hooks change what is saved": "with ag.graph.saved_tensors_hooks(lambda t: t.tolist(), lambda t: torch.tensor(t) * 10):\n    y = (x * x).sum()\ny.backward()\nout = x.grad",
    "hooks for a Function": "seen = []\nwith ag.graph.saved_tensors_hooks(lambda t: seen.append(t.tolist()) or t, lambda t: t * 10):\n    y = Square.apply(x).sum()\ny.backward()\nout = [seen, x.grad]",
    "hooks, inner ones win": "seen = []\nwith ag.graph.saved_tensors_hooks(lambda t: seen.append(1) or t, lambda t: t):\n    with ag.graph.saved_tensors_hooks(lambda t: seen.append(2) or t, lambda t: t):\n        y = x.sin()\n    z = x.sin()\nout = seen",
    "hooks left on an error": "try:\n    with ag.graph.saved_tensors_hooks(lambda t: 1 / 0, lambda t: t):\n        y = x.sin()\nexcept ZeroDivisionError:\n    pass\nout = ag.grad(x.sin().sum(), x)",
    "hooks whose pack raises": "with ag.graph.saved_tensors_hooks(lambda t: 1 / 0, lambda t: t):\n    x.sin()",
    "hooks whose unpack gives no tensor": "with ag.graph.saved_tensors_hooks(lambda t: t, lambda t: 3):\n    y = x.sin()\ny.sum().backward()",
    "hooks whose pack writes": "with ag.graph.saved_tensors_hooks(lambda t: t.add_(1), lambda t: t):\n    y = (x * 1).sin()",
    "hooks on a modified value": "with ag.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):\n    y = x * 1\n    z = y.sin()\ny.add_(1)\nz.sum().backward()\nout = x.grad",
    "hooks and second order": "with ag.graph.saved_tensors_hooks(lambda t: t * 1, lambda t: t):\n    y = (x * x * x).sum()\ng, = ag.grad(y, x, create_graph=True)\nout = ag.grad(g.sum(), x)",
    "hooks see no history": "seen = []\nwith ag.graph.saved_tensors_hooks(lambda t: seen.append([t.requires_grad, t.is_leaf]) or t, lambda t: t):\n    y = (x * 2).sin()\nout = seen",
    "save_on_cpu": "with ag.graph.save_on_cpu():\n    y = (x * x).sum()\ny.backward()\nout = x.grad",
    "save_on_cpu pinned": "with ag.graph.save_on_cpu(pin_memory=False):\n    y = (x * x).sum()\ny.backward()\nout = x.grad",
    "hooks disabled": "with ag.graph.disable_saved_tensors_hooks('not here'):\n    with ag.graph.saved_tensors_hooks(lambda t: t, lambda t: t):\n        x.sin()",
    "hooks disabled inside": "with ag.graph.saved_tensors_hooks(lambda t: t, lambda t: t):\n    with ag.graph.disable_saved_tensors_hooks('not here'):\n        x.sin()",
    "hooks disabled, then not": "with ag.graph.disable_saved_tensors_hooks('not here'):\n    pass\nwith ag.graph.saved_tensors_hooks(lambda t: t, lambda t: t):\n    y = x.sin()\nout = ag.grad(y.sum(), x)",
    "mutation allowed": "with ag.graph.allow_mutation_on_saved_tensors():\n    y = x * 2\n    z = y.sin()\n    y.zero_()\n    z.sum().backward()\nout = x.grad",
    "mutation allowed, backward outside": "with ag.graph.allow_mutation_on_saved_tensors():\n    y = x * 2\n    z = y.sin()\n    y.zero_()\nz.sum().backward()",
    "mutation allowed twice": "with ag.graph.allow_mutation_on_saved_tensors():\n    with ag.graph.allow_mutation_on_saved_tensors():\n        pass",
}

EDGES = {
    "edge": "y = x * 2; e = ag.graph.get_gradient_edge(y); out = [e.node is y.grad_fn, e.output_nr, type(e).__name__, e[0] is e.node]",
    "edge of a leaf": "e = ag.graph.get_gradient_edge(x); out = [e.node.name().split('::')[-1], e.output_nr, e.node.variable is x]",
    "edge of a constant": "ag.graph.get_gradient_edge(torch.ones(1))",
    "edge of the second output": "v = torch.unbind(x * 2)[1]; out = ag.graph.get_gradient_edge(v).output_nr",
    "multithreading": "with ag.set_multithreading_enabled(False):\n    x.sum().backward()\nout = x.grad",
    "grad_mode module": "m = use('torch.autograd.grad_mode'); out = [m.no_grad is torch.no_grad, m.inference_mode is torch.inference_mode, m.set_grad_enabled is torch.set_grad_enabled]",
    "names of the package": "out = [hasattr(ag, n) for n in ('Variable', 'Function', 'backward', 'grad', 'graph', 'anomaly_mode', 'grad_mode', 'variable')]",
    "Variable": "v = ag.Variable(torch.ones(2), requires_grad=True); v.sum().backward(); out = [isinstance(v, torch.Tensor), v.grad, isinstance(x, ag.Variable)]",
}

MODES = {
    "no_grad": "with torch.no_grad():\n    y = x * 2\nout = [y.requires_grad, y.grad_fn, torch.is_grad_enabled()]",
    "enable_grad inside": "with torch.no_grad():\n    with torch.enable_grad():\n        y = x * 2\n    inside = torch.is_grad_enabled()\nout = [y.requires_grad, inside]",
    "no_grad as decorator": "@torch.no_grad()\ndef f(t):\n    'doc'\n    return t * 2\nout = [f(x).requires_grad, f.__name__, f.__doc__]",
    "no_grad as decorator without call": "@torch.no_grad\ndef f(t):\n    return t * 2\nout = f(x).requires_grad",
    "enable_grad as decorator": "@torch.enable_grad()\ndef f(t):\n    return t * 2\nwith torch.no_grad():\n    out = f(x).requires_grad",
    "no_grad on a generator": "@torch.no_grad()\ndef f():\n    yield torch.is_grad_enabled()\n    yield torch.is_grad_enabled()\nseen = []\nfor inside in f():\n    seen.append((inside, torch.is_grad_enabled()))\nout = seen",
    "enable_grad on a generator with send": "@torch.enable_grad()\ndef f():\n    got = yield 1\n    yield (got, torch.is_grad_enabled())\nwith torch.no_grad():\n    g = f(); next(g); out = [g.send('a'), torch.is_grad_enabled()]",
    "no_grad on a generator that returns": "@torch.no_grad()\ndef f():\n    yield 1\n    return 5\ndef h():\n    r = yield from f()\n    yield r\nout = list(h())",
    "no_grad on a generator that is thrown at": "@torch.no_grad()\ndef f():\n    try:\n        yield 1\n    except KeyError:\n        yield torch.is_grad_enabled()\ng = f(); next(g); out = g.throw(KeyError('k'))",
    "no_grad on a class": "@torch.no_grad()\nclass C:\n    def __init__(self):\n        self.on = torch.is_grad_enabled()\n    def f(self):\n        return torch.is_grad_enabled()\nout = [C().on, C().f()]",
    "no_grad twice around": "c = torch.no_grad()\nwith c:\n    pass\nwith c:\n    y = x * 2\nout = [y.requires_grad, torch.is_grad_enabled()]",
    "no_grad after an error": "try:\n    with torch.no_grad():\n        1 / 0\nexcept ZeroDivisionError:\n    pass\nout = torch.is_grad_enabled()",
    "no_grad on a method": "class C:\n    @torch.no_grad()\n    def f(self, t):\n        return t * 2\nout = C().f(x).requires_grad",
    "leaves under no_grad": "with torch.no_grad():\n    t = torch.ones(2, requires_grad=True)\nout = [t.requires_grad, (t * 2).requires_grad]",
    "views under no_grad": "with torch.no_grad():\n    v = x[0]\nout = [v.requires_grad, v.is_leaf]",
    "set_grad_enabled": "torch.set_grad_enabled(False); a = torch.is_grad_enabled(); torch.set_grad_enabled(True); out = [a, torch.is_grad_enabled()]",
    "set_grad_enabled as a block": "with torch.set_grad_enabled(False):\n    a = torch.is_grad_enabled()\nout = [a, torch.is_grad_enabled()]",
    "set_grad_enabled as decorator": "@torch.set_grad_enabled(False)\ndef f(t):\n    return t * 2\nout = [torch.is_grad_enabled(), f(x).requires_grad, torch.is_grad_enabled()]",
    "set_grad_enabled clone": "c = torch.set_grad_enabled(True).clone(); out = type(c).__name__",
    "no_grad clone": "out = type(torch.no_grad().clone()).__name__",
    "inference_mode": "with torch.inference_mode():\n    y = x * 2\n    inside = [torch.is_inference_mode_enabled(), torch.is_grad_enabled()]\nout = [y.requires_grad, y.is_inference(), torch.is_inference(y), inside, x.is_inference()]",
    "inference tensor saved": "with torch.inference_mode():\n    t = torch.ones(2)\nx * t",
    "inference tensor not saved": "with torch.inference_mode():\n    t = torch.ones(2)\ny = x + t\ny.sum().backward()\nout = [x.grad, y.is_inference()]",
    "inference tensor cloned": "with torch.inference_mode():\n    t = torch.ones(2)\nc = t.clone()\n(x * c).sum().backward()\nout = [x.grad, c.is_inference()]",
    "inference tensor in place outside": "with torch.inference_mode():\n    t = torch.ones(2)\nt.add_(1)",
    "inference tensor in place inside": "with torch.inference_mode():\n    t = torch.ones(2)\n    t.add_(1)\nout = t",
    "inference tensor requires_grad outside": "with torch.inference_mode():\n    t = torch.ones(2)\nt.requires_grad_()",
    "inference tensor requires_grad inside": "with torch.inference_mode():\n    t = torch.ones(2, requires_grad=True)\n    y = t * 2\nout = [t.requires_grad, y.requires_grad]",
    "inference tensor version": "with torch.inference_mode():\n    t = torch.ones(2)\nt._version",
    "inference tensor used outside without grad": "with torch.inference_mode():\n    t = torch.ones(2)\ny = t * 2\nout = [y, y.is_inference()]",
    "normal tensor in place inside": "t = torch.ones(2)\nwith torch.inference_mode():\n    t.add_(1)\nout = [t, t.is_inference()]",
    "views of normal tensors inside": "t = torch.ones(2)\nwith torch.inference_mode():\n    v = t[0]\nout = v.is_inference()",
    "views of inference tensors outside": "with torch.inference_mode():\n    t = torch.ones(2)\nout = [t[0].is_inference(), t.view(2, 1).is_inference()]",
    "view of a normal tensor written inside": "y = x * 2\nwith torch.inference_mode():\n    y[0] = 3.0\nout = y",
    "inference_mode(False)": "with torch.inference_mode():\n    with torch.inference_mode(False):\n        y = x * 2\nout = y.requires_grad",
    "inference_mode as decorator": "@torch.inference_mode()\ndef f(t):\n    return t * 2\nout = f(x).is_inference()",
    "inference_mode as decorator without call": "@torch.inference_mode\ndef f(t):\n    return t * 2\nout = f(x).requires_grad",
    "inference_mode(mode=True)": "with torch.inference_mode(mode=True):\n    y = x * 2\nout = y.requires_grad",
    "backward of an inference tensor": "with torch.inference_mode():\n    y = (x * 2).sum()\ny.backward()",
    "enable_grad in inference_mode": "with torch.inference_mode():\n    with torch.enable_grad():\n        y = x * 2\nout = [y.requires_grad, y.is_inference()]",
    "a model in inference_mode": "m = torch.nn.Linear(2, 1)\nwith torch.inference_mode():\n    y = m(x)\nout = [y.requires_grad, y.is_inference(), m.weight.is_inference()]",
    "is_grad_enabled is for the thread": "import threading\nseen = []\nwith torch.no_grad():\n    t = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled())); t.start(); t.join()\nout = seen",
}

ANOMALY = {
    "nan": "with ag.detect_anomaly():\n    y = (x * 0).sqrt()\n    (y * 0).sum().backward()",
    "nan not checked": "with ag.detect_anomaly(check_nan=False):\n    y = (x * 0).sqrt()\n    (y * 0).sum().backward()\nout = x.grad",
    "no nan": "with ag.detect_anomaly():\n    (x * 2).sum().backward()\nout = x.grad",
    "forward outside": "y = (x * 0).sqrt()\nwith ag.detect_anomaly():\n    (y * 0).sum().backward()",
    "set_detect_anomaly": "ag.set_detect_anomaly(True)\non = torch.is_anomaly_enabled()\nag.set_detect_anomaly(False)\nout = [on, torch.is_anomaly_enabled()]",
    "set_detect_anomaly as a block": "with ag.set_detect_anomaly(True, check_nan=False):\n    on = [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]\nout = [on, torch.is_anomaly_enabled()]",
    "an error of a Function": "F = function(lambda ctx, t: t * 2, lambda ctx, g: 1 / 0)\nwith ag.detect_anomaly():\n    F.apply(x).sum().backward()",
    "modified value": "with ag.detect_anomaly():\n    y = x * 2\n    z = y.sin()\n    y.add_(1)\n    z.sum().backward()",
    "nan in the second derivative": "with ag.detect_anomaly():\n    g, = ag.grad((x * 0).pow(1.5).sum(), x, create_graph=True)\n    ag.grad(g.sum() * 0, x)",
}

FUNCTIONS = {
    "grad dtype is made to fit": "F = function(lambda ctx, t: t * 2, lambda ctx, g: g.double() * 2); F.apply(x).sum().backward(); out = x.grad",
    "grad is reduced to fit": "F = function(lambda ctx, t: t * 2, lambda ctx, g: torch.ones(3, 2)); F.apply(x).sum().backward(); out = x.grad",
    "grad of a wrong shape": "F = function(lambda ctx, t: t * 2, lambda ctx, g: torch.ones(3)); F.apply(x).sum().backward()",
    "grad that is no tensor": "F = function(lambda ctx, t: t * 2, lambda ctx, g: 3.0); F.apply(x).sum().backward()",
    "too few": "F = function(lambda ctx, a, b: a * b, lambda ctx, g: g); F.apply(x, x).sum().backward()",
    "too many": "F = function(lambda ctx, a: a * 2, lambda ctx, g: (g, g)); F.apply(x).sum().backward()",
    "None": "F = function(lambda ctx, a: a * 2, lambda ctx, g: None); F.apply(x).sum().backward(); out = x.grad",
    "hooks on its node": "seen = []; y = Square.apply(x); y.grad_fn.register_hook(lambda a, b: seen.append([a[0].tolist(), b[0].tolist()])); y.grad_fn.register_prehook(lambda b: (b[0] * 2,)); y.sum().backward(); out = seen",
    "name": "y = Square.apply(x); out = [y.grad_fn.name(), type(y.grad_fn).__name__, y.grad_fn.next_functions[0][0].name().split('::')[-1]]",
    "batched": "out = ag.grad(Square.apply(x), x, torch.eye(2), is_grads_batched=True)",
    "complex gradient for a real input": "F = function(lambda ctx, t: t * 2, lambda ctx, g: g * (2 + 1j)); F.apply(x).sum().backward(); out = x.grad",
}

WRITTEN = {
    "linear, input": "a = x * 1; y = nn.Linear(2, 3)(a); a.add_(1); y.sum().backward()",
    "linear without grad of the weight, input": "a = x * 1; m = nn.Linear(2, 3).requires_grad_(False); y = m(a); a.add_(1); y.sum().backward(); out = x.grad is not None",
    "linear, bias": "m = nn.Linear(2, 3); y = m(x)\nwith torch.no_grad():\n    m.bias.add_(1)\ny.sum().backward(); out = 1",
    "linear, result": "m = nn.Linear(2, 3); y = m(x); y.add_(1); y.sum().backward(); out = 1",
    "conv, result and relu_": "m = nn.Conv2d(1, 2, 2); y = m(torch.ones(1, 1, 3, 3)); y.relu_(); y.sum().backward(); out = 1",
    "conv, input": "a = torch.ones(1, 1, 3, 3) * x.sum(); y = nn.Conv2d(1, 2, 2)(a); a.add_(1); y.sum().backward()",
    "batch norm, input": "a = torch.rand(4, 2) * x; y = nn.BatchNorm1d(2)(a); a.add_(1); y.sum().backward()",
    "batch norm, result": "a = torch.rand(4, 2) * x; y = nn.BatchNorm1d(2)(a); y.relu_(); y.sum().backward(); out = 1",
    "batch norm twice": "m = nn.BatchNorm1d(2); a = torch.rand(4, 2) * x; y = m(a) + m(a); y.sum().backward(); out = 1",
    "batch norm, evaluated between": "m = nn.BatchNorm1d(2); a = torch.rand(4, 2) * x; y = m.eval()(a); m.train()(a); y.sum().backward(); out = 1",
    "layer norm, input": "a = x * 1; y = nn.LayerNorm(2)(a); a.add_(1); y.sum().backward()",
    "embedding, weight": "m = nn.Embedding(3, 2); y = m(torch.tensor([1]))\nwith torch.no_grad():\n    m.weight.add_(1)\ny.sum().backward(); out = 1",
    "cross entropy, logits": "a = (x * 1).reshape(1, 2); y = F.cross_entropy(a, torch.tensor([1])); a.add_(1); y.backward(); out = 1",
    "cross entropy, target": "a = (x * 1).reshape(1, 2); t = torch.tensor([1]); y = F.cross_entropy(a, t); t.zero_(); y.backward()",
    "mse, input": "a = x * 1; y = F.mse_loss(a, torch.zeros(2)); a.add_(1); y.backward()",
    "mse, target": "t = torch.zeros(2); y = F.mse_loss(x, t); t.add_(1); y.backward()",
    "dropout, input": "a = x * 1; y = F.dropout(a, 0.5); a.add_(1); y.sum().backward(); out = 1",
    "dropout, result": "a = x * 1; y = F.dropout(a, 0.5); y.add_(1); y.sum().backward(); out = 1",
    "max pool, input": "a = torch.rand(1, 1, 4, 4) * x.sum(); y = F.max_pool2d(a, 2); a.add_(1); y.sum().backward()",
    "softmax, result": "y = F.softmax(x * 1, 0); y.add_(1); y.sum().backward()",
    "softmax, input": "a = x * 1; y = F.softmax(a, 0); a.add_(1); y.sum().backward(); out = 1",
    "log softmax, result": "y = F.log_softmax(x * 1, 0); y.add_(1); y.sum().backward()",
    "gelu, input": "a = x * 1; y = F.gelu(a); a.add_(1); y.sum().backward()",
    "leaky relu in place": "a = x * 1; F.leaky_relu(a, 0.1, inplace=True).sum().backward(); out = x.grad",
    "elu in place": "a = x * 1; F.elu(a, inplace=True).sum().backward(); out = x.grad",
    "hardtanh in place": "a = x * 1; F.hardtanh(a, inplace=True).sum().backward(); out = x.grad",
    "silu in place": "a = x * 1; F.silu(a, inplace=True).sum().backward(); out = x.grad",
    "relu6 in place": "a = x * 1; F.relu6(a, inplace=True).sum().backward(); out = x.grad",
    "a residual": "a = x * 1; b = a.relu(); b += a; b.relu_(); b.sum().backward(); out = x.grad",
    "a residual over a saved input": "a = x * 1; b = a.sin(); a += b; a.sum().backward()",
    "running mean of gradients": "x.sum().backward(); x.grad.mul_(0.5); (x * x).sum().backward(); out = x.grad",
    "gradient clipping between": "(x * x).sum().backward(); torch.nn.utils.clip_grad_norm_([x], 1.0); (x * x).sum().backward(); out = x.grad",
    "two players": "g, d = nn.Linear(2, 2), nn.Linear(2, 1); o = torch.optim.SGD(d.parameters(), lr=0.1); f = g(x); a = d(f).sum(); a.backward(retain_graph=True); o.step(); d(f).sum().backward(); out = 1",
    "two players, the graph of the old weights": "g, d = nn.Linear(2, 2), nn.Linear(2, 1); o = torch.optim.SGD(d.parameters(), lr=0.1); f = g(x); a = d(f).sum(); a.backward(retain_graph=True); o.step(); a.backward()",
    "bptt with a hidden state written": "c = nn.RNNCell(2, 2); h = torch.zeros(1, 2); h = c(x.reshape(1, 2), h); k = c(x.reshape(1, 2), h); h.zero_(); k.sum().backward()",
    "lstm twice": "m = nn.LSTM(2, 2); o, s = m(x.reshape(1, 1, 2)); o2, s2 = m(x.reshape(1, 1, 2), s); o2.sum().backward(); out = x.grad is not None",
    "cumsum": "y = x.cumsum(0); y.add_(1); y.sum().backward(); out = x.grad",
    "cumprod, result": "a = x * 1; y = a.cumprod(0); y.add_(1); y.sum().backward()",
    "prod, input": "a = x * 1; y = a.prod(); a.add_(1); y.backward()",
    "max, input": "a = x * 1; y = a.max(); a.add_(1); y.backward()",
    "max of a dimension, input": "a = x * 1; y = a.max(0).values; a.add_(1); y.backward(); out = x.grad",
    "sort, input": "a = x * 1; y = a.sort().values; a.add_(1); y.sum().backward(); out = x.grad",
    "topk, input": "a = x * 1; y = a.topk(1).values; a.add_(1); y.sum().backward(); out = x.grad",
    "norm, input": "a = x * 1; y = a.norm(); a.add_(1); y.backward()",
    "std, input": "a = x * 1; y = a.std(); a.add_(1); y.backward()",
    "mean, input": "a = x * 1; y = a.mean(); a.add_(1); y.backward(); out = x.grad",
    "where, condition": "c = x > 1.5; y = torch.where(c, x, x * 2); c.logical_not_(); y.sum().backward()",
    "where, input": "a = x * 1; y = torch.where(x > 1.5, a, a * 2); a.add_(1); y.sum().backward(); out = x.grad",
    "index, indices": "i = torch.tensor([0, 0]); y = x[i]; i.add_(1); y.sum().backward()",
    "gather, index": "i = torch.tensor([0, 0]); y = x.gather(0, i); i.add_(1); y.sum().backward()",
    "index_select, index": "i = torch.tensor([0, 0]); y = x.index_select(0, i); i.add_(1); y.sum().backward()",
    "masked_fill, mask": "m = torch.tensor([True, False]); y = (x * 1).masked_fill(m, 0.0); m.logical_not_(); y.sum().backward()",
    "clamp, input": "a = x * 1; y = a.clamp(0, 1); a.add_(1); y.sum().backward()",
    "abs, input": "a = x * 1; y = a.abs(); a.add_(1); y.sum().backward()",
    "pow, input": "a = x * 1; y = a ** 2; a.add_(1); y.sum().backward()",
    "pow of one, input": "a = x * 1; y = a ** 1; a.add_(1); y.sum().backward()",
    "square, input": "a = x * 1; y = a.square(); a.add_(1); y.sum().backward()",
    "sqrt, input": "a = x * 1; y = a.sqrt(); a.add_(1); y.sum().backward(); out = x.grad",
    "division, both": "a = x * 1; b = x * 2; y = a / b; a.add_(1); y.sum().backward()",
    "division by a number": "a = x * 1; y = a / 2; a.add_(1); y.sum().backward(); out = x.grad",
    "multiplication by a number": "a = x * 1; y = a * 2; a.add_(1); y.sum().backward(); out = x.grad",
    "bmm": "a = (x * torch.ones(2, 2)).reshape(1, 2, 2); y = a @ a; a.add_(1); y.sum().backward()",
    "einsum": "a = x * 1; b = x * 2; y = torch.einsum('i,i->', a, b); a.add_(1); y.backward()",
    "dot": "a = x * 1; y = a.dot(x); a.add_(1); y.backward()",
    "outer": "a = x * 1; y = a.outer(x); a.add_(1); y.sum().backward()",
    "addcmul": "a = x * 1; y = torch.addcmul(x, a, x); a.add_(1); y.sum().backward()",
    "lerp": "a = x * 1; y = torch.lerp(x, a, 0.5); a.add_(1); y.sum().backward(); out = x.grad",
    "cat": "a = x * 1; y = torch.cat([a, a]); a.add_(1); y.sum().backward(); out = x.grad",
    "stack": "a = x * 1; y = torch.stack([a, a]); a.add_(1); y.sum().backward(); out = x.grad",
    "logsumexp, input": "a = x * 1; y = a.logsumexp(0); a.add_(1); y.backward()",
    "attention, query": "q = (x * torch.ones(1, 1, 3, 2)); y = F.scaled_dot_product_attention(q, q, q); q.add_(1); y.sum().backward()",
    "complex": "z = torch.view_as_complex(torch.stack([x, x], -1)); y = z * z; z.add_(1); y.abs().sum().backward()",
    "fft": "a = x * 1; y = torch.fft.rfft(a); a.add_(1); y.abs().sum().backward(); out = x.grad is not None",
    "solve": "a = torch.eye(2) * x; b = torch.linalg.solve(a, x); a.add_(1); b.sum().backward()",
    "inverse, result": "a = torch.eye(2) * x; b = torch.linalg.inv(a); b.add_(1); b.sum().backward()",
    "det": "a = torch.eye(2) * x; b = torch.linalg.det(a); a.add_(1); b.backward()",
}
"""What one operation kept, and a write to it or to the result."""

LOOPS = {
    "batch norm, in place activations and clipping": """
m = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(inplace=True), nn.Conv2d(2, 2, 3), nn.ReLU6(inplace=True), nn.Dropout(0.5, inplace=True), nn.Hardswish(inplace=True), nn.AdaptiveAvgPool2d(1))
o = torch.optim.Adam(m.parameters())
a = torch.rand(2, 1, 5, 5)
for _ in range(2):
    o.zero_grad()
    (m(a) + m(a)).square().sum().backward()
    nn.utils.clip_grad_norm_(m.parameters(), 1.0)
    o.step()
m.eval()
with torch.inference_mode():
    m(a)
m.train()
m(a).sum().backward()
""",
    "two players": """
g, d = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.LeakyReLU(0.2, inplace=True), nn.Linear(2, 1))
og, od = torch.optim.Adam(g.parameters()), torch.optim.SGD(d.parameters(), lr=0.1)
for _ in range(2):
    f = g(torch.randn(4, 2))
    od.zero_grad()
    F.binary_cross_entropy_with_logits(d(f.detach()), torch.zeros(4, 1)).backward()
    od.step()
    og.zero_grad()
    F.binary_cross_entropy_with_logits(d(f), torch.ones(4, 1)).backward()
    og.step()
""",
    "two players in the wrong order": """
g, d = nn.Linear(2, 2), nn.Linear(2, 1)
og, od = torch.optim.SGD(g.parameters(), lr=0.1), torch.optim.SGD(d.parameters(), lr=0.1)
f = g(torch.randn(4, 2))
scores = d(f)
(-scores.mean()).backward(retain_graph=True)
od.step()
scores.mean().backward()
""",
    "a recurrent layer over pieces, not detached": """
m, h = nn.RNN(2, 2), None
o = torch.optim.SGD(m.parameters(), lr=0.1)
for _ in range(2):
    y, h = m(torch.ones(3, 1, 2), h)
    o.zero_grad()
    y.sum().backward()
    o.step()
""",
    "a recurrent layer over pieces": """
m, h = nn.RNN(2, 2), None
o = torch.optim.SGD(m.parameters(), lr=0.1)
for _ in range(3):
    y, h = m(torch.ones(3, 1, 2), h)
    o.zero_grad()
    y.sum().backward()
    o.step()
    h = h.detach()
""",
    "an inner loop": """
inner = w * 1
for _ in range(3):
    g, = ag.grad((inner ** 2).sum(), inner, create_graph=True)
    inner = inner - 0.1 * g
inner.sum().backward()
out = w.grad
""",
    "gradients accumulated, then set to zero": """
m = nn.Linear(2, 1)
for _ in range(3):
    m(torch.ones(1, 2)).sum().backward()
out = m.bias.grad.clone()
m.zero_grad(set_to_none=False)
m(torch.ones(1, 2)).sum().backward()
out = [out, m.bias.grad]
""",
    "spectral norm twice": "m = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 3)); a = torch.randn(2, 3); (m(a) + m(a)).sum().backward()",
    "an average of weights": "m = nn.Linear(2, 1); a = torch.optim.swa_utils.AveragedModel(m); m(x).sum().backward(); torch.optim.SGD(m.parameters(), lr=0.1).step(); a.update_parameters(m); a(x).sum().backward()",
    "weights copied by data": "a, b = nn.Linear(2, 1), nn.Linear(2, 1); y = a(x).sum(); a.weight.data.copy_(b.weight.data); y.backward()",
    "weights copied under no_grad": "a, b = nn.Linear(2, 1, bias=False), nn.Linear(2, 1, bias=False); y = a(x.reshape(1, 2)).sum()\nwith torch.no_grad():\n    a.weight.copy_(b.weight)\ny.backward()",
    "a buffer filled in a loop": "b = torch.zeros(3, 2)\nfor i in range(3):\n    b[i] = x * i\nb.sum().backward()\nout = x.grad",
    "a list instead of a buffer": "s, h = [], x * 1\nfor i in range(3):\n    h = h * x\n    s.append(h)\ntorch.stack(s).sum().backward()\nout = x.grad",
    "checkpoint with an in place activation": "c = use('torch.utils.checkpoint').checkpoint; m = nn.Sequential(nn.Linear(2, 2), nn.ReLU(inplace=True)); c(m, x.reshape(1, 2), use_reentrant=False).sum().backward()",
}
"""Training as people write it: what PyTorch lets pass must pass, what it refuses is refused."""

PROGRAMS = {
    f"{group}: {name}": source
    for group, programs in {
        "backward": BACKWARD, "grad": GRAD, "tensors": TENSORS, "hooks": HOOKS, "saved": SAVED, "edges": EDGES,
        "modes": MODES, "anomaly": ANOMALY, "functions": FUNCTIONS, "written": WRITTEN, "loops": LOOPS,
    }.items()
    for name, source in programs.items()
}  # fmt: skip

_NO_CYCLE = "no reference cycle comes of it here, so there is nothing to warn of"
_LAYERS = "a layer is one operation here, so its graph is shorter"
_PARTS = "what is kept is not a view in the middle of the operation here: the class of the error is the same"
_VIEWS = "each view has a node of its own here, also of several made by one call"

DIFFERENT: dict[str, str] = {
    "backward: create_graph": _NO_CYCLE,
    "backward: create_graph accumulates out of place": _NO_CYCLE,
    "backward: gradient with a history": _NO_CYCLE,
    "grad: batched, wrong rest": "PyTorch shows the shape of a part of a part; here it is that of a part",
    "tensors: version and grad": "PyTorch lays out the first gradient again by writing it once more",
    "tensors: names of a layer": _LAYERS,
    "tensors: next_functions of several outputs": _VIEWS,
    "edges: edge of the second output": _VIEWS,
    "modes: views under no_grad": "such a view is a constant here; in PyTorch it requires a gradient that goes nowhere",
    "hooks: hook writes into the gradient": "gradients do not share memory inside here, so this one may be written",
    "hooks: module old and new hook": "the old kind of hook on modules is refused at once",
    **dict.fromkeys(
        (
            "written: linear, input",
            "written: two players, the graph of the old weights",
            "written: einsum",
            "written: outer",
            "written: complex",
            "loops: two players in the wrong order",
            "loops: weights copied under no_grad",
        ),
        _PARTS,
    ),
    "written: fft": "its gradient does not need the input here",
    "anomaly: nan in the second derivative": "the gradient of an operation is one operation here, with a name of its own",
}
"""Programs whose outcome differs on purpose, and why. The list may only become shorter."""
