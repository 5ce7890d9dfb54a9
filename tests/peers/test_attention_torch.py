"""Attention, normalisation of every step, positions and a small GPT: values and gradients as PyTorch's, in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chalkgrad as cg

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402


def tensor(array: Any) -> Any:
    return torch.from_numpy(np.array(array))


def tensors(net: cg.Network) -> dict[str, Any]:
    return {name: tensor(value).requires_grad_() for name, value in net.parameters.items()}


def redrawn(net: cg.Network, rng: np.random.Generator) -> cg.Network:
    """The network with parameters far from their beginnings."""
    net.set_parameters({name: rng.standard_normal(p.shape) for name, p in net.parameters.items()})
    return net


def agree(found: Any, expected: Any, name: str = "") -> None:
    expected = expected.detach().numpy()
    size = float(np.abs(expected).max(initial=0.0))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11 * max(size, 1.0), err_msg=name)


@st.composite
def attentions(draw: Any) -> dict[str, Any]:
    heads, width = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    steps = draw(st.integers(1, 6))
    cross, causal = draw(st.booleans()), draw(st.booleans())
    return {
        "heads": heads, "D": heads * width, "T": steps, "J": draw(st.integers(1, 6)) if cross else steps,
        "N": draw(st.integers(1, 3)), "cross": cross, "causal": causal, "mask": draw(st.booleans()),
        "bias": draw(st.booleans()), "seed": draw(st.integers(0, 2**16)),
    }  # fmt: skip


def attention(drawn: dict[str, Any]) -> tuple[cg.Network, dict[str, Any], Any]:
    """A network of one attention layer, its inputs and the trace of one pass."""
    N, T, J, D = (drawn[name] for name in "NTJD")
    rng = np.random.default_rng(drawn["seed"])
    shapes: dict[str, Any] = {"left": (T, D)}
    x: dict[str, Any] = {"left": rng.standard_normal((N, T, D))}
    if drawn["cross"]:
        shapes["right"], x["right"] = (J, D), rng.standard_normal((N, J, D))
    if drawn["mask"]:
        keep = rng.integers(0, 2, (N, J))
        keep[:, 0] = 1
        shapes["keep"], x["keep"] = J, keep
    layer = cg.Attention(
        drawn["heads"], causal=drawn["causal"], mask="keep" if drawn["mask"] else None, bias=drawn["bias"],
        of=("left", "right") if drawn["cross"] else "left",
    )  # fmt: skip
    net = redrawn(cg.Network([layer], input_shape=shapes, loss="SquaredError", dtype="float64"), rng)
    net.program.verify()
    return net, x, net.trace(x, rng.standard_normal((N, T, D)))


def hidden(drawn: dict[str, Any], x: dict[str, Any]) -> tuple[Any, Any]:
    """Where queries must not look (T, J), and which keys are padding (N, J); None where nothing is hidden."""
    later = torch.ones(drawn["T"], drawn["J"], dtype=torch.bool).triu(1) if drawn["causal"] else None
    return later, tensor(x["keep"]) == 0 if drawn["mask"] else None


@settings(max_examples=30)
@given(attentions())
def test_attention_is_that_of_multihead_attention(drawn: dict[str, Any]) -> None:
    net, x, trace = attention(drawn)
    given = {name: tensor(x[name]).requires_grad_() for name in ("left", "right") if name in x}
    theirs = nn.MultiheadAttention(
        drawn["D"], drawn["heads"], bias=drawn["bias"], batch_first=True, dtype=torch.float64
    )
    with torch.no_grad():
        for kind, ours in (("weight", "W"), ("bias", "b")):
            if kind == "weight" or drawn["bias"]:
                parts = [tensor(net.parameters[f"{ours}{each}1"].T) for each in "qkv"]
                getattr(theirs, f"in_proj_{kind}").copy_(torch.cat(parts))
                getattr(theirs.out_proj, kind).copy_(tensor(net.parameters[f"{ours}o1"].T))
    later, padding = hidden(drawn, x)
    left = given["left"]
    right = given.get("right", left)
    y, weights = theirs(left, right, right, attn_mask=later, key_padding_mask=padding, average_attn_weights=False)
    y.backward(tensor(trace["dy_hat"]))
    agree(trace["y_hat"], y)
    agree(trace["A1"], weights)
    D = drawn["D"]
    for kind, ours in (("weight", "dW"), ("bias", "db")):
        if kind == "weight" or drawn["bias"]:
            for place, each in enumerate("qkv"):
                found = getattr(theirs, f"in_proj_{kind}").grad[place * D : (place + 1) * D]
                agree(trace[f"{ours}{each}1"], found.T if kind == "weight" else found, f"{ours}{each}")
            found = getattr(theirs.out_proj, kind).grad
            agree(trace[f"{ours}o1"], found.T if kind == "weight" else found, f"{ours}o")
    for name, value in given.items():
        agree(trace[f"d{name}"], value.grad, name)


@settings(max_examples=30)
@given(attentions())
def test_heads_are_those_of_scaled_dot_product_attention(drawn: dict[str, Any]) -> None:
    _, x, trace = attention(drawn)
    q, k, v = (tensor(trace[f"{each}1"]).requires_grad_() for each in "qkv")
    later, padding = hidden(drawn, x)
    seen = torch.ones(drawn["N"], 1, drawn["T"], drawn["J"], dtype=torch.bool)
    if later is not None:
        seen = seen & ~later
    if padding is not None:
        seen = seen & ~padding[:, None, None, :]
    heads = [each.unflatten(2, (drawn["heads"], -1)).transpose(1, 2) for each in (q, k, v)]
    o = F.scaled_dot_product_attention(*heads, attn_mask=seen).transpose(1, 2).flatten(2)
    o.backward(tensor(trace["do1"]))
    agree(trace["o1"], o)
    for name, value in (("dq1", q), ("dk1", k), ("dv1", v)):
        agree(trace[name], value.grad, name)


@settings(max_examples=15)
@given(st.integers(1, 3), st.integers(1, 5), st.integers(2, 6), st.sampled_from(["step", "sample", "rms"]))
def test_normalisation_of_every_step(N: int, T: int, D: int, over: str) -> None:
    rng = np.random.default_rng(N * 100 + T * 10 + D)
    layer = cg.RMSNorm(eps=0.01) if over == "rms" else cg.LayerNorm(eps=0.01, over=over)
    net = redrawn(cg.Network([layer], input_shape=(T, D), loss="SquaredError", dtype="float64"), rng)
    trace = net.trace(rng.standard_normal((N, T, D)), rng.standard_normal((N, T, D)))
    x, ours = tensor(trace["x"]).requires_grad_(), tensors(net)
    shape = (T, D) if over == "sample" else (D,)
    assert net.parameters["gamma1"].shape == shape
    y = (
        F.rms_norm(x, shape, ours["gamma1"], 0.01)
        if over == "rms"
        else F.layer_norm(x, shape, ours["gamma1"], ours["beta1"], 0.01)
    )
    y.backward(tensor(trace["dy_hat"]))
    agree(trace["y_hat"], y)
    agree(trace["dx"], x.grad)
    for name, value in ours.items():
        agree(trace[f"d{name}"], value.grad, name)


def gpt(V: int, T: int, D: int, heads: int, form: str) -> cg.Network:
    blocks = [
        block
        for _ in range(2)
        for block in (
            cg.Residual([cg.LayerNorm(), cg.Attention(heads, causal=True)]),
            cg.Residual([cg.LayerNorm(), cg.Dense(4 * D), cg.GELU(), cg.Dense(D)]),
        )
    ]
    layers = [cg.Embedding(V, D, name="tokens"), cg.Positions(form), *blocks, cg.LayerNorm()]
    layers += [cg.Dense(V, bias=False, weights_of="tokens"), cg.Softmax()]
    return cg.Network(layers, input_shape=T, loss="CrossEntropy", dtype="float64")


def their_gpt(w: dict[str, Any], x: Any, heads: int, P: Any) -> Any:
    """The scores of the same network by PyTorch's functions; the layers' numbers are those of `gpt`."""
    D = P.shape[1]
    first = 3 if "P2" in w else 2  # the number of the first layer norm

    def norm(x: Any, number: int) -> Any:
        return F.layer_norm(x, (D,), w[f"gamma{number}"], w[f"beta{number}"])

    def linear(x: Any, layer: str) -> Any:
        return F.linear(x, w[f"W{layer}"].T, w[f"b{layer}"])

    e = F.embedding(x, w["tokens.W"]) + P
    for block in range(2):
        n = first + 5 * block
        h = norm(e, n)
        parts = [linear(h, f"{each}{n + 1}").unflatten(2, (heads, -1)).transpose(1, 2) for each in "qkv"]
        o = F.scaled_dot_product_attention(*parts, is_causal=True).transpose(1, 2).flatten(2)
        e = e + linear(o, f"o{n + 1}")
        e = e + linear(F.gelu(linear(norm(e, n + 2), f"{n + 3}")), f"{n + 4}")
    return norm(e, first + 10) @ w["tokens.W"].T


@pytest.mark.parametrize("form", ["learnt", "sinusoidal"])
@pytest.mark.parametrize("T", [1, 5])
def test_a_small_gpt(form: str, T: int) -> None:
    V, D, heads = 11, 8, 2
    rng = np.random.default_rng(T)
    net = gpt(V, T, D, heads, form)
    net.program.verify()
    net.set_parameters({n: p + 0.3 * rng.standard_normal(p.shape) for n, p in net.parameters.items()})
    x, y = rng.integers(0, V, (3, T)), rng.integers(0, V, (3, T))
    w = tensors(net)
    if form == "learnt":
        P = w["P2"]
    else:
        at, i = torch.arange(T, dtype=torch.float64)[:, None], torch.arange(D // 2, dtype=torch.float64)
        angle = at / 10000 ** (2 * i / D)
        P = torch.stack((torch.sin(angle), torch.cos(angle)), dim=2).flatten(1)
    loss = F.cross_entropy(their_gpt(w, tensor(x), heads, P).flatten(0, 1), tensor(y).flatten())
    loss.backward()
    assert net.loss(x, y) == pytest.approx(loss.item(), rel=1e-12)
    for name, found in net.gradients(x, y).items():
        agree(found, w[name].grad, name)


def test_weights_stay_exact_where_scores_are_large() -> None:
    """Scores of thousands in float32: nothing overflows, whatever is masked."""
    net = cg.Network(
        [cg.Attention(1, causal=True, mask="keep", of="s", bias=False)],
        input_shape={"s": (3, 2), "keep": 3},
        loss="SquaredError",
    )
    net.set_parameters({name: 60 * np.eye(2) for name in net.parameters})
    x = {"s": np.array([[[1.0, 1.0], [9.0, 3.0], [-8.0, 5.0]]]), "keep": [[1, 1, 0]]}
    trace = net.trace(x, np.zeros((1, 3, 2)))
    scores = trace["S1"].astype(np.float64)
    assert float(np.abs(scores).max()) > 1e4
    expected = torch.softmax(
        tensor(scores).masked_fill(torch.tensor([[0, 1, 1], [0, 0, 1], [0, 0, 1]]) == 1, -math.inf), dim=3
    )
    np.testing.assert_allclose(trace["A1"], expected.numpy(), atol=1e-6)
    assert all(np.isfinite(value).all() for value in net.gradients(x, np.zeros((1, 3, 2))).values())
