"""Networks with attention: masks, shapes, errors, explanations, mistakes, both engines, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.errors import ChalkgradError, DataError, OptionError, ShapeError
from chalkgrad.engines.c.run.compiler import available
from chalkgrad.explain.opening import open_element
from chalkgrad.rules import positions

rng = np.random.default_rng(3)
KEEP = np.array([[1, 1, 0], [1, 0, 1], [1, 1, 1]])
X = {"s": rng.standard_normal((3, 3, 4)), "keep": KEEP}
Y = rng.standard_normal((3, 3, 2))


def masked(**settings: Any) -> cg.Network:
    """Two heads on three steps of width 4, some keys of which are padding."""
    layers = [cg.Attention(2, mask="keep", of="s", **settings), cg.Dense(2)]
    return cg.Network(layers, input_shape={"s": (3, 4), "keep": 3}, loss="SquaredError", dtype="float64")


def gpt() -> cg.Network:
    blocks = [
        cg.Residual([cg.LayerNorm(), cg.Attention(2, causal=True)]),
        cg.Residual([cg.LayerNorm(), cg.Dense(8), cg.GELU(), cg.Dropout(0.1), cg.Dense(4)]),
    ]
    layers = [cg.Embedding(7, 4, name="tokens", weights="normal(0.01)"), cg.Positions(), *blocks, cg.LayerNorm()]
    layers += [cg.Dense(7, weights_of="tokens"), cg.Softmax()]
    return cg.Network(layers, input_shape=5, loss="CrossEntropy", dtype="float64")


def test_what_is_masked_has_no_weight_and_no_effect() -> None:
    trace = masked(causal=True).trace(X, Y)
    seen = np.tril(np.ones((3, 3))) * KEEP[:, None, None, :]
    assert (trace["A1"][np.broadcast_to(seen == 0, trace["A1"].shape)] == 0).all()
    np.testing.assert_allclose(trace["A1"].sum(axis=3), 1, rtol=1e-12)
    net = masked()
    others = {**X, "s": np.where(KEEP[:, :, None] == 0, 9.0, X["s"])}
    apart = np.abs(net.predict(others) - net.predict(X)).max(axis=2) > 1e-9
    np.testing.assert_array_equal(apart, KEEP == 0)  # a masked step is still a query, but nobody's key


def test_keys_share_no_derivative_of_their_bias() -> None:
    trace = masked().trace(X, Y)
    np.testing.assert_allclose(trace["dS1"].sum(axis=3), 0, atol=1e-14)
    np.testing.assert_allclose(trace["dbk1"], 0, atol=1e-14)
    assert np.abs(trace["dbq1"]).max() > 1e-4


@pytest.mark.parametrize("settings", [{}, {"causal": True}, {"bias": False}])
def test_programs_gradients_and_explanations(settings: dict[str, Any]) -> None:
    net = masked(**settings)
    net.program.verify()
    net.prediction_program.verify()
    assert net.check_gradients(X, Y).passed
    trace = net.trace(X, Y)
    for step in net.program:
        if step.owner.title != "Attention":
            continue
        value = trace[step.output]
        for place in [tuple(rng.integers(0, np.array(value.shape))) for _ in range(3)]:
            opened = open_element(step, tuple(map(int, place)), {name: trace[name] for name in net.program.values}, 9)
            assert opened is not None
            assert opened.value == pytest.approx(float(value[place]), rel=1e-9, abs=1e-12), step.output


@pytest.mark.parametrize(
    ("value", "wrong", "said"),
    [
        ("S1", lambda t: t["S1"] * np.sqrt(2), "1/sqrt(E), the scale, is left out"),
        ("dq1", lambda t: t["dq1"] * np.sqrt(2), "1/sqrt(E), the scale, is left out"),
        ("B1", lambda t: t["S1"], "the mask is left out"),
        ("A1", lambda t: t["S1"], "applied after the softmax"),
        ("dB1", lambda t: t["dA1"] * t["A1"] * (1 - t["A1"]), "softmax is treated as elementwise: its diagonal only"),
        ("dv1", lambda t: t["dv1"], "the transpose of A1 is left out"),
        ("S1", lambda t: t["S1"].swapaxes(2, 3), "q1 and k1 are exchanged"),
        ("S1", lambda t: t["S1"], "without transposing"),
        ("A1", lambda t: t["S1"], "over the queries"),
    ],
)
def test_usual_mistakes_are_told(value: str, wrong: Any, said: str) -> None:
    causal = said != "over the queries"
    net = cg.Network(
        [cg.Attention(2, causal=causal), cg.Dense(2)], input_shape=(3, 4), loss="SquaredError", dtype="float64"
    )
    trace = net.trace(X["s"], Y)
    claimed = wrong(trace)
    if said == "applied after the softmax":
        exponentials = np.exp(claimed)
        claimed = exponentials / exponentials.sum(axis=3, keepdims=True) * np.tril(np.ones((3, 3)))
    if said == "over the queries":
        claimed = np.exp(claimed) / np.exp(claimed).sum(axis=2, keepdims=True)
    if said.startswith("the transpose"):
        heads = trace["do1"].reshape(3, 3, 2, 2).swapaxes(1, 2)
        claimed = (trace["A1"] @ heads).swapaxes(1, 2).reshape(3, 3, 4)
    if said == "without transposing":
        q, k = (trace[name].reshape(3, 3, 2, 2).transpose(0, 3, 1, 2) for name in ("q1", "k1"))
        claimed = q @ k.mT / np.sqrt(2)
    assert said in str(cg.diagnose(net, X["s"], Y, {value: claimed}))


@pytest.mark.skipif(not available(), reason="there is no C compiler")
@pytest.mark.parametrize("causal", [True, pytest.param(False, marks=pytest.mark.long)])
def test_both_engines_compute_the_same(causal: bool) -> None:
    one = masked(causal=causal)
    two = one.copy()
    one.fit(X, Y, epochs=3, batch_size=2, engine="numpy")
    two.fit(X, Y, epochs=3, batch_size=2, engine="compiled")
    np.testing.assert_allclose(one.flat, two.flat, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(one.predict(X, engine="numpy"), one.predict(X, engine="compiled"), rtol=1e-12)


@pytest.mark.long
def test_a_gpt_learns_to_continue_and_is_saved(tmp_path: Path) -> None:
    text = np.arange(64) * 3 % 7
    x, y = (np.stack([text[i : i + 5] for i in range(begin, begin + 40)]) for begin in (0, 1))
    net = gpt()
    before = net.loss(x, y)
    net.fit(x, y, epochs=30, optimizer=cg.Adam(0.03))
    assert net.loss(x, y) < 0.1 * before
    net.save(tmp_path / "gpt")
    again = cg.load(tmp_path / "gpt")
    np.testing.assert_array_equal(again.predict(x), net.predict(x))
    changed = x.copy()
    changed[:, 3] = (changed[:, 3] + 1) % 7
    np.testing.assert_array_equal(net.predict(changed)[:, :3], net.predict(x)[:, :3])  # later steps are not seen


def test_masks_beside_ids() -> None:
    layers = [cg.Embedding(7, 4, of="ids"), cg.Attention(2, mask="keep"), cg.Dense(2)]
    net = cg.Network(layers, input_shape={"ids": 3, "keep": 3}, loss="SquaredError", dtype="float64")
    ids = rng.integers(0, 7, (3, 3))
    assert net.check_gradients({"ids": ids, "keep": KEEP}, Y).passed
    as_numbers = net.loss({"ids": ids, "keep": KEEP.astype(float)}, Y)
    assert as_numbers == net.loss({"ids": ids, "keep": KEEP.astype(bool)}, Y)
    assert as_numbers == net.loss(np.concatenate([ids, KEEP], axis=1), Y)


@pytest.mark.parametrize(
    ("causal", "keep", "said"),
    [
        (False, [[1, 1, 0], [0, 0, 0], [1, 1, 1]], "x['keep'][1] is 0 everywhere, so sample 1 has no key"),
        (True, [[1, 1, 0], [1, 1, 1], [0, 1, 1]], "x['keep'][2, 0] is 0, so the first step of sample 2 has no key"),
        (True, [[1, 1, 0], [1, 1, 1], [0, 1, 1]], "put the padding at the end of the sequence"),
        (False, [[1, 1, 0], [1, 2, 1], [1, 1, 1]], "x['keep'][1, 1] is 2, but layer 1, Attention takes it as a mask"),
    ],
)
def test_masks_that_do_not_fit_are_named(causal: bool, keep: Any, said: str) -> None:
    net = masked(causal=causal)
    for given in ({**X, "keep": keep}, {**X, "keep": np.array(keep, np.float32)}):
        with pytest.raises(DataError) as caught:
            net.predict(given)
        assert said in str(caught.value)
        assert "layer 1, Attention" in str(caught.value)
    rows = np.concatenate([X["s"].reshape(3, -1), keep], axis=1)
    with pytest.raises(DataError, match=r"x\[\d, 1[23]\]|x\[1\]"):
        net.predict(rows)


SELF = {"s": (3, 4), "keep": 3}


@pytest.mark.parametrize(
    ("layers", "shape", "kind", "said"),
    [
        ([cg.Attention(3)], (3, 4), ShapeError, "3 heads do not divide the width 4; take 1, 2 or 4 heads"),
        ([cg.Attention(3)], (3, 7), ShapeError, "take 1 or 7 heads"),
        ([cg.Attention(2)], 4, ShapeError, "Attention takes sequences, shape (N, T, D), but (N, 4) comes in"),
        ([cg.Attention(2, of=("a", "b"))], {"a": (3, 4), "b": (2, 6)}, ShapeError, "must have the same width"),
        ([cg.Attention(2, mask="keep", of="s")], {**SELF, "keep": 2}, ShapeError, "one number for every key, (N, 3)"),
        ([cg.Attention(2, mask="n", of="s")], SELF, ChalkgradError, "there is no earlier line 'n'"),
        ([cg.Dense(4, of="s", name="a"), cg.Attention(2, mask="a")], SELF, ShapeError, "one number for every key"),
        ([cg.Attention(2, mask="x")], (3, 4), ShapeError, "one number for every key"),
        (
            [cg.Dense(4, of="keep", name="d"), cg.Attention(2, of="s", mask="keep"), cg.Flatten(), cg.Dense(4), cg.Add("d")], SELF, OptionError,
            "layer 1, Dense 'd' takes keep as values, but layer 2, Attention takes it as a mask",
        ),
        ([cg.Embedding(5, 4), cg.Attention(2, mask="x")], 3, OptionError, "takes x as"),
        ([cg.Positions("sinusoidal")], (3, 5), ShapeError, "the width is 5; take 6, or learnt positions"),
        ([cg.Positions()], 5, ShapeError, "Positions takes sequences"),
        ([cg.Dense(2, name="a"), cg.Dense(3, of="x"), cg.Concat("b", of="a")], (3, 4), ChalkgradError, "'b'"),
    ],
)  # fmt: skip
def test_layers_that_do_not_fit_are_named(layers: Any, shape: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind) as caught:
        cg.Network(layers, input_shape=shape, loss="SquaredError")
    assert said in str(caught.value)
    assert "layer " in str(caught.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: cg.Attention(0), "heads must be a whole number"),
        (lambda: cg.Attention(2, mask=3), "mask is the name of an input"),  # type: ignore[arg-type]
        (lambda: cg.Attention(2, causal=1), "causal"),  # type: ignore[arg-type]
        (lambda: cg.Attention(2, of=("a", "b", "c")), "Attention takes"),
        (lambda: cg.Positions("fixed"), "form is 'learnt' or 'sinusoidal'"),
        (lambda: cg.Positions("sinusoidal", weights="normal"), "weights belong to learnt positions"),
        (lambda: cg.LayerNorm(over="batch"), "over is 'step' or 'sample'"),
    ],
)
def test_settings_that_do_not_fit(make: Any, said: str) -> None:
    with pytest.raises(OptionError) as caught:
        make()
    assert said in str(caught.value)


def test_words_of_others() -> None:
    with pytest.raises(TypeError, match="it is called form"):
        cg.Positions(kind="sinusoidal")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="it is called heads"):
        cg.Attention(num_heads=2)  # type: ignore[call-arg]


def test_positions_hold_their_steps() -> None:
    net = cg.Network([cg.Positions(), cg.Dense(2)], input_shape=(5, 4), loss="SquaredError")
    with pytest.raises(ShapeError, match=r"layer 1, Positions holds 5 steps") as caught:
        net.predict(np.zeros((2, 7, 4)))
    assert "x has shape (2, 7, 4)" in str(caught.value)
    with pytest.raises(ShapeError, match=r"P1 has shape \(5, 4\)"):
        net.set_parameters(P1=np.zeros((7, 4)))


def test_sinusoids() -> None:
    P = positions.sinusoids(np.zeros((1, 6, 4)), T=6, H=2, longest=10000.0, quarter=np.pi / 2)
    t = np.arange(6)
    np.testing.assert_allclose(
        P, np.stack([np.sin(t), np.cos(t), np.sin(t / 100), np.cos(t / 100)], axis=1), atol=1e-15
    )
    net = cg.Network([cg.Positions("sinusoidal"), cg.Dense(2)], input_shape=(6, 4), loss="SquaredError")
    assert set(net.parameters) == {"W1", "b1"}


def test_values_of_every_step_side_by_side() -> None:
    layers = [cg.Dense(3, name="a"), cg.Dense(2, of="x"), cg.Concat("a"), cg.Dense(1)]
    net = cg.Network(layers, input_shape=(5, 4), loss="SquaredError", dtype="float64")
    x, y = rng.standard_normal((2, 5, 4)), rng.standard_normal((2, 5, 1))
    trace = net.trace(x, y)
    assert trace[net.program.steps[2].output].shape == (2, 5, 5)
    assert net.check_gradients(x, y).passed
    with pytest.raises(ShapeError, match="as many steps"):
        cg.Network(
            [cg.Dense(4, of="a", name="d"), cg.Concat("b", of="d")],
            input_shape={"a": (3, 4), "b": (2, 4)},
            loss="SquaredError",
        )


def test_a_layer_norm_means_what_it_meant_when_it_was_saved(tmp_path: Path) -> None:
    """Files from before the setting `over` went over whole samples, of sequences too."""
    layers = [
        cg.Residual([cg.LayerNorm(over="sample"), cg.LayerNorm(affine=False, over="sample")]),
        cg.Flatten(),
        cg.Dense(2),
    ]
    net = cg.Network(layers, input_shape=(3, 4), loss="SquaredError")
    net.save(tmp_path / "net")
    file = tmp_path / "net" / "network.toml"
    text = file.read_text()
    assert text.count('over = "sample"') == 2
    x = rng.standard_normal((2, 3, 4))
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    file.write_text("\n".join(lines).replace(', over = "sample"', "").replace('over = "sample"\n', "") + "\n")
    assert "over" not in file.read_text()
    np.testing.assert_array_equal(cg.load(tmp_path / "net").predict(x), net.predict(x))
    new = cg.Network([cg.LayerNorm(), cg.Dense(2)], input_shape=(3, 4), loss="SquaredError")
    new.save(tmp_path / "new")
    assert cg.load(tmp_path / "new").parameters["gamma1"].shape == (4,)
