"""Train a small convolutional network on MNIST's handwritten digits.

    python examples/train_mnist.py --data FOLDER   # the folder that holds MNIST/raw
    python examples/train_mnist.py                 # on scikit-learn's digits, enlarged, in the same format
    python examples/train_mnist.py --download      # fetch MNIST into --data first
"""

import torchlike as torch  # isort: skip

import argparse
import os

import fitting
import made_images

from torchlike.vision import datasets, transforms

nn = torch.nn
MEAN, STD = (0.1307,), (0.3081,)  # of MNIST's training images


def network():
    """[batch, 1, 28, 28] -> [batch, 10]."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.25), nn.Linear(32 * 7 * 7, 10),
    )  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="data")
    parser.add_argument("--download", action="store_true")
    args = fitting.arguments(parser, epochs=5, lr=0.03, out="runs/mnist")
    torch.manual_seed(args.seed)
    if not args.download and not os.path.isdir(os.path.join(args.data, "MNIST", "raw")):
        print(f"no MNIST in {args.data}: training on scikit-learn's digits in its format")
        args.data = args.out
        made_images.write_mnist(os.path.join(args.data, "MNIST", "raw"))
    prepared = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    train_set = datasets.MNIST(args.data, train=True, transform=prepared, download=args.download)
    test_set = datasets.MNIST(args.data, train=False, transform=prepared)
    train, test = fitting.loaders(train_set, test_set, args)
    model = network().to("cuda" if torch.cuda.is_available() else "cpu")
    history = fitting.fit(model, model.parameters(), train, test, args)
    fitting.show(model, model[0], history, test, [str(i) for i in range(10)], args, MEAN, STD)


if __name__ == "__main__":
    main()
