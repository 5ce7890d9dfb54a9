"""The worked examples over time in PyTorch, written out there step by step: every printed figure to its last digit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.replay import Figure, replay

torch = pytest.importorskip("torch")

Tensors = dict[str, Any]
Forward = Callable[[Tensors, Any, bool], Tensors]


def over_time(steps: list[Tensors]) -> Tensors:
    """Of the values of single steps, (N, H) each, those of the sequence."""
    return {name: [step[name] for step in steps] for name in steps[0]}


def rnn(p: Tensors, x: Any, cut: bool) -> Tensors:
    h: Any = torch.zeros(1, 2, dtype=torch.float64)
    steps: list[Tensors] = []
    for t in range(x.shape[1]):
        before = h.detach() if cut else h
        z = x[:, t] @ p["W1"] + before @ p["U1"] + p["b1"]
        h = z.tanh()
        steps.append({"z1": z, "h1": h, "y_hat": h @ p["W2"] + p["b2"]})
    return over_time(steps)


def lstm(p: Tensors, x: Any, cut: bool) -> Tensors:
    h: Any = torch.zeros(1, 2, dtype=torch.float64)
    c: Any = h
    steps: list[Tensors] = []
    for t in range(x.shape[1]):
        if cut:
            h, c = h.detach(), c.detach()
        z = {gate: x[:, t] @ p[f"W{gate}1"] + h @ p[f"U{gate}1"] + p[f"b{gate}1"] for gate in "ifgo"}
        i, f, g, o = z["i"].sigmoid(), z["f"].sigmoid(), z["g"].tanh(), z["o"].sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        steps.append({"i1": i, "f1": f, "g1": g, "o1": o, "c1": c, "h1": h} | {f"z{n}1": v for n, v in z.items()})
    return {**over_time(steps), "y_hat": h @ p["W2"] + p["b2"]}


def gru(p: Tensors, x: Any, cut: bool) -> Tensors:
    h: Any = torch.zeros(1, 2, dtype=torch.float64)
    steps: list[Tensors] = []
    for t in range(x.shape[1]):
        before = h.detach() if cut else h
        zr, zz = (x[:, t] @ p[f"W{gate}1"] + before @ p[f"U{gate}1"] + p[f"b{gate}1"] for gate in "rz")
        r, z = zr.sigmoid(), zz.sigmoid()
        zn = x[:, t] @ p["Wn1"] + (r * before) @ p["Un1"] + p["bn1"]
        n = zn.tanh()
        h = (1 - z) * n + z * before
        steps.append({"zr1": zr, "zz1": zz, "zn1": zn, "r1": r, "z1": z, "n1": n, "h1": h})
    return {**over_time(steps), "y_hat": h @ p["W2"] + p["b2"]}


def attention(p: Tensors, x: Any, cut: bool) -> Tensors:
    q, k, v = x @ p["Wq1"], x @ p["Wk1"], x @ p["Wv1"]
    S = q[:, None] @ k[:, None].mT / 2  # of the one head
    A = S.softmax(-1)
    o = (A @ v[:, None])[:, 0]
    return {"q1": q, "k1": k, "v1": v, "S1": S, "A1": A, "o1": o, "y_hat": o @ p["Wo1"]}


def transformer_block(p: Tensors, x: Any, cut: bool) -> Tensors:
    normal = torch.nn.functional.layer_norm
    z1 = normal(x, (4,), p["gamma1"], p["beta1"])
    q, k, v = z1 @ p["Wq2"], z1 @ p["Wk2"], z1 @ p["Wv2"]
    heads = [value.unflatten(2, (2, 2)).transpose(1, 2) for value in (q, k, v)]
    S = heads[0] @ heads[1].mT / 2**0.5
    A = S.masked_fill(torch.ones(3, 3).triu(1).bool(), -torch.inf).softmax(-1)
    o = (A @ heads[2]).transpose(1, 2).flatten(2)
    y2 = o @ p["Wo2"]
    s2 = x + y2
    z3 = normal(s2, (4,), p["gamma3"], p["beta3"])
    z4 = z3 @ p["W4"] + p["b4"]
    a4 = torch.nn.functional.gelu(z4)
    z5 = a4 @ p["W5"] + p["b5"]
    values = {"z1": z1, "q2": q, "k2": k, "v2": v, "S2": S, "A2": A, "o2": o, "y2": y2}
    return {**values, "s2": s2, "z3": z3, "z4": z4, "a4": a4, "z5": z5, "y_hat": z5 + (s2.detach() if cut else s2)}


def backprop_by_hand(p: Tensors, x: Any, cut: bool) -> Tensors:
    e = p["W1"][x]
    f = e.flatten(1)
    z2 = f @ p["W2"]
    mu = z2.mean(0)
    var = ((z2 - mu) ** 2).mean(0)
    if cut:
        mu, var = mu.detach(), var.detach()
    x_hat = (z2 - mu) / (var + 1e-5).sqrt()
    z3 = x_hat * p["gamma3"] + p["beta3"]
    a3 = z3.tanh()
    z4 = a3 @ p["W4"] + p["b4"]
    y_hat = z4.softmax(-1)
    values = {"e1": e, "f1": f, "z2": z2, "mu3": mu, "var3": var, "x_hat3": x_hat, "z3": z3, "a3": a3, "z4": z4}
    return {**values, "y_hat": y_hat}


def half_squares(y_hat: Any, y: Any) -> Any:
    return 0.5 * (y_hat - y).square().sum()


def cross_entropy(y_hat: Any, y: Any) -> Any:
    return -(y * y_hat.log()).sum() / len(y)


FORWARD: dict[str, Forward] = {
    "rnn": rnn,
    "lstm": lstm,
    "gru": gru,
    "attention": attention,
    "transformer-block": transformer_block,
    "backprop-by-hand": backprop_by_hand,
}


def whole(value: Any) -> Any:
    return torch.stack(value, 1) if isinstance(value, list) else value


def one_step(name: str, p: Tensors, *, cut: bool = False) -> dict[str, Any]:
    """Every value of a pass and every derivative, by PyTorch."""
    example = cg.load_example(name)
    x, y = torch.tensor(example.x), torch.tensor(example.y)
    if x.is_floating_point():
        x.requires_grad_()
    values = FORWARD[name](p, x, cut)
    loss = (cross_entropy if name == "backprop-by-hand" else half_squares)(whole(values["y_hat"]), y)
    named: dict[str, Any] = {"x": x, **p, **values}
    parts: dict[str, list[Any]] = {n: value if isinstance(value, list) else [value] for n, value in named.items()}
    for tensor in [t for tensors in parts.values() for t in tensors]:
        if tensor.requires_grad:
            tensor.retain_grad()
    loss.backward()
    found = {"L": loss.item(), **{n: whole(v).detach().numpy().copy() for n, v in named.items()}}
    for value_name, tensors in parts.items():
        if tensors[0].requires_grad:
            grads: list[Any] = [torch.zeros_like(t) if t.grad is None else t.grad for t in tensors]
            found[f"d{value_name}"] = whole(grads if isinstance(named[value_name], list) else grads[0]).numpy()
    return found


def parameters(name: str) -> Tensors:
    return {n: torch.tensor(a.copy(), requires_grad=True) for n, a in cg.load_example(name).network.parameters.items()}


@cache
def by_torch(name: str) -> dict[str, Any]:
    """The figures of an example: a pass, the parameters after the update, the loss after all of its steps."""
    example, p = cg.load_example(name), parameters(name)
    found = one_step(name, p)
    for step in range(example.steps):
        if step:
            for tensor in p.values():
                tensor.grad = None
            one_step(name, p)
        with torch.no_grad():
            for tensor in p.values():
                tensor -= example.optimizer.learning_rate * tensor.grad
        if step == 0:
            found |= {f"{n}_new": t.detach().numpy().copy() for n, t in p.items()}
    found[f"L after {example.steps} updates"] = one_step(name, p)["L"]
    return found


@pytest.mark.parametrize("name", FORWARD)
def test_the_pass_is_that_of_pytorch(name: str) -> None:
    trace, theirs = cg.load_example(name).trace(), by_torch(name)
    compared = [n for n in trace if n in theirs]
    assert {"L", "y_hat", *(f"d{n}" for n in trace.program.parameters)} <= set(compared)
    for value in compared:
        np.testing.assert_allclose(trace[value], theirs[value], rtol=1e-12, atol=1e-14, err_msg=value)


@pytest.mark.parametrize("name", FORWARD)
def test_every_figure_is_what_pytorch_prints(name: str) -> None:
    """Without the mistakes, whose figures are of another computation."""
    theirs = by_torch(name)
    checked = 0
    for figure in replay(name):
        if figure.printed is not None and not figure.mistake and figure.name in theirs:
            again = Figure(
                figure.name,
                figure.printed,
                theirs[figure.name].reshape(figure.shape) if figure.shape else theirs[figure.name],
            )
            assert again.agrees, figure.name
            checked += 1
    assert checked == sum(not f.mistake for f in replay(name))


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "transformer-block", "backprop-by-hand"])
def test_what_comes_out_where_nothing_comes_back_is_pytorchs_with_the_value_detached(name: str) -> None:
    theirs = one_step(name, parameters(name), cut=True)
    first = next(s for s in replay(name).sections if any(f.mistake for f in s.figures))
    for figure in first.figures:
        assert Figure(figure.name, figure.printed, theirs[figure.name].reshape(figure.shape)).agrees, figure.name
