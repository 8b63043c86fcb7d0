"""Trains the benchmarks' networks with PyTorch in turn with ours, and prints how many times as fast ours is.

usage: bench_pytorch.py [ROUNDS]      Needs: torch. A host that others share is fair only to runs in turn.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

LAB = Path(__file__).resolve().parent.parent / ".build" / "release" / "swift-lab"


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))


def convnet() -> nn.Module:
    layers, channels = [], 3
    for filters in [32, 64, 128, 256]:
        layers += [
            nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU(), nn.MaxPool2d(2)]
        channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10))


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def seconds_per_step(net: nn.Module, shape: list[int], steps: int, channels_last: bool) -> float:
    """The mean of the fastest third, after a few to warm up."""
    images, labels = torch.rand(shape), torch.arange(shape[0]) % 10
    if channels_last and len(shape) == 4:
        net, images = net.to(memory_format=torch.channels_last), images.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    times = []
    for _ in range(steps + 3):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(net(images), labels).backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    fastest = sorted(times[3:])[: max(1, steps // 3)]
    return sum(fastest) / len(fastest)


# The network, the shape of a batch, steps, and our command with the figure that it prints.
ROWS = {
    "LeNet, batch 64": (lenet, [64, 1, 28, 28], 60, ["lenet", "--batch", "64", "--epochs", "2"], "train_images_per_s"),
    "LeNet, batch 256": (lenet, [256, 1, 28, 28], 20, ["lenet", "--batch", "256", "--epochs", "2"], "train_images_per_s"),
    "64x64 colour images": (convnet, [32, 3, 64, 64], 12, ["convnet"], "train_images_per_s"),
    "perceptron, one image": (perceptron, [1, 784], 900, ["perceptron"], "steps_per_s"),
}


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    for name, (make, shape, steps, command, figure) in ROWS.items():
        ours, theirs = 0.0, 0.0
        for _ in range(rounds):
            line = subprocess.run([LAB, "bench", *command, "--json"], check=True, capture_output=True, text=True).stdout
            ours = max(ours, json.loads(line)[figure])
            for channels_last in [False, True]:
                theirs = max(theirs, shape[0] / seconds_per_step(make(), shape, steps, channels_last))
        print(json.dumps(
            {"name": name, "ours": round(ours), "pytorch": round(theirs), "ratio": round(ours / theirs, 2)}))


if __name__ == "__main__":
    main()
