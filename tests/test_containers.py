"""Sequential, ModuleList, ModuleDict, ParameterList and ParameterDict."""

from __future__ import annotations

import collections

import pytest

from tests.module_kit import Programs, both, caught, kit, plain, torchlike

program = Programs()


# --- containers -------------------------------------------------------------------------------------------------------


@program
def sequential(lib, k):
    a, b, c = k.Act(), k.Affine(2, 2), k.Affine(2, 3)
    s = lib.nn.Sequential(a, b)
    named = lib.nn.Sequential(collections.OrderedDict(one=a, two=b))
    s.append(c)
    return [
        s(lib.ones(1, 2)), len(s), s[0] is a, s[-1] is c, s[1:], type(s[1:]).__name__, named.one is a, named[:1],
        [m is n for m, n in zip(s, (a, b, c), strict=True)], caught(lambda: s[3]), caught(lambda: s[-4]),
        bool(lib.nn.Sequential()),
        caught(lambda: s["0"]), caught(lambda: s[1.5]),
    ]  # fmt: skip


@program
def sequential_edits(lib, k):
    s = lib.nn.Sequential(k.Act(), k.Affine(1, 2), k.Act(), k.Affine(2, 1))
    steps = []

    def keep(answer):
        steps.append([plain(answer), repr(s)])

    keep(s.insert(1, k.Affine(5, 5)) is s)
    keep(s.insert(-1, k.Affine(6, 6)) is s)
    keep(s.insert(len(s), k.Affine(7, 7)) is s)
    keep(s.pop(0))
    keep(s.pop(-1))
    s[0] = k.Affine(8, 8)
    keep(None)
    del s[1]
    keep(None)
    del s[1:3]
    keep(None)
    keep(s.extend(lib.nn.Sequential(k.Act(), k.Act())) is s)
    keep(s + lib.nn.Sequential(k.Act()))
    s += lib.nn.Sequential(k.Affine(9, 9))
    keep(s * 2)
    keep(2 * s)
    s *= 2
    keep(None)
    keep(s.pop(slice(0, 2)))
    return steps


@program
def sequential_errors(lib, k):
    s, odd = lib.nn.Sequential(k.Act(), k.Act()), lib.nn.ModuleList([k.Act()])
    return [
        caught(lib.nn.Sequential, 3), caught(lib.nn.Sequential, [k.Act()]), caught(s.append, 3), caught(s.insert, 0, 3),
        caught(s.insert, 9, k.Act()), caught(lambda: s + 3), caught(lambda: s + odd), caught(lambda: s * 1.5),
        caught(lambda: s * 0), caught(lambda: s * -1), caught(s.extend, 3), caught(s.pop, 9), caught(s.__delitem__, 9),
        caught(s.__setitem__, 9, k.Act()), caught(s.__setitem__, 0, 3), caught(s.__iadd__, 3), caught(s.__imul__, "x"),
        caught(s.__imul__, 0), caught(lib.nn.Sequential, {"a": k.Act()}), caught(lib.nn.Sequential, k.Act()),
        caught(s.insert, -9, k.Act()), caught(s.extend, [k.Act()]), caught(lib.nn.Sequential().pop, 0),
        caught(s, k.x, 1),
    ]  # fmt: skip


@program
def sequential_named_edits(lib, k):
    s = lib.nn.Sequential(collections.OrderedDict(one=k.Act(), two=k.Affine(2, 2), three=k.Act()))
    s[1] = k.Affine(3, 3)
    shown = [repr(s)]
    del s[0]
    shown.append(repr(s))
    return [*shown, caught(lambda: s.append(k.Act())), repr(s)]


@program
def module_list(lib, k):
    a, b, c = k.Act(), k.Affine(2, 2), k.Affine(2, 3)
    m = lib.nn.ModuleList([a, b])
    m.append(c)
    m.extend([k.Act()])
    m += [k.Act()]
    m.insert(1, k.Affine(4, 4))
    shown = [repr(m)]
    m[0] = k.Affine(5, 5)
    del m[1]
    shown.append(repr(m))
    del m[0:2]
    shown.append(repr(m))
    return [
        shown, m.pop(0), repr(m), len(m), m[0], m[-1], m[0:1], type(m[:1]).__name__, list(m), m + [k.Act()],
        [n for n, _ in m.named_parameters()], caught(lambda: m[9]), caught(lambda: m[-9]), caught(m.extend, 3),
        caught(m.extend, k.Act()), caught(m.append, 3), caught(m.__setitem__, 0, 3),
        caught(lib.nn.ModuleList, 3), caught(lib.nn.ModuleList, [3]), caught(m.__delitem__, 9), caught(m.pop, 9),
        a in m, caught(lambda: m["0"]), caught(m.insert, 99, k.Act()), repr(m), caught(lambda: m[1.5]),
        caught(m.__setitem__, 99, k.Act()), lib.nn.ModuleList(m), lib.nn.ModuleList(x for x in m),
        list(reversed(list(m))),
    ]  # fmt: skip


@program
def module_dict(lib, k):
    d = lib.nn.ModuleDict({"a": k.Act(), "b": k.Affine(1, 1)})
    d["c"] = k.Affine(2, 2)
    d.update([("d", k.Act()), ["e", k.Act()]])
    d.update({"a": k.Affine(3, 3)})
    d.update(lib.nn.ModuleDict({"f": k.Act()}))
    d.update(collections.OrderedDict(h=k.Act(), g=k.Act()))
    shown = [repr(d)]
    del d["b"]
    return [
        shown, list(d), len(d), "a" in d, "zz" in d, list(d.keys()), [n for n, _ in d.items()], list(d.values()),
        d.pop("a"),
        caught(d.pop, "zz"), caught(lambda: d["zz"]), caught(d.update, 3), caught(d.update, [3]),
        caught(d.update, [("a",)]),
        caught(d.update, [("a", 1, 2)]), caught(d.__setitem__, 3, k.Act()), caught(d.__setitem__, "n", 3), d.clear(),
        len(d),
        caught(d.__setitem__, "keys", k.Act()), caught(d.__setitem__, "x.y", k.Act()), caught(d.__delitem__, "zz"),
        caught(lib.nn.ModuleDict, 3), lib.nn.ModuleDict([("z", k.Act())]), caught(d.update, [("a", 3)]),
        caught(d.__setitem__, "training", k.Act()),
    ]  # fmt: skip


@program
def parameter_list(lib, k):
    p = lib.nn.ParameterList([lib.ones(2), lib.nn.Parameter(lib.zeros(2, 1), requires_grad=False), 5, "text"])
    shown = [repr(p), repr(lib.nn.ParameterList())]
    p.append(lib.ones(1))
    p.extend([lib.zeros(1)])
    p += [lib.ones(3)]
    p[0] = lib.zeros(4)
    return [
        shown, repr(p), len(p), p[0], p[-1], p[2], [n for n, _ in p.named_parameters()], list(p.state_dict()), p[1:3],
        type(p[1:3]).__name__, caught(lambda: p[99]), caught(p.extend, 3), caught(p.extend, "ab"),
        caught(lib.nn.ParameterList, 3), caught(p, 1),
        list(p), caught(p.__setitem__, 99, lib.ones(1)), caught(lib.nn.ParameterList, lib.ones(2, 1)),
        "0" in dir(p), p[-2:],
        caught(lambda: p["0"]), lib.nn.ParameterList(v for v in p), caught(lambda: p[-99]), lib.nn.ParameterList(p),
        p.double()[0],
        caught(p.extend, lib.nn.ParameterList([lib.ones(1)])), len(p),
    ]  # fmt: skip


@program
def parameter_dict(lib, k):
    d = lib.nn.ParameterDict({"a": lib.ones(2), "b": lib.nn.Parameter(lib.zeros(1, 2), requires_grad=False), "n": 3})
    d["c"] = lib.zeros(1)
    d.update([("d", lib.ones(1)), ["e", "text"]])
    d.update({"z": lib.ones(1), "y": lib.ones(1)})
    d.update(lib.nn.ParameterDict({"w": lib.ones(1)}))
    shown = [repr(d), repr(lib.nn.ParameterDict()), d["a"], list(d), len(d), list(reversed(d))]
    del d["n"]
    more = [
        "a" in d, "zz" in d, [n for n, _ in d.items()], list(d.values()), list(d.keys()), d.get("zz"), d.get("zz", 4),
        d.pop("c"),
        d.setdefault("k", lib.ones(1)), d.setdefault("k", 9), [n for n, _ in d.named_parameters()], d.popitem()[0],
        d.copy(), d.fromkeys(["p", "q"], 1), d.get("a"), d.setdefault("empty"),
    ]  # fmt: skip
    joined = [d | lib.nn.ParameterDict({"new": lib.ones(1)}), lib.nn.ParameterDict({"a": lib.zeros(1)}) | d]
    d |= lib.nn.ParameterDict({"ior": lib.ones(1)})
    errors = [
        caught(lambda: d["zz"]), caught(d.pop, "zz"), caught(d.update, 3), caught(d.update, [3]),
        caught(d.update, [("a",)]),
        caught(lib.nn.ParameterDict().__setitem__, 3, lib.ones(1)), caught(d, 1), caught(d.__delitem__, "zz"),
        caught(lambda: d | 3), d.clear(),
        len(d), caught(lib.nn.ParameterDict().__setitem__, "x.y", lib.ones(1)), caught(lib.nn.ParameterDict().popitem),
        caught(lambda: d[3]), caught(lambda: 3 in d),
        caught(lambda: 3 | d), caught(lib.nn.ParameterDict().__setitem__, "keys", lib.ones(1)), len(d),
        caught(d.__setitem__, "training", lib.ones(1)),
    ]  # fmt: skip
    return [shown, more, joined, errors, repr(d)]


@pytest.mark.parametrize("name", program)
def test_same_outcome_as_pytorch(name):
    ours, theirs = both(program[name])
    assert ours == theirs


def test_module_list_inserts_where_a_list_would():
    """PyTorch fails at a negative index, leaves a gap beyond the end and takes things that are no module."""
    m = torchlike.nn.ModuleList([kit(torchlike).Act(), kit(torchlike).Act()])
    two = kit(torchlike).Two()
    m.insert(-1, two)
    m.insert(99, two)
    assert [name for name, _ in m.named_modules(remove_duplicate=False)] == ["", "0", "1", "2", "3"]
    assert m[1] is two
    assert m[3] is two
    with pytest.raises(TypeError, match="int is not a Module subclass"):
        m.insert(0, 3)
