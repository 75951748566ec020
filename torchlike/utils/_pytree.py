"""torch.utils._pytree: nests of containers as a list of leaves and a structure.

Beside tuples, lists, dicts, named tuples, ordered and default dicts and deques, any class that is registered.
"""

from __future__ import annotations

import dataclasses
import json
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

PyTree = Any
Context = Any
FlattenFunc = Callable[[PyTree], tuple[list[Any], Context]]
UnflattenFunc = Callable[[Iterable[Any], Context], PyTree]
KeyPath = tuple


class NodeDef(NamedTuple):
    """How objects of one class come apart and together again."""

    type: type
    flatten_fn: Callable
    unflatten_fn: Callable
    flatten_with_keys_fn: Callable | None
    serialized_type_name: str | None = None
    to_dumpable_context: Callable | None = None
    from_dumpable_context: Callable | None = None


SUPPORTED_NODES: dict[Any, NodeDef] = {}


@dataclasses.dataclass(frozen=True)
class SequenceKey:
    """A place in a sequence."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence: Any) -> Any:
        """The element there."""
        return sequence[self.idx]


@dataclasses.dataclass(frozen=True)
class MappingKey:
    """A place in a mapping."""

    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping: Any) -> Any:
        """The element there."""
        return mapping[self.key]


@dataclasses.dataclass(frozen=True)
class GetAttrKey:
    """An attribute."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj: Any) -> Any:
        """Its value."""
        return getattr(obj, self.name)


def keystr(kp: KeyPath) -> str:
    """A path of keys as Python would write it."""
    return "".join(map(str, kp))


def register_pytree_node(
    cls: type, flatten_fn: Callable, unflatten_fn: Callable, *, serialized_type_name: str | None = None,
    to_dumpable_context: Callable | None = None, from_dumpable_context: Callable | None = None,
    flatten_with_keys_fn: Callable | None = None, **kwargs: Any,
) -> None:  # fmt: skip
    """Say how a class comes apart, `flatten_fn(obj) -> (children, context)`, and together, `unflatten_fn(children,
    context)`. ValueError if it is registered already."""
    if cls in SUPPORTED_NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    SUPPORTED_NODES[cls] = NodeDef(
        cls, flatten_fn, unflatten_fn, flatten_with_keys_fn, serialized_type_name, to_dumpable_context,
        from_dumpable_context,
    )  # fmt: skip


_register_pytree_node = register_pytree_node


def register_dataclass(cls: type, *, field_names: list[str] | None = None, drop_field_names: list[str] | None = None,
                       serialized_type_name: str | None = None) -> None:  # fmt: skip
    """Register a dataclass: its fields are the children."""
    names = field_names or [f.name for f in dataclasses.fields(cls) if f.init]
    names = [n for n in names if n not in (drop_field_names or ())]
    register_pytree_node(
        cls,
        lambda x: ([getattr(x, n) for n in names], names),
        lambda parts, c: cls(**dict(zip(c, parts, strict=True))),
        flatten_with_keys_fn=lambda x: ([(GetAttrKey(n), getattr(x, n)) for n in names], names),
        serialized_type_name=serialized_type_name,
    )  # fmt: skip


def _dict_flatten(d: dict) -> tuple[list, Any]:
    return list(d.values()), list(d)


def _dict_flatten_with_keys(d: dict) -> tuple[list, Any]:
    return [(MappingKey(k), v) for k, v in d.items()], list(d)


def _dict_unflatten(values: Iterable, context: Any) -> dict:
    return dict(zip(context, values, strict=True))


def _sequence_with_keys(s: Any) -> tuple[list, Any]:
    parts, context = _parts(s)
    return [(SequenceKey(i), x) for i, x in enumerate(parts)], context


register_pytree_node(tuple, lambda x: (list(x), None), lambda v, c: tuple(v), flatten_with_keys_fn=_sequence_with_keys,
                     serialized_type_name="builtins.tuple")  # fmt: skip
register_pytree_node(list, lambda x: (x, None), lambda v, c: list(v), flatten_with_keys_fn=_sequence_with_keys,
                     serialized_type_name="builtins.list")  # fmt: skip
register_pytree_node(dict, _dict_flatten, _dict_unflatten, flatten_with_keys_fn=_dict_flatten_with_keys,
                     serialized_type_name="builtins.dict")  # fmt: skip
register_pytree_node(OrderedDict, _dict_flatten, lambda v, c: OrderedDict(zip(c, v, strict=True)),
                     flatten_with_keys_fn=_dict_flatten_with_keys,
                     serialized_type_name="collections.OrderedDict")  # fmt: skip
register_pytree_node(
    defaultdict, lambda d: (list(d.values()), [d.default_factory, list(d)]),
    lambda v, c: defaultdict(c[0], zip(c[1], v, strict=True)),
    flatten_with_keys_fn=lambda d: ([(MappingKey(k), v) for k, v in d.items()], [d.default_factory, list(d)]),
    serialized_type_name="collections.defaultdict",
)  # fmt: skip
register_pytree_node(deque, lambda d: (list(d), d.maxlen), lambda v, c: deque(v, maxlen=c),
                     flatten_with_keys_fn=_sequence_with_keys, serialized_type_name="collections.deque")  # fmt: skip
_named = NodeDef(
    tuple, lambda x: (list(x), type(x)), lambda v, c: c(*v),
    lambda x: ([(GetAttrKey(f), getattr(x, f)) for f in x._fields], type(x)), "collections.namedtuple",
)  # fmt: skip


def _get_node_type(tree: Any) -> Any:
    """The class under which an object comes apart: `namedtuple` for every named tuple."""
    kind = type(tree)
    return namedtuple if isinstance(tree, tuple) and hasattr(kind, "_fields") and kind not in SUPPORTED_NODES else kind


from collections import namedtuple  # noqa: E402  the key of all named tuples

SUPPORTED_NODES[namedtuple] = _named


def _parts(tree: Any) -> tuple[list, Any]:
    """The children of a node, and its context."""
    return SUPPORTED_NODES[_get_node_type(tree)].flatten_fn(tree)


def is_namedtuple_instance(x: Any) -> bool:
    """Whether it is a named tuple."""
    return isinstance(x, tuple) and hasattr(type(x), "_fields")


class TreeSpec:
    """A structure: the class of a node, its context, and the structures of its children."""

    def __init__(self, type: Any, context: Any = None, children_specs: Iterable[TreeSpec] = ()):
        self.type, self.context = type, context
        self.children_specs: list[TreeSpec] = list(children_specs)
        leaf = type is None
        self.num_leaves: int = 1 if leaf else sum(c.num_leaves for c in self.children_specs)
        self.num_nodes: int = 1 + sum(c.num_nodes for c in self.children_specs)
        self.num_children = len(self.children_specs)

    def is_leaf(self) -> bool:
        """Whether it is one leaf."""
        return self.type is None

    def children(self) -> list[TreeSpec]:
        """The structures of its children."""
        return list(self.children_specs)

    def child(self, index: int) -> TreeSpec:
        """The structure of one child."""
        return self.children_specs[index]

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """An object of this structure with these leaves."""
        return tree_unflatten(leaves, self)

    def flatten_up_to(self, tree: Any) -> list:
        """The parts of `tree` that stand where this structure has leaves; ValueError where it has another form."""
        if self.is_leaf():
            return [tree]
        kind = _get_node_type(tree)
        if kind is not self.type:
            raise ValueError(f"Type mismatch; expected {self.type!r}, but got {type(tree)!r}.")
        parts, context = _parts(tree)
        if len(parts) != self.num_children:
            raise ValueError(f"Node arity mismatch; expected {self.num_children}, but got {len(parts)}.")
        if issubclass_of_dict(self.type):
            keys = self.context[1] if self.type is defaultdict else self.context
            if set(keys) != set(tree):
                raise ValueError(f"Node keys mismatch; expected {keys}, but got {list(tree)}.")
            parts = [tree[k] for k in keys]
        elif context != self.context and self.type is not deque:
            raise ValueError(f"Node context mismatch for custom node type {self.type!r}.")
        return [x for part, spec in zip(parts, self.children_specs, strict=True) for x in spec.flatten_up_to(part)]

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, TreeSpec) and (
            (self.type, self.context, self.children_specs) == (other.type, other.context, other.children_specs)
        )

    def __hash__(self) -> int:
        return hash((self.type, self.num_leaves, self.num_nodes))

    def __repr__(self, indent: int = 0) -> str:
        if self.is_leaf():
            return "*"
        children = f",\n{' ' * (indent + 2)}".join(c.__repr__(indent + 2) for c in self.children_specs)
        return f"TreeSpec({self.type.__name__}, {self.context}, [{children}])"


def issubclass_of_dict(kind: Any) -> bool:
    """Whether the children of a class have keys."""
    return kind in (dict, OrderedDict, defaultdict)


class LeafSpec(TreeSpec):
    """The structure of one leaf."""

    def __init__(self) -> None:
        super().__init__(None)

    def __repr__(self, indent: int = 0) -> str:
        return "*"


_LEAF = LeafSpec()


def treespec_leaf() -> LeafSpec:
    """The structure of one leaf."""
    return _LEAF


def tree_is_leaf(tree: Any, is_leaf: Callable | None = None) -> bool:
    """Whether an object does not come apart."""
    return (is_leaf is not None and is_leaf(tree)) or _get_node_type(tree) not in SUPPORTED_NODES


_is_leaf = tree_is_leaf


def tree_flatten(tree: Any, is_leaf: Callable | None = None) -> tuple[list, TreeSpec]:
    """(leaves, structure) of a nest.

    >>> from torchlike.utils._pytree import tree_flatten
    >>> tree_flatten({"a": 1, "b": (2, 3)})[0]
    [1, 2, 3]
    """
    leaves: list = []
    return leaves, _visit(tree, is_leaf, leaves)


# functions of the module, as one inside another that calls itself would hold the leaves in a cycle
def _visit(node: Any, is_leaf: Callable | None, leaves: list) -> TreeSpec:
    if tree_is_leaf(node, is_leaf):
        leaves.append(node)
        return _LEAF
    parts, context = _parts(node)
    return TreeSpec(_get_node_type(node), context, [_visit(part, is_leaf, leaves) for part in parts])


def _build(spec: TreeSpec, rest: Any) -> Any:
    if spec.is_leaf():
        return next(rest)
    return SUPPORTED_NODES[spec.type].unflatten_fn([_build(c, rest) for c in spec.children_specs], spec.context)


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The way back from `tree_flatten`."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"Expected `treespec` to be an instance of TreeSpec but got item of type {type(treespec)}.")
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(
            f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec refers to a pytree that holds "
            f"{treespec.num_leaves} items ({treespec})."
        )
    return _build(treespec, iter(leaves))


def tree_iter(tree: Any, is_leaf: Callable | None = None) -> Iterable[Any]:
    """The leaves one after the other."""
    return iter(tree_leaves(tree, is_leaf))


def tree_leaves(tree: Any, is_leaf: Callable | None = None) -> list:
    """The leaves of a nest."""
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree: Any, is_leaf: Callable | None = None) -> TreeSpec:
    """The structure of a nest."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func: Callable, tree: Any, *rests: Any, is_leaf: Callable | None = None) -> Any:
    """The nest with `func(leaf, ...)` for every leaf; of further nests the parts at the same places are arguments."""
    leaves, spec = tree_flatten(tree, is_leaf)
    columns = [leaves, *[spec.flatten_up_to(r) for r in rests]]
    return spec.unflatten(map(func, *columns))


def tree_map_(func: Callable, tree: Any, *rests: Any, is_leaf: Callable | None = None) -> Any:
    """As `tree_map`, for what `func` does; returns the nest."""
    leaves, spec = tree_flatten(tree, is_leaf)
    for args in zip(leaves, *[spec.flatten_up_to(r) for r in rests], strict=True):
        func(*args)
    return tree


def map_only(type_or_types_or_pred: Any, /) -> Callable:
    """A decorator: the function is applied to values of these types (or for which a function says so) only."""
    kinds = type_or_types_or_pred
    wanted = kinds if callable(kinds) and not isinstance(kinds, type) else lambda x: isinstance(x, kinds)
    return lambda func: lambda x: func(x) if wanted(x) else x


def tree_map_only(type_or_types_or_pred: Any, /, func: Callable, tree: Any, is_leaf: Callable | None = None) -> Any:
    """As `tree_map`, for leaves of these types (or for which a function says so) only."""
    return tree_map(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_map_only_(type_or_types_or_pred: Any, /, func: Callable, tree: Any, is_leaf: Callable | None = None) -> Any:
    """As `tree_map_`, for leaves of these types (or for which a function says so) only."""
    return tree_map_(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_all(pred: Callable, tree: Any, is_leaf: Callable | None = None) -> bool:
    """Whether `pred` holds for every leaf."""
    return all(map(pred, tree_leaves(tree, is_leaf)))


def tree_any(pred: Callable, tree: Any, is_leaf: Callable | None = None) -> bool:
    """Whether `pred` holds for some leaf."""
    return any(map(pred, tree_leaves(tree, is_leaf)))


def tree_flatten_with_path(tree: Any, is_leaf: Callable | None = None) -> tuple[list, TreeSpec]:
    """As `tree_flatten`, each leaf with the path of keys that leads to it."""
    found: list = []

    def visit(node: Any, path: tuple) -> None:
        if tree_is_leaf(node, is_leaf):
            found.append((path, node))
            return
        keyed = SUPPORTED_NODES[_get_node_type(node)].flatten_with_keys_fn
        if keyed is None:
            raise ValueError(f"Did not find a flatten_with_keys_fn for type: {type(node)}.")
        for key, part in keyed(node)[0]:
            visit(part, (*path, key))

    visit(tree, ())
    return found, tree_structure(tree, is_leaf)


def tree_leaves_with_path(tree: Any, is_leaf: Callable | None = None) -> list:
    """The leaves, each with the path of keys that leads to it."""
    return tree_flatten_with_path(tree, is_leaf)[0]


def tree_map_with_path(func: Callable, tree: Any, *rests: Any, is_leaf: Callable | None = None) -> Any:
    """As `tree_map`, with the path of keys as the first argument."""
    found, spec = tree_flatten_with_path(tree, is_leaf)
    columns = [[p for p, _ in found], [x for _, x in found], *[spec.flatten_up_to(r) for r in rests]]
    return spec.unflatten(map(func, *columns))


def key_get(obj: Any, kp: KeyPath) -> Any:
    """What stands at a path of keys."""
    for key in kp:
        obj = key.get(obj)
    return obj


def _broadcast_to_and_flatten(tree: Any, treespec: TreeSpec, is_leaf: Callable | None = None) -> list | None:
    """The leaves of `tree` for a structure that may go deeper, repeated where it does; None if they do not fit."""
    if tree_is_leaf(tree, is_leaf):
        return [tree] * treespec.num_leaves
    if treespec.is_leaf() or _get_node_type(tree) is not treespec.type:
        return None
    parts, context = _parts(tree)
    if len(parts) != treespec.num_children or context != treespec.context:
        return None
    found: list = []
    for part, spec in zip(parts, treespec.children_specs, strict=True):
        leaves = _broadcast_to_and_flatten(part, spec, is_leaf)
        if leaves is None:
            return None
        found += leaves
    return found


def _dumped(spec: TreeSpec) -> Any:
    if spec.is_leaf():
        return {"type": None, "context": None, "children_spec": []}
    node = SUPPORTED_NODES[spec.type]
    if node.serialized_type_name is None:
        raise NotImplementedError(f"No registered serialization name for {spec.type} found.")
    context = node.to_dumpable_context(spec.context) if node.to_dumpable_context else json.dumps(spec.context)
    children = [_dumped(c) for c in spec.children_specs]
    return {"type": node.serialized_type_name, "context": context, "children_spec": children}


def treespec_dumps(treespec: TreeSpec, protocol: int | None = None) -> str:
    """A structure as JSON; read by `treespec_loads`."""
    return json.dumps((1, _dumped(treespec)))


def treespec_loads(serialized: str) -> TreeSpec:
    """The way back from `treespec_dumps`."""
    by_name = {n.serialized_type_name: (kind, n) for kind, n in SUPPORTED_NODES.items() if n.serialized_type_name}

    def build(data: Any) -> TreeSpec:
        if data["type"] is None:
            return _LEAF
        kind, node = by_name[data["type"]]
        read = node.from_dumpable_context or json.loads
        return TreeSpec(kind, read(data["context"]), [build(c) for c in data["children_spec"]])

    return build(json.loads(serialized)[1])


def arg_tree_leaves(*args: Any, **kwargs: Any) -> list:
    """The leaves of all arguments."""
    return tree_leaves((args, kwargs))
