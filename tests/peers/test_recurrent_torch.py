"""Recurrent layers against PyTorch's, and the GRU that PyTorch has not against its own equations, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chalkgrad as cg

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

KINDS: dict[str, tuple[Any, Any, str, tuple[str, ...], tuple[str, ...]]] = {
    "RNN": (cg.RNN, lambda *s, **k: nn.RNN(*s, **k), " ", ("b",), ()),
    "RNN, relu": (
        lambda u, **k: cg.RNN(u, "relu", **k), lambda *s, **k: nn.RNN(*s, nonlinearity="relu", **k), " ", ("b",), ()
    ),
    "LSTM": (cg.LSTM, lambda *s, **k: nn.LSTM(*s, **k), "ifgo", ("bi", "bf", "bg", "bo"), ()),
    "GRU": (
        lambda u, **k: cg.GRU(u, "after", **k), lambda *s, **k: nn.GRU(*s, **k), "rzn", ("br", "bz", "bn"), ("cn",)
    ),
}  # fmt: skip
"""Ours, PyTorch's, the gates in PyTorch's order, the biases beside x and those beside h'."""

SIZES = st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 4), st.integers(1, 5))
WAYS = st.tuples(st.booleans(), st.booleans(), st.booleans())


def one_pass(layer: cg.Layer, sizes: tuple[int, int, int, int], seed: int) -> tuple[Any, dict[str, Any]]:
    """A trace of a network of the layer alone, with random parameters, and these as tensors."""
    n, t, i, u = sizes
    rng = np.random.default_rng(seed)
    net = cg.Network([layer], input_shape=(t, i), loss=cg.SquaredError(), dtype="float64")
    net.set_parameters({name: rng.standard_normal(p.shape) for name, p in net.parameters.items()})
    shape = (n, t, u) if layer.sequences else (n, u)  # type: ignore[attr-defined]
    trace = net.trace(rng.standard_normal((n, t, i)), rng.standard_normal(shape))
    return trace, {name[:-1]: torch.tensor(p, requires_grad=True) for name, p in net.parameters.items()}


def upstream(trace: Any) -> Any:
    """What comes back from the loss: where the prediction is every step's h, without what comes back through time."""
    return torch.tensor(trace["dy_hat_from_l" if "dy_hat_from_l" in trace else "dy_hat"])


def same(trace: Any, name: str, theirs: Any) -> None:
    np.testing.assert_allclose(trace[name], theirs.detach().numpy(), rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
@given(sizes=SIZES, ways=WAYS, seed=st.integers(0, 99))
def test_against_pytorch(kind: str, sizes: tuple[int, int, int, int], ways: tuple[bool, bool, bool], seed: int) -> None:
    ours, theirs, gates, biases, inner = KINDS[kind]
    sequences, reverse, bias = ways
    _, _, i, u = sizes
    trace, ours_by_name = one_pass(ours(u, sequences=sequences, reverse=reverse, bias=bias), sizes, seed)
    peer = theirs(i, u, bias=bias, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for side, letter in (("ih", "W"), ("hh", "U")):
            matrices = [ours_by_name[f"{letter}{g}".strip()].T for g in gates]
            getattr(peer, f"weight_{side}_l0").copy_(torch.cat(matrices))
        if bias:
            peer.bias_ih_l0.copy_(torch.cat([ours_by_name[b] for b in biases]))
            peer.bias_hh_l0.zero_()
            for b in inner:
                peer.bias_hh_l0[-u:] = ours_by_name[b]
    x = torch.tensor(trace["x"], requires_grad=True)
    every, _ = peer(x.flip(1) if reverse else x)
    out = (every.flip(1) if reverse else every) if sequences else every[:, -1]
    out.backward(upstream(trace))
    same(trace, "y_hat", out)
    same(trace, "dx", x.grad)
    for side, letter in (("ih", "W"), ("hh", "U")):
        for g, grad in zip(gates, getattr(peer, f"weight_{side}_l0").grad.split(u), strict=True):
            same(trace, f"d{letter}{g}".strip() + "1", grad.T)
    if bias:
        for b, grad in zip(biases, peer.bias_ih_l0.grad.split(u), strict=True):
            same(trace, f"d{b}1", grad)
        for b in inner:
            same(trace, f"d{b}1", peer.bias_hh_l0.grad[-u:])


@given(sizes=SIZES, ways=WAYS, seed=st.integers(0, 99))
def test_gru_with_the_reset_before_the_product(
    sizes: tuple[int, int, int, int], ways: tuple[bool, bool, bool], seed: int
) -> None:
    sequences, reverse, bias = ways
    trace, p = one_pass(cg.GRU(sizes[3], sequences=sequences, reverse=reverse, bias=bias), sizes, seed)
    x = torch.tensor(trace["x"], requires_grad=True)
    h = torch.zeros(sizes[0], sizes[3], dtype=torch.float64)
    none = torch.zeros(sizes[3], dtype=torch.float64)
    steps = {}
    for t in range(sizes[1])[:: -1 if reverse else 1]:
        r, z = (torch.sigmoid(x[:, t] @ p[f"W{g}"] + h @ p[f"U{g}"] + p.get(f"b{g}", none)) for g in "rz")
        n = torch.tanh(x[:, t] @ p["Wn"] + (r * h) @ p["Un"] + p.get("bn", none))
        h = steps[t] = (1 - z) * n + z * h
    out = torch.stack([steps[t] for t in range(sizes[1])], dim=1) if sequences else h
    out.backward(upstream(trace))
    same(trace, "y_hat", out)
    same(trace, "dx", x.grad)
    for name, parameter in p.items():
        same(trace, f"d{name}1", torch.zeros_like(parameter) if parameter.grad is None else parameter.grad)


@pytest.mark.parametrize("sequences", [True, False])
@given(sizes=SIZES, seed=st.integers(0, 99))
def test_both_directions(sequences: bool, sizes: tuple[int, int, int, int], seed: int) -> None:
    n, t, i, u = sizes
    rng = np.random.default_rng(seed)
    layers = [cg.LSTM(u, bidirectional=True, sequences=sequences)]
    net = cg.Network(layers, input_shape=(t, i), loss=cg.SquaredError(), dtype="float64")
    net.set_parameters({name: rng.standard_normal(p.shape) for name, p in net.parameters.items()})
    y = rng.standard_normal((n, t, 2 * u) if sequences else (n, 2 * u))
    trace = net.trace(rng.standard_normal((n, t, i)), y)
    peer = nn.LSTM(i, u, batch_first=True, bidirectional=True, dtype=torch.float64)
    with torch.no_grad():
        for name, ending in (("right", ""), ("left", "_reverse")):
            for side, letter in (("ih", "W"), ("hh", "U")):
                matrices = [torch.tensor(net.parameters[f"{name}.{letter}{g}"]).T for g in "ifgo"]
                getattr(peer, f"weight_{side}_l0{ending}").copy_(torch.cat(matrices))
            biases = [torch.tensor(net.parameters[f"{name}.b{g}"]) for g in "ifgo"]
            getattr(peer, f"bias_ih_l0{ending}").copy_(torch.cat(biases))
            getattr(peer, f"bias_hh_l0{ending}").zero_()
    x = torch.tensor(trace["x"], requires_grad=True)
    every, _ = peer(x)
    out = every if sequences else torch.cat([every[:, -1, :u], every[:, 0, u:]], dim=1)
    out.backward(upstream(trace))
    same(trace, "y_hat", out)
    same(trace, "dx", x.grad)
    same(trace, "dright.Wo", peer.weight_ih_l0.grad.split(u)[3].T)
    same(trace, "dleft.Uf", peer.weight_hh_l0_reverse.grad.split(u)[1].T)
