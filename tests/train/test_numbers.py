"""Numbers that are lost, and numbers that are large."""

from __future__ import annotations

import numpy as np
import pytest

import chalkgrad as cg


def test_a_value_that_does_no_harm_yet_is_found() -> None:
    """An infinite activation that a sigmoid makes 1 leaves the loss finite."""
    net = cg.Network([cg.Dense(2), cg.Sigmoid(), cg.Dense(1)], input_shape=2, loss="SquaredError", seed=1)
    net.parameters["W1"][...] = 3e38
    x, y = np.full((4, 2), 2.0), np.ones(4)
    assert net.copy().fit(x, y, max_steps=1).stop_reason is cg.StopReason.STEPS
    before = net.flat.copy()
    with pytest.warns(RuntimeWarning, match=r"z1\[0, 0\] is infinite \(forward step of layer 1.*in step 1 "):
        history = net.fit(x, y, max_steps=3, check_finite=True)
    assert history.stop_reason is cg.StopReason.NOT_FINITE
    assert np.array_equal(net.flat, before)


def test_a_check_of_every_value_changes_no_bit() -> None:
    x, y = np.random.default_rng(2).standard_normal((9, 3)), np.arange(9) % 3
    layers = [cg.Dense(4), cg.ReLU(), cg.Dropout(0.5), cg.Dense(3), cg.Softmax()]
    one, two = (cg.Network(layers, input_shape=3, loss="CrossEntropy") for _ in range(2))
    one.fit(x, y, epochs=3, engine="numpy")
    two.fit(x, y, epochs=3, check_finite=True)
    assert np.array_equal(one.flat, two.flat)
    with pytest.raises(cg.OptionError, match="check_finite"):
        one.fit(x, y, check_finite=True, engine="compiled")


def test_a_nan_never_becomes_the_best() -> None:
    from chalkgrad.train.stopping import EarlyStopping

    stopping = EarlyStopping()
    assert not stopping.is_lowest(float("nan"))
    stopping.look(float("nan"), 0.0)
    assert (stopping.wait, stopping.reference) == (1, float("inf"))
    assert stopping.is_lowest(2.0)
    stopping.look(2.0, 0.0)
    stopping.look(float("nan"), 0.0)
    assert (stopping.wait, stopping.reference, stopping.lowest) == (1, 2.0, 2.0)


ENDS: list[tuple[list[cg.Layer], cg.Loss, str]] = [
    ([cg.Softmax()], cg.CrossEntropy(), "softmax and cross-entropy"),
    ([cg.Sigmoid()], cg.BinaryCrossEntropy(), "sigmoid and binary cross-entropy"),
    ([cg.Sigmoid()], cg.SquaredError(), "sigmoid"),
    ([cg.Softmax()], cg.SquaredError(), "softmax"),
    ([cg.Softplus()], cg.AbsoluteError(), "softplus"),
    ([cg.SiLU()], cg.AbsoluteError(), "silu"),
    ([cg.Tanh()], cg.SquaredError(), "tanh"),
    ([cg.GELU()], cg.AbsoluteError(), "gelu"),
    ([cg.ELU()], cg.AbsoluteError(), "elu"),
]


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
@pytest.mark.parametrize(("ending", "loss", "name"), ENDS)
def test_large_inputs_in_float32(ending: list[cg.Layer], loss: cg.Loss, name: str, engine: str) -> None:
    """At 10,000 and -10,000, values, losses and gradients are finite, and within rounding those of float64."""
    from chalkgrad.engines.compiled.compiler import available

    if engine == "compiled" and not available():
        pytest.skip("there is no C compiler")
    scores = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 1e4], [-1e4, -1e4, -1e4], [1e4, 1e4, 1e4], [1, 2, 3]])
    y = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]])
    found: dict[str, cg.Network] = {}
    for dtype in ("float32", "float64"):
        net = cg.Network([cg.Dense(3, biases="zeros"), *ending], input_shape=3, loss=loss, dtype=dtype)
        net.parameters["W1"][...] = np.eye(3)
        evaluation = net.evaluate(scores, y, engine=engine)
        assert np.isfinite(evaluation.y_hat).all()
        assert np.isfinite(evaluation.loss)
        assert all(np.isfinite(g).all() for g in net.gradients(scores, y).values())
        history = net.fit(scores, y, optimizer=cg.SGD(1e-6), batch_size=None, max_steps=1, engine=engine)
        assert history.stop_reason is cg.StopReason.STEPS
        found[dtype] = net
        found[f"{dtype} loss"] = evaluation.loss  # type: ignore[assignment]
    assert found["float32 loss"] == pytest.approx(found["float64 loss"], rel=1e-5)
    assert np.allclose(found["float32"].flat, found["float64"].flat, rtol=1e-4, atol=1e-6)


def test_half_precision_is_refused() -> None:
    net = cg.Network([cg.Dense(1)], input_shape=2, loss="SquaredError")
    with pytest.raises(cg.DataError, match=r"float16.*float32"):
        net.fit(np.ones((3, 2), np.float16), np.ones(3))
    with pytest.raises(cg.OptionError, match="dtype is 'float32' or 'float64'"):
        cg.Network([cg.Dense(1)], input_shape=2, loss="SquaredError", dtype="float16")
