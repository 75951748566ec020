"""Pictures of a trained classifier: learning curves, confusion matrix, what it got wrong, its first filters."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np


def curves(history, path):
    """Loss per step and test accuracy per epoch."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    left.plot(history["loss"], linewidth=0.7)
    left.set(xlabel="step", ylabel="training loss", yscale="log")
    right.plot(range(1, len(history["accuracy"]) + 1), [100 * a for a in history["accuracy"]], marker="o")
    right.set(xlabel="epoch", ylabel="test accuracy in %")
    right.xaxis.get_major_locator().set_params(integer=True)
    _save(figure, path)


def confusion(matrix, classes, path):
    """How often each class (rows) was taken for each (columns)."""
    figure, axes = plt.subplots(figsize=(6.4, 5.6))
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(*matrix.shape):
        if matrix[i, j]:
            colour = "white" if share[i, j] > 0.5 else "black"
            axes.text(j, i, str(matrix[i, j]), ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(classes)), classes, fontsize=8)
    axes.set(xlabel="taken for", ylabel="class")
    _save(figure, path)


def mistakes(images, labels, guesses, classes, path, rows=3, columns=6):
    """Images that were taken for something else, with both names. Images are [n, channels, height, width] in [0, 1]."""
    figure, axes = plt.subplots(rows, columns, figsize=(1.6 * columns, 1.8 * rows))
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, label, guess in zip(axes.flat, images, labels, guesses, strict=False):
        axis.imshow(image.transpose(1, 2, 0).squeeze(), cmap="gray", vmin=0, vmax=1)
        axis.set_title(f"{classes[label]}\ntaken for {classes[guess]}", fontsize=7)
    _save(figure, path)


def filters(weight, path):
    """The filters of a first convolution, [n, channels, height, width], each stretched to the full range of colours."""
    columns = min(8, len(weight))
    figure, axes = plt.subplots(-(-len(weight) // columns), columns, figsize=(columns, -(-len(weight) // columns)))
    low = weight.min((1, 2, 3), keepdims=True)
    shown = (weight - low) / (weight.max((1, 2, 3), keepdims=True) - low)
    for axis in axes.flat:
        axis.axis("off")
    for axis, one in zip(axes.flat, shown, strict=False):
        picture = one.transpose(1, 2, 0) if one.shape[0] == 3 else one.mean(0)
        axis.imshow(picture, cmap="gray")
    _save(figure, path)


def _save(figure, path):
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
