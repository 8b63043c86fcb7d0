#!/usr/bin/env python3
"""PyTorch's answer to `swift-lab bench digits`: the same network, the same images, the same settings.

    swift-lab bench digits --indices split.json
    python3 Tests/Golden/pytorch_digits.py split.json ~/.local/share/swift-lab/data/mnist_5k.csv.gz

Prints one JSON object: the test accuracy of each seed, their mean, and the seconds a run takes. Needs torch and numpy.
"""

import gzip
import json
import sys
import time

import numpy
import torch
from torch import nn


def lenet():
    """DIGITS' LeNet: the only non-linearity besides the pooling is behind the hidden layer."""
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))


def train(images, labels, seed, epochs=10, batch=64, rate=0.01):
    torch.manual_seed(seed)
    model = lenet()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=1e-4)
    steps = epochs * -(-len(labels) // batch)
    step = 0
    for _ in range(epochs):
        for places in torch.randperm(len(labels)).split(batch):
            # A tenth of the rate after every 33 % of the way, as DIGITS does by default.
            for group in optimizer.param_groups:
                group["lr"] = rate * 0.1 ** (100 * step // steps // 33)
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[places]), labels[places]).backward()
            optimizer.step()
            step += 1
    return model


def main():
    parts = json.load(open(sys.argv[1]))
    table = numpy.loadtxt(gzip.open(sys.argv[2], "rt"), delimiter=",", dtype=numpy.float32)
    images = torch.tensor(table[:, :-1].reshape(-1, 1, 28, 28) / 255)
    labels = torch.tensor(table[:, -1]).long()
    training, test = torch.tensor(parts["training"]), torch.tensor(parts["test"])
    mean, deviation = images[training].mean(), images[training].std(correction=0)
    images = (images - mean) / deviation
    torch.set_num_threads(2)
    accuracies, seconds = [], []
    for seed in range(1, 6):
        start = time.perf_counter()
        model = train(images[training], labels[training], seed)
        seconds.append(time.perf_counter() - start)
        with torch.no_grad():
            right = (model(images[test]).argmax(1) == labels[test]).float().mean().item()
        accuracies.append(round(right, 4))
    print(json.dumps({
        "accuracies": accuracies, "mean": round(sum(accuracies) / len(accuracies), 4),
        "seconds": round(sum(seconds) / len(seconds), 2), "torch": torch.__version__}))


if __name__ == "__main__":
    main()
