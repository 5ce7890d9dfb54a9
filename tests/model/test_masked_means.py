"""Means over the steps that count: padding has no effect, in every reading."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.errors import DataError, OptionError, ShapeError
from chalkgrad.engines.c.run.compiler import available

KEEP = np.array([[1, 1, 0, 0], [0, 1, 0, 1], [1, 1, 1, 1], [0, 0, 0, 1]])
SHAPES = {"s": (4, 3), "keep": 4}
rng = np.random.default_rng(5)
X = {"s": rng.standard_normal((4, 4, 3)), "keep": KEEP}
Y = rng.standard_normal((4, 2))


def pooled(*layers: cg.Layer, **settings: Any) -> cg.Network:
    layers = layers or (cg.Dense(3, of="s"), cg.Tanh())
    given: dict[str, Any] = {"input_shape": SHAPES, "loss": "SquaredError", "dtype": "float64", **settings}
    return cg.Network([*layers, cg.GlobalAvgPool1D("keep"), cg.Dense(2)], **given)


def test_padding_has_no_effect() -> None:
    net = pooled()
    trace = net.trace(X, Y)
    for n, keep in enumerate(KEEP > 0):
        np.testing.assert_allclose(trace["p1"][n], trace["a1"][n, keep].mean(axis=0), rtol=1e-14)
    np.testing.assert_array_equal(trace["da1"][KEEP == 0], 0)
    np.testing.assert_array_equal(net.predict({**X, "s": np.where(KEEP[:, :, None] > 0, X["s"], 1e9)}), net.predict(X))
    assert net.check_gradients(X, Y).passed
    everywhere = {**X, "keep": np.ones_like(KEEP)}
    plain = cg.Network([cg.Dense(3), cg.Tanh(), cg.GlobalAvgPool1D(), cg.Dense(2)], input_shape=(4, 3), loss="SquaredError",
                       dtype="float64")  # fmt: skip
    plain.set_parameters(net.parameters)
    np.testing.assert_allclose(net.predict(everywhere), plain.predict(X["s"]), rtol=1e-14)


def test_the_mean_is_opened_down_to_the_mask() -> None:
    trace = pooled().trace(X, Y)
    assert trace.explain("p1[1, 0]").symbols == (
        "(" + " + ".join(f"keep[1, {t}] * a1[1, {t}, 0]" for t in range(4)) + ") / count1[1]"
    )
    assert trace.explain("da1[1, 3, 2]").symbols == "dp1[1, 2] * keep[1, 3] / count1[1]"
    assert trace.explain("count1[1]").value == 2


LEFT_OUT, BY_ALL = "the mask keep is left out", "divided by the number of all steps, padding too"


def claims(name: str, trace: Any) -> tuple[dict[str, Any], str]:
    """A mistake in numbers, and what is to be said of it."""
    keep, dp, count = KEEP[:, :, None], trace["dp1"][:, None], trace["count1"][:, None]
    match name:
        case "mean of all":
            return {"p1": trace["a1"].mean(axis=1)}, LEFT_OUT
        case "by all":
            return {"p1": trace["p1"] * count / 4}, BY_ALL
        case "given to all":
            return {"da1": dp / count[:, None] + 0 * trace["a1"]}, LEFT_OUT
        case "given by all":
            return {"da1": dp * keep / 4}, BY_ALL
        case _:
            return {"da1": dp * keep}, "by the number of steps that count is left out"


@pytest.mark.parametrize("name", ["mean of all", "by all", "given to all", "given by all", "undivided"])
def test_usual_mistakes_are_told(name: str) -> None:
    net = pooled()
    wrong, said = claims(name, net.trace(X, Y))
    assert said in str(cg.diagnose(net, X, Y, wrong))


@pytest.mark.skipif(not available(), reason="there is no C compiler")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_both_engines_compute_the_same_beside_ids(dtype: str) -> None:
    one = pooled(cg.Embedding(9, 3, of="ids"), input_shape={"ids": 4, "keep": 4}, dtype=dtype)
    x = {"ids": rng.integers(0, 9, (4, 4)), "keep": KEEP}
    assert one.trace(x, Y)["p1"].dtype == np.dtype(dtype)
    two = one.copy()
    one.fit(x, Y, epochs=3, batch_size=2, engine="numpy")
    two.fit(x, Y, epochs=3, batch_size=2, engine="compiled")
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(one.flat, two.flat, rtol=tolerance, atol=tolerance)


def test_a_network_with_a_masked_mean_is_saved(tmp_path: Any) -> None:
    net = pooled()
    net.save(tmp_path / "net")
    np.testing.assert_array_equal(cg.load(tmp_path / "net").predict(X), net.predict(X))


def test_masks_that_do_not_fit_are_named() -> None:
    with pytest.raises(
        DataError, match=r"x\['keep'\]\[1\] is 0 everywhere, so sample 1 has no step that counts in layer 3"
    ):
        pooled().predict({**X, "keep": KEEP * [[1], [0], [1], [1]]})
    with pytest.raises(DataError, match=r"x\['keep'\]\[2, 1\] is 0.5, .* takes it as a mask: 1 where a step counts"):
        pooled().predict({**X, "keep": np.where(np.arange(16).reshape(4, 4) == 9, 0.5, KEEP)})
    with pytest.raises(ShapeError, match="the mask 'keep' must have one number for every step"):
        pooled(input_shape={**SHAPES, "keep": 5})
    with pytest.raises(OptionError, match="GlobalAvgPool1D: mask is the name of an input of the network, not 3"):
        cg.GlobalAvgPool1D(3)  # pyright: ignore[reportArgumentType]
