"""A model's forward pass as TensorBoard's graph: one node for every recorded operation, grouped by modules."""

from __future__ import annotations

from tensorboardX.proto.attr_value_pb2 import AttrValue
from tensorboardX.proto.graph_pb2 import GraphDef
from tensorboardX.proto.node_def_pb2 import NodeDef
from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboardX.proto.versions_pb2 import VersionDef

from torchlike.core.value import Aval, Value
from torchlike.nn import Module
from torchlike.tensor import Tensor
from torchlike.utils._pytree import tree_leaves
from torchlike.utils.model_summary import Call, calls_of


def graph(model: Module, args: tuple) -> GraphDef:
    """The graph of one forward pass. Parameters and buffers stand within their module, `args` under "input"."""
    named = {
        id(t._read()): name.replace(".", "/")
        for name, t in [*model.named_parameters(remove_duplicate=False), *model.named_buffers()]
    }
    named |= {id(t._read()): f"input/{i}" for i, t in enumerate(tree_leaves(args)) if isinstance(t, Tensor)}
    root, seen = calls_of(model, args, {})
    scopes = [""] * len(seen.entries)
    _mark(root, "", scopes)
    title = type(model).__name__
    nodes: list[NodeDef] = []
    names: dict[int, str] = {}
    leaves: set[str] = set()
    numbers = 0
    for slot, leaf in zip(seen.leaf_slots, seen.leaves, strict=True):
        known = named.get(id(leaf)) if isinstance(leaf, Value) else None
        if known is None:
            known, numbers = f"constant/{numbers}", numbers + 1
        name = known if known.startswith("input/") else f"{title}/{known}"
        if name not in leaves:
            leaves.add(name)
            avals = (leaf.aval,) if isinstance(leaf, Value) else ()
            nodes.append(_node(name, "constant" if "constant/" in known else "parameter", [], avals))
        names[slot] = name
    for i, (spec, slots, first) in enumerate(seen.entries):
        name = "/".join(filter(None, [title, scopes[i], f"{spec.op.name}_{i}"]))
        nodes.append(_node(name, spec.op.name, [names[s] for s in slots], spec.outs))
        names |= {first + k: name if k == 0 else f"{name}:{k}" for k in range(len(spec.outs))}
    return GraphDef(node=nodes, versions=VersionDef(producer=22))


def _mark(call: Call, path: str, scopes: list[str]) -> None:
    """Note the innermost module of every operation."""
    here = f"{path}/{call.name}" if path else call.name
    scopes[call.start : call.end] = [here] * (call.end - call.start)
    for child in call.children:
        _mark(child, here, scopes)


def _node(name: str, kind: str, inputs: list[str], outs: tuple[Aval, ...]) -> NodeDef:
    shapes = [TensorShapeProto(dim=[TensorShapeProto.Dim(size=n) for n in a.shape]) for a in outs]
    attr = {"_output_shapes": AttrValue(list=AttrValue.ListValue(shape=shapes))} if shapes else {}
    return NodeDef(name=name, op=kind, input=inputs, attr=attr)
