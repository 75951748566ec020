"""Models for images, with torchvision's names, parameters and first weights.

    model = models.resnet18(num_classes=10)
    model.load_state_dict(torch.load("resnet18-f37072fd.pth"))    # a file of torchvision's fits

No trained weights come along: `weights=` other than None raises NotImplementedError.
"""

from typing import Any

from torchlike.vision.models.alexnet import *  # noqa: F403
from torchlike.vision.models.builders import get_model as get_model
from torchlike.vision.models.builders import get_model_builder as get_model_builder
from torchlike.vision.models.builders import list_models as list_models
from torchlike.vision.models.convnext import *  # noqa: F403
from torchlike.vision.models.densenet import *  # noqa: F403
from torchlike.vision.models.efficientnet import *  # noqa: F403
from torchlike.vision.models.googlenet import *  # noqa: F403
from torchlike.vision.models.mobilenetv2 import *  # noqa: F403
from torchlike.vision.models.mobilenetv3 import *  # noqa: F403
from torchlike.vision.models.resnet import *  # noqa: F403
from torchlike.vision.models.shufflenetv2 import *  # noqa: F403
from torchlike.vision.models.squeezenet import *  # noqa: F403
from torchlike.vision.models.vgg import *  # noqa: F403
from torchlike.vision.models.vision_transformer import *  # noqa: F403


def __getattr__(name: str) -> Any:
    if name.endswith("_Weights"):
        raise NotImplementedError(
            f"{name}: torchlike carries no trained weights. Build the model with weights=None, fetch torchvision's "
            "file yourself and load it: model.load_state_dict(torch.load(path))"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
