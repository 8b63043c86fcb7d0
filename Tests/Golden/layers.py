"""Computes with PyTorch in float64 what Swift Lab's layers have to give: results and gradients.

usage: layers.py            writes layers.safetensors beside itself
Needs: torch, numpy, safetensors. A line for each layer; the Swift side has a line of the same name in
Tests/NeuralNetworksTests/LayerTable.swift. Stored are the input, the parameters under Swift Lab's names, random weights,
the result in training and in use, and the gradients of the sum of result * weights in training. Parameters are numbers
that float32 holds exactly.
"""

import os

import torch
from torch import nn
from safetensors.torch import save_file

torch.set_default_dtype(torch.float64)
IMAGE = [3, 4, 6, 5]
ROWS = [5, 7]
SEQUENCE = [2, 4, 9]
NAMES = {nn.modules.batchnorm._BatchNorm: {"weight": "scale", "bias": "offset", "running_mean": "runningMean",
                                           "running_var": "runningVariance"},
         nn.LayerNorm: {"weight": "scale", "bias": "offset"}, nn.GroupNorm: {"weight": "scale", "bias": "offset"}}


class Residual(nn.Module):
    """Two 3x3 convolutions with batch normalisation, the input added: He et al., 2015."""

    def __init__(self, inputs, filters, stride):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(inputs, filters, 3, stride, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU(),
            nn.Conv2d(filters, filters, 3, 1, 1, bias=False), nn.BatchNorm2d(filters))
        self.shortcut = None if stride == 1 else nn.Sequential(
            nn.Conv2d(inputs, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))

    def forward(self, x):
        return (self.main(x) + (self.shortcut(x) if self.shortcut else x)).relu()


class Inception(nn.Module):
    """Four ways side by side: Szegedy et al., 2014."""

    def __init__(self, inputs):
        super().__init__()
        self.single = nn.Conv2d(inputs, 2, 1)
        self.reduce3, self.three = nn.Conv2d(inputs, 3, 1), nn.Conv2d(3, 4, 3, padding=1)
        self.reduce5, self.five = nn.Conv2d(inputs, 1, 1), nn.Conv2d(1, 2, 5, padding=2)
        self.pooled = nn.Conv2d(inputs, 3, 1)

    def forward(self, x):
        pooled = nn.functional.max_pool2d(x, 3, 1, 1)
        return torch.cat([
            self.single(x).relu(), self.three(self.reduce3(x).relu()).relu(), self.five(self.reduce5(x).relu()).relu(),
            self.pooled(pooled).relu()], 1)


class GlobalMaxPool(nn.Module):
    def forward(self, x):
        return x.amax((2, 3))


class GlobalAveragePool(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


LAYERS = {
    "Dense": (lambda: nn.Linear(7, 3), ROWS),
    "DenseTanh": (lambda: nn.Sequential(nn.Linear(7, 3, bias=False), nn.Tanh()), ROWS),
    "Conv1D": (lambda: nn.Conv1d(4, 6, 3, 2, 1, groups=2), SEQUENCE),
    "Conv2D": (lambda: nn.Conv2d(4, 6, 3, padding=1), IMAGE),
    "Conv2DRectangular": (lambda: nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 2), (1, 2), 2), IMAGE),
    "TransposedConv2D": (lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1), IMAGE),
    "TransposedConv2DRectangular": (
        lambda: nn.ConvTranspose2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 0), 2, dilation=(1, 2)), IMAGE),
    "MaxPool2D": (lambda: nn.MaxPool2d((3, 2), (1, 2), (1, 0)), IMAGE),
    "AveragePool2D": (lambda: nn.AvgPool2d(2), IMAGE),
    "AdaptiveAveragePool2D": (lambda: nn.AdaptiveAvgPool2d((4, 3)), IMAGE),
    "AdaptiveMaxPool2D": (lambda: nn.AdaptiveMaxPool2d((4, 3)), IMAGE),
    "GlobalAveragePool2D": (GlobalAveragePool, IMAGE),
    "GlobalMaxPool2D": (GlobalMaxPool, IMAGE),
    "BatchNorm": (lambda: nn.BatchNorm2d(4), IMAGE),
    "BatchNormRows": (lambda: nn.BatchNorm1d(7, eps=1e-3, momentum=0.3), ROWS),
    "LayerNorm": (lambda: nn.LayerNorm(7), ROWS),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), IMAGE),
    "LocalResponseNorm": (lambda: nn.LocalResponseNorm(4, 0.3, 0.6, 2.0), IMAGE),
    "Dropout": (lambda: nn.Dropout(0), ROWS),
    "Flatten": (lambda: nn.Flatten(), IMAGE),
    "Upsample": (lambda: nn.Upsample(scale_factor=2), IMAGE),
    "UpsampleBilinear": (lambda: nn.Upsample(scale_factor=3, mode="bilinear"), IMAGE),
    "ReLU": (nn.ReLU, ROWS),
    "Sigmoid": (nn.Sigmoid, ROWS),
    "Tanh": (nn.Tanh, ROWS),
    "Softmax": (lambda: nn.Softmax(-1), ROWS),
    "GELU": (nn.GELU, ROWS),
    "SiLU": (nn.SiLU, ROWS),
    "Softplus": (nn.Softplus, ROWS),
    "LeakyReLU": (lambda: nn.LeakyReLU(0.2), ROWS),
    "ELU": (lambda: nn.ELU(1.3), ROWS),
    "Sequential": (lambda: nn.Sequential(
        nn.Conv2d(4, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 5)), IMAGE),
    "Residual": (lambda: Residual(4, 4, 1), IMAGE),
    "ResidualProjected": (lambda: Residual(4, 6, 2), IMAGE),
    "Inception": (lambda: Inception(4), IMAGE),
}


def own_name(model, name):
    """Swift Lab's name of a parameter."""
    *path, last = name.split(".")
    layer = model.get_submodule(".".join(path))
    names = next((names for kind, names in NAMES.items() if isinstance(layer, kind)), {})
    return ".".join(path + [names.get(last, last)])


def main():
    tensors = {}
    for name, (build, shape) in LAYERS.items():
        generator = torch.Generator().manual_seed(sum(name.encode()))
        model = build()
        with torch.no_grad():
            for key, value in model.state_dict().items():
                if value.is_floating_point():
                    drawn = torch.randn(value.shape, generator=generator) * 0.5
                    value.copy_((drawn.abs() + 0.5 if "var" in key else drawn).float())
        for key, value in model.state_dict().items():
            if value.is_floating_point():
                tensors[f"{name}/parameter/{own_name(model, key)}"] = value.clone()
        x = torch.randn(shape, generator=generator).requires_grad_()
        tensors[f"{name}/use"] = model.eval()(x).detach().clone(memory_format=torch.contiguous_format)
        result = model.train()(x)
        weights = torch.randn(result.shape, generator=generator)
        tensors[f"{name}/input"], tensors[f"{name}/weights"] = x.detach(), weights
        tensors[f"{name}/result"] = result.detach().clone(memory_format=torch.contiguous_format)
        named = dict(model.named_parameters())
        gradients = torch.autograd.grad((result * weights).sum(), [x, *named.values()])
        tensors[f"{name}/gradient"] = gradients[0].contiguous()
        for key, gradient in zip(named, gradients[1:]):
            tensors[f"{name}/slope/{own_name(model, key)}"] = gradient.contiguous()
        # Running statistics after the one step of training.
        for key, value in model.named_buffers():
            if value.is_floating_point():
                tensors[f"{name}/after/{own_name(model, key)}"] = value.clone()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "layers.safetensors")
    save_file(tensors, path, metadata={"torch": torch.__version__.split("+")[0]})
    print(f"{len(LAYERS)} layers, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
