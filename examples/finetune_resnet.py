"""Fine-tune a ResNet-18: its last layer anew, the others from a file of weights.

    python examples/finetune_resnet.py --weights resnet18.pth --images FOLDER
    python examples/finetune_resnet.py              # on shapes, from fresh weights

FOLDER has train/ and test/, and in both a folder of images for each class. A file that users of torchvision have, say
resnet18-f37072fd.pth, is read as it is. The layers that were trained before learn at a tenth of the rate.
"""

import torchlike as torch  # isort: skip

import argparse
import os

import fitting
import made_images

from torchlike.vision import datasets, models, transforms

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, which the weights were trained on


def write_shapes(folder, count):
    """A folder of images for each class, in `train` and `test`."""
    from PIL import Image

    for part, n, seed in (("train", count, 0), ("test", count // 4, 1)):
        for i, (image, label) in enumerate(zip(*made_images.shapes(n, seed), strict=True)):
            place = os.path.join(folder, part, made_images.SHAPES[label])
            os.makedirs(place, exist_ok=True)
            Image.fromarray(image.transpose(1, 2, 0)).save(os.path.join(place, f"{i}.png"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", help="a state_dict of torchvision's resnet18")
    parser.add_argument("--images", help="folder with train/ and test/, each with a folder for every class")
    parser.add_argument("--size", type=int, default=64, help="images are cut to this width and height")
    args = fitting.arguments(parser, epochs=3, lr=0.02, out="runs/resnet")
    torch.manual_seed(args.seed)
    if args.smoke:
        args.size = 32
    if not args.images:
        args.images = os.path.join(args.out, "images")
        write_shapes(args.images, 256 if args.smoke else 1000)
    normal = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    cut = transforms.RandomResizedCrop(args.size, (0.6, 1.0))
    varied = transforms.Compose([cut, transforms.RandomHorizontalFlip(), *normal])
    plain = transforms.Compose([transforms.Resize(args.size), transforms.CenterCrop(args.size), *normal])
    train_set = datasets.ImageFolder(os.path.join(args.images, "train"), varied)
    test_set = datasets.ImageFolder(os.path.join(args.images, "test"), plain)
    train, test = fitting.loaders(train_set, test_set, args)

    model = models.resnet18()
    if args.weights:
        model.load_state_dict(torch.load(args.weights, weights_only=True))
        print(f"weights of {args.weights}")
    model.fc = torch.nn.Linear(model.fc.in_features, len(train_set.classes))
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    head = list(model.fc.parameters())
    body = [p for name, p in model.named_parameters() if not name.startswith("fc.")]
    groups = [{"params": head}, {"params": body, "lr": args.lr / 10 if args.weights else args.lr}]
    history = fitting.fit(model, groups, train, test, args)
    fitting.show(model, model.conv1, history, test, train_set.classes, args, MEAN, STD)


if __name__ == "__main__":
    main()
