"""The text of tensors is PyTorch's, character for character: goldens recorded from PyTorch 2.13, then tables and
random tensors against the installed one."""

import doctest
import itertools

import ml_dtypes
import numpy as np
import pytest

from torchlike import printing

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch, the reference of this test, is not installed")
nan, inf = np.nan, np.inf


@pytest.fixture(autouse=True)
def default_options():
    yield
    printing.set_printoptions(profile="default")


# --- recorded: these run without PyTorch ------------------------------------------------------------------------------

# (values, arguments of tensor_str, print options, text)
GOLDENS = [
    (np.float32([1, 2, 3]), {}, {}, "tensor([1., 2., 3.])"),
    (np.float32([1.5, -2.25, 100]), {}, {}, "tensor([  1.5000,  -2.2500, 100.0000])"),
    (np.float32([1e-5, 1]), {}, {}, "tensor([1.0000e-05, 1.0000e+00])"),
    (np.float32([1e-4, 1e-4]), {}, {}, "tensor([1.0000e-04, 1.0000e-04])"),
    (np.float64([1e-4, 1e-4]), {}, {}, "tensor([0.0001, 0.0001], dtype=torch.float64)"),
    (np.float32([1, 1000]), {}, {}, "tensor([   1., 1000.])"),
    (np.float32([1, 1001]), {}, {}, "tensor([1.0000e+00, 1.0010e+03])"),
    (np.float32([1e8]), {}, {}, "tensor([100000000.])"),
    (np.float32([1.00000008e8]), {}, {}, "tensor([1.0000e+08])"),
    (np.float32([-0.0, 0.0]), {}, {}, "tensor([-0., 0.])"),
    (np.float32([nan, inf, -inf]), {}, {}, "tensor([nan, inf, -inf])"),
    (np.float32([nan, 1, -inf, 0.5]), {}, {}, "tensor([   nan, 1.0000,   -inf, 0.5000])"),
    (np.float32([nan, 1, -inf]), {}, {}, "tensor([nan, 1., -inf])"),
    (np.float32([nan, 1e-9, -inf, 0]), {}, {}, "tensor([       nan, 1.0000e-09,       -inf, 0.0000e+00])"),
    (np.float32(3), {}, {}, "tensor(3.)"),
    (np.float32(0.1), {"grad_fn_name": "MulBackward0"}, {}, "tensor(0.1000, grad_fn=<MulBackward0>)"),
    (np.float16([0.1, 65504]), {}, {}, "tensor([9.9976e-02, 6.5504e+04], dtype=torch.float16)"),
    (np.array([0.1, 3.0], ml_dtypes.bfloat16), {}, {}, "tensor([0.1001, 3.0000], dtype=torch.bfloat16)"),
    (np.array([0.1, 3.0], ml_dtypes.float8_e4m3fn), {}, {}, "tensor([0.1016, 3.0000], dtype=torch.float8_e4m3fn)"),
    (np.array([np.nan, 1.0], ml_dtypes.float8_e8m0fnu), {}, {}, "tensor([   nan, 1.0000], dtype=torch.float8_e8m0fnu)"),
    (np.int64([1, -20, 300]), {}, {}, "tensor([  1, -20, 300])"),
    (np.int32([1, 2]), {}, {}, "tensor([1, 2], dtype=torch.int32)"),
    (np.uint8([[1], [255]]), {}, {}, "tensor([[  1],\n        [255]], dtype=torch.uint8)"),
    (np.array([True, False]), {}, {}, "tensor([ True, False])"),
    (np.array(True), {}, {}, "tensor(True)"),
    (np.complex64([1 + 2j, -3 - 0.5j]), {}, {}, "tensor([ 1.+2.0000j, -3.-0.5000j])"),
    (np.complex64([1 + 2j]), {}, {}, "tensor([1.+2.j])"),
    (np.complex128(1e-7 - 2e9j), {}, {}, "tensor(1.0000e-07-2.0000e+09j, dtype=torch.complex128)"),
    (np.complex64([complex(nan, -0.0), complex(inf, -inf)]), {}, {}, "tensor([nan-0.j, inf-infj])"),
    (np.zeros((0,), np.float32), {}, {}, "tensor([])"),
    (np.zeros((0, 3), np.float32), {}, {}, "tensor([], size=(0, 3))"),
    (np.zeros((2, 0), np.int64), {}, {}, "tensor([], size=(2, 0), dtype=torch.int64)"),
    (np.zeros((0,), np.bool_), {}, {}, "tensor([], dtype=torch.bool)"),
    (
        np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 8,
        {"requires_grad": True},
        {},
        "tensor([[[0.0000, 0.1250, 0.2500, 0.3750],\n"
        "         [0.5000, 0.6250, 0.7500, 0.8750],\n"
        "         [1.0000, 1.1250, 1.2500, 1.3750]],\n"
        "\n"
        "        [[1.5000, 1.6250, 1.7500, 1.8750],\n"
        "         [2.0000, 2.1250, 2.2500, 2.3750],\n"
        "         [2.5000, 2.6250, 2.7500, 2.8750]]], requires_grad=True)",
    ),
    (
        np.arange(40),
        {},
        {},
        "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n"
        "        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,\n"
        "        36, 37, 38, 39])",
    ),
    (np.arange(2000), {}, {}, "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
    (
        np.arange(2000, dtype=np.float32).reshape(40, 50) / 2000,
        {"grad_fn_name": "ViewBackward0"},
        {},
        "tensor([[0.0000e+00, 5.0000e-04, 1.0000e-03,  ..., 2.3500e-02, 2.4000e-02,\n"
        "         2.4500e-02],\n"
        "        [2.5000e-02, 2.5500e-02, 2.6000e-02,  ..., 4.8500e-02, 4.9000e-02,\n"
        "         4.9500e-02],\n"
        "        [5.0000e-02, 5.0500e-02, 5.1000e-02,  ..., 7.3500e-02, 7.4000e-02,\n"
        "         7.4500e-02],\n"
        "        ...,\n"
        "        [9.2500e-01, 9.2550e-01, 9.2600e-01,  ..., 9.4850e-01, 9.4900e-01,\n"
        "         9.4950e-01],\n"
        "        [9.5000e-01, 9.5050e-01, 9.5100e-01,  ..., 9.7350e-01, 9.7400e-01,\n"
        "         9.7450e-01],\n"
        "        [9.7500e-01, 9.7550e-01, 9.7600e-01,  ..., 9.9850e-01, 9.9900e-01,\n"
        "         9.9950e-01]], grad_fn=<ViewBackward0>)",
    ),
    (
        np.float32([1.5] * 8),
        {"grad_fn_name": "AddBackward0"},
        {},
        "tensor([1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000],\n       grad_fn=<AddBackward0>)",
    ),
    (
        np.float32([1.5] * 5),
        {"grad_fn_name": "NativeLayerNormBackward0"},
        {},
        "tensor([1.5000, 1.5000, 1.5000, 1.5000, 1.5000],\n       grad_fn=<NativeLayerNormBackward0>)",
    ),
    (np.float32([3.14159265, 2.71828]), {}, {"precision": 2}, "tensor([3.14, 2.72])"),
    (np.float32([3.14159265, 2.71828]), {}, {"sci_mode": True}, "tensor([3.1416e+00, 2.7183e+00])"),
    (np.float32([1e-9, 1e9]), {}, {"sci_mode": False}, "tensor([         0.0000, 1000000000.0000])"),
    (np.arange(9), {}, {"threshold": 5, "edgeitems": 2}, "tensor([0, 1,  ..., 7, 8])"),
    (np.arange(9), {}, {"threshold": 5, "edgeitems": 0}, "tensor([...], size=(9,))"),
    (
        np.float32([[1.25] * 9]),
        {},
        {"linewidth": 30},
        "tensor([[1.2500, 1.2500,\n"
        "         1.2500, 1.2500,\n"
        "         1.2500, 1.2500,\n"
        "         1.2500, 1.2500,\n"
        "         1.2500]])",
    ),
]


@pytest.mark.parametrize(("values", "arguments", "options", "text"), GOLDENS, ids=range(len(GOLDENS)))
def test_recorded_texts(values, arguments, options, text):
    with printing.printoptions(**options):
        assert printing.tensor_str(np.asarray(values), **arguments) == text


def test_suffixes_that_need_another_device_or_class():
    ones = np.ones(2, np.float16)
    assert printing.tensor_str(ones, device="cuda:0") == "tensor([1., 1.], device='cuda:0', dtype=torch.float16)"
    assert printing.tensor_str(ones, contents="...", class_prefix="Mine(") == "Mine(..., dtype=torch.float16)"
    text = printing.tensor_str(np.ones(1, np.float32), requires_grad=True)
    assert printing.parameter_str(text) == "Parameter containing:\ntensor([1.], requires_grad=True)"
    text = printing.tensor_str(np.ones((2, 3), np.int64), device="meta")
    assert text == "tensor(..., device='meta', size=(2, 3), dtype=torch.int64)"


def test_the_gradient_node_hides_requires_grad():
    text = printing.tensor_str(np.ones(1, np.float32), requires_grad=True, grad_fn_name="CosBackward0")
    assert text == "tensor([1.], grad_fn=<CosBackward0>)"


def test_options():
    initial = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}
    assert printing.get_printoptions() == initial
    printing.set_printoptions(profile="short", linewidth=50)
    expected = {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 50, "sci_mode": None}
    assert printing.get_printoptions() == expected
    printing.set_printoptions(profile="full", sci_mode=False)
    assert printing.get_printoptions()["threshold"] == inf
    assert printing.get_printoptions()["sci_mode"] is False
    printing.set_printoptions(precision=3)
    assert printing.get_printoptions()["sci_mode"] is None, "a call that does not name sci_mode resets it"
    with pytest.raises(KeyError), printing.printoptions(precision=7):
        raise KeyError(printing.tensor_str(np.float32([0.5])))
    assert printing.get_printoptions()["precision"] == 3, "options come back after an error, too"
    with pytest.raises(ValueError, match="unknown print profile 'long', expected one of"):
        printing.set_printoptions(precision=1, profile="long")
    assert printing.get_printoptions()["precision"] == 3, "a refused call changes nothing"


class OnlyIndexed:
    """An array of a million million elements that takes no memory; it counts what is read of it."""

    shape, dtype = (10**6, 10**6), np.dtype(np.float32)

    def __init__(self):
        self.read = 0

    def __getitem__(self, index):
        rows, columns = np.broadcast_arrays(*index)
        self.read += rows.size
        return ((rows + columns) % 7).astype(self.dtype)


def test_only_the_corners_of_a_large_array_are_read():
    array = OnlyIndexed()
    text = printing.tensor_str(array)
    assert array.read == 36
    assert text.startswith("tensor([[0., 1., 2.,  ..., ")
    assert text.count("...") == 7


def test_what_is_not_shown_has_no_say_in_the_format():
    values = np.ones(2000, np.float32)
    values[1000] = 1e-20
    assert printing.tensor_str(values) == "tensor([1., 1., 1.,  ..., 1., 1., 1.])"


def test_examples_in_the_docstrings():
    tried = doctest.testmod(printing)
    assert tried.attempted > 10
    assert tried.failed == 0


# --- against PyTorch --------------------------------------------------------------------------------------------------

FLOATS = ["float16", "bfloat16", "float32", "float64"]
SMALL_FLOATS = ["float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"]
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
COMPLEX = ["complex64", "complex128"]
DTYPES = [*FLOATS, *SMALL_FLOATS, *INTEGERS, "bool", *COMPLEX]

SHAPES = [(), (1,), (7,), (53,), (1, 1), (3, 4), (2, 25), (2, 3, 4), (2, 1, 2, 3)]
SHAPES += [(0,), (0, 3), (2, 0), (1, 0, 2), (1001,), (1000,), (7, 150), (150, 7), (6, 200), (3, 7, 60), (2, 7, 8, 10)]

MAGNITUDES = ["ones", "whole", "tenths", "spread", "tiny", "huge", "special"]


def numpy_dtype(name):
    return np.dtype(getattr(ml_dtypes, name)) if name.startswith(("bfloat", "float8")) else np.dtype(name)


def draw(rng, name, shape, magnitude):
    """Random values of one dtype; `magnitude` is what decides between PyTorch's notations."""
    if name == "bool":
        return rng.random(shape) < 0.5
    if name in INTEGERS:
        bounds = np.iinfo(name)
        low, high = {"ones": (0, 10), "whole": (-100, 100)}.get(magnitude, (bounds.min, bounds.max))
        return rng.integers(max(low, bounds.min), min(high, bounds.max), shape, dtype=name, endpoint=True)
    if name in COMPLEX:
        parts = [draw(rng, "float64", shape, kind) for kind in (magnitude, rng.choice(MAGNITUDES))]
        values = np.empty(shape, np.complex128)
        values.real, values.imag = parts
    elif magnitude == "ones":
        values = rng.choice([-0.0, 0.0, 1.0, -1.0], shape)
    elif magnitude == "whole":
        values = np.round(rng.normal(size=shape) * 10 ** rng.uniform(0, 5))
    elif magnitude == "tenths":
        values = np.round(rng.normal(size=shape), 1)
    elif magnitude == "special":
        values = rng.choice([nan, inf, -inf, 0.0, -0.0, 1.0, -2.5], shape)
    else:
        low, high = {"spread": (-12, 12), "tiny": (-5, -3), "huge": (6, 9)}[magnitude]
        values = rng.choice([-1, 1], shape) * 10 ** rng.uniform(low, high, shape)
    with np.errstate(all="ignore"):
        return np.asarray(values).astype(numpy_dtype(name))


def to_torch(array):
    name = array.dtype.name
    if name.startswith(("bfloat", "float8")):
        bits = array.view({1: np.uint8, 2: np.int16}[array.dtype.itemsize])
        return torch.from_numpy(np.array(bits)).view(getattr(torch, name))
    return torch.from_numpy(np.array(array))


def check(array, note="", **options):
    """Compare the text of an array with PyTorch's, under print options."""
    with torch._tensor_str.printoptions(**options):
        expected = repr(to_torch(array))
    with printing.printoptions(**options):
        found = printing.tensor_str(array)
    assert found == expected, f"{array.dtype.name} {array.shape} {options} {note}\n{found}\nPyTorch:\n{expected}"


@needs_torch
def test_the_check_can_fail(monkeypatch):
    monkeypatch.setattr(printing, "tensor_str", lambda array: "tensor([1.0])")
    with pytest.raises(AssertionError, match="PyTorch:"):
        check(np.ones(1, np.float32))


@needs_torch
@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype_shape_and_magnitude(name):
    rng = np.random.default_rng(0)
    for shape, magnitude in itertools.product(SHAPES, MAGNITUDES):
        check(draw(rng, name, shape, magnitude), magnitude)


@needs_torch
@pytest.mark.parametrize("name", FLOATS)
def test_borders_between_the_notations(name):
    """The three borders, approached from both sides by one unit in the last place of each dtype."""
    dtype = numpy_dtype(name)
    bits = {2: np.int16, 4: np.int32, 8: np.int64}[dtype.itemsize]
    for border, other in itertools.product([1e-4, 1e8, 1000.0, 2000.0, 0.5, 1.0], [0.0, 1.0, 2.0, 0.5, 1e-3, nan]):
        with np.errstate(over="ignore"):
            centre = np.array([border], dtype)
        for step in (-1, 0, 1):
            near = (centre.view(bits) + bits(step)).view(dtype)
            for value in (near, np.negative(near)):
                check(np.concatenate([value, np.array([other], dtype)]), f"{border} {step}")


@needs_torch
@pytest.mark.parametrize("name", ["float32", "float64", "bfloat16"])
def test_smallest_and_largest_values(name):
    bounds = ml_dtypes.finfo(numpy_dtype(name))
    for value in (bounds.max, bounds.min, bounds.tiny, bounds.smallest_subnormal):
        check(np.array([value], bounds.dtype))
        check(np.array([value, bounds.max], bounds.dtype))
        check(np.array([value, 0.0], bounds.dtype), sci_mode=False)


OPTIONS = [{"profile": profile} for profile in ("default", "short", "full")]
OPTIONS += [{"precision": digits} for digits in (0, 1, 8)]
OPTIONS += [{"threshold": count, "edgeitems": edge} for count in (0, 5, 11, 12) for edge in (0, 1, 2, 5)]
OPTIONS += [{"linewidth": width} for width in (1, 12, 40, 79, 81, 200)]
OPTIONS += [{"sci_mode": chosen, "precision": digits} for chosen in (True, False) for digits in (0, 3)]


@needs_torch
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_print_options(options):
    rng = np.random.default_rng(1)
    shapes = [(), (3,), (12,), (60,), (4, 3), (3, 5, 6), (5, 1, 2, 4), (0, 2)]
    for shape, name in itertools.product(shapes, ["float32", "int64", "bool", "complex64"]):
        check(draw(rng, name, shape, rng.choice(MAGNITUDES)), **options)


@needs_torch
@pytest.mark.parametrize("linewidth", [20, 40, 45, 46, 49, 50, 60, 80])
def test_suffixes_wrap_where_pytorch_wraps_them(linewidth):
    for count, name, default in itertools.product(range(14), ["float16", "float32", "float64", "complex128"], FLOATS):
        leaf = torch.ones(count, dtype=getattr(torch, name))
        leaf = (leaf / 2).requires_grad_()
        before = torch.get_default_dtype()
        try:
            torch.set_default_dtype(getattr(torch, default))
            with torch._tensor_str.printoptions(linewidth=linewidth):
                expected = [repr(leaf), repr(leaf * 1), repr(torch.nn.Parameter(leaf)), repr(leaf.to("meta").detach())]
        finally:
            torch.set_default_dtype(before)
        values, shared = leaf.detach().numpy(), {"default_dtype_name": default, "dtype_name": name}
        with printing.printoptions(linewidth=linewidth):
            plain = printing.tensor_str(values, requires_grad=True, **shared)
            made = printing.tensor_str(values, grad_fn_name="MulBackward0", **shared)
            meta = printing.tensor_str(values, device="meta", **shared)
        assert [plain, made, printing.parameter_str(plain), meta] == expected


@needs_torch
def test_the_prefix_of_a_subclass_indents():
    class Measured(torch.Tensor):
        pass

    values = np.arange(60, dtype=np.float32).reshape(2, 30)
    expected = repr(to_torch(values).as_subclass(Measured))
    assert printing.tensor_str(values, class_prefix="Measured(") == expected


@needs_torch
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_tensors(seed):
    print("seed", seed)
    rng = np.random.default_rng(seed)
    for trial in range(1000):
        shape = tuple(int(size) for size in rng.integers(0 if trial % 10 == 0 else 1, 7, rng.integers(0, 5)))
        if trial % 5 == 0:
            shape = (int(rng.integers(1, 80)),)
        options = {}
        if rng.random() < 0.5:
            options = {
                "precision": int(rng.integers(0, 9)),
                "threshold": int(rng.integers(0, 100)),
                "edgeitems": int(rng.integers(0, 4)),
                "linewidth": int(rng.integers(1, 120)),
                "sci_mode": [None, None, True, False][rng.integers(4)],
            }
        array = draw(rng, rng.choice(DTYPES), shape, rng.choice(MAGNITUDES))
        check(array, f"seed {seed} trial {trial}", **options)


@needs_torch
@pytest.mark.parametrize("name", [*FLOATS, *SMALL_FLOATS, *COMPLEX])
def test_finfo(name):
    info = torch.finfo(getattr(torch, name))
    fields = ("resolution", "min", "max", "eps", "smallest_normal", "tiny", "dtype")
    assert printing.finfo_str(**{field: getattr(info, field) for field in fields}) == repr(info)


@needs_torch
@pytest.mark.parametrize("name", INTEGERS)
def test_iinfo(name):
    info = torch.iinfo(getattr(torch, name))
    assert printing.iinfo_str(min=info.min, max=info.max, dtype=info.dtype) == repr(info)


@needs_torch
@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (0, 4, 5)], ids=str)
def test_size(shape):
    assert printing.size_str(shape) == repr(torch.Size(shape))
