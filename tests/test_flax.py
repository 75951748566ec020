"""Flax modules in torchlike and torchlike modules in Flax: the same numbers, trained by either side's loop."""

import copy
import io

import flax.linen as linen
import flax.nnx as nnx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import torchlike as torch
from torchlike.core.explain import counts


class Block(linen.Module):
    """A transformer's encoder block, norms first."""

    width: int
    heads: int
    dropout: float

    @linen.compact
    def __call__(self, x, mask=None, deterministic: bool = True):
        y = linen.MultiHeadDotProductAttention(self.heads, dropout_rate=self.dropout)(
            linen.LayerNorm()(x), mask=mask, deterministic=deterministic
        )
        x = x + linen.Dropout(self.dropout)(y, deterministic=deterministic)
        y = linen.Dense(self.width)(linen.gelu(linen.Dense(4 * self.width)(linen.LayerNorm()(x))))
        return x + linen.Dropout(self.dropout)(y, deterministic=deterministic)


class Transformer(linen.Module):
    words: int = 11
    width: int = 8
    dropout: float = 0.0

    @linen.compact
    def __call__(self, tokens, deterministic: bool = True):
        x = linen.Embed(self.words, self.width)(tokens)
        mask = linen.make_causal_mask(tokens)
        for _ in range(2):
            x = Block(self.width, 2, self.dropout)(x, mask, deterministic)
        return linen.Dense(self.words)(linen.LayerNorm()(x))


class CNN(linen.Module):
    @linen.compact
    def __call__(self, x, train: bool = False):  # (B, H, W, C)
        for channels in (4, 8):
            x = linen.Conv(channels, (3, 3))(x)
            x = linen.relu(linen.BatchNorm(use_running_average=not train, momentum=0.9)(x))
            x = linen.max_pool(x, (2, 2), (2, 2))
        return linen.Dense(3)(x.reshape(x.shape[0], -1))


class Net(nnx.Module):
    def __init__(self, rngs, dropout=0.5):
        self.layers = nnx.List([nnx.Linear(6, 8, rngs=rngs), nnx.Linear(8, 3, rngs=rngs)])
        self.norm = nnx.BatchNorm(8, rngs=rngs)
        self.dropout = nnx.Dropout(dropout, rngs=rngs)

    def __call__(self, x):
        x = self.dropout(nnx.relu(self.norm(self.layers[0](x))))
        return self.layers[1](x)


RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((6, 8, 8, 2)).astype(np.float32)
LABELS = RNG.integers(0, 3, 6)
TOKENS = RNG.integers(0, 11, (4, 7)).astype(np.int32)
NEXT = np.roll(TOKENS, -1, 1)
ROWS = RNG.standard_normal((6, 6)).astype(np.float32)


def close(ours, theirs, tolerance=2e-6):
    ours = ours.detach().numpy() if hasattr(ours, "detach") else np.asarray(ours)
    np.testing.assert_allclose(ours, np.asarray(theirs), tolerance, tolerance)


def tree_close(ours, theirs, tolerance=2e-6):
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    jax.tree.map(lambda a, b: close(a, b, tolerance), ours, theirs)


# --- from Flax -------------------------------------------------------------------------------------------------------


def test_linen_cnn_trained_by_either_side():
    """Ten steps: torchlike's loop over the wrapped module, and a plain Flax and optax loop over the module itself."""
    module = CNN()
    ours = torch.nn.from_flax(module, torch.tensor(IMAGES))
    variables = ours.variables()
    close(ours.eval()(torch.tensor(IMAGES)), module.apply(variables, IMAGES))
    optimizer = torch.optim.SGD(ours.train().parameters(), lr=0.05, momentum=0.9)
    tx = optax.sgd(0.05, 0.9)

    @jax.jit
    def step(params, stats, state):
        def loss(p):
            out, new = module.apply({"params": p, **stats}, IMAGES, train=True, mutable=["batch_stats"])
            return optax.softmax_cross_entropy_with_integer_labels(out, LABELS).mean(), new

        (value, stats), grads = jax.value_and_grad(loss, has_aux=True)(params)
        updates, state = tx.update(grads, state)
        return optax.apply_updates(params, updates), stats, state, value

    params, stats = variables["params"], {"batch_stats": variables["batch_stats"]}
    state = tx.init(params)
    for i in range(10):
        params, stats, state, value = step(params, stats, state)
        if i == 4:
            counts.reset()
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(ours(torch.tensor(IMAGES)), torch.tensor(LABELS))
        loss.backward()
        optimizer.step()
        close(loss, value, 1e-5)
    assert counts.compilations == 0
    tree_close(ours.variables(), {"params": params, **stats}, 1e-4)
    close(ours.eval()(torch.tensor(IMAGES)), module.apply({"params": params, **stats}, IMAGES), 1e-4)


def test_linen_transformer_trained_by_either_side():
    torch.manual_seed(0)
    module = Transformer()
    ours = torch.nn.from_flax(module, TOKENS)
    assert "Block_0.MultiHeadDotProductAttention_0.query.kernel" in ours.state_dict()
    params, tx = ours.variables()["params"], optax.adam(1e-2)
    close(ours(torch.tensor(TOKENS)), module.apply({"params": params}, TOKENS))

    @jax.jit
    def step(params, state):
        def loss(p):
            out = module.apply({"params": p}, TOKENS)
            return optax.softmax_cross_entropy_with_integer_labels(out, NEXT).mean()

        value, grads = jax.value_and_grad(loss)(params)
        updates, state = tx.update(grads, state)
        return optax.apply_updates(params, updates), state, value

    optimizer = torch.optim.Adam(ours.parameters(), lr=1e-2)
    state, values = tx.init(params), []
    for _ in range(10):
        params, state, value = step(params, state)
        optimizer.zero_grad()
        out = ours(torch.tensor(TOKENS))
        loss = torch.nn.functional.cross_entropy(out.flatten(0, 1), torch.tensor(NEXT).long().flatten())
        loss.backward()
        optimizer.step()
        close(loss, value, 1e-4)
        values.append(loss.item())
    assert values[-1] < 0.8 * values[0]


def test_dropout_draws_from_the_generator_and_only_while_training():
    ours = torch.nn.from_flax(Transformer(dropout=0.5), TOKENS)
    x = torch.tensor(TOKENS)
    torch.manual_seed(3)
    first = ours(x)
    assert not torch.equal(first, ours(x))
    torch.manual_seed(3)
    assert torch.equal(first, ours(x))
    before = torch.get_rng_state()
    ours.eval()
    assert torch.equal(ours(x), ours(x))
    assert torch.equal(ours.train()(x, deterministic=True), ours.eval()(x))
    assert torch.equal(before, torch.get_rng_state())


def test_dropout_is_flax_s_own():
    """The mask of the key that was drawn: as `apply` with that key."""
    ours = torch.nn.from_flax(linen.Dropout(0.5, deterministic=False), ROWS)
    torch.manual_seed(0)
    out = ours(torch.tensor(ROWS))
    torch.manual_seed(0)
    bits = torch.nn.from_flax.__globals__["_bits_now"](())
    key = jax.random.wrap_key_data(jnp.asarray(bits), impl="threefry2x32")
    close(out, linen.Dropout(0.5, deterministic=False).apply({}, ROWS, rngs={"dropout": key}))


def test_nnx_module():
    module = Net(nnx.Rngs(0), dropout=0.0)
    ours = torch.nn.from_flax(module)
    assert [n for n, _ in ours.named_parameters()] == [
        "layers.0.bias", "layers.0.kernel", "layers.1.bias", "layers.1.kernel", "norm.bias", "norm.scale"]  # fmt: skip
    assert [n for n, _ in ours.named_buffers()] == ["norm.mean", "norm.var"]
    module.train()
    x = torch.tensor(ROWS)
    for _ in range(3):
        close(ours(x), module(jnp.asarray(ROWS)))
    close(ours.norm.mean, module.norm.mean.get_value())
    module.eval()
    close(ours.eval()(x), module(jnp.asarray(ROWS)))
    back = ours.merge()
    close(back(jnp.asarray(ROWS)), module(jnp.asarray(ROWS)))

    def loss(m):
        return (m(jnp.asarray(ROWS)) ** 2).sum()

    theirs = nnx.grad(loss)(module)
    (ours(x) ** 2).sum().backward()
    close(ours.layers._modules["0"]._parameters["kernel"].grad, theirs["layers"][0]["kernel"].get_value(), 1e-5)


def test_nnx_dropout():
    ours = torch.nn.from_flax(Net(nnx.Rngs(0)))
    x = torch.tensor(ROWS)
    torch.manual_seed(1)
    first = ours(x)
    assert not torch.equal(first, ours(x))
    torch.manual_seed(1)
    assert torch.equal(first, ours(x))


def test_beside_torchlike_layers_saved_copied_and_compiled():
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(6, 6), torch.nn.from_flax(Net(nnx.Rngs(0), 0.0)), torch.nn.Tanh(),
        torch.nn.from_flax(linen.Dense(2), torch.ones(1, 3)),
    )  # fmt: skip
    x = torch.tensor(ROWS)
    model(x)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = copy.deepcopy(model)
    for p in other.parameters():
        torch.nn.init.zeros_(p)
    other.load_state_dict(torch.load(file))
    model.eval(), other.eval()
    assert torch.equal(model(x), other(x))
    assert torch.equal(torch.compile(model)(x), model(x))
    captured = torch.compile(lambda x: model(x) * 1, fullgraph=True)
    for k in range(3):
        close(captured(x + k), model(x + k).detach().numpy())
    expected = torch.stack([model(row[None])[0] for row in x])
    close(torch.func.vmap(lambda row: model(row[None])[0])(x), expected.detach().numpy())


def test_structures_and_other_state():
    class Counter(linen.Module):
        """Takes and gives nests; counts its calls in a collection of its own."""

        @linen.compact
        def __call__(self, pair, scale=1.0, names=None):
            n = self.variable("calls", "n", lambda: jnp.zeros((), jnp.int32))
            n.value += 1
            return {"sum": (pair["a"] + pair["b"]) * scale, "more": [pair["a"], names]}

    ours = torch.nn.from_flax(Counter(), {"a": ROWS, "b": ROWS})
    x = torch.tensor(ROWS)
    start = ours.calls.n.item()
    out = ours({"a": x, "b": x}, scale=2.0, names="left")
    close(out["sum"], 4 * ROWS)
    assert out["more"][1] == "left"
    assert ours.calls.n.item() == start + 1
    assert ours.calls.n.dtype == torch.int32


def test_given_variables_and_wrong_modules():
    module = linen.Dense(2)
    variables = module.init(jax.random.key(0), ROWS)
    close(torch.nn.from_flax(module, variables=variables)(torch.tensor(ROWS)), module.apply(variables, ROWS))
    with pytest.raises(TypeError, match="must be a Flax module, not Linear"):
        torch.nn.from_flax(torch.nn.Linear(1, 1))
    with pytest.raises(TypeError, match="nnx.update"):
        torch.nn.from_flax(Net(nnx.Rngs(0)), variables={})


# --- to Flax ---------------------------------------------------------------------------------------------------------


def cnn():
    """No bias before the norm: its gradient is rounding, of which Adam makes whole steps."""
    nn = torch.nn
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64, 3),
    )  # fmt: skip


def test_cnn_as_nnx_trained_by_optax():
    x, model = IMAGES.transpose(0, 3, 1, 2), cnn()
    theirs = torch.nn.to_flax(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    tx = nnx.Optimizer(theirs, optax.adam(0.01), wrt=nnx.Param)

    @nnx.jit
    def step(m, o, x):
        def loss(m):
            return optax.softmax_cross_entropy_with_integer_labels(m(x), LABELS).mean()

        value, grads = nnx.value_and_grad(loss)(m)
        o.update(m, grads)
        return value

    for _ in range(8):
        value = step(theirs, tx, jnp.asarray(x))
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(torch.tensor(x)), torch.tensor(LABELS))
        loss.backward()
        optimizer.step()
        close(loss, value, 1e-4)
    close(model[1].running_mean, theirs.buffers["1"]["running_mean"].get_value(), 1e-4)
    assert int(theirs.buffers["1"]["num_batches_tracked"].get_value()) == 8
    theirs.eval()
    close(model.eval()(torch.tensor(x)), theirs(jnp.asarray(x)), 1e-3)
    assert int(theirs.buffers["1"]["num_batches_tracked"].get_value()) == 8


def test_transformer_as_a_function_trained_by_optax():
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True, activation="gelu")
    stack = torch.nn.TransformerEncoder(layer, 2)
    model = torch.nn.Sequential(torch.nn.Embedding(11, 8), stack, torch.nn.Linear(8, 11))
    function, params, buffers = torch.nn.to_function(model)
    assert buffers == {}
    assert set(params["1"]["layers"]["0"]["self_attn"]) == {"in_proj_weight", "in_proj_bias", "out_proj"}
    tx, optimizer = optax.adam(1e-2), torch.optim.Adam(model.parameters(), lr=1e-2)

    @jax.jit
    def step(params, state):
        def loss(p):
            out, _ = function(p, TOKENS, train=True)
            return optax.softmax_cross_entropy_with_integer_labels(out, NEXT).mean()

        value, grads = jax.value_and_grad(loss)(params)
        updates, state = tx.update(grads, state)
        return optax.apply_updates(params, updates), state, value

    state = tx.init(params)
    for _ in range(8):
        params, state, value = step(params, state)
        optimizer.zero_grad()
        out = model(torch.tensor(TOKENS))
        loss = torch.nn.functional.cross_entropy(out.flatten(0, 1), torch.tensor(NEXT).long().flatten())
        loss.backward()
        optimizer.step()
        close(loss, value, 1e-4)


def test_draws_inside_a_function_come_from_its_key():
    model = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Dropout(0.5))
    function, params, _ = torch.nn.to_function(model)
    run = jax.jit(lambda key: function(params, jnp.ones(64), train=True, key=key)[0])
    before = torch.get_rng_state()
    a, b, c = run(jax.random.key(0)), run(jax.random.key(1)), run(jax.random.key(0))
    assert jnp.array_equal(a, c)
    assert not jnp.array_equal(a, b)
    assert set(np.unique(a)) == {0.0, 4.0}
    assert torch.equal(before, torch.get_rng_state())
    assert jnp.array_equal(function(params, jnp.ones(64)), jnp.ones(64))
    with pytest.raises(ValueError, match="give the function a `key`"):
        function(params, jnp.ones(64), train=True)
    theirs = torch.nn.to_flax(model, nnx.Rngs(0))
    first = theirs(jnp.ones(64))
    assert not jnp.array_equal(first, theirs(jnp.ones(64)))
    with pytest.raises(ValueError, match="give to_flax"):
        torch.nn.to_flax(model)(jnp.ones(64))


def test_there_and_back():
    torch.manual_seed(0)
    model = torch.nn.Linear(6, 2)
    back = torch.nn.from_flax(torch.nn.to_flax(model))
    assert torch.equal(back(torch.tensor(ROWS)), model(torch.tensor(ROWS)))
    assert [n for n, _ in back.named_parameters()] == ["params.bias", "params.weight"]
