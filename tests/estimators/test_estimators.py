"""The estimators in scikit-learn's own tools, their settings, and their errors."""

from __future__ import annotations

import copy
import importlib.util
import pickle
import subprocess
import sys
import textwrap
import warnings
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.data.splits import split_indices

needs_sklearn = pytest.mark.skipif(importlib.util.find_spec("sklearn") is None, reason="scikit-learn is not installed")
pytestmark = pytest.mark.filterwarnings("ignore:.*ended after max_iter")


@pytest.fixture(scope="module")
def digits() -> tuple[Any, Any]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return x / 16, y


@pytest.fixture(scope="module")
def blobs() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    return rng.normal(size=(90, 4)) + 3 * np.eye(3, 4)[y], np.array(["ash", "oak", "elm"])[y]


@needs_sklearn
def test_it_learns_names_and_its_network_is_one_of_ours(blobs: tuple[Any, Any]) -> None:
    x, y = blobs
    est = cg.ChalkgradClassifier((8,), random_state=3, learning_rate_init=0.02, max_iter=60).fit(x, y)
    assert est.score(x, y) > 0.95
    assert est.classes_.tolist() == ["ash", "elm", "oak"]
    assert isinstance(est.network_, cg.Network)
    assert est.network_.seed == 3
    assert est.out_activation_ == "softmax"
    np.testing.assert_allclose(est.predict_proba(x).sum(axis=1), 1)
    samples, targets = est.samples(x[:2], y[:2])
    trace = est.network_.trace(samples, targets)
    assert "dW1[0, 0]" in str(trace.explain("dW1[0, 0]"))
    est.coefs_[0][...] = 0  # a view
    assert not est.network_.parameters["W1"].any()
    with pytest.raises(ValueError, match="oak"):
        est.samples(x[:2], np.array(["oak", "fir"]))


@needs_sklearn
def test_a_seed_gives_the_same_bits_and_pickles_and_copies_keep_them(blobs: tuple[Any, Any]) -> None:
    from sklearn.base import clone

    x, y = blobs
    est = cg.ChalkgradClassifier(layers=[cg.Dense(6), cg.Dropout(0.3), cg.Tanh()], random_state=5, max_iter=5)
    est.fit(x, y)
    p = est.predict_proba(x)
    for other in (clone(est).fit(x, y), pickle.loads(pickle.dumps(est)), copy.deepcopy(est)):
        np.testing.assert_array_equal(other.predict_proba(x), p)
    assert not np.array_equal(clone(est).set_params(random_state=6).fit(x, y).predict_proba(x), p)
    state = np.random.RandomState(0)
    drawn = [clone(est).set_params(random_state=state).fit(x, y).network_.seed for _ in range(2)]
    again = [clone(est).set_params(random_state=np.random.RandomState(0)).fit(x, y).network_.seed for _ in range(2)]
    assert again == [drawn[0]] * 2  # a clone copies the generator


@needs_sklearn
def test_pieces_are_epochs(blobs: tuple[Any, Any]) -> None:
    x, y = blobs
    whole = cg.ChalkgradClassifier((5,), random_state=0, max_iter=4, batch_size=30).fit(x, y)
    pieces = cg.ChalkgradClassifier((5,), random_state=0, batch_size=30)
    for k in range(4):
        pieces.partial_fit(x, y, classes=np.unique(y) if k == 0 else None)
        assert pieces.n_iter_ == 1
    np.testing.assert_array_equal(pieces.network_.flat, whole.network_.flat)
    np.testing.assert_array_equal(pieces.loss_curve_, whole.loss_curve_)
    before = pieces.network_
    pieces.partial_fit(x[y == "oak"][:10], y[y == "oak"][:10])  # other batches, so that alpha weighs otherwise
    assert pieces.network_.l2 == pytest.approx(0.0001 / 2 / 10)
    assert pieces.network_ is not before
    assert pieces.history_.steps_before == 12
    for wrong, said in [({"y": np.array(["fir"] * 90)}, "'fir'"), ({"y": y, "classes": ["a", "b"]}, "first call")]:
        with pytest.raises(ValueError, match=said):
            pieces.partial_fit(x, **wrong)
    with pytest.raises(ValueError, match="classes must be passed"):
        cg.ChalkgradClassifier().partial_fit(x, y)
    with pytest.raises(ValueError, match="early_stopping"):
        cg.ChalkgradClassifier(early_stopping=True).partial_fit(x, y, np.unique(y))


@needs_sklearn
def test_warm_start_goes_on_with_the_weights_of_before(blobs: tuple[Any, Any]) -> None:
    x, y = blobs
    est = cg.ChalkgradClassifier((5,), random_state=0, max_iter=3, warm_start=True).fit(x, y)
    first = est.loss_curve_[:]
    est.set_params(alpha=0.5).fit(x, y)
    assert est.loss_curve_[:3] == first
    assert est.network_.l2 == 0.5 / 2 / 90
    assert est.network_.steps_taken == 6
    with pytest.raises(ValueError, match="layers are others"):
        est.set_params(hidden_layer_sizes=(6,)).fit(x, y)


@needs_sklearn
@pytest.mark.parametrize("kind", ["classes", "labels", "numbers"])
def test_early_stopping_keeps_the_weights_of_the_best_score(kind: str, blobs: tuple[Any, Any]) -> None:
    from sklearn.metrics import accuracy_score, r2_score

    x, names = blobs
    weights = np.random.default_rng(0).uniform(0.5, 2, 90)
    labels = (x[:, :2] > 0.5).astype(int)
    y, make, score = {
        "classes": (names, cg.ChalkgradClassifier, accuracy_score),
        "labels": (labels, cg.ChalkgradClassifier, accuracy_score),
        "numbers": (x[:, 0] * x[:, 1], cg.ChalkgradRegressor, r2_score),
    }[kind]
    est = make((6,), random_state=1, early_stopping=True, max_iter=60, n_iter_no_change=2, validation_fraction=0.3)
    est.set_params(learning_rate_init=0.05, tol=0.01).fit(x, y, sample_weight=weights)
    scores = est.validation_scores_
    assert len(scores) == est.n_iter_ < 60
    assert est.best_validation_score_ == max(scores) > scores[0]
    assert est.best_loss_ is None
    strata = np.searchsorted(est.classes_, y) if kind == "classes" else None
    _, out = split_indices(90, 0.3, 1, strata)
    assert score(y[out], est.predict(x[out]), sample_weight=weights[out]) == pytest.approx(max(scores))
    best = -np.inf
    waited: list[int] = []
    for value in scores:  # by MLPClassifier's rule
        waited.append(0 if value >= best + 0.01 else (waited[-1] if waited else 0) + 1)
        best = max(best, value)
    assert waited[-1] == 3
    assert max(waited[:-1]) < 3


@needs_sklearn
def test_samples_of_weight_0_are_not_there(blobs: tuple[Any, Any]) -> None:
    x, y = blobs
    keep = np.arange(90) % 4 > 0
    weighted = cg.ChalkgradClassifier((5,), random_state=0, max_iter=4, batch_size=16).fit(x, y, keep.astype(float))
    fewer = cg.ChalkgradClassifier((5,), random_state=0, max_iter=4, batch_size=16).fit(x[keep], y[keep], np.ones(67))
    np.testing.assert_array_equal(weighted.network_.flat, fewer.network_.flat)
    for wrong, said in [(-np.ones(90), "0 or more"), (np.zeros(90), "[Ss]ample.weight")]:
        with pytest.raises(ValueError, match=said):
            cg.ChalkgradClassifier().fit(x, y, wrong)


@needs_sklearn
def test_images_go_through_a_convolution(digits: tuple[Any, Any]) -> None:
    x, y = digits[0][:400], digits[1][:400]
    layers = [cg.Conv2D(6, 3, padding="same"), cg.ReLU(), cg.MaxPool2D(2), cg.Flatten(), cg.Dropout(0.1)]
    est = cg.ChalkgradClassifier(
        layers=layers, input_shape=(1, 8, 8), solver=cg.Adam(0.01), batch_size=32, random_state=0, max_iter=6
    )
    est.fit(x.astype(np.float32), y)
    assert est.score(x, y) > 0.9
    assert est.network_.dtype == np.float32
    assert est.network_.input_shape == (1, 8, 8)
    assert est.samples(x, y)[0].shape == (400, 1, 8, 8)
    with pytest.raises(AttributeError, match=r"network_\.parameters"):
        _ = est.coefs_
    with pytest.raises(ValueError, match="Flatten"):
        cg.ChalkgradClassifier(layers=layers[:2], input_shape=(1, 8, 8)).fit(x, y)
    with pytest.raises(ValueError, match="64 columns"):
        cg.ChalkgradClassifier(layers=layers, input_shape=(1, 8, 7)).fit(x, y)


@needs_sklearn
def test_rows_of_ids_go_into_an_embedding() -> None:
    ids = np.random.default_rng(0).integers(0, 9, (60, 5))
    layers = [cg.Embedding(9, 4), cg.Flatten()]
    est = cg.ChalkgradClassifier(layers=layers, solver=cg.Adam(0.1), max_iter=60, random_state=0)
    assert est.fit(ids, ids[:, 0] > 4).score(ids, ids[:, 0] > 4) > 0.95
    assert est.samples(ids, ids[:, 0] > 4)[0].dtype == np.int64
    with pytest.raises(ValueError, match="whole numbers"):
        est.predict(ids + 0.5)
    with pytest.raises(ValueError, match="9"):
        est.predict(ids + 1)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "activation": ({"activation": "gelu"}, "'relu'"),
    "solver": ({"solver": "lbfgs"}, "take 'adam'"),
    "a solver's name": ({"solver": "rmsprop"}, "'adam' or 'sgd'"),
    "sizes": ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes must be a whole number"),
    "layers": ({"layers": ["Dense"]}, "list of layers"),
    "an output layer": ({"layers": [cg.Dense(3), cg.Softmax()]}, "fit adds Dense"),
    "alpha": ({"alpha": -1}, "alpha must be"),
    "batch_size": ({"batch_size": "all"}, "'auto'"),
    "rate": ({"learning_rate_init": "fast"}, "learning_rate must be"),
    "max_iter": ({"max_iter": 0}, "max_iter must be"),
    "shuffle": ({"shuffle": "yes"}, "shuffle is true or false"),
    "tol": ({"tol": -1}, "tol must be"),
    "patience": ({"n_iter_no_change": 0}, "n_iter_no_change must be"),
    "fraction": ({"early_stopping": True, "validation_fraction": 1.5}, "validation_fraction must be"),
    "fraction too small": ({"early_stopping": True, "validation_fraction": 0.01}, "larger share"),
    "seed": ({"random_state": -1}, "seed must be"),
    "engine": ({"engine": "jax"}, "'numpy'"),
    "schedule": ({"schedule": "Cosin"}, "Cosine"),
}


@needs_sklearn
@pytest.mark.parametrize(("settings", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_setting_is_refused_in_fit(settings: dict[str, Any], said: str, blobs: tuple[Any, Any]) -> None:
    est = cg.ChalkgradClassifier(**settings)  # as scikit-learn wants it, nothing is checked here
    with pytest.raises((cg.OptionError, cg.UnknownNameError), match=said):
        est.fit(*blobs)
    assert not hasattr(est, "network_")


@needs_sklearn
def test_wrong_targets_are_refused(blobs: tuple[Any, Any]) -> None:
    x, y = blobs
    for wrong, said in [
        (np.stack([y, y], 1), "several columns|multiclass-multioutput|Multioutput"),
        (np.full(90, "oak"), "one class only, 'oak'"),
        (x[:, 0], "continuous"),
    ]:
        with pytest.raises(ValueError, match=said):
            cg.ChalkgradClassifier().fit(x, wrong)
    from scipy import sparse

    with pytest.raises(TypeError, match="dense data is required"):
        cg.ChalkgradClassifier().fit(sparse.csr_array(x), y)
    est = cg.ChalkgradClassifier(max_iter=1).fit(x, (x[:, :2] > 0).astype(int))
    for wrong in (y, (x[:, :3] > 0).astype(int)):
        with pytest.raises(ValueError, match="rows of 2 labels"):
            est.partial_fit(x, wrong)


@needs_sklearn
@pytest.mark.long
@pytest.mark.filterwarnings("ignore:(Chalkgrad|Stochastic Optimizer)")
def test_in_pipelines_searches_calibration_and_other_processes(digits: tuple[Any, Any]) -> None:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = digits[0][:600], digits[1][:600]
    est = cg.ChalkgradClassifier((16,), batch_size=20, random_state=0, max_iter=20, learning_rate_init=0.01)
    pipe = make_pipeline(StandardScaler(), est)
    alone = cross_val_score(pipe, x, y, cv=3)
    np.testing.assert_array_equal(alone, cross_val_score(pipe, x, y, cv=3, n_jobs=2))
    theirs = MLPClassifier((16,), batch_size=20, random_state=0, max_iter=20, learning_rate_init=0.01)
    assert alone.mean() > cross_val_score(make_pipeline(StandardScaler(), theirs), x, y, cv=3).mean() - 0.03
    grid = {
        "chalkgradclassifier__alpha": [1e-4, 50.0],
        "chalkgradclassifier__layers": [None, [cg.Dense(16), cg.Tanh()]],
    }
    search = GridSearchCV(pipe, grid, cv=3, n_jobs=2).fit(x, y)
    assert search.best_params_["chalkgradclassifier__alpha"] == 1e-4
    assert isinstance(search.best_estimator_[-1].network_, cg.Network)
    calibrated = CalibratedClassifierCV(est, cv=3).fit(x, y)
    np.testing.assert_allclose(calibrated.predict_proba(x).sum(axis=1), 1)
    assert calibrated.score(x, y) > 0.85


@needs_sklearn
@pytest.mark.long
def test_the_compiled_engine_trains_and_predicts_alike(blobs: tuple[Any, Any]) -> None:
    x, y = blobs
    outputs = []
    for engine in ("numpy", "compiled"):
        est = cg.ChalkgradClassifier((6,), random_state=0, max_iter=20, engine=engine, early_stopping=True)
        outputs.append(est.fit(x, y).predict_proba(x))
        assert ("compiled" in est.history_.engine) == (engine == "compiled")
    np.testing.assert_allclose(*outputs, rtol=1e-9)


@needs_sklearn
def test_the_end_at_max_iter_is_warned_of(blobs: tuple[Any, Any]) -> None:
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cg.ChalkgradClassifier((3,), max_iter=2, random_state=0).fit(*blobs)
    assert [w.category for w in caught] == [ConvergenceWarning]
    assert "max_iter=2" in str(caught[0].message)
    assert caught[0].filename == __file__


def test_without_scikit_learn_an_estimator_says_what_to_install() -> None:
    """The package imports as before, all of it too."""
    code = """
        import sys
        sys.modules["sklearn"] = None
        from chalkgrad import *
        from chalkgrad import OptionError
        for make in (ChalkgradClassifier, ChalkgradRegressor):
            try:
                make(hidden_layer_sizes=(3,))
            except OptionError as error:
                print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert "ChalkgradClassifier needs scikit-learn, 1.6 or newer: pip install 'chalkgrad[sklearn]'" in first
    assert second.startswith("ChalkgradRegressor needs")


def test_importing_chalkgrad_does_not_import_scikit_learn() -> None:
    code = "import sys, chalkgrad; chalkgrad.Network; sys.exit('sklearn' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
