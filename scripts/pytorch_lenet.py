"""PyTorch on the networks of the GPU's promised figures, for scripts/gpu-run: a JSON line for each network, precision and
mode, as soon as it is measured.

usage: pytorch_lenet.py [--device cuda] [--data FOLDER] [--images 60000] [--large 4096] [--colour 256]

LeNet as DIGITS had it on Fashion-MNIST, data resident, SGD with momentum and weight decay, batches gathered in a new
order; the 64x64 colour network of `swift-lab bench convnet` on noise. Modes: eager, channels-last, and
torch.compile(mode="reduce-overhead"), which is CUDA graphs. Needs: torch and numpy."""

import argparse
import gzip
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--device", default="cuda")
parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist", type=Path)
parser.add_argument("--images", type=int, default=60_000)
parser.add_argument("--large", type=int, default=4096)
parser.add_argument("--colour", type=int, default=256)
arguments = parser.parse_args()
device = torch.device(arguments.device)


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))


def colour() -> nn.Module:
    layers, channels = [], 3
    for filters in (32, 64, 128, 256):
        layers += [
            nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU(), nn.MaxPool2d(2)]
        channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def elements(part: str) -> np.ndarray:
    """The numbers of an IDX file, packed or not."""
    plain = arguments.data / part
    data = plain.read_bytes() if plain.exists() else gzip.decompress(plain.with_name(part + ".gz").read_bytes())
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3])


def fashion() -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.tensor(elements("train-images-idx3-ubyte").reshape(-1, 1, 28, 28)).float() / 255
    return images.to(device), torch.tensor(elements("train-labels-idx1-ubyte")).long().to(device)


def noise() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    images = torch.rand([arguments.colour, 3, 64, 64], device=device)
    return images, torch.arange(arguments.colour, device=device) % 10


def wait():
    if device.type == "cuda":
        torch.cuda.synchronize()


def rate(make, data, batch: int, steps: int, rounds: int, mode: str, precision: str) -> float:
    """Images a second: the fastest of some rounds of so many steps, after 20 to warm up."""
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    # PyTorch's own default has its convolutions in TF32, its products in float32.
    torch.backends.cudnn.allow_tf32 = precision in ("tf32", "default")
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(1)
    images, labels = data
    net = make().to(device)
    if "channels-last" in mode:
        net = net.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    call = torch.compile(net, mode="reduce-overhead") if "reduce-overhead" in mode else net
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

    def step(x, y):
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            loss = F.cross_entropy(call(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    def order():
        if len(labels) == batch:
            return [slice(None)] * steps
        return list(torch.randperm(len(labels), device=device)[: steps * batch].view(-1, batch))

    for part in (order() * 20)[:20]:
        step(images[part], labels[part])
    best = 0.0
    for _ in range(rounds):
        parts = order()
        wait()
        start = time.perf_counter()
        for part in parts:
            step(images[part], labels[part])
        wait()
        best = max(best, batch * len(parts) / (time.perf_counter() - start))
    return best


def main():
    clothes, pictures = fashion(), noise()
    large = min(arguments.large, arguments.images)
    lenets = [("lenet64", lenet, clothes, 64, arguments.images // 64, 2, "default")]
    lenets += [("lenet4096", lenet, clothes, large, arguments.images // large, 3, "default")]
    colours = [("colour", colour, pictures, arguments.colour, 10 if device.type == "cuda" else 2, 3, precision)
               for precision in ("tf32", "float32", "bfloat16")]
    # What a promise is about comes first: the time may run out.
    modes = ["eager", "reduce-overhead", "channels-last", "channels-last reduce-overhead"]
    rows = [(row, mode) for row in lenets for mode in modes[:3]]
    rows += [(row, mode) for row in colours[:1] for mode in modes] + [(row, modes[2]) for row in colours[1:]]
    rows += [(row, modes[3]) for row in colours[1:]]
    for (name, make, data, batch, steps, rounds, precision), mode in rows:
        line = {"network": name, "batch": batch, "precision": precision, "mode": mode}
        try:
            line["train_images_per_s"] = round(rate(make, data, batch, steps, rounds, mode, precision), 1)
        except Exception as error:  # a mode that does not work here is no reason to leave the others out
            line["error"] = f"{type(error).__name__}: {error}"[:200]
        torch.compiler.reset()
        print(json.dumps(line), flush=True)
    print(json.dumps({"torch": torch.__version__, "cuda": torch.version.cuda, "device": torch.cuda.get_device_name(0)
                      if device.type == "cuda" else "cpu", "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
