"""Random graphs of lines against PyTorch: built from the lines as they were meant, differentiated by autograd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import chalkgrad as cg
from graphs import Graph, X, graphs

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

BOUND = 1e-12


class _Mirror:
    """The network's computation in PyTorch, from its parameters and its input on, all asked for their gradients."""

    def __init__(self, graph: Graph, *, training: bool) -> None:
        self.graph = graph
        self.net = graph.network
        self.training = training
        self.trace = graph.network.trace(graph.x, graph.y, training=training)
        self.parameters = {n: torch.tensor(p, requires_grad=True) for n, p in self.net.parameters.items()}
        self.inputs = {name: torch.tensor(x, requires_grad=True) for name, x in graph.apart(graph.x).items()}
        self.values: list[Any] = []
        for place, node in enumerate(graph.nodes):
            taken = [self.inputs[graph.inputs[X - s]] if s < 0 else self.values[s] for s in node.sources]
            value = self._value(place, node.layer, taken, node.weights)
            value.retain_grad()
            self.values.append(value)

    def _own(self, place: int, formal: str) -> Any:
        """A line's own parameter; None where it has none."""
        for name in self.net.layout.lines[place].parameters:
            if name.rpartition(".")[2].rstrip("0123456789_") == formal:
                return self.parameters[name]
        return None

    def _value(self, place: int, layer: cg.Layer, taken: list[Any], weights: int | None) -> Any:
        a = taken[0]
        match layer:
            case cg.Dense():
                W = self._own(place if weights is None else weights, "W")
                b = self._own(place, "b")
                z = a @ (W if W.shape == (a.shape[1], layer.units) else W.T)
                return z if b is None else z + b
            case cg.Conv2D():
                W = self._own(place if weights is None else weights, "W")
                return F.conv2d(a, W, self._own(place, "b"), padding=(W.shape[2] // 2, W.shape[3] // 2))
            case cg.MaxPool2D():
                return F.max_pool2d(a, 3, 1, 1)
            case cg.AvgPool2D():
                return F.avg_pool2d(a, 3, 1, 1)
            case cg.Flatten():
                return a.flatten(1)
            case cg.Sum():
                return a.sum(1, keepdim=True)
            case cg.Dropout():
                return a * torch.tensor(self._mask(place)) / (1 - layer.rate) if self.training else a * 1
            case cg.BatchNorm():
                states = {n.rpartition(".")[2].rstrip("0123456789_"): torch.tensor(self.net.states[n])
                          for n in self.net.layout.lines[place].states}  # fmt: skip
                gamma, beta = self._own(place, "gamma"), self._own(place, "beta")
                return F.batch_norm(
                    a,
                    states["running_mu"],
                    states["running_var"],
                    gamma,
                    beta,
                    self.training,
                    layer.momentum,
                    layer.eps,
                )
            case cg.LayerNorm():
                gamma, beta = self._own(place, "gamma"), self._own(place, "beta")
                return F.layer_norm(a, a.shape[1:], gamma, beta, layer.eps)
            case cg.Add():
                return sum(taken[1:], a)
            case cg.Multiply():
                return a * taken[1]
            case cg.Concat():
                return torch.cat(taken, dim=1)
            case _:
                return _activation(layer, a)

    def _mask(self, place: int) -> Any:
        """What a dropout drew: PyTorch draws other numbers."""
        (name,) = (s.output for s in self.net.program if s.owner.line == place and s.rule.name == "dropout_mask")
        mask = self.trace[name]
        assert set(np.unique(mask)) <= {0.0, 1.0}
        return mask

    def loss(self) -> Any:
        """L, the penalties included."""
        out, loss, y = self.values[-1], self.net.loss_function, torch.tensor(self.graph.y)
        match loss:
            case cg.SquaredError():
                each = ((out - y) ** 2).flatten(1)
            case cg.AbsoluteError():
                each = (out - y).abs().flatten(1)
            case cg.CrossEntropy() if not loss.fuse and not loss.from_logits:
                clip = loss.options(self.net.output_shape)["clip"]
                each = -out.clamp(clip, 1 - clip).log().gather(1, y[:, None])
            case cg.BinaryCrossEntropy() if not loss.fuse:
                assume(bool(((out > 1e-3) & (out < 1 - 1e-3)).all()))  # 1 / (1 - out) multiplies what was rounded
                each = F.binary_cross_entropy(out, y, reduction="none")
            case cg.CrossEntropy():
                logits = out if loss.from_logits else self.values[-2]
                each = F.cross_entropy(logits, y, reduction="none")[:, None]
            case cg.BinaryCrossEntropy():
                each = F.binary_cross_entropy_with_logits(self.values[-2], y, reduction="none")
            case _:
                margins = torch.relu(1 + out - out.gather(1, y[:, None]))
                each = margins * (1 - F.one_hot(y, out.shape[1]))
        scale = loss.scale
        rows = (
            each.mean(1) if scale == "mean" and each.shape[1] > 1 else each.sum(1) * (1 if scale == "mean" else scale)
        )
        total = rows.mean() if loss.reduction == "mean" else rows.sum()
        for node, line in zip(self.graph.nodes, self.net.layout.lines, strict=True):
            if isinstance(node.layer, cg.Dense | cg.Conv2D) and node.weights is None:
                W = self._own(line.place, "W")
                l1 = self.net.l1 if node.layer.l1 is None else node.layer.l1
                l2 = self.net.l2 if node.layer.l2 is None else node.layer.l2
                total = total + l1 * W.abs().sum() + l2 * (W**2).sum()
        return total


def _activation(layer: cg.Layer, a: Any) -> Any:
    match layer:
        case cg.Sigmoid():
            return torch.sigmoid(a)
        case cg.Tanh():
            return torch.tanh(a)
        case cg.ReLU():
            return torch.relu(a)
        case cg.LeakyReLU():
            return F.leaky_relu(a, layer.slope)
        case cg.ELU():
            return F.elu(a, layer.alpha)
        case cg.GELU():
            return F.gelu(a, approximate=layer.approximate)
        case cg.Softplus():
            return F.softplus(a, threshold=1000)
        case cg.SiLU():
            return F.silu(a)
        case cg.Softmax():
            return torch.softmax(a, dim=1)
        case _:
            raise AssertionError(layer)


def _agree(ours: Any, theirs: Any, scale: float, what: str) -> None:
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=BOUND, atol=BOUND * scale, err_msg=what)


def compare(graph: Graph, *, training: bool) -> None:
    """Values, the loss, and its derivatives by every line's value, every parameter and the input."""
    mirror = _Mirror(graph, training=training)
    trace, net = mirror.trace, graph.network
    program = net.program if training else net.prediction_program
    loss = mirror.loss()
    loss.backward()
    named = {name: place for place, name in enumerate(graph.values)}
    values = {name: mirror.values[place] for name, place in named.items() if name in trace}
    derivatives = {name: value.grad for name, value in {**values, **mirror.parameters, **mirror.inputs}.items()}
    size = max([1.0, *(float(v.detach().abs().max()) for v in values.values())])
    steep = max([1.0, *(float(d.abs().max()) for d in derivatives.values() if d is not None)])
    for name, value in values.items():
        _agree(trace[name], value, size, name)
    _agree(trace["L"], loss, size, "L")
    for name, derivative in derivatives.items():
        if name in program.derivative_of and derivative is not None:
            _agree(trace[program.derivative_of[name]], derivative, size * steep, f"the derivative by {name}")
    assert {*net.parameters, *graph.inputs} <= {
        n for n, d in derivatives.items() if d is not None and n in program.derivative_of
    }


def drawn(examples: int) -> None:
    @settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )  # fmt: skip
    @given(graphs(), st.booleans())
    def checked(graph: Graph, training: bool) -> None:
        try:
            compare(graph, training=training)
        except AssertionError as error:
            raise AssertionError(f"{graph.network.layers}\n{graph.network.program}\n{error}") from error

    checked()


def test_random_graphs() -> None:
    drawn(20)


@pytest.mark.long
def test_many_graphs() -> None:
    drawn(300)
