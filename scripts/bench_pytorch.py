"""Trains the benchmarks' networks with PyTorch in turn with ours, and prints how many times as fast ours is.

usage: bench_pytorch.py [--rounds 2] [--compile] [--json] [NAME…]     names: lenet64 lenet256 lenet-use convnet …
PyTorch runs in each of its modes, and its best counts; `--compile` adds torch.compile, a minute for each network. A host
that others share is fair only to runs in turn. Needs: torch; where .venv has none, say PYTHON_TORCH=… to `make bench`.
"""

import argparse
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


def stages(channels: int, all_filters: list[int]) -> nn.Module:
    layers = []
    for filters in all_filters:
        layers += [
            nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU(), nn.MaxPool2d(2)]
        channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


class Residual(nn.Module):
    def __init__(self, inputs: int, filters: int, stride: int):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(inputs, filters, 3, stride, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU(),
            nn.Conv2d(filters, filters, 3, 1, 1, bias=False), nn.BatchNorm2d(filters))
        self.shortcut = nn.Identity() if stride == 1 else nn.Sequential(
            nn.Conv2d(inputs, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))

    def forward(self, x):
        return F.relu(self.main(x) + self.shortcut(x))


def resnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), Residual(16, 16, 1),
        Residual(16, 32, 2), Residual(32, 64, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class Inception(nn.Module):
    def __init__(self, inputs, single, reduce3, three, reduce5, five, pooled):
        super().__init__()
        self.ways = nn.ModuleList([
            nn.Sequential(nn.Conv2d(inputs, single, 1), nn.ReLU()),
            nn.Sequential(nn.Conv2d(inputs, reduce3, 1), nn.ReLU(), nn.Conv2d(reduce3, three, 3, padding=1), nn.ReLU()),
            nn.Sequential(nn.Conv2d(inputs, reduce5, 1), nn.ReLU(), nn.Conv2d(reduce5, five, 5, padding=2), nn.ReLU()),
            nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(inputs, pooled, 1), nn.ReLU())])

    def forward(self, x):
        return torch.cat([way(x) for way in self.ways], 1)


def googlenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 192, 3, padding=1), nn.ReLU(), Inception(192, 64, 96, 128, 16, 32, 32),
        Inception(256, 128, 128, 192, 32, 96, 64), nn.MaxPool2d(3, 2, 1), Inception(480, 192, 96, 208, 16, 48, 64),
        Inception(512, 160, 112, 224, 24, 64, 64), Inception(512, 128, 128, 256, 24, 64, 64),
        Inception(512, 112, 144, 288, 32, 64, 64), Inception(528, 256, 160, 320, 32, 128, 128), nn.MaxPool2d(3, 2, 1),
        Inception(832, 256, 160, 320, 32, 128, 128), Inception(832, 384, 192, 384, 48, 128, 128),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.4), nn.Linear(1024, 10))


def sequence() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(16, 64, 5, padding=2), nn.ReLU(), nn.Conv1d(64, 64, 5, stride=2, padding=2), nn.ReLU(),
        nn.Conv1d(64, 64, 3, padding=2, dilation=2), nn.ReLU(), nn.Flatten(), nn.Linear(64 * 64, 10))


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def wide_perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.GELU(), nn.Linear(1024, 10))


def momentum(parameters):
    return torch.optim.SGD(parameters, lr=0.001, momentum=0.9)


def plain(parameters):
    return torch.optim.SGD(parameters, lr=0.001)


def adam(parameters):
    return torch.optim.Adam(parameters, lr=0.001)


# The network, its optimizer (None: it is used, not trained), the shape of a batch, steps, our command, the figure that it
# prints, and how many times as fast ours has to be (0: nothing was promised).
EPOCHS = {"lenet64", "lenet256", "lenet-use", "perceptron"}
ROWS = {
    "lenet64": (lenet, momentum, [64, 1, 28, 28], 200, ["lenet", "--batch", "64", "--busy"],
                "train_images_per_s", 2.0),
    "lenet256": (lenet, momentum, [256, 1, 28, 28], 50, ["lenet", "--batch", "256"], "train_images_per_s", 1.7),
    "lenet-use": (lenet, None, [500, 1, 28, 28], 20, ["lenet", "--batch", "64"], "infer_images_per_s", 1.5),
    "convnet": (lambda: stages(3, [32, 64, 128, 256]), momentum, [32, 3, 64, 64], 12, ["convnet"],
                "train_images_per_s", 1.2),
    "perceptron": (perceptron, plain, [1, 784], 5000, ["perceptron"], "steps_per_s", 8.0),
    "fashion": (lambda: stages(1, [32, 64, 128]), momentum, [64, 1, 28, 28], 20, ["fashion"], "train_images_per_s", 1.2),
    "resnet": (resnet, momentum, [64, 3, 32, 32], 12, ["resnet"], "train_images_per_s", 0),
    "googlenet": (googlenet, momentum, [16, 3, 32, 32], 6, ["googlenet"], "train_images_per_s", 0),
    "sequence": (sequence, adam, [64, 16, 128], 20, ["sequence"], "train_images_per_s", 0),
    "adam": (wide_perceptron, adam, [64, 784], 20, ["adam"], "train_images_per_s", 0),
}


def rate(make, optimize, shape: list[int], steps: int, channels_last: bool, compiled: bool, epochs: bool) -> float:
    """Images a second, after a few steps to warm up, counted as ours are: the best of three epochs of so many steps, each
    on images gathered in a new order; else the mean of the fastest third of the steps."""
    torch.manual_seed(1)
    net = make()
    count = shape[0] * steps if epochs and shape[0] > 1 else shape[0]
    images, labels = torch.rand([count, *shape[1:]]), torch.arange(count) % 10
    if channels_last:
        net, images = net.to(memory_format=torch.channels_last), images.contiguous(memory_format=torch.channels_last)
    run = torch.compile(net) if compiled else net
    optimizer = optimize(net.parameters()) if optimize else None
    if not optimizer:
        net.eval()

    def step(x, y):
        if optimizer:
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(run(x), y).backward()
            optimizer.step()
        else:
            with torch.no_grad():
                run(x).argmax(1)

    def seconds(parts):
        start = time.perf_counter()
        for part in parts:
            step(images[part], labels[part]) if count > shape[0] else step(images, labels)
        return (time.perf_counter() - start) / len(parts)

    def order():
        return torch.randperm(count).view(-1, shape[0])[:steps] if count > shape[0] else [None] * steps

    seconds(order()[:5])
    if epochs:
        return shape[0] / min(seconds(order()) for _ in range(3))
    times = sorted(seconds([None]) for _ in range(steps))[: max(1, steps // 3)]
    return shape[0] * len(times) / sum(times)


def memory_of_lenet() -> float:
    """The most memory that a process of its own holds that trains LeNet with PyTorch, in MB."""
    out = subprocess.run(
        [sys.executable, __file__, "--only-pytorch", "lenet64"], check=True, capture_output=True, text=True).stdout
    return json.loads(out.splitlines()[-1])["memory_mb"]


def own_memory() -> float:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only-pytorch", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    for name in arguments.names or ROWS:
        if name not in ROWS:
            parser.error(f"there is no {name}; there are {', '.join(ROWS)}")
        make, optimize, shape, steps, command, figure, wanted = ROWS[name]
        modes = [(last, fast) for fast in [False] + [True] * arguments.compile
                 for last in [False] + [True] * (len(shape) == 4)]
        line, ours, theirs, best = {}, 0.0, 0.0, ""
        for _ in range(arguments.rounds):
            if not arguments.only_pytorch:
                out = subprocess.run(
                    [LAB, "bench", *command, "--json"], check=True, capture_output=True, text=True).stdout
                if json.loads(out)[figure] > ours:
                    line = json.loads(out)
                    ours = line[figure]
            for last, fast in modes:
                found = rate(make, optimize, shape, steps, last, fast, name in EPOCHS)
                if found > theirs:
                    theirs = found
                    best = " ".join(["compiled"] * fast + ["channels last" if last else "channels first"])
        if arguments.only_pytorch:
            print(json.dumps({"name": name, "pytorch": round(theirs), "mode": best, "memory_mb": own_memory()}))
            continue
        row = {"name": name, "ours": round(ours), "pytorch": round(theirs), "mode": best,
               "ratio": round(ours / theirs, 2), "wanted": wanted}
        if name == "lenet64":
            pytorch = memory_of_lenet()
            row |= {"sgemm_share": line["sgemm_share"], "share_wanted": 0.85, "peak_memory_mb": line["peak_memory_mb"],
                    "pytorch_memory_mb": round(pytorch), "memory_ratio": round(line["peak_memory_mb"] / pytorch, 2),
                    "memory_wanted": 0.5, "busy_share": line["busy_share"], "busy_wanted": 0.5}
        print(json.dumps(row) if arguments.json else sentence(row), flush=True)


def sentence(row: dict) -> str:
    """The row for people: what is wanted stands behind each figure."""
    wanted = f", at least {row['wanted']}" if row["wanted"] else ""
    text = (f"{row['name']:<11} {row['ours']:>7,} /s, PyTorch {row['pytorch']:>7,} ({row['mode']}): "
            f"{row['ratio']:.2f} times{wanted}")
    if "sgemm_share" in row:
        text += (f"\n{'':<11} {row['sgemm_share']:.0%} of the rate of sgemm (at least {row['share_wanted']:.0%}); "
                 f"{row['peak_memory_mb']} MB, PyTorch {row['pytorch_memory_mb']}: {row['memory_ratio']:.2f} times "
                 f"(at most {row['memory_wanted']}); {row['busy_share']:.0%} of the rate while another process keeps a "
                 f"core busy (at least {row['busy_wanted']:.0%})")
    return text


if __name__ == "__main__":
    main()
