"""Train a convolutional network on CIFAR-10.

    python examples/train_cifar10.py --data FOLDER   # the folder that holds cifar-10-batches-py
    python examples/train_cifar10.py                 # on shapes, made in the same format
    python examples/train_cifar10.py --download      # fetch CIFAR-10 into --data first

With `--resume` it goes on from its checkpoint, with `--smoke` it does little of everything.
"""

import torchlike as torch  # isort: skip

import argparse
import os

import fitting
import made_images

from torchlike.vision import datasets, transforms

nn = torch.nn
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # of CIFAR-10's training images


class Net(nn.Module):
    """Six convolutions in three stages: [batch, 3, 32, 32] -> [batch, 10]."""

    def __init__(self, width=24):
        super().__init__()
        stages, channels = [], 3
        for out in (width, 2 * width, 4 * width):
            for _ in range(2):
                stages += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
                channels = out
            stages.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*stages)  # [batch, 4 * width, 4, 4]
        self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(channels, 10))

    def forward(self, x):
        return self.classifier(self.features(x))


def data(args):
    """Training and test set; made ones where there are no files."""
    prepared = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    varied = transforms.Compose([transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), *prepared])
    kind = datasets.CIFAR10
    if not args.download and not os.path.isdir(os.path.join(args.data, kind.base_folder)):
        print(f"no CIFAR-10 in {args.data}: training on shapes made in its format")
        sums = made_images.write_cifar10(os.path.join(args.out, kind.base_folder), 500 if args.smoke else 4000)
        args.data = args.out

        class Made(kind):
            train_list = [[n, s] for n, s in sums.items() if n.startswith("data_batch")]  # noqa: RUF012
            test_list = [["test_batch", sums["test_batch"]]]  # noqa: RUF012
            meta = {**kind.meta, "md5": sums["batches.meta"]}  # noqa: RUF012

        kind = Made
    train = kind(args.data, train=True, transform=varied, download=args.download)
    return train, kind(args.data, train=False, transform=transforms.Compose(prepared))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="data")
    parser.add_argument("--download", action="store_true")
    args = fitting.arguments(parser, epochs=8, lr=0.05, out="runs/cifar10")
    torch.manual_seed(args.seed)
    train_set, test_set = data(args)
    train, test = fitting.loaders(train_set, test_set, args)
    model = Net(8 if args.smoke else 24).to("cuda" if torch.cuda.is_available() else "cpu")
    torch.utils.summary(model, next(iter(test))[0][:1], depth=2, memory=False)
    history = fitting.fit(model, model.parameters(), train, test, args)
    fitting.show(model, model.features[0], history, test, test_set.classes, args, MEAN, STD)


if __name__ == "__main__":
    main()
