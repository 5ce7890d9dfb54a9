"""How often right gradients, computed by PyTorch, are called wrong: it should be never.

    python benchmarks/false_alarms.py --networks 1000

Random networks of dense and convolutional layers, with PyTorch's own gradients in float64 and in float32.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

import chalkgrad as cg

ACTIVATIONS: dict[str, tuple[Any, Any]] = {
    "sigmoid": (cg.Sigmoid, torch.sigmoid),
    "tanh": (cg.Tanh, torch.tanh),
    "relu": (cg.ReLU, torch.relu),
    "elu": (cg.ELU, F.elu),
    "gelu": (cg.GELU, F.gelu),
    "silu": (cg.SiLU, F.silu),
}


def drawn(seed: int) -> tuple[cg.Network, Any, Any, list[Any]]:
    """A random network with samples, targets and, for every layer, what PyTorch does in its place."""
    rng = np.random.default_rng(seed)
    layers: list[cg.Layer] = []
    steps: list[Any] = []
    image = bool(rng.random() < 0.4)
    shape: tuple[int, ...] = (int(rng.integers(1, 3)), 6, 6) if image else (int(rng.integers(2, 6)),)
    weighted = 0
    if image:
        weighted += 1
        padding = int(rng.integers(0, 2))
        layers.append(cg.Conv2D(int(rng.integers(1, 4)), 3, padding=padding))
        steps.append(("conv", weighted, padding))
        if rng.random() < 0.5:
            layers.append(cg.MaxPool2D(2))
            steps.append(("pool", 0, 0))
        layers.append(cg.Flatten())
        steps.append(("flatten", 0, 0))
    for _ in range(int(rng.integers(1, 4))):
        weighted += 1
        kind = str(rng.choice(list(ACTIVATIONS)))
        layers += [cg.Dense(int(rng.integers(2, 9))), ACTIVATIONS[kind][0]()]
        steps += [("dense", weighted, 0), (kind, 0, 0)]
    weighted += 1
    classes = int(rng.integers(2, 5))
    layers.append(cg.Dense(classes))
    steps.append(("dense", weighted, 0))
    entropy = bool(rng.random() < 0.5)
    loss: cg.Loss = cg.SquaredError()
    if entropy:
        layers.append(cg.Softmax())
        loss = cg.CrossEntropy()
    net = cg.Network(layers, input_shape=shape, loss=loss, dtype="float64", seed=seed)
    net.flat += 0.1 * rng.standard_normal(net.flat.shape)
    net.flat[...] = net.flat.astype(np.float32)  # the same weights in both precisions
    samples = int(rng.integers(1, 9))
    x = rng.standard_normal((samples, *shape)).astype(np.float32).astype(np.float64)
    y = rng.integers(0, classes, samples) if entropy else rng.standard_normal((samples, classes)).astype(np.float32)
    return net, x, y, steps


def gradients(net: cg.Network, x: Any, y: Any, steps: list[Any], dtype: Any) -> dict[str, Any]:
    """PyTorch's gradients by the values' names."""
    tensors = {n: torch.tensor(p, dtype=dtype, requires_grad=True) for n, p in net.parameters.items()}
    value = torch.tensor(x, dtype=dtype)
    for kind, number, padding in steps:
        if kind == "conv":
            value = F.conv2d(value, tensors[f"W{number}"], tensors[f"b{number}"], padding=padding)
        elif kind == "pool":
            value = F.max_pool2d(value, 2)
        elif kind == "flatten":
            value = value.flatten(1)
        elif kind == "dense":
            value = value @ tensors[f"W{number}"] + tensors[f"b{number}"]
        else:
            value = ACTIVATIONS[kind][1](value)
    target = torch.tensor(y)
    if isinstance(net.loss_function, cg.CrossEntropy):
        loss = F.cross_entropy(value, target)
    else:
        loss = ((value - target.to(dtype)) ** 2).sum(dim=1).mean()
    loss.backward()
    return {f"d{n}": t.grad.numpy() for n, t in tensors.items() if t.grad is not None}


def alarms(count: int) -> dict[str, list[int]]:
    """The seeds of the networks whose right gradients were called wrong, by precision."""
    found: dict[str, list[int]] = {"float64": [], "float32": []}
    for seed in range(count):
        net, x, y, steps = drawn(seed)
        for name, dtype in (("float64", torch.float64), ("float32", torch.float32)):
            claims = gradients(net, x, y, steps, dtype)
            if not cg.diagnose(net, x, y, claims).correct:
                found[name].append(seed)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--networks", type=int, default=1000)
    given = parser.parse_args()
    started = time.perf_counter()
    found = alarms(given.networks)
    said = ", ".join(
        f"{len(seeds)} in {name}" + (f" (seeds {seeds[:9]})" if seeds else "") for name, seeds in found.items()
    )
    print(f"{given.networks} networks, false alarms: {said}; {time.perf_counter() - started:.0f} s.")


if __name__ == "__main__":
    main()
