"""Networks over sequences and ids: shapes, targets, errors, explanations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.errors import DataError, OptionError, ShapeError

rng = np.random.default_rng(0)


def _tagger(**settings: Any) -> cg.Network:
    layers = [cg.Embedding(7, 3), cg.RNN(4, sequences=True, **settings), cg.Dense(5), cg.Softmax()]
    return cg.Network(layers, input_shape=6, loss=cg.CrossEntropy(), dtype="float64")


IDS = rng.integers(0, 7, (8, 6))
TAGS = rng.integers(0, 5, (8, 6))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_agree_with_differences(activation: str, bias: bool) -> None:
    net = _tagger(activation=activation, bias=bias)
    net.program.verify()
    net.prediction_program.verify()
    assert net.check_gradients(IDS, TAGS).passed


def test_the_loss_is_the_mean_over_samples_and_steps() -> None:
    net = _tagger()
    y_hat = net.predict(IDS)
    assert y_hat.shape == (8, 6, 5)
    expected = -np.log(np.take_along_axis(y_hat, TAGS[:, :, None], axis=2)).mean()
    assert net.loss(IDS, TAGS) == pytest.approx(expected, rel=1e-12)
    assert net.loss(IDS, np.eye(5)[TAGS]) == pytest.approx(expected, rel=1e-12)
    found = net.evaluate(IDS, TAGS)
    assert found.loss == pytest.approx(expected, rel=1e-12)
    assert found.accuracy == (y_hat.argmax(axis=2) == TAGS).mean()


def test_every_step_of_a_sequence_is_a_sample_to_dense() -> None:
    net = cg.Network([cg.Dense(4), cg.ReLU(), cg.Dense(2)], input_shape=(5, 3), loss="SquaredError", dtype="float64")
    rows = cg.Network([cg.Dense(4), cg.ReLU(), cg.Dense(2)], input_shape=3, loss="SquaredError", dtype="float64")
    x, y = rng.standard_normal((6, 5, 3)), rng.standard_normal((6, 5, 2))
    assert net.loss(x, y) == pytest.approx(rows.loss(x.reshape(-1, 3), y.reshape(-1, 2)), rel=1e-12)
    for name, gradient in net.gradients(x, y).items():
        np.testing.assert_allclose(gradient, rows.gradients(x.reshape(-1, 3), y.reshape(-1, 2))[name], rtol=1e-9)
    one, two = net.copy(), net.copy()
    one.fit(x, y, epochs=3, batch_size=4, engine="numpy")
    two.fit(x, y, epochs=3, batch_size=4, engine="compiled")
    np.testing.assert_allclose(one.flat, two.flat, rtol=1e-12)


def test_ids_are_never_floats_and_have_no_derivative() -> None:
    net = _tagger()
    trace = net.trace(IDS.astype(np.int8), TAGS)
    assert trace["x"].dtype == np.int64
    assert "dx" not in trace
    assert net.program.values["x"].dtype == "int"


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (IDS.astype(float), "x holds float64, but layer 1, Embedding takes ids, whole numbers from 0 to 6"),
        (np.where(np.arange(6) == 4, 7, IDS), r"x\[0, 4\] is the id 7, but layer 1, Embedding has 7 ids, from 0 to 6"),
        (-IDS - 1, r"x\[0, 0\] is the id -\d, but layer 1, Embedding has 7 ids"),
    ],
)
def test_ids_that_do_not_fit_are_named(x: np.ndarray, said: str) -> None:
    net = _tagger()
    for call in (net.predict, lambda bad: net.fit(bad, TAGS, epochs=1), lambda bad: net.trace(bad, TAGS)):
        with pytest.raises(DataError, match=said):
            call(x)


def test_values_for_ids_and_ids_for_values_are_refused() -> None:
    with pytest.raises(OptionError, match="layer 2, Embedding takes ids, whole numbers, but layer 1, Dense gives val"):
        cg.Network([cg.Dense(4), cg.Embedding(5, 3)], input_shape=4, loss="SquaredError")
    layers = [cg.Embedding(5, 3), cg.Dense(2, of="x"), cg.Flatten(of="e1"), cg.Concat("z2")]
    with pytest.raises(OptionError, match="layer 2, Dense takes x as values, but layer 1, Embedding takes it as ids"):
        cg.Network(layers, input_shape=4, loss="SquaredError")


def test_a_recurrent_layer_takes_sequences() -> None:
    with pytest.raises(
        ShapeError, match=r"RNN takes sequences, shape \(N, T, D\), but \(N, 4\) comes in; put an Embed"
    ):
        cg.Network([cg.RNN(3)], input_shape=4, loss="SquaredError")
    with pytest.raises(ShapeError, match=r"Embedding takes one id a step, shape \(N, T\), but \(N, 4, 2\) comes in"):
        cg.Network([cg.Embedding(3, 2)], input_shape=(4, 2), loss="SquaredError")


def test_targets_of_sequences_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"expected \(N, 6, 5\) or class numbers \(N, 6\)"):
        _tagger().loss(IDS, TAGS[:, 0])
    with pytest.raises(DataError, match=r"class number 9 is out of range at y\[0, 0\]"):
        _tagger().loss(IDS, np.where(TAGS == 1, 9, TAGS))


def test_explanations_open_into_earlier_times() -> None:
    net = _tagger()
    trace = net.trace(IDS, TAGS)
    derivation = trace.explain("h2[0, 3, 2]", steps=100)
    assert {"z2[0, 3, 2]", "h2[0, 2, 0]", "z2[0, 2, 1]", "h2[0, 0, 3]"} <= {step.address for step in derivation.steps}
    for address in ("dU2[1, 2]", "dW2[0, 1]", "dW1[2, 1]", "dh2[3, 0, 1]", "db2[3]"):
        assert trace.explain(address).check.agrees


def test_a_sum_over_times_says_what_each_carries() -> None:
    net = cg.Network([cg.RNN(2), cg.Dense(1)], input_shape=(3, 2), loss="SquaredError", dtype="float64")
    trace = net.trace(rng.standard_normal((2, 3, 2)), rng.standard_normal((2, 1)))
    h, dz = trace["h1"], trace["dz1"]
    shares = [f"t = {t}: {sum(h[n, t - 1, 0] * dz[n, t, 1] for n in range(2)):.6g}" for t in (1, 2)]
    assert f"by time: t = 0: 0, {', '.join(shares)}" in str(trace.explain("dU1[0, 1]")).replace("\n", " ")


def test_paths_through_time_are_all_the_paths() -> None:
    net = cg.Network([cg.RNN(2), cg.Dense(1)], input_shape=(3, 2), loss="SquaredError", dtype="float64")
    trace = net.trace(rng.standard_normal((1, 3, 2)), np.ones((1, 1)))
    derivation = trace.explain("dU1[0, 1]", form="paths")
    assert derivation.check.agrees
    text = str(derivation)
    assert "∂z1[0, 2, 0]/∂h1[0, 1, 1]" in text
    assert "∂h1[0, 1, 1]/∂z1[0, 1, 1]" in text


def test_other_numbers_of_steps_and_ids_that_are_none() -> None:
    net = cg.Network([cg.Embedding(4, 2), cg.Positions(), cg.RNN(2)], input_shape=3, loss="SquaredError")
    with pytest.raises(
        cg.ShapeError, match=r"2 steps, but layer 2, Positions holds 3 steps.*cut or pad the sequences to 3"
    ):
        net.predict(np.array([[1, 2]]))
    plain = cg.Network([cg.Embedding(4, 2), cg.RNN(2)], input_shape=3, loss="SquaredError")
    with pytest.raises(
        cg.ShapeError, match=r"4 steps, but layer 1, Embedding takes 3 steps.*cut or pad the sequences to 3"
    ):
        plain.predict(np.array([[1, 2, 0, 1]]))
    with pytest.raises(
        cg.DataError, match=r"x\[0, 1\] is 2\.5, but layer 1, Embedding takes ids, whole numbers from 0 to 3"
    ):
        plain.predict(np.array([[1.0, 2.5, 0.0]]))
    with pytest.raises(cg.DataError, match=r"x holds float64, but layer 1, Embedding takes ids.*use x\.astype\(int\)"):
        plain.predict(np.array([[1.0, 2.0, 0.0]]))
    with pytest.raises(cg.DataError, match="every weight is 0, so there is no mean; give one above 0"):
        plain.loss(np.array([[1, 2, 0]]), np.zeros((1, 2)), sample_weight=[0])


def test_an_embedding_starts_with_rows_of_length_one() -> None:
    for weights, deviation in (("auto", 64**-0.5), ("normal(0.02)", 0.02), ("uniform(0.05)", 0.05 / 3**0.5)):
        net = cg.Network([cg.Embedding(500, 64, weights=weights), cg.Flatten()], input_shape=2, loss="SquaredError")
        assert float(net.parameters["W1"].std()) == pytest.approx(deviation, rel=0.02)
