"""Networks of every kind, to be written out as scripts, and what runs such scripts."""

from __future__ import annotations

import ast
import json
import math
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import chalkgrad as cg

N = 6


@dataclass
class Written:
    """A network, samples and targets for it, and how it is trained."""

    network: cg.Network
    x: Any
    y: Any
    optimizer: Any = "SGD"
    steps: int = 3

    def losses(self) -> list[float]:
        """The loss of every step of training, and the one of prediction behind them."""
        twin = self.network.copy()
        seen = _Losses()
        twin.fit(
            self.x, self.y, optimizer=self.optimizer, epochs=self.steps, batch_size=None, shuffle=False, callbacks=[seen]
        )  # fmt: skip
        return [*seen.losses, twin.loss(self.x, self.y)]


@dataclass
class _Losses(cg.Callback):
    losses: list[float] = field(default_factory=list)

    def on_step(self, training: Any) -> None:
        self.losses.append(training.loss)


def samples(network: cg.Network, seed: int = 0, rows: int = N) -> tuple[Any, Any]:
    """Samples and targets such as the network takes."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, *network.layout.sample_shape)).round(3)
    if network.layout.ids:
        x = rng.integers(0, min(network.layout.ids.values()), x.shape)
    begin = 0
    for name, shape in network.layout.inputs.items():
        end = begin + math.prod(shape)
        if name in network.layout.masks:
            x[:, begin:end] = rng.integers(0, 2, (rows, end - begin))
            x[:, begin] = 1
        begin = end
    outputs, loss = network.output_shape, network.loss_function
    if isinstance(loss, (cg.CrossEntropy, cg.Hinge)) and outputs[-1] > 1:
        return x, rng.integers(0, outputs[-1], (rows, *outputs[:-1]))
    if isinstance(loss, cg.BinaryCrossEntropy):
        return x, rng.random((rows, *outputs)).round(3)
    if isinstance(loss, cg.Hinge):
        return x, rng.integers(0, 2, (rows, *outputs[:-1]))
    return x, rng.standard_normal((rows, *outputs)).round(3)


def written(layers: Any, shape: Any, loss: Any = "SquaredError", dtype: str = "float64", **settings: Any) -> Written:
    """A network with samples of its own."""
    train = {name: settings.pop(name) for name in ("optimizer", "steps") if name in settings}
    network = cg.Network(layers, input_shape=shape, loss=loss, dtype=dtype, **settings)
    return Written(network, *samples(network), **train)


def _frozen() -> Written:
    made = written([cg.Dense(3), cg.Tanh(), cg.Dense(2)], 4)
    made.network.freeze("W1", "b2")
    return made


def _later() -> Written:
    """One that has made some steps: dropout's masks go on from there."""
    made = written([cg.Dense(5), cg.BatchNorm(), cg.Dropout(0.3), cg.Dense(2)], 3, optimizer=cg.Adam(0.05), steps=4)
    made.network.fit(made.x, made.y, optimizer=cg.SGD(0.1), epochs=3)
    return made


def _names() -> Written:
    """Names that mean something to Python, to the script or to a rule."""
    layers = [
        cg.Dense(4, name="np"), cg.GELU(), cg.Dense(3, name="lambda"), cg.ReLU(), cg.Dense(4, name="max_pool2d"),
        cg.Tanh(), cg.Dense(4, name="x"), cg.Sigmoid(), cg.Dense(2, name="sum"), cg.Dense(3, name="a"), cg.Dense(2, name="b_a"),
    ]  # fmt: skip
    return written(layers, 3, optimizer=cg.SGD(0.1, momentum=0.5))


ACTIVATIONS: dict[str, Any] = {
    "sigmoid": cg.Sigmoid(),
    "tanh": cg.Tanh(),
    "relu": cg.ReLU(),
    "leaky relu": cg.LeakyReLU(0.2),
    "leaky relu of slope 0": cg.LeakyReLU(0),
    "elu": cg.ELU(0.7),
    "elu of alpha 0": cg.ELU(0.0),
    "gelu": cg.GELU(),
    "gelu by tanh": cg.GELU("tanh"),
    "softplus": cg.Softplus(),
    "silu": cg.SiLU(),
    "softmax": cg.Softmax(),
}
LOSSES: dict[str, tuple[Any, list[Any], int]] = {
    "squared": (cg.SquaredError(), [], 3),
    "half squared": (cg.SquaredError(scale=0.5), [cg.Sigmoid()], 3),
    "mean squared": (cg.SquaredError(scale="mean"), [], 3),
    "squared, summed": (cg.SquaredError(reduction="sum"), [], 1),
    "absolute": (cg.AbsoluteError(scale=0.3, reduction="sum"), [], 2),
    "mean absolute": (cg.AbsoluteError(scale="mean"), [], 2),
    "cross-entropy": (cg.CrossEntropy(), [cg.Softmax()], 3),
    "cross-entropy, expanded": (cg.CrossEntropy(fuse=False, scale=2.0), [cg.Softmax()], 3),
    "cross-entropy of logits": (cg.CrossEntropy(from_logits=True, reduction="sum"), [], 4),
    "binary": (cg.BinaryCrossEntropy(), [cg.Sigmoid()], 2),
    "binary, expanded": (cg.BinaryCrossEntropy(fuse=False, scale="mean"), [cg.Sigmoid()], 2),
    "binary of logits": (cg.BinaryCrossEntropy(from_logits=True, scale=0.5), [], 1),
    "hinge": (cg.Hinge(0.8), [], 1),
    "hinge of classes": (cg.Hinge(0.9, scale=0.5), [], 4),
}
OPTIMIZERS: dict[str, Any] = {
    "SGD": cg.SGD(0.1),
    "momentum": cg.SGD(0.05, momentum=0.9),
    "Nesterov": cg.SGD(0.05, momentum=0.9, nesterov=True),
    "SGD with decay": cg.SGD(0.1, weight_decay=0.3),
    "RMSProp": cg.RMSProp(0.01, rho=0.8),
    "AdaGrad": cg.AdaGrad(0.1),
    "Adam": cg.Adam(0.02),
    "Adam without memory": cg.Adam(0.02, beta1=0.0),
    "Adam with decay": cg.Adam(0.02, weight_decay=0.1),
    "AdamW": cg.AdamW(0.02),
    "AdamW, clipped": cg.AdamW(0.02, clip_norm=0.2),
    "SGD, clipped": cg.SGD(0.1, weight_decay=0.1, clip_norm=0.3),
    "AdamW without decay": cg.AdamW(0.02, weight_decay=0.0),
}
IMAGES: dict[str, tuple[list[Any], tuple[int, ...]]] = {
    "lenet": (
        [
            cg.Conv2D(3, 3, padding=1), cg.ReLU(), cg.MaxPool2D(2), cg.Conv2D(4, 2, stride=(1, 2), bias=False),
            cg.Tanh(), cg.AvgPool2D((2, 1), 1), cg.Flatten(), cg.Dense(3),
        ],
        (1, 7, 7),
    ),
    "same padding": (
        [
            cg.Conv2D(3, (3, 2), padding="same"), cg.ReLU(), cg.MaxPool2D(3, 2, padding=1),
            cg.AvgPool2D(2, 1, padding="same"), cg.MaxPool2D(2, 1, padding="same"), cg.Flatten(), cg.Dense(3),
        ],
        (1, 5, 6),
    ),
    "same padding with a stride": ([cg.Conv2D(2, 2, stride=3, padding="same"), cg.Flatten(), cg.Dense(2)], (1, 7, 5)),
    "windows that stop short": (
        [cg.Conv2D(2, 2, stride=3), cg.MaxPool2D(2, 1), cg.Flatten(), cg.Dense(2)], (1, 6, 7),
    ),
    "image normalised": (
        [cg.Conv2D(3, 2), cg.BatchNorm(), cg.ReLU(), cg.LayerNorm(), cg.Flatten(), cg.Dense(2)], (1, 4, 4),
    ),
    "image for image": ([cg.Conv2D(2, 3, padding=1), cg.Sigmoid(), cg.Conv2D(1, 1)], (1, 4, 3)),
}  # fmt: skip
KINDS: dict[str, Callable[[], Written]] = {
    "no bias": lambda: written([cg.Dense(3, bias=False)], 4),
    "with and without bias": lambda: written([cg.Dense(3, bias=False), cg.Tanh(), cg.Dense(2)], 4),
    "sum": lambda: written([cg.Dense(3), cg.Tanh(), cg.Sum()], 4),
    "nothing but a sum": lambda: written([cg.Sum()], 4),
    "batch norm": lambda: written([cg.Dense(3), cg.BatchNorm(0.2, 1e-3), cg.Tanh(), cg.Dense(2)], 4),
    "batch norm without scale": lambda: written([cg.Dense(3), cg.BatchNorm(affine=False), cg.Dense(2)], 4),
    "layer norm": lambda: written([cg.Dense(3), cg.LayerNorm(), cg.Tanh(), cg.LayerNorm(affine=False), cg.Dense(2)], 4),
    "batch norm with Adam": lambda: written([cg.BatchNorm(), cg.Dense(2)], 4, optimizer=cg.Adam(0.1)),
    "flat already": lambda: written([cg.Flatten(), cg.Dense(2)], 4),
    "table of a sample": lambda: written([cg.Flatten(), cg.Dense(2)], (2, 3)),
    "l1 and l2": lambda: written([cg.Dense(3), cg.Tanh(), cg.Dense(2)], 4, l1=0.01, l2=0.02),
    "l1": lambda: written([cg.Dense(3, l1=0.1), cg.Tanh(), cg.Dense(2)], 4),
    "l2": lambda: written([cg.Dense(3), cg.Tanh(), cg.Dense(2)], 4, l2=0.1),
    "frozen": _frozen,
    "names": _names,
    "two of one number": lambda: written([cg.Dense(3), cg.Tanh(), cg.Sigmoid(), cg.Tanh(), cg.Dense(2)], 4),
    "large": lambda: written([cg.Dense(40), cg.ReLU(), cg.Dense(30, bias=False), cg.Tanh(), cg.Dense(2)], 20),
    "other initialisers": lambda: written(
        [
            cg.Dense(40, weights="lecun_uniform", biases="normal(0.1)"), cg.Dense(5, weights="uniform(0.3)"),
            cg.Dense(400, weights="glorot_normal", biases="constant(0.2)"), cg.Dense(1),
        ],
        10, optimizer=cg.SGD(1e-4),
    ),
    **{n: lambda a=a: written([cg.Dense(4), a, cg.Dense(2)], 3) for n, a in ACTIVATIONS.items()},
    **{n: lambda v=v: written([cg.Dense(4), cg.Tanh(), cg.Dense(v[2]), *v[1]], 3, v[0]) for n, v in LOSSES.items()},
    **{
        f"optimizer {n}": lambda o=o: written([cg.Dense(4), cg.Tanh(), cg.Dense(2)], 3, optimizer=o, steps=5)
        for n, o in OPTIMIZERS.items()
    },
    **{n: lambda v=v: written(v[0], v[1], optimizer=cg.SGD(0.01)) for n, v in IMAGES.items()},
}  # fmt: skip
"""Networks that any library computes alike."""
MASKED: dict[str, Callable[[], Written]] = {
    "dropout": lambda: written([cg.Dense(5), cg.Dropout(0.4), cg.Tanh(), cg.Dropout(0.2), cg.Dense(2)], 3, seed=7),
    "dropout of images": lambda: written(
        [cg.Conv2D(2, 2), cg.ReLU(), cg.Dropout(), cg.Flatten(), cg.Dense(2)], (1, 4, 5)
    ),
    "dropout of nothing": lambda: written([cg.Dense(5), cg.Dropout(0), cg.Dense(2)], 3),
    "begun before": _later,
}
"""Networks with dropout, whose masks are drawn by chalkgrad's own generator."""

_DRIVER = """
import contextlib, io, json, runpy, sys
for path in sys.argv[1:]:
    if "torch" in sys.modules:
        sys.modules["torch"].set_default_dtype(sys.modules["torch"].float32)
    seen = io.StringIO()
    with contextlib.redirect_stdout(seen):
        runpy.run_path(path, run_name="__main__")
    print(json.dumps([path, seen.getvalue()]))
assert "chalkgrad" not in sys.modules
"""


def run(scripts: Mapping[Any, str], directory: Path) -> dict[Any, list[float]]:
    """The losses that scripts print, each run on its own in one other process."""
    files: dict[str, Any] = {}
    for place, (name, text) in enumerate(scripts.items()):
        file = directory / f"script_{place}.py"
        file.write_text(text)
        files[str(file)] = name
    command = [sys.executable, "-c", _DRIVER, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory)
    assert done.returncode == 0, done.stderr
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    return {files[p]: [float(line.partition("L = ")[2]) for line in text.splitlines()] for p, text in printed}


def unused_names(script: str) -> set[str]:
    """Names that a script assigns, imports or defines without using them."""
    nodes = list(ast.walk(ast.parse(script)))
    names = [n for n in nodes if isinstance(n, ast.Name)]
    stored = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    stored |= {n.name for n in nodes if isinstance(n, ast.FunctionDef) and not n.name.startswith("__")}
    stored |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    stored |= {a.asname or a.name for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names}
    return stored - {n.id for n in names if isinstance(n.ctx, ast.Load)} - {"_", "self", "forward"}
