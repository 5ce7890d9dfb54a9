"""Backward passes by hand, in NumPy, one line a value: the right ones, in which cases put a wrong line.

A pass is a table of lines by the value that they compute; a line is a function of all values before it. The values of
the forward pass, and the parameters, are there under the network's names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import chalkgrad as cg

Line = Callable[["Values"], Any]
EPS = 1e-5


class Values(dict[str, Any]):
    """Values by name, as attributes too."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


def filled(lines: Mapping[str, Line], values: Mapping[str, Any]) -> dict[str, Any]:
    """What the lines compute, by name."""
    known = Values(values)
    for name, line in lines.items():
        known[name] = line(known)
    return {name: known[name] for name in lines}


def dense(number: int, x: str, z: str, *, back: bool = True) -> dict[str, Line]:
    """The three lines of z = x W + b."""
    lines: dict[str, Line] = {
        f"dW{number}": lambda v: v[x].T @ v[f"d{z}"],
        f"db{number}": lambda v: v[f"d{z}"].sum(axis=0),
    }
    if back:
        lines[f"d{x}"] = lambda v: v[f"d{z}"] @ v[f"W{number}"].T
    return lines


SQUARED: dict[str, Line] = {"dy_hat": lambda v: 2 * (v.y_hat - v.y) / len(v.x)}
SIGMOID: dict[str, Line] = {"dz1": lambda v: v.da1 * v.a1 * (1 - v.a1)}
TANH: dict[str, Line] = {"dz1": lambda v: v.da1 * (1 - v.a1**2)}


def convolved_back(dz: Any, W: Any, shape: tuple[int, ...], stride: int) -> Any:
    """dx of z = convolution of x and W."""
    dx = np.zeros(shape)
    for p, q, u, v in np.ndindex(*dz.shape[2:], *W.shape[2:]):
        dx[:, :, p * stride + u, q * stride + v] += dz[:, :, p, q] @ W[:, :, u, v]
    return dx


def convolved_weights(x: Any, dz: Any, shape: tuple[int, ...], stride: int) -> Any:
    """dW of z = convolution of x and W."""
    dW = np.zeros(shape)
    for p, q, u, v in np.ndindex(*dz.shape[2:], *shape[2:]):
        dW[:, :, u, v] += dz[:, :, p, q].T @ x[:, :, p * stride + u, q * stride + v]
    return dW


def conv(number: int, x: str, z: str, stride: int = 1, *, back: bool = True) -> dict[str, Line]:
    """The three lines of a convolution."""
    lines: dict[str, Line] = {
        f"dW{number}": lambda v: convolved_weights(v[x], v[f"d{z}"], v[f"W{number}"].shape, stride),
        f"db{number}": lambda v: v[f"d{z}"].sum(axis=(0, 2, 3)),
    }
    if back:
        lines[f"d{x}"] = lambda v: convolved_back(v[f"d{z}"], v[f"W{number}"], v[x].shape, stride)
    return lines


def windows_back(v: Values, *, last: bool = False) -> Any:
    """dz of the maximum over windows of 2 x 2 at every place; `last` where it is assigned."""
    dz = np.zeros(v.a1.shape)
    for n, c, p, q in np.ndindex(*v.dp1.shape):
        part = v.a1[n, c, p : p + 2, q : q + 2]
        u, w = divmod(int(part.argmax()), 2)
        dz[n, c, p + u, q + w] = v.dp1[n, c, p, q] + (0 if last else dz[n, c, p + u, q + w])
    return dz


def normalised(axis: int) -> dict[str, Line]:
    """The lines of a normalisation over an axis: 0 for a batch, 1 for a row."""
    return {
        "dgamma2": lambda v: (v.dz2 * v.x_hat2).sum(axis=0),
        "dbeta2": lambda v: v.dz2.sum(axis=0),
        "dx_hat2": lambda v: v.dz2 * v.gamma2,
        "dz1": lambda v: normalised_back(v.dx_hat2, v.x_hat2, over(v.var2, axis), axis),
    }


def over(values: Any, axis: int) -> Any:
    """A statistic beside the values that it is of."""
    return np.expand_dims(values, axis)


def normalised_back(dx_hat: Any, x_hat: Any, var: Any, axis: int, *, mean: float = 1, spread: float = 1) -> Any:
    """dx of x_hat: the ways straight through, through the mean and through the variance."""
    through_mean = dx_hat.mean(axis=axis, keepdims=True)
    through_variance = x_hat * (dx_hat * x_hat).mean(axis=axis, keepdims=True)
    return (dx_hat - mean * through_mean - spread * through_variance) / np.sqrt(var + EPS)


def rms_back(v: Values, shift: int = 0) -> Any:
    """dx of x / sqrt(mean of x^2); `shift` gives each row another row's correction."""
    correction = (v.dx_hat2 * v.x_hat2).mean(axis=1, keepdims=True)
    return (v.dx_hat2 - v.x_hat2 * np.roll(correction, shift, axis=0)) / np.sqrt(over(v.ms2, 1) + EPS)


def through_time(v: Values, *, forget: Line | None = None) -> dict[str, Any]:
    """The backward pass of an LSTM whose last h is used."""
    samples, steps, units = v.h1.shape
    before = {n: np.concatenate([np.zeros((samples, 1, units)), v[n][:, :-1]], axis=1) for n in ("h1", "c1")}
    found = {f"dz{gate}1": np.zeros(v.h1.shape) for gate in "ifgo"}
    dh, dc = v.dlast1, np.zeros((samples, units))
    for t in reversed(range(steps)):
        i, f, g, o, c = (v[n][:, t] for n in ("i1", "f1", "g1", "o1", "c1"))
        slope = f * (1 - f) if forget is None else forget(Values(f=f))
        dc = dc + dh * o * (1 - np.tanh(c) ** 2)
        found["dzo1"][:, t] = dh * np.tanh(c) * o * (1 - o)
        found["dzi1"][:, t] = dc * g * i * (1 - i)
        found["dzg1"][:, t] = dc * i * (1 - g**2)
        found["dzf1"][:, t] = dc * before["c1"][:, t] * slope
        dh = sum(found[f"dz{gate}1"][:, t] @ v[f"U{gate}1"].T for gate in "ifgo")
        dc = dc * f
    for gate in "ifgo":
        dz = found[f"dz{gate}1"]
        found[f"dW{gate}1"] = np.einsum("nti,ntu->iu", v.x, dz)
        found[f"dU{gate}1"] = np.einsum("ntv,ntu->vu", before["h1"], dz)
        found[f"db{gate}1"] = dz.sum(axis=(0, 1))
    return found


LSTM = [f"d{part}{gate}1" for part in ("z", "W", "U", "b") for gate in "ifgo"]


def lstm_lines(forget: Line | None = None) -> dict[str, Line]:
    """The lines of an LSTM; `forget` is the slope of its forget gate."""
    lines: dict[str, Line] = {"dtime": lambda v: through_time(v, forget=forget)}
    lines.update({name: (lambda v, name=name: v.dtime[name]) for name in LSTM})
    return lines


def looked_up(v: Values, *, last: bool = False) -> Any:
    """dW of an embedding; `last` where it is assigned."""
    dW = np.zeros(v.W1.shape)
    if last:
        dW[v.x.astype(int)] = v.de1
    else:
        np.add.at(dW, v.x.astype(int), v.de1)
    return dW


def mlp(activation: cg.Layer, loss: Any = "SquaredError", ending: cg.Layer | None = None) -> Any:
    """Two dense layers with an activation."""
    return lambda: ([cg.Dense(6), activation, cg.Dense(3), *([] if ending is None else [ending])], 3, loss)


Network = Callable[[], tuple[list[Any], Any, Any]]
HIDDEN = {**dense(2, "a1", "y_hat")}
NETWORKS: dict[str, tuple[Network, dict[str, Line]]] = {
    "sigmoid": (mlp(cg.Sigmoid()), {**SQUARED, **HIDDEN, **SIGMOID, **dense(1, "x", "z1", back=False)}),
    "tanh": (mlp(cg.Tanh()), {**SQUARED, **HIDDEN, **TANH, **dense(1, "x", "z1", back=False)}),
    "leaky ReLU": (
        mlp(cg.LeakyReLU(0.1)),
        {**SQUARED, **HIDDEN, "dz1": lambda v: v.da1 * np.where(v.z1 > 0, 1, 0.1), **dense(1, "x", "z1", back=False)},
    ),
    "two sigmoids": (
        mlp(cg.Sigmoid(), ending=cg.Sigmoid()),
        {
            **SQUARED, "dz2": lambda v: v.dy_hat * v.y_hat * (1 - v.y_hat), **dense(2, "a1", "z2"), **SIGMOID,
            **dense(1, "x", "z1", back=False),
        },
    ),
    "classifier": (
        mlp(cg.Tanh(), "CrossEntropy", cg.Softmax()),
        {
            "dz2": lambda v: (v.y_hat - v.y) / len(v.x), **dense(2, "a1", "z2"), **TANH,
            **dense(1, "x", "z1", back=False),
        },
    ),
    "summed classifier": (
        mlp(cg.Tanh(), cg.CrossEntropy(reduction="sum"), cg.Softmax()),
        {"dz2": lambda v: v.y_hat - v.y, **dense(2, "a1", "z2"), **TANH, **dense(1, "x", "z1", back=False)},
    ),
    "expanded classifier": (
        mlp(cg.Tanh(), cg.CrossEntropy(fuse=False), cg.Softmax()),
        {
            "dy_hat": lambda v: -v.y / v.y_hat / len(v.x),
            "dz2": lambda v: v.y_hat * (v.dy_hat - (v.dy_hat * v.y_hat).sum(axis=1, keepdims=True)),
            **dense(2, "a1", "z2"), **TANH, **dense(1, "x", "z1", back=False),
        },
    ),
    "yes or no": (
        mlp(cg.Tanh(), cg.BinaryCrossEntropy(fuse=False), cg.Sigmoid()),
        {
            "dy_hat": lambda v: (v.y_hat - v.y) / (v.y_hat * (1 - v.y_hat)) / len(v.x),
            "dz2": lambda v: v.dy_hat * v.y_hat * (1 - v.y_hat), **dense(2, "a1", "z2"), **TANH,
            **dense(1, "x", "z1", back=False),
        },
    ),
    "mean over outputs": (
        mlp(cg.Tanh(), cg.SquaredError(scale=1 / 3)),
        {
            "dy_hat": lambda v: 2 * (v.y_hat - v.y) / v.y.size, **HIDDEN, **TANH, **dense(1, "x", "z1", back=False),
        },
    ),
    "softmax inside": (
        lambda: ([cg.Dense(4), cg.Softmax(), cg.Dense(3)], 3, "SquaredError"),
        {
            **SQUARED, **HIDDEN, "dz1": lambda v: v.a1 * (v.da1 - (v.da1 * v.a1).sum(axis=1, keepdims=True)),
            **dense(1, "x", "z1", back=False),
        },
    ),
    "batch norm": (
        lambda: ([cg.Dense(4), cg.BatchNorm(eps=EPS), cg.Dense(3)], 3, "SquaredError"),
        {**SQUARED, **dense(3, "z2", "y_hat"), **normalised(0), **dense(1, "x", "z1", back=False)},
    ),
    "layer norm": (
        lambda: ([cg.Dense(6), cg.LayerNorm(eps=EPS), cg.Dense(3)], 3, "SquaredError"),
        {**SQUARED, **dense(3, "z2", "y_hat"), **normalised(1), **dense(1, "x", "z1", back=False)},
    ),
    "RMS norm": (
        lambda: ([cg.Dense(4), cg.RMSNorm(eps=EPS), cg.Dense(3)], 3, "SquaredError"),
        {
            **SQUARED, **dense(3, "z2", "y_hat"), "dgamma2": lambda v: (v.dz2 * v.x_hat2).sum(axis=0),
            "dx_hat2": lambda v: v.dz2 * v.gamma2, "dz1": rms_back, **dense(1, "x", "z1", back=False),
        },
    ),
    "dropout": (
        lambda: ([cg.Dense(8), cg.Dropout(0.5), cg.Dense(3)], 3, "SquaredError"),
        {
            **SQUARED, **dense(2, "h1", "y_hat"), "dz1": lambda v: v.dh1 * v.mask1 / 0.5,
            **dense(1, "x", "z1", back=False),
        },
    ),
    "convolutions": (
        lambda: ([cg.Conv2D(2, 2), cg.Tanh(), cg.Conv2D(2, 2), cg.Flatten(), cg.Dense(3)], (1, 5, 6), "SquaredError"),
        {
            **SQUARED, **dense(3, "f2", "y_hat"), "dz2": lambda v: v.df2.reshape(v.z2.shape), **conv(2, "a1", "z2"),
            **TANH, **conv(1, "x", "z1", back=False),
        },
    ),
    "convolutions, stride 2": (
        lambda: (
            [cg.Conv2D(2, 2), cg.Tanh(), cg.Conv2D(3, 2, stride=2), cg.Flatten(), cg.Dense(3)], (1, 5, 7),
            "SquaredError",
        ),
        {
            **SQUARED, **dense(3, "f2", "y_hat"), "dz2": lambda v: v.df2.reshape(v.z2.shape), **conv(2, "a1", "z2", 2),
            **TANH, **conv(1, "x", "z1", back=False),
        },
    ),
    "overlapping windows": (
        lambda: (
            [cg.Conv2D(2, 2), cg.Tanh(), cg.MaxPool2D(2, stride=1), cg.Flatten(), cg.Dense(3)], (1, 5, 6),
            "SquaredError",
        ),
        {
            **SQUARED, **dense(2, "f1", "y_hat"), "dp1": lambda v: v.df1.reshape(v.p1.shape), "da1": windows_back,
            **TANH, **conv(1, "x", "z1", back=False),
        },
    ),
    "embedding": (
        lambda: ([cg.Embedding(5, 3), cg.GlobalAvgPool1D(), cg.Dense(3)], (4,), "SquaredError"),
        {
            **SQUARED, **dense(2, "p1", "y_hat"),
            "de1": lambda v: np.repeat(v.dp1[:, None], v.x.shape[1], axis=1) / v.x.shape[1], "dW1": looked_up,
        },
    ),
    "residual": (
        lambda: (
            [cg.Dense(4), cg.Tanh(), cg.Residual([cg.Dense(4), cg.Tanh()]), cg.Dense(3)], 3, "SquaredError",
        ),
        {
            **SQUARED, **dense(3, "s2", "y_hat"), "da2": lambda v: v.ds2, "dz2": lambda v: v.da2 * (1 - v.a2**2),
            "dW2": lambda v: v.a1.T @ v.dz2, "db2": lambda v: v.dz2.sum(axis=0),
            "da1": lambda v: v.ds2 + v.dz2 @ v.W2.T, **TANH, **dense(1, "x", "z1", back=False),
        },
    ),
    "tied": (
        lambda: (
            [cg.Embedding(5, 3, name="E"), cg.GlobalAvgPool1D(), cg.Tanh(), cg.Dense(5, weights_of="E"), cg.Softmax()],
            (4,), "CrossEntropy",
        ),
        {"dz2": lambda v: (v.y_hat - v.y) / len(v.x), "db2": lambda v: v.dz2.sum(axis=0)},
    ),
    "LSTM": (
        lambda: ([cg.LSTM(3), cg.Dense(3)], (4, 2), "SquaredError"),
        {
            **SQUARED, "dW2": lambda v: v.last1.T @ v.dy_hat, "db2": lambda v: v.dy_hat.sum(axis=0),
            "dlast1": lambda v: v.dy_hat @ v.W2.T, **lstm_lines(),
        },
    ),
    "line": (
        lambda: ([cg.Dense(3)], 3, "SquaredError"), {**SQUARED, **dense(1, "x", "y_hat", back=False)},
    ),
    "half": (
        lambda: ([cg.Dense(3)], 3, cg.SquaredError(scale=0.5, reduction="sum")),
        {"dy_hat": lambda v: v.y_hat - v.y, **dense(1, "x", "y_hat", back=False)},
    ),
}  # fmt: skip


def drawn(kind: str, seed: int = 0) -> tuple[cg.Network, Any, Any]:
    """A network of a kind with samples and targets; biases away from 0 and scales away from 1."""
    layers, shape, loss = NETWORKS[kind][0]()
    rng = np.random.default_rng(seed)
    net = cg.Network(layers, input_shape=shape, loss=loss, dtype="float64", seed=seed)
    net.flat += 0.4 * rng.standard_normal(net.flat.shape)
    samples = 5
    size = net.layout.sample_shape
    x = rng.integers(0, 5, (samples, *size)) if net.layout.ids else rng.standard_normal((samples, *size))
    outputs = net.layout.output_shape[0]
    if "classifier" in kind or kind == "tied":
        return net, x, rng.integers(0, outputs, samples)
    return net, x, rng.random((samples, outputs)) if kind == "yes or no" else rng.standard_normal((samples, outputs))
