"""Weights of samples and of the steps of sequences, and targets that are ignored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.engines.c.run.compiler import available

RNG = np.random.default_rng(3)
X, Y, W = RNG.standard_normal((11, 4)), RNG.integers(0, 3, 11), RNG.random(11) * 3 + 0.1
STEPS, CLASSES = RNG.standard_normal((5, 6, 4)), RNG.integers(0, 3, (5, 6))
PADDED = CLASSES.copy()
PADDED[0, 4:] = PADDED[2, 1:] = -1
ENGINES = ["numpy", pytest.param("compiled", marks=pytest.mark.skipif(not available(), reason="no C compiler"))]


def classifier(loss: cg.Loss | None = None, **settings: Any) -> cg.Network:
    layers = [cg.Dense(5), cg.Tanh(), cg.Dense(3), cg.Softmax()]
    return cg.Network(layers, input_shape=4, loss=loss or cg.CrossEntropy(), dtype="float64", **settings)


def tagger(**settings: Any) -> cg.Network:
    layers = [cg.RNN(5, sequences=True), cg.Dense(3), cg.Softmax()]
    return cg.Network(layers, input_shape=(6, 4), loss=cg.CrossEntropy(**settings), dtype="float64")


def test_a_whole_number_as_a_weight_counts_a_sample_so_often() -> None:
    net, times = classifier(), np.array([1, 2, 0, 3, 1, 1, 0, 1, 2, 1, 1])
    x, y = np.repeat(X, times, axis=0), np.repeat(Y, times)
    assert net.loss(X, Y, sample_weight=times) == pytest.approx(net.loss(x, y), rel=1e-12)
    for name, gradient in net.gradients(X, Y, sample_weight=times).items():
        np.testing.assert_allclose(gradient, net.gradients(x, y)[name], rtol=1e-9, atol=1e-12)
    one, other = net.evaluate(X, Y, sample_weight=times), net.evaluate(x, y)
    assert (one.loss, one.accuracy) == pytest.approx((other.loss, other.accuracy), rel=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_equal_weights_change_the_mean_not_and_the_sum_by_their_size(reduction: str) -> None:
    net = classifier(cg.CrossEntropy(reduction=reduction))
    times = 1 if reduction == "mean" else 2.5
    assert net.loss(X, Y, sample_weight=np.full(11, 2.5)) == pytest.approx(times * net.loss(X, Y), rel=1e-12)
    assert net.evaluate(X, Y, sample_weight=W).loss == pytest.approx(net.loss(X, Y, sample_weight=W), rel=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(cg.CrossEntropy(), marks=pytest.mark.long),
        *(cg.CrossEntropy(reduction="sum", fuse=False), cg.CrossEntropy(ignore=1)),
    ],
    ids=str,
)
def test_a_training_takes_the_weights_of_each_batch(loss: cg.Loss, engine: str) -> None:
    net = classifier(loss, l2=0.01)
    by_hand = net.copy()
    history = net.fit(X[:9], Y[:9], sample_weight=W[:9], batch_size=9, epochs=4, shuffle=False, engine=engine)
    assert history.engine.startswith(engine)
    for _ in range(4):
        gradients = by_hand.gradients(X[:9], Y[:9], sample_weight=W[:9])
        by_hand.set_parameters({name: by_hand.parameters[name] - 0.01 * g for name, g in gradients.items()})
    np.testing.assert_allclose(net.flat, by_hand.flat, rtol=1e-9)


@pytest.mark.skipif(not available(), reason="no C compiler")
@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=pytest.mark.long), "float64"])
def test_both_engines_train_alike_with_weights(dtype: str) -> None:
    net = classifier().copy(dtype=dtype)
    trained = []
    for engine in ("numpy", "compiled"):
        twin = net.copy()
        settings: dict[str, Any] = {"sample_weight": W, "batch_size": 4, "epochs": 3, "engine": engine}
        history = twin.fit(X, Y, validation=(X, Y, W), optimizer=cg.Adam(0.05, clip_norm=0.1), **settings)
        trained.append((twin.flat, history.column("loss"), history.column("val_loss")))
    for one, other in zip(*trained, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4 if dtype == "float32" else 1e-9)


def test_weights_are_named_values_of_the_program() -> None:
    trace = tagger(ignore=-1).trace(STEPS, PADDED, sample_weight=W[:5])
    trace.program.verify()
    assert [s.output for s in trace.program.part("loss")] == ["l", "l_counts", "l_weights", "l_weights_sum", "L"]
    np.testing.assert_array_equal(trace["l_counts"], PADDED != -1)
    np.testing.assert_array_equal(trace["l_weights"], (PADDED != -1) * W[:5, None])
    assert "sample_weight[0, 1] * l_counts[0, 1]" in str(trace.explain("l_weights[0, 1]"))
    assert not trace["dz2"][PADDED == -1].any()


def test_ignored_targets_count_neither_in_the_loss_nor_in_the_accuracy() -> None:
    net = tagger(ignore=-1)
    counts = PADDED != -1
    losses, y_hat = net.trace(STEPS, CLASSES)["l"], net.predict(STEPS)
    found = net.evaluate(STEPS, PADDED)
    assert found.loss == pytest.approx(losses[counts].mean(), rel=1e-12)
    assert net.loss(STEPS, PADDED) == pytest.approx(found.loss, rel=1e-12)
    assert found.accuracy == pytest.approx((y_hat.argmax(axis=2) == CLASSES)[counts].mean(), rel=1e-12)
    assert tagger().loss(STEPS, CLASSES, sample_weight=counts) == pytest.approx(found.loss, rel=1e-12)
    rows = np.eye(3)[CLASSES] * counts[:, :, None]
    assert net.loss(STEPS, rows) == pytest.approx(found.loss, rel=1e-12), "as rows, ignored targets are all 0"
    assert net.check_gradients(STEPS, PADDED).passed
    net.fit(STEPS, PADDED, epochs=30, optimizer=cg.Adam(0.05, clip_norm=1.0))
    assert net.loss(STEPS, PADDED) < found.loss


def test_a_class_of_the_network_may_be_ignored() -> None:
    trace = classifier(cg.CrossEntropy(ignore=1)).trace(X, Y)
    np.testing.assert_array_equal(trace["l_counts"], Y != 1)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(10), r"sample_weight has shape \(10,\); expected one weight a sample, \(11,\)$"),
        (-W, r"sample_weight\[0\] is -.*; a weight is 0 or more, and 0 leaves the sample out"),
        (np.where(np.arange(11) == 3, np.nan, W), r"sample_weight\[3\] is nan"),
        (np.zeros(11), "nothing counts: every weight is 0"),
        (["a"] * 11, "sample_weight must hold numbers"),
    ],
)
def test_invalid_weights_are_refused_with_a_cure(weights: Any, message: str) -> None:
    net = classifier()
    for verb in (net.loss, net.gradients, net.trace, net.evaluate, net.fit):
        with pytest.raises(cg.ChalkgradError, match=message):
            verb(X, Y, sample_weight=weights)


def test_weights_of_steps_have_their_shape() -> None:
    with pytest.raises(cg.ShapeError, match=r"expected one weight a sample, \(5,\), or one a step, \(5, 6\)"):
        tagger().loss(STEPS, CLASSES, sample_weight=np.ones((5, 2)))


def test_invalid_ignored_targets_are_refused_with_a_cure() -> None:
    with pytest.raises(cg.DataError, match=r"nothing counts: every target is ignored \(-1\)"):
        tagger(ignore=-1).loss(STEPS, np.full((5, 6), -1))
    with pytest.raises(cg.DataError, match=r"class number -1 is out of range at y\[0, 4\]"):
        tagger().loss(STEPS, PADDED)
    with pytest.raises(cg.DataError, match=r"class number 7 is out of range at .*, and -1 where nothing counts"):
        tagger(ignore=-1).loss(STEPS, np.where(PADDED == 0, 7, PADDED))
    with pytest.raises(cg.DataError, match=r"row 1 of the targets sums to 0\.5"):
        classifier(cg.CrossEntropy(ignore=-1)).loss(X[:2], [[0, 0, 0], [0.5, 0, 0]])
    with pytest.raises(cg.OptionError, match="ignore is a class number"):
        cg.CrossEntropy(ignore=True)


def test_a_batch_in_which_nothing_could_count_is_refused() -> None:
    weights = np.where(np.arange(11) < 3, 0, W)
    with pytest.raises(
        cg.DataError, match=r"nothing counts in 3 of the 11 samples.*and a batch of 3 could hold no others"
    ):
        classifier().fit(X, Y, sample_weight=weights, batch_size=8)
    classifier().fit(X, Y, sample_weight=weights, batch_size=None, epochs=1)
    with pytest.raises(cg.DataError, match="nothing counts in 1 of the 5 samples"):
        tagger(ignore=-1).fit(STEPS, np.where(np.arange(5)[:, None] == 1, -1, CLASSES), batch_size=2)


def test_weights_belong_to_the_data_of_a_resumed_training(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"sample_weight": W, "batch_size": 4, "validation": 0.2}
    whole, net = classifier(), classifier()
    whole.fit(X, Y, epochs=4, **settings)
    net.fit(X, Y, epochs=2, checkpoints=tmp_path, **settings)
    again = classifier()
    again.fit(X, Y, epochs=4, resume=tmp_path, **settings)
    np.testing.assert_array_equal(again.flat, whole.flat)
    with pytest.raises(cg.CheckpointError, match="a training on other data"):
        classifier().fit(X, Y, epochs=4, resume=tmp_path, **{**settings, "sample_weight": 2 * W})


def test_losses_with_their_settings_are_kept_in_files(tmp_path: Path) -> None:
    net = classifier(cg.CrossEntropy(ignore=-1, label_smoothing=0.1))
    net.save(tmp_path / "n")
    assert cg.load(tmp_path / "n").loss_function == net.loss_function
