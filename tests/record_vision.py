"""Record torchvision's answers, so that the tests of torchlike.vision need no torchvision.

    python tests/record_vision.py models transforms samples ops      # where torch and torchvision are installed

Written with torch 2.14.1 and torchvision 0.29.1.
"""

from __future__ import annotations

import gzip
import json
import sys
import warnings
from pathlib import Path

import torch
import torchvision

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests import vision_kit as kit  # noqa: E402

DATA = Path(__file__).parent / "data"
FAMILIES = (
    "alexnet", "vgg*", "resnet*", "resnext*", "wide_resnet*", "mobilenet*", "densenet*", "efficientnet*", "vit_*",
    "convnext*", "squeezenet*", "googlenet", "shufflenet*",
)  # fmt: skip
LARGEST = 100e6  # parameters of a model that is run
LARGE = ("vgg11_bn",)  # that are run nevertheless, one of a family without a smaller one


def write(name: str, facts: dict) -> None:
    text = json.dumps({"torchvision": torchvision.__version__, **facts}, separators=(",", ":"))
    if name.endswith(".gz"):
        (DATA / name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    else:
        (DATA / name).write_text(text + "\n")


def listed(arrays: list) -> list:
    return [[str(a.dtype), list(a.shape), [round(v, 5) for v in a.ravel().tolist()]] for a in arrays]


def models() -> None:
    """Names and shapes of all states, first weights of small models from a seed, outputs of those of moderate size."""
    m = torchvision.models
    names = m.list_models(m, include=FAMILIES)
    states, sizes = {}, {}
    for name in names:
        with torch.device("meta"):
            model = getattr(m, name)()
        states[name] = {k: list(v) for k, v in kit.shapes_of(model).items()}
        sizes[name] = sum(p.numel() for p in model.parameters())
    first, outputs = {}, {}
    for name in [*kit.TINY, *(n for n in names if sizes[n] < LARGEST or n in LARGE)]:
        torch.manual_seed(0)
        if (name in kit.TINY or name in kit.SMALL) and name != "vgg":  # whose head takes seconds to fill
            first[name] = kit.checksums(kit.build(m, name))
        with torch.device("meta"):
            model = kit.build(m, name)
        model = kit.fill(torch, model.to_empty(device="cpu"))
        with torch.no_grad():
            outputs[name] = model(torch.from_numpy(kit.batch(name))).flatten().tolist()
        print(name, outputs[name][:2], flush=True)
    write("vision_models.json.gz", {"states": states, "first": first, "outputs": outputs})


def transforms() -> None:
    """Answers of the transforms in tests/vision_transforms.py, all values."""
    import torchvision.transforms.v2 as v2

    from tests import vision_transforms as cases

    torchvision.transforms.v2 = v2
    made: dict = {}
    for name, (inputs, _) in cases.CASES.items():
        for kind in inputs:
            arrays = cases.answers(torchvision.transforms, torch, name, kind)
            made[f"{name} | {kind}"] = listed(arrays)
    write("vision_transforms.json.gz", {"answers": made})
    print(len(made), "answers")


def ops() -> None:
    """Answers of the calls in tests/vision_ops.py."""
    from tests import vision_ops as calls

    answers = {name: listed([*calls.plain(call(torchvision, torch))]) for name, call in calls.CALLS.items()}
    write("vision_ops.json", {"answers": answers})


def samples() -> None:
    """Answers of the transforms in tests/vision_samples.py."""
    import torchvision.transforms.v2 as v2
    from torchvision import tv_tensors

    from tests import vision_samples as cases

    answers = {name: listed(cases.answers(v2, tv_tensors, torch, name)) for name in cases.CASES}
    write("vision_samples.json.gz", {"answers": answers})
    print(len(answers), "answers")


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for part in sys.argv[1:]:
        globals()[part]()
