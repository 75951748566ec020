"""Training an image classifier: the loop, its checkpoints and its pictures, shared by the examples on images."""

import torchlike as torch  # isort: skip

import os
import time

import numpy as np
import pictures
from tqdm import tqdm


def arguments(parser, epochs, lr, out):
    """The options that every example has."""
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=lr)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=0, help="processes that load and transform images")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument("--smoke", action="store_true", help="one epoch on few images, to see that it runs")
    parser.add_argument("--out", default=out, help="folder for the checkpoint and the pictures")
    return parser.parse_args()


def loaders(train, test, args):
    """Batches of both sets; of a smoke test's the first 256 and 128 images only."""
    if args.smoke:
        args.epochs = 1
        train, test = (torch.utils.data.Subset(d, range(min(n, len(d)))) for d, n in ((train, 256), (test, 128)))
    load = torch.utils.data.DataLoader
    keep = args.workers > 0
    return (
        load(train, args.batch_size, shuffle=True, num_workers=args.workers, persistent_workers=keep),
        load(test, 128, num_workers=args.workers, persistent_workers=keep),
    )


@torch.no_grad()
def guesses(model, loader, device):
    """(labels, guesses) over a set."""
    model.eval()
    labels, found = [], []
    for images, wanted in loader:
        found += model(images.to(device)).argmax(1).tolist()
        labels += wanted.tolist()
    model.train()
    return np.array(labels), np.array(found)


def fit(model, parameters, train, test, args):
    """Train by SGD with momentum and a one-cycle rate; returns {"loss": per step, "accuracy": per epoch}."""
    os.makedirs(args.out, exist_ok=True)
    checkpoint = os.path.join(args.out, "checkpoint.pt")
    device = next(model.parameters()).device
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(parameters, lr=args.lr, momentum=0.9, weight_decay=5e-4, nesterov=True)
    history = {"loss": [], "accuracy": []}
    saved = torch.load(checkpoint) if args.resume else None
    done = len(saved["history"]["accuracy"]) if saved else 0
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [group["lr"] for group in optimizer.param_groups], total_steps=(done + args.epochs) * len(train)
    )
    if saved:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        for _ in range(done * len(train)):  # the rate goes on where it stood, in a cycle of the new length
            scheduler.step()
        history = saved["history"]
        print(f"resumed after epoch {done}")
    start = time.time()
    for epoch in range(done + 1, done + args.epochs + 1):
        bar = tqdm(train, desc=f"epoch {epoch:2d}", leave=False)
        for images, labels in bar:
            optimizer.zero_grad()
            loss = criterion(model(images.to(device)), labels.to(device))
            loss.backward()
            optimizer.step()
            scheduler.step()
            history["loss"].append(loss.item())
            bar.set_postfix(loss=f"{history['loss'][-1]:.4f}")
        labels, found = guesses(model, test, device)
        history["accuracy"].append(float((labels == found).mean()))
        mean = np.mean(history["loss"][-len(train) :])
        print(f"epoch {epoch:2d}  loss {mean:.4f}  test accuracy {100 * history['accuracy'][-1]:.2f} %")
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "history": history}, checkpoint)
    print(f"trained {args.epochs} epochs in {time.time() - start:.1f} s; saved {checkpoint}")
    return history


def show(model, first, history, test, classes, args, mean, std):
    """Write the pictures: curves, confusion matrix, mistakes, the filters of the convolution `first`."""
    device = next(model.parameters()).device
    labels, found = guesses(model, test, device)
    matrix = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(matrix, (labels, found), 1)
    for name, row in zip(classes, matrix, strict=True):
        right = row[classes.index(name)]
        print(f"  {name}: {right} of {row.sum()} correct")
    pictures.curves(history, os.path.join(args.out, "learning_curves.png"))
    pictures.confusion(matrix, classes, os.path.join(args.out, "confusion.png"))
    wrong = np.flatnonzero(labels != found)[:18]
    shift, scale = (np.array(x).reshape(-1, 1, 1) for x in (mean, std))
    images = [(test.dataset[int(i)][0].numpy() * scale + shift).clip(0, 1) for i in wrong]
    pictures.mistakes(images, labels[wrong], found[wrong], classes, os.path.join(args.out, "mistakes.png"))
    pictures.filters(first.weight.detach().cpu().numpy(), os.path.join(args.out, "filters.png"))
    print(f"pictures in {args.out}: learning_curves.png, confusion.png, mistakes.png, filters.png")
