"""Computes with PyTorch in float64 where Swift Lab's optimizers and policies have to go.

usage: optimizers.py        writes optimizers.safetensors beside itself
Needs: torch, numpy, safetensors. The Swift side is OptimizerTests.swift and
LearningRateTests.swift in Tests/NeuralNetworksTests. Each optimizer takes
ten steps from the same five weights with the same gradients, the last of them at a third of the rate; stored are the
weights after every step. FTRL, which PyTorch does not have, is computed by its authors' algorithm. Averages are those of the
weights of "momentum" up to every step.
"""

import math
import os

import torch
from safetensors.torch import save_file

torch.set_default_dtype(torch.float64)
STEPS = 10
RATE = 0.1
OPTIMIZERS = {
    "sgd": lambda w: torch.optim.SGD(w, RATE),
    "sgdDecay": lambda w: torch.optim.SGD(w, RATE, weight_decay=0.1),
    "momentum": lambda w: torch.optim.SGD(w, RATE, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda w: torch.optim.SGD(w, RATE, momentum=0.8, weight_decay=0.01, nesterov=True),
    "adaGrad": lambda w: torch.optim.Adagrad(w, RATE, weight_decay=0.1),
    "adaDelta": lambda w: torch.optim.Adadelta(w, RATE, rho=0.8, eps=1e-5, weight_decay=0.1),
    "rmsProp": lambda w: torch.optim.RMSprop(w, RATE, alpha=0.95, eps=1e-6, weight_decay=0.1),
    "adam": lambda w: torch.optim.Adam(w, RATE, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
    "adamW": lambda w: torch.optim.AdamW(w, RATE, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.2),
}


def ftrl(weights, gradients, rates, beta, lasso, ridge):
    """Algorithm 1 of McMahan et al., 2013, weight by weight; z starts so that the weights are those given."""
    weights = weights.tolist()
    sums = [0.0] * len(weights)
    z = [-w * (beta / rates[0] + ridge) - math.copysign(lasso, w) * (w != 0) for w in weights]
    track = []
    for gradient, rate in zip(gradients.tolist(), rates):
        for i, g in enumerate(gradient):
            sigma = (math.sqrt(sums[i] + g * g) - math.sqrt(sums[i])) / rate
            z[i] += g - sigma * weights[i]
            sums[i] += g * g
            weights[i] = 0.0 if abs(z[i]) <= lasso else (
                -(z[i] - math.copysign(lasso, z[i])) / ((beta + math.sqrt(sums[i])) / rate + ridge))
        track.append(list(weights))
    return torch.tensor(track)


def averages(track, decay):
    """PyTorch's means of weights: all steps alike, and with a decay, which it starts at the first weights. Started at 0 and
    divided by what the weights of all steps sum up to (Kingma and Ba, 2014), no step counts for the ones before it."""
    model = torch.nn.ParameterList([torch.zeros(track.shape[1])])
    mean = torch.optim.swa_utils.AveragedModel(model)
    decaying = torch.optim.swa_utils.get_ema_avg_fn(decay)
    sums, alike, corrected = torch.zeros(track.shape[1]), [], []
    for step, weights in enumerate(track):
        model[0].data.copy_(weights)
        mean.update_parameters(model)
        alike.append(mean.module[0].detach().clone())
        sums = decaying(sums, weights, step)
        corrected.append(sums / (1 - decay ** (step + 1)))
    return torch.stack(alike), torch.stack(corrected)


def main():
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(5, generator=generator).float().double()
    gradients = torch.randn(STEPS, 5, generator=generator).float().double()
    tensors = {"start": start, "gradients": gradients}
    rates = [RATE] * (STEPS - 1) + [RATE / 3]
    for name, build in OPTIMIZERS.items():
        weights = start.clone().requires_grad_()
        optimizer = build([weights])
        track = []
        for gradient, rate in zip(gradients, rates):
            for group in optimizer.param_groups:
                group["lr"] = rate
            weights.grad = gradient.clone()
            optimizer.step()
            track.append(weights.detach().clone())
        tensors[name] = torch.stack(track)
    tensors["ftrl"] = ftrl(start, gradients, rates, 1.0, 0.05, 0.1)
    tensors["average/alike"], tensors["average/decay"] = averages(tensors["momentum"], 0.7)
    # Learning rates at every percent.
    def schedule(build):
        optimizer = torch.optim.SGD([torch.zeros(1)], 0.5)
        scheduler = build(optimizer)
        values = [optimizer.param_groups[0]["lr"]]
        for _ in range(100):
            optimizer.step()
            scheduler.step()
            values.append(optimizer.param_groups[0]["lr"])
        return torch.tensor(values)

    schedulers = torch.optim.lr_scheduler
    tensors["rate/step"] = schedule(lambda o: schedulers.StepLR(o, 20, 0.3))
    tensors["rate/multistep"] = schedule(lambda o: schedulers.MultiStepLR(o, [10, 55, 90], 0.5))
    tensors["rate/exponential"] = schedule(lambda o: schedulers.ExponentialLR(o, 0.97))
    tensors["rate/polynomial"] = schedule(lambda o: schedulers.PolynomialLR(o, 100, 2.5))
    tensors["rate/cosine"] = schedule(lambda o: schedulers.CosineAnnealingLR(o, 100, 0.01))
    tensors["rate/oneCycle"] = schedule(lambda o: schedulers.OneCycleLR(
        o, 0.5, total_steps=101, pct_start=26 / 101, div_factor=25, final_div_factor=4000))
    tensors["rate/inverse"] = schedule(lambda o: schedulers.LambdaLR(o, lambda p: (1 + 0.2 * p) ** -0.75))
    tensors["rate/sigmoid"] = schedule(lambda o: schedulers.LambdaLR(o, lambda p: 1 / (1 + math.exp(0.2 * (p - 40)))))
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "optimizers.safetensors")
    save_file(tensors, path, metadata={"torch": torch.__version__.split("+")[0]})
    print(f"{len(OPTIMIZERS) + 1} optimizers, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
