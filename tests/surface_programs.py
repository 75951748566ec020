"""Short programs over the names that packages use of PyTorch; each leaves its outcome in `out`.

`use(name)` is the module or object of that name in the library under test: "torch.utils.checkpoint".
"""

# ruff: noqa: E501  programs of one line

PROGRAMS = {
    "autocast": """
with torch.autocast("cpu", dtype=torch.bfloat16):
    out = [(torch.ones(2, 3) @ torch.ones(3, 2)).dtype, torch.is_autocast_enabled("cpu"), torch.ones(2).exp().dtype]
""",
    "autocast bad device": "torch.autocast('nothing')",
    "custom_fwd": """
class F(torch.autograd.Function):
    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)
    def forward(ctx, x):
        return x * 2
    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx, g):
        return g * 3
x = torch.ones(2, requires_grad=True)
F.apply(x).sum().backward()
out = x.grad
""",
    "grad scaler": """
s = torch.amp.GradScaler("cpu", init_scale=8.0)
w = torch.ones(1, requires_grad=True)
o = torch.optim.SGD([w], lr=1.0)
s.scale(w.sum()).backward()
g = w.grad.clone()
s.step(o)
s.update()
out = [g, w, s.get_scale()]
""",
    "backends": """
with torch.backends.cudnn.flags(enabled=False):
    inside = torch.backends.cudnn.enabled
out = [inside, torch.backends.mps.is_available(), torch.backends.cuda.is_built(), torch.backends.cpu.get_cpu_capability() != ""]
""",
    "cuda without a device": """
out = [torch.cuda.is_available(), torch.cuda.device_count(), torch.cuda.is_initialized(), torch.cuda.memory_allocated()]
torch.cuda.manual_seed_all(1)
torch.cuda.empty_cache()
""",
    "cuda current device": "torch.cuda.current_device()",
    "cuda tensor": "torch.zeros(2, device='cuda')",
    "cuda stream context": """
with torch.cuda.device(-1):
    out = 1
""",
    "distributed": """
d = use("torch.distributed")
out = [d.is_available(), d.is_initialized()]
""",
    "distributed rank": "use('torch.distributed').get_rank()",
    "distributed reduce": "use('torch.distributed').all_reduce(torch.ones(1))",
    "distributed ops": "d = use('torch.distributed')\nout = [d.ReduceOp.SUM == d.ReduceOp.SUM, d.is_nccl_available()]",
    "jit script": """
@torch.jit.script
def f(x):
    return x + 1
out = [f(torch.ones(2)), torch.jit.is_scripting(), torch.jit.is_tracing()]
""",
    "jit ignore, unused, export": """
class M(torch.nn.Module):
    @torch.jit.ignore
    def a(self): return 1
    @torch.jit.unused
    def b(self): return 2
    @torch.jit.export
    def c(self): return 3
m = M()
out = [m.a(), m.b(), m.c()]
""",
    "jit annotate": "out = torch.jit.annotate(int, 3)",
    "library": """
lib = use("torch.library")
@lib.custom_op("surface_test::twice", mutates_args=())
def twice(x: torch.Tensor) -> torch.Tensor:
    return x * 2
out = [twice(torch.ones(2)), torch.ops.surface_test.twice(torch.ones(1))]
""",
    "testing assert_close": "use('torch.testing').assert_close(torch.ones(2), torch.ones(2) + 1e-9)",
    "testing assert_close fails": "use('torch.testing').assert_close(torch.ones(2), torch.zeros(2))",
    "hub dir": "h = use('torch.hub')\nh.set_dir('/tmp/somewhere')\nout = h.get_dir()",
    "profiler": """
p = use("torch.profiler")
with p.record_function("part"):
    out = p.ProfilerActivity.CPU.name
""",
    "pytree": """
t = use("torch.utils._pytree")
leaves, spec = t.tree_flatten({"a": [1, 2], "b": (3, None)})
out = [leaves, t.tree_unflatten([x for x in leaves], spec), t.tree_map(lambda x: x, [1, (2,)])]
""",
    "checkpoint": """
c = use("torch.utils.checkpoint")
x = torch.ones(2, requires_grad=True)
c.checkpoint(lambda t: (t * 3).sin(), x, use_reentrant=False).sum().backward()
out = x.grad
""",
    "checkpoint without a choice": """
c = use("torch.utils.checkpoint")
x = torch.ones(2, requires_grad=True)
c.checkpoint(lambda t: t * 3, x, use_reentrant=True).sum().backward()
out = x.grad
""",
    "checkpoint sequential": """
c = use("torch.utils.checkpoint")
m = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Tanh())
x = torch.ones(2, requires_grad=True)
c.checkpoint_sequential(m, 2, x, use_reentrant=False).sum().backward()
out = x.grad
""",
    "categorical": """
d = use("torch.distributions").Categorical(probs=torch.tensor([0.25, 0.75]))
torch.manual_seed(0)
out = [d.log_prob(torch.tensor(1)), d.entropy(), d.sample((5,))]
""",
    "normal and kl": """
d = use("torch.distributions")
a, b = d.Normal(0.0, 1.0), d.Normal(torch.tensor(1.0), 2.0)
out = [d.kl_divergence(a, b), b.cdf(torch.tensor(0.5))]
""",
    "normal bad scale": "use('torch.distributions').Normal(0.0, -1.0, validate_args=True)",
    "beta": "out = use('torch.distributions').Beta(torch.tensor(2.0), torch.tensor(3.0)).log_prob(torch.tensor(0.4))",
    "adamw": """
w = torch.nn.Parameter(torch.ones(3))
o = torch.optim.AdamW([w], lr=0.1)
for _ in range(3):
    o.zero_grad(); (w ** 2).sum().backward(); o.step()
out = [w, o.state_dict()["param_groups"][0]["betas"]]
""",
    "optimizer without parameters": "torch.optim.Adam([])",
    "one cycle": """
o = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1, momentum=0.9)
s = torch.optim.lr_scheduler.OneCycleLR(o, 1.0, total_steps=4)
out = []
for _ in range(3):
    o.step(); s.step(); out.append(s.get_last_lr()[0])
""",
    "lambda lr": """
o = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
s = torch.optim.lr_scheduler.LambdaLR(o, lambda e: 0.5 ** e)
o.step(); s.step()
out = s.get_last_lr()
""",
    "swa": """
a = use("torch.optim.swa_utils")
m = torch.nn.Linear(1, 1, bias=False)
torch.nn.init.ones_(m.weight)
e = a.AveragedModel(m)
e.update_parameters(m)
m.weight.data.fill_(3.0)
e.update_parameters(m)
out = e.module.weight
""",
    "storages": """
x = torch.arange(4.0)
s = x.untyped_storage()
out = [s.nbytes(), x[1:].storage_offset(), x.view(2, 2).untyped_storage().data_ptr() == s.data_ptr(), len(s)]
""",
    "finfo": "out = [torch.finfo(torch.bfloat16).max, torch.finfo(torch.float16).eps, torch.iinfo(torch.int8).min]",
    "finfo of ints": "torch.finfo(torch.int32)",
    "iinfo of floats": "torch.iinfo(torch.float32)",
    "promotion": "out = [torch.promote_types(torch.int32, torch.float16), torch.result_type(torch.ones(1), 1.0)]",
    "device": "out = [torch.device('cpu').type, torch.device('cuda:1').index, torch.device('cpu') == torch.device('cpu')]",
    "device bad": "torch.device('cpu:x')",
    "generator": "out = torch.randn(3, generator=torch.Generator().manual_seed(7))",
    "fork_rng": """
torch.manual_seed(3)
with torch.random.fork_rng():
    torch.rand(5)
out = torch.rand(2)
""",
    "einsum": "out = torch.einsum('bij,bjk->bik', torch.arange(8.0).view(2, 2, 2), torch.ones(2, 2, 1))",
    "einsum bad": "torch.einsum('ij,jk->ik', torch.ones(2, 3), torch.ones(2, 3))",
    "scatter": "out = torch.zeros(2, 3).scatter_(1, torch.tensor([[0], [2]]), 1.0)",
    "index bad": "torch.ones(3)[5]",
    "attention": """
q = torch.arange(8.0).view(1, 2, 4) / 8
out = torch.nn.functional.scaled_dot_product_attention(q, q, q, is_causal=True)
""",
    "pad reflect": "out = torch.nn.functional.pad(torch.arange(4.0).view(1, 4), (1, 2), mode='reflect')",
    "interpolate": "out = torch.nn.functional.interpolate(torch.arange(4.0).view(1, 1, 2, 2), scale_factor=2, mode='bilinear')",
    "cross entropy": "out = torch.nn.functional.cross_entropy(torch.eye(3), torch.tensor([0, 1, -100]), label_smoothing=0.1)",
    "cross entropy bad": "torch.nn.functional.cross_entropy(torch.eye(3), torch.tensor([0, 1]))",
    "one_hot": "out = torch.nn.functional.one_hot(torch.tensor([0, 2]), 3)",
    "layer_norm": "out = torch.nn.functional.layer_norm(torch.arange(6.0).view(2, 3), (3,))",
    "trunc_normal_": "torch.manual_seed(0)\nout = torch.nn.init.trunc_normal_(torch.empty(4), std=0.02)",
    "xavier of a vector": "torch.nn.init.xavier_uniform_(torch.empty(3))",
    "module lists": """
m = torch.nn.ModuleDict({"a": torch.nn.ModuleList([torch.nn.Identity()]), "b": torch.nn.Dropout(0.5)})
out = [n for n, _ in m.named_modules()]
""",
    "load_state_dict bad": "torch.nn.Linear(2, 2).load_state_dict({'weight': torch.ones(2, 3)})",
    "hooks": """
m = torch.nn.Linear(1, 1)
seen = []
h = m.register_forward_hook(lambda mod, a, b: seen.append(type(mod).__name__))
m(torch.ones(1, 1)); h.remove(); m(torch.ones(1, 1))
out = seen
""",
    "dataloader": """
D = use("torch.utils.data")
d = D.TensorDataset(torch.arange(5))
out = [b[0] for b in D.DataLoader(d, batch_size=2, drop_last=True)]
""",
    "random_split": """
D = use("torch.utils.data")
a, b = D.random_split(range(5), [3, 2], generator=torch.Generator().manual_seed(1))
out = [list(a), list(b)]
""",
    "distributed sampler": """
D = use("torch.utils.data.distributed")
s = D.DistributedSampler(range(6), num_replicas=2, rank=1, shuffle=False)
out = list(s)
""",
    "save and load": """
import io
f = io.BytesIO()
torch.save({"a": torch.arange(3), "n": 1}, f)
f.seek(0)
out = torch.load(f, weights_only=True)
""",
    "load bad": "import io\ntorch.load(io.BytesIO(b'nothing'), weights_only=True)",
    "compile": "out = torch.compile(lambda x: x.sin() + 1, backend='eager')(torch.zeros(2))",
    "compiler": "out = [torch.compiler.is_compiling(), use('torch._dynamo').is_compiling()]",
    "compiler.disable": "out = torch.compiler.disable(lambda x: x + 1)(torch.ones(1))",
    "inference mode": """
with torch.inference_mode():
    out = [torch.is_grad_enabled(), torch.is_inference_mode_enabled()]
""",
    "autograd.grad unused": "x = torch.ones(1, requires_grad=True)\ntorch.autograd.grad(x * 1, torch.ones(1, requires_grad=True))",
    "in place on a leaf": "torch.ones(1, requires_grad=True).add_(1)",
    "anomaly": """
with torch.autograd.set_detect_anomaly(True):
    (torch.sqrt(torch.zeros(1, requires_grad=True)) * 0).sum().backward()
""",
    "clip_grad_norm_": """
w = torch.ones(4, requires_grad=True)
(w * torch.arange(4.0)).sum().backward()
out = [torch.nn.utils.clip_grad_norm_([w], 1.0), w.grad]
""",
    "foreach": """
a = [torch.ones(2), torch.arange(3.0)]
torch._foreach_mul_(a, 2.0)
torch._foreach_addcdiv_(a, a, [torch.ones(2), torch.ones(3) * 4], 0.5)
out = [a, list(torch._foreach_norm(a)), list(torch._foreach_add(a, a, alpha=3)), list(torch._foreach_maximum(a, 2.0)),
       list(torch._foreach_lerp(a, a, 0.5)), list(torch._foreach_pow(2.0, a))]
""",
    "foreach empty": "torch._foreach_add([], 1)",
    "foreach uneven": "torch._foreach_add([torch.ones(1)], [torch.ones(1), torch.ones(1)])",
    "sdpa_kernel": """
a = use("torch.nn.attention")
with a.sdpa_kernel(a.SDPBackend.MATH):
    inside = [torch.backends.cuda.flash_sdp_enabled(), torch.backends.cuda.math_sdp_enabled()]
out = [inside, torch.backends.cuda.flash_sdp_enabled(), a.SDPBackend.MATH.name, str(a.SDPBackend.FLASH_ATTENTION)]
""",
    "sdpa_kernel bad": "with use('torch.nn.attention').sdpa_kernel('math'):\n    pass",
    "grouped_mm": """
a, b = torch.arange(24.0).view(6, 4), torch.arange(32.0).view(2, 4, 4)
out = torch.nn.functional.grouped_mm(a, b, offs=torch.tensor([2, 6], dtype=torch.int32))
""",
    "grouped_mm without offs": "torch.nn.functional.grouped_mm(torch.ones(4, 4), torch.ones(2, 4, 4))",
    "small unsigned": "out = [torch.uint4, torch.uint4.itemsize, torch.uint7.is_signed]",
    "legacy names": "out = [torch.torch is torch, torch.legacy_contiguous_format, torch._shape_as_tensor(torch.ones(2, 3))]",
    "vision": "torch.manual_seed(0)\nout = torch._sample_dirichlet(torch.tensor([1.0, 2.0]))",
    "pairs": "u = use('torch.nn.modules.utils')\nout = [u._pair(3), u._triple((1, 2, 3)), u._ntuple(4)(0)]",
    "cpp extension": "out = use('torch.utils.cpp_extension').CUDA_HOME is None",
    "overrides": "out = use('torch.overrides').is_tensor_like(torch.ones(1))",
    "version": "v = use('torch.torch_version')\nout = [torch.__version__ >= '2.0', v.TorchVersion('1.9') < '1.10']",
    "is_tensor": "out = [torch.is_tensor(1), torch.is_floating_point(torch.ones(1)), torch.is_complex(torch.ones(1))]",
    "set_default_dtype": """
torch.set_default_dtype(torch.float64)
out = torch.ones(1).dtype
torch.set_default_dtype(torch.float32)
""",
}
