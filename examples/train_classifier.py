"""Train a small convolutional network on scikit-learn's handwritten digits, the PyTorch way.

    python examples/train_classifier.py                 # train, test, save a checkpoint and a picture
    python examples/train_classifier.py --compile       # the whole step as one captured program
    python examples/train_classifier.py --resume        # go on from the checkpoint

1,797 images of 8x8 pixels, 10 classes; the data ships with scikit-learn and nothing is downloaded. The script is
ordinary PyTorch: with `import torch` in place of the next line it runs there unchanged.
"""

import torchlike as torch  # isort: skip

import argparse
import json
import os
import time

from sklearn.datasets import load_digits
from tqdm import tqdm

nn, F = torch.nn, torch.nn.functional


class Net(nn.Module):
    """Two convolutions, two poolings, two linear layers: [batch, 1, 8, 8] -> [batch, 10]."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.drop = nn.Dropout(0.25)
        self.fc1 = nn.Linear(32 * 2 * 2, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.norm1(self.conv1(x))))  # [batch, 16, 4, 4]
        x = self.pool(F.relu(self.conv2(x)))  # [batch, 32, 2, 2]
        x = self.drop(torch.flatten(x, 1))
        return self.fc2(F.relu(self.fc1(x)))


def load_data(batch_size):
    """Training and test loaders: 80 % and 20 % of the images, pixels scaled to [0, 1]."""
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(digits.target, dtype=torch.int64)
    data = torch.utils.data.TensorDataset(images, labels)
    n_test = len(data) // 5
    train, test = torch.utils.data.random_split(
        data, [len(data) - n_test, n_test], generator=torch.Generator().manual_seed(0)
    )
    return (
        torch.utils.data.DataLoader(train, batch_size=batch_size, shuffle=True),
        torch.utils.data.DataLoader(test, batch_size=256),
        digits.target_names,
    )


@torch.no_grad()
def evaluate(model, loader, n_classes):
    """Correct answers and images, per class."""
    model.eval()
    correct, total = [0] * n_classes, [0] * n_classes
    for images, labels in loader:
        for label, guess in zip(labels.tolist(), model(images).argmax(1).tolist(), strict=True):
            correct[label] += label == guess
            total[label] += 1
    model.train()
    return correct, total


def draw_curve(history, path):
    """Loss per step and test accuracy per epoch, as a picture."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    left.plot(history["loss"], linewidth=0.7)
    left.set(xlabel="step", ylabel="training loss", yscale="log")
    right.plot(range(1, len(history["accuracy"]) + 1), [100 * a for a in history["accuracy"]], marker="o")
    right.set(xlabel="epoch", ylabel="test accuracy in %")
    right.xaxis.get_major_locator().set_params(integer=True)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compile", action="store_true", help="run the step through torch.compile(fullgraph=True)")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument("--out", default="runs/classifier", help="folder for the checkpoint, the curve and the picture")
    args = parser.parse_args()

    os.makedirs(args.out, exist_ok=True)
    checkpoint = os.path.join(args.out, "checkpoint.pt")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(args.seed)
    train, test, classes = load_data(args.batch_size)
    model = Net().to(device)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    history = {"loss": [], "accuracy": []}
    if args.resume:
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        history = saved["history"]
        print(f"resumed after epoch {len(history['accuracy'])}")

    def step(images, labels):
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    if args.compile:
        step = torch.compile(step, fullgraph=True)
    print(model)
    start = time.time()
    for epoch in range(len(history["accuracy"]) + 1, len(history["accuracy"]) + args.epochs + 1):
        bar = tqdm(train, desc=f"epoch {epoch:2d}", leave=False)
        for images, labels in bar:
            loss = step(images.to(device), labels.to(device)).item()
            history["loss"].append(loss)
            bar.set_postfix(loss=f"{loss:.4f}")
        correct, total = evaluate(model, test, len(classes))
        history["accuracy"].append(sum(correct) / sum(total))
        mean = sum(history["loss"][-len(train) :]) / len(train)
        print(f"epoch {epoch:2d}  loss {mean:.4f}  test accuracy {100 * history['accuracy'][-1]:.2f} %")
    print(f"trained {args.epochs} epochs in {time.time() - start:.1f} s")
    correct, total = evaluate(model, test, len(classes))
    for name, c, t in zip(classes, correct, total, strict=True):
        print(f"  class {name}: {c:3d} of {t:3d} correct ({100 * c / t:.1f} %)")

    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "history": history}, checkpoint)
    with open(os.path.join(args.out, "history.json"), "w") as f:
        json.dump(history, f)
    draw_curve(history, os.path.join(args.out, "learning_curve.png"))
    print(f"saved {checkpoint} and {os.path.join(args.out, 'learning_curve.png')}")


if __name__ == "__main__":
    main()
