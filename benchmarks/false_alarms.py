"""How often right gradients, computed by PyTorch, are called wrong: it should be never.

    python benchmarks/false_alarms.py --networks 1000

Random networks of dense and convolutional layers and of batch normalisations, with PyTorch's own gradients in float64
and in float32, rounded to 3, 4 and 6 digits, to 4 decimals and to a grid, and with the samples summed in another order.
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


def drawn(seed: int, *, normalised: bool = False) -> tuple[cg.Network, Any, Any, list[Any]]:
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
        layers.append(cg.Dense(int(rng.integers(2, 9))))
        steps.append(("dense", weighted, 0))
        if normalised and rng.random() < 0.5:
            weighted += 1
            layers.append(cg.BatchNorm())
            steps.append(("norm", weighted, 0))
        layers.append(ACTIVATIONS[kind][0]())
        steps.append((kind, 0, 0))
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
    samples = int(rng.integers(3 if normalised else 1, 9))
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
        elif kind == "norm":
            scale, shift = tensors[f"gamma{number}"], tensors[f"beta{number}"]
            value = F.batch_norm(value, None, None, scale, shift, training=True)
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


def rounded(array: Any, digits: int) -> Any:
    """The numbers rounded to so many significant digits."""
    return np.vectorize(lambda v: float(f"{v:.{digits}g}"), otypes=[float])(array)


def on_a_grid(arrays: dict[str, Any]) -> dict[str, Any]:
    """The numbers rounded to multiples of a step that is no power of ten."""
    step = 0.0007 * max(float(np.abs(array).max()) for array in arrays.values())
    return {n: np.round(a / step) * step for n, a in arrays.items()}


def one_by_one(net: cg.Network, x: Any, y: Any, steps: list[Any]) -> dict[str, Any]:
    """The gradients of single samples, in float32, averaged in float64 from the last sample to the first."""
    parts = [gradients(net, x[k : k + 1], y[k : k + 1], steps, torch.float32) for k in reversed(range(len(x)))]
    return {n: sum(p[n].astype(np.float64) for p in parts) / len(parts) for n in parts[0]}


def forms(net: cg.Network, x: Any, y: Any, steps: list[Any]) -> dict[str, dict[str, Any]]:
    """Right gradients, computed and written down in several ways."""
    exact = gradients(net, x, y, steps, torch.float64)
    single = gradients(net, x, y, steps, torch.float32)
    found = {
        "float64": exact,
        "float32": single,
        "float32 as float64": {n: g.astype(np.float64) for n, g in single.items()},
        "4 decimals": {n: np.round(g, 4) for n, g in exact.items()},
        "a grid": on_a_grid(exact),
        **{f"{d} digits": {n: rounded(g, d) for n, g in exact.items()} for d in (3, 4, 6)},
    }
    if not any(kind == "norm" for kind, _, _ in steps):
        found["another order"] = one_by_one(net, x, y, steps)
    return found


def alarms(count: int) -> dict[str, list[int]]:
    """The seeds of the networks whose right gradients were called wrong, by the form in which they were claimed."""
    found: dict[str, list[int]] = {}
    for seed in range(count):
        net, x, y, steps = drawn(seed, normalised=seed % 2 == 1)
        for name, claims in forms(net, x, y, steps).items():
            wrong = found.setdefault(name, [])
            if not cg.diagnose(net, x, y, claims).correct:
                wrong.append(seed)
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
