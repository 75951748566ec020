"""torch.utils.summary, program and draw, and SummaryWriter.add_graph: what a model is made of, as a user sees it."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import torchlike as torch
from torchlike import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.fc = nn.Linear(4 * 16, 10)
        self.again = nn.Linear(10, 10)
        self.unused = nn.Linear(3, 4)

    def forward(self, x):
        x = self.fc(self.features(x).flatten(1))
        return self.again(self.again(x))


def rows(text):
    return {m[1]: m[0] for m in re.finditer(r"^.*?(\d-\d).*$", text, re.M)}


def test_the_table_of_a_model(capsys):
    model = Net().train()
    made = torch.utils.summary(model, (2, 1, 4, 4))
    text = capsys.readouterr().out
    assert text == f"{made}\n"
    found = rows(text)
    assert list(found) == ["1-1", "2-1", "2-2", "2-3", "1-2", "1-3", "1-4"]
    assert "Conv2d (0): 2-1" in found["2-1"]
    assert "[2, 4, 4, 4]" in found["2-1"]
    assert " 40 " in found["2-1"]
    assert " 650 " in found["1-2"]
    assert " 110 " in found["1-3"]
    assert "(recursive)" in found["1-4"]
    assert re.search(r"^Net +\[2, 10\] +16 ", text, re.M), "the layer that was not called counts with the model"
    assert made.total_params == sum(p.numel() for p in model.parameters()) == 40 + 8 + 650 + 110 + 16
    assert model.training
    assert model.features[1].training
    assert model.features[1].num_batches_tracked == 0, "the modules are looked at in their evaluation mode"
    assert not model.fc._forward_hooks
    assert not model.fc._forward_pre_hooks


def test_operations_are_counted_by_xla():
    linear = torch.utils.summary(nn.Linear(8, 16, bias=False), torch.zeros(4, 8), verbose=0, memory=False)
    assert linear.total_flops == 2 * 4 * 8 * 16
    net = torch.utils.summary(Net(), (2, 1, 4, 4), verbose=0)
    parts = [net.flops(c) for c in net.calls if not c.children]
    # what stands between the layers, here a reshape, costs nothing
    assert net.total_flops == sum(parts)
    assert min(parts) > 0
    assert net.memory["arguments"] >= 4 * (2 * 16 + 40 + 16 + 650 + 110)


def test_depth_and_several_inputs():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(3, 3), nn.ReLU())

        def forward(self, x, y, scale=1.0):
            return self.body(x) * y * scale

    made = torch.utils.summary(Two(), ((2, 3), torch.ones(3)), depth=1, memory=False, verbose=0, scale=2.0)
    assert list(rows(str(made))) == ["1-1"]
    assert re.search(r"Sequential \(body\): 1-1 +\[2, 3\] +12 ", str(made))
    with pytest.raises(ValueError, match="give the model's input"):
        torch.utils.summary(Two())
    with pytest.raises(ValueError, match="'eval', 'train', 'same'"):
        torch.utils.summary(Two(), (2, 3), mode="evaluation")


def test_a_model_that_fails_keeps_no_hooks():
    model = Net()
    with pytest.raises(RuntimeError):
        torch.utils.summary(model, (2, 3, 4, 4))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_the_program_of_a_training_step_computes_the_step():
    torch.manual_seed(0)
    model, x = nn.Linear(4, 2), torch.randn(3, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = [p.detach().clone() for p in model.parameters()]
    x.tolist(), [b.tolist() for b in before]

    def step():
        loss = model(x).pow(2).mean()
        loss.backward()
        optimizer.step()
        return loss

    seen = torch.utils.program(step)
    loss = seen.result.item()
    given = [v if isinstance(v, float | int) else v.get() for v in seen.leaves]
    results = [np.asarray(r) for r in seen.function(*given)]
    assert [r.shape for r in results] == [o.shape for o in seen.outputs]
    for wanted in [np.float32(loss), *[p.detach().numpy() for p in model.parameters()]]:
        assert any(r.shape == wanted.shape and np.allclose(r, wanted, rtol=1e-6) for r in results)
    assert "dot_general" in str(seen)
    assert "HloModule" in seen.xla()
    assert "stablehlo" in seen.stablehlo()
    assert seen.cost()["flops"] >= 2 * 3 * 4 * 2


def test_a_program_goes_through_barriers():
    x = torch.arange(6.0)

    def read():
        y = x * 2
        y.sum().item()
        return (y + 1).sum()

    seen = torch.utils.program(read)
    assert [spec.op.name for spec, _, _ in seen.entries] == ["mul", "sum", "add", "sum"]
    assert float(seen.function(*[v if isinstance(v, int | float) else v.get() for v in seen.leaves])[-1]) == 36.0
    assert not torch.explain.watching


def test_the_graph_behind_a_loss_is_drawn(tmp_path):
    model = Net()
    loss = model(torch.randn(2, 1, 4, 4)).sum()
    made = torch.utils.draw(loss, params=dict(model.named_parameters()))
    kinds = [b.kind for b in made.boxes]
    assert kinds.count("root") == 1
    assert kinds.count("leaf") == 8
    texts = [b.text for b in made.boxes]
    assert "fc.weight (10, 64)" in texts
    assert "ConvolutionBackward0" in texts
    weight = texts.index("again.weight (10, 10)")
    assert sum(b == weight for _, b in made.arrows) == 2, "a layer that is used twice is one leaf"
    made.save(tmp_path / "graph.svg")
    svg = ET.parse(tmp_path / "graph.svg").getroot()
    name = "{http://www.w3.org/2000/svg}"
    assert [t.text for t in svg.iter(f"{name}text")] == texts
    boxes = [r for r in svg.iter(f"{name}rect") if r.get("rx")]
    width, height = float(svg.get("width")), float(svg.get("height"))
    places = set()
    for box in boxes:
        x, y, w, h = (float(box.get(k)) for k in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + w <= width + 1
        assert y + h <= height + 1
        assert not any(y == v and x < u + t and u < x + w for u, v, t in places), "boxes do not cover each other"
        places.add((x, y, w))
    level = dict(enumerate(float(b.get("y")) for b in boxes))
    assert all(level[a] < level[b] for a, b in made.arrows), "every arrow points down"


def test_what_cannot_be_drawn():
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.utils.draw(torch.ones(2))
    x = torch.ones(2, requires_grad=True)
    y = x
    for _ in range(2100):
        y = y + 1
    with pytest.raises(ValueError, match="more than 2000 nodes"):
        torch.utils.draw(y)


def test_tensorboard_gets_the_graph(tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.graph_pb2 import GraphDef
    from tensorboardX.record_writer import RecordWriter  # noqa: F401  there is a writer only, so records are read here

    with torch.utils.tensorboard.SummaryWriter(tmp_path) as writer:
        writer.add_graph(Net(), torch.zeros(2, 1, 4, 4))
    (file,) = tmp_path.iterdir()
    data, graphs = file.read_bytes(), []
    while data:  # length (8 bytes), its checksum (4), the record, its checksum (4)
        n = int.from_bytes(data[:8], "little")
        event = Event.FromString(data[12 : 12 + n])
        if event.graph_def:
            graphs.append(GraphDef.FromString(event.graph_def))
        data = data[16 + n :]
    (graph,) = graphs
    names = [node.name for node in graph.node]
    assert len(set(names)) == len(names)
    assert {"input/0", "Net/fc/weight", "Net/features/0/bias"} <= set(names)
    convolution = next(n for n in graph.node if n.name.startswith("Net/features/0/") and n.op.startswith("conv"))
    assert "input/0" in convolution.input
    assert [d.size for d in convolution.attr["_output_shapes"].list.shape[0].dim] == [2, 4, 4, 4]
    assert all(i.partition(":")[0] in names for node in graph.node for i in node.input)
