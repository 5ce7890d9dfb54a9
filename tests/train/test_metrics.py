"""Metrics by name: their definitions are scikit-learn's, and asking for them changes nothing that is trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.engines.c.run.compiler import available

RNG = np.random.default_rng(7)
X = RNG.standard_normal((90, 4))
THREE = np.where(X[:, 0] > 0.8, 2, (X[:, 1] + 0.5 * RNG.standard_normal(90) > 0).astype(int))
WEIGHTS = RNG.integers(0, 4, 90) * 0.5
ENGINES = ["numpy", pytest.param("compiled", marks=pytest.mark.skipif(not available(), reason="no C compiler"))]
OF_CLASSES = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "auc", "top_2")
OF_NUMBERS = ("mae", "rmse", "r2")


def classifier(outputs: int = 3, ending: Any = (), loss: Any = "CrossEntropy", **more: Any) -> cg.Network:
    return cg.Network([cg.Dense(outputs), *ending], input_shape=4, loss=loss, dtype="float64", seed=3, **more)


def of_classes(y: Any, chosen: Any, scores: Any, w: Any, multi: str = "raise") -> dict[str, float]:
    of = pytest.importorskip("sklearn.metrics")
    macro: dict[str, Any] = {"average": "macro", "zero_division": 0, "sample_weight": w}
    found = {
        "accuracy": of.accuracy_score(y, chosen, sample_weight=w),
        "precision": of.precision_score(y, chosen, **macro),
        "recall": of.recall_score(y, chosen, **macro),
        "f1": of.f1_score(y, chosen, **macro),
        "auc": of.roc_auc_score(y, scores, multi_class=multi, average="macro", sample_weight=w),
    }
    if np.ndim(y) == 1:
        found["balanced_accuracy"] = of.balanced_accuracy_score(y, chosen, sample_weight=w)
    return found


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("logits", [False, True])
def test_of_classes_as_scikit_learn_defines_them(weighted: bool, logits: bool) -> None:
    of = pytest.importorskip("sklearn.metrics")
    net = classifier(loss=cg.CrossEntropy(from_logits=True)) if logits else classifier(ending=[cg.Softmax()])
    net.fit(X, THREE, epochs=2)
    w = WEIGHTS if weighted else None
    found = net.evaluate(X, THREE, metrics=OF_CLASSES, sample_weight=w)
    rows = found.y_hat
    if logits:
        rows = np.exp(rows) / np.exp(rows).sum(axis=1, keepdims=True)
    expected = of_classes(THREE, rows.argmax(axis=1), rows, w, "ovr")
    expected["top_2"] = of.top_k_accuracy_score(THREE, rows, k=2, sample_weight=w)
    assert found.metrics == pytest.approx(expected, abs=1e-12)
    assert found.metrics["accuracy"] == pytest.approx(found.accuracy)


def test_a_class_that_nobody_has_or_finds() -> None:
    """scikit-learn leaves out what occurs in neither, and counts 0 / 0 as 0."""
    pytest.importorskip("sklearn.metrics")
    net = classifier(5, [cg.Softmax()])
    net.set_parameters(b1=[0, 0, 9, 0, -99], W1=np.zeros((4, 5)))  # all are read as 2
    y = np.arange(90) % 3
    rows = net.predict(X)
    expected = of_classes(y, rows.argmax(axis=1), rows[:, :3] / rows[:, :3].sum(axis=1, keepdims=True), None, "ovr")
    found = net.evaluate(X, y, metrics=OF_CLASSES[:5]).metrics
    assert found == pytest.approx({name: expected[name] for name in found}, abs=1e-12)
    assert np.isnan(net.evaluate(X[:4], np.zeros(4, int), metrics="auc").metrics["auc"])


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("kind", ["BinaryCrossEntropy", "Hinge"])
def test_of_two_classes(outputs: int, kind: str) -> None:
    ending = [cg.Sigmoid()] if kind == "BinaryCrossEntropy" else []
    net = classifier(outputs, ending, kind)
    y = (THREE > 0).astype(int)
    net.fit(X, y, epochs=2)
    names = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "auc")
    found = net.evaluate(X, y, metrics=names)
    rows = found.y_hat
    scores = rows[:, 0] if outputs == 1 else rows[:, 1] - (rows[:, 0] if kind == "Hinge" else 0)
    expected = of_classes(y, net.classes(rows), scores, None)
    assert found.metrics == pytest.approx(expected, abs=1e-12)


def test_of_several_yes_or_nos() -> None:
    of = pytest.importorskip("sklearn.metrics")
    rows = (X[:, :3] > 0.4) * 1
    net = classifier(3, [cg.Sigmoid()], "BinaryCrossEntropy")
    net.fit(X, rows * 1.0, epochs=2)
    found = net.evaluate(X, rows * 1.0, metrics=("accuracy", "precision", "recall", "f1", "auc"))
    chosen = (found.y_hat > 0.5) * 1
    expected = of_classes(rows, chosen, found.y_hat, None) | {"accuracy": (chosen == rows).mean()}
    assert found.metrics == pytest.approx(expected, abs=1e-12)
    assert of is not None


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_of_numbers_as_scikit_learn_defines_them(outputs: int, weighted: bool) -> None:
    of = pytest.importorskip("sklearn.metrics")
    net = classifier(outputs, loss="AbsoluteError")
    y, w = X[:, :outputs] * [[1.0, 20.0, 300.0][:outputs]] + 5, WEIGHTS if weighted else None
    found = net.evaluate(X, y, metrics=OF_NUMBERS, sample_weight=w)
    settings = {"sample_weight": w}
    assert found.metrics == pytest.approx({
        "mae": of.mean_absolute_error(y, found.y_hat, **settings),
        "rmse": of.root_mean_squared_error(y, found.y_hat, **settings),
        "r2": of.r2_score(y, found.y_hat, **settings),
    })  # fmt: skip
    constant = np.full((90, outputs), 3.0)
    assert net.evaluate(X, constant, metrics="r2").metrics["r2"] == of.r2_score(constant, net.predict(X))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("validation", [None, 0.2, "pair"])
def test_records_have_them_and_the_training_stays_the_same(engine: str, validation: Any) -> None:
    given = (X[60:], THREE[60:]) if validation == "pair" else validation
    plain = classifier(ending=[cg.Dropout(0.2), cg.Softmax()])
    net = plain.copy()
    settings: dict[str, Any] = {"epochs": 4, "validation": given, "engine": engine, "restore_best": False}
    without, history = plain.fit(X, THREE, **settings), net.fit(X, THREE, metrics=("accuracy", "f1"), **settings)
    assert np.array_equal(net.flat, plain.flat)
    assert [r.loss for r in history] == [r.loss for r in without]
    assert [r.val_loss for r in history] == [r.val_loss for r in without]
    rows = np.arange(90)
    if validation == 0.2:
        rows, _ = cg.data.split_indices(90, 0.2, 3, THREE)
    expected = net.evaluate(X[rows], THREE[rows], metrics=("accuracy", "f1"))
    last = history[-1]
    assert last.accuracy == expected.accuracy
    assert last.metrics["f1"] == pytest.approx(expected.metrics["f1"], rel=1e-12)
    assert ("val_f1" in last.metrics) == (validation is not None)
    assert len(history.column("accuracy")) == 4
    assert json.loads(history.to_jsonl().splitlines()[0])["accuracy"] == history[0].accuracy
    assert "accuracy" in str(history)
    assert history.plot().png.startswith(b"\x89PNG")


def test_a_resumed_training_has_those_of_all_epochs(tmp_path: Path) -> None:
    net, twin = classifier(ending=[cg.Softmax()]), classifier(ending=[cg.Softmax()])
    settings: dict[str, Any] = {"metrics": ("accuracy", "top_2"), "validation": 0.2}
    whole = twin.fit(X, THREE, epochs=4, **settings)
    net.fit(X, THREE, epochs=2, checkpoints=tmp_path, **settings)
    again = classifier(ending=[cg.Softmax()])
    history = again.fit(X, THREE, epochs=4, resume=tmp_path, **settings)
    assert [dict(r.metrics) for r in history] == [dict(r.metrics) for r in whole]
    assert np.array_equal(again.flat, twin.flat)
    other = classifier(ending=[cg.Softmax()]).fit(X, THREE, epochs=3, resume=tmp_path, validation=0.2)
    assert [len(r.metrics) for r in other] == [4, 4, 0]


@pytest.mark.parametrize(
    ("names", "loss", "text"),
    [
        ("acuracy", "CrossEntropy", "there is no metric 'acuracy'; did you mean 'accuracy'"),
        (["f1", "mae"], "CrossEntropy", "mae does not suit this network, whose targets are classes; use accuracy"),
        ("f1", "SquaredError", "f1 does not suit this network, whose targets are numbers .*use mae, rmse, r2"),
        ("top_3", "CrossEntropy", "top_3 of 3 classes would always be 1; give a number below 3"),
        (3, "CrossEntropy", "metrics are names"),
        ([3], "CrossEntropy", "metrics are names"),
        ("top_0", "CrossEntropy", "there is no metric 'top_0'"),
    ],
)
def test_names_are_checked_before_anything_is_trained(names: Any, loss: str, text: str) -> None:
    net = classifier(ending=[cg.Softmax()] if loss == "CrossEntropy" else [], loss=loss)
    y = THREE if loss == "CrossEntropy" else np.eye(3)[THREE]
    before = net.flat.copy()
    for call in (net.fit, net.evaluate):
        with pytest.raises(cg.ChalkgradError, match=text):
            call(X, y, metrics=names)
    assert np.array_equal(net.flat, before)


def test_of_sequences_steps_that_do_not_count_are_left_out() -> None:
    net = cg.Network(
        [cg.RNN(4, sequences=True), cg.Dense(3), cg.Softmax()], input_shape=(5, 2),
        loss=cg.CrossEntropy(ignore=-1), dtype="float64",
    )  # fmt: skip
    x, y = RNG.standard_normal((20, 5, 2)), RNG.integers(-1, 3, (20, 5))
    found = net.evaluate(x, y, metrics=("accuracy", "top_2", "f1"))
    counts = y >= 0
    chosen = found.y_hat.argmax(axis=2)
    assert found.metrics["accuracy"] == pytest.approx((chosen == y)[counts].mean())
    of = pytest.importorskip("sklearn.metrics")
    assert found.metrics["f1"] == pytest.approx(of.f1_score(y[counts], chosen[counts], average="macro"))
