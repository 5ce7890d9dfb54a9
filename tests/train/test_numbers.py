"""Numbers that are lost, and numbers that are large."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from networks import CLASSES, SAMPLES, classifier


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


COMPILED_ALWAYS = ("softmax and cross-entropy",)


@pytest.mark.parametrize(
    ("ending", "loss", "engine"),
    [
        pytest.param(
            ending, loss, engine, id=f"{name}, {engine}",
            marks=[pytest.mark.long] if engine == "compiled" and name not in COMPILED_ALWAYS else [],
        )
        for ending, loss, name in ENDS
        for engine in ("numpy", "compiled")
    ],
)  # fmt: skip
def test_large_inputs_in_float32(ending: list[cg.Layer], loss: cg.Loss, engine: str) -> None:
    """At 10,000 and -10,000, values, losses and gradients are finite, and within rounding those of float64."""
    from chalkgrad.engines.c.run.compiler import available

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


X = np.random.default_rng(0).normal(size=(64, 3))
LOST = {"grown": (cg.SGD(1.0), 9, "grew"), "lost": (cg.SGD(1e4), 9, "training stopped")}


@pytest.mark.parametrize("name", LOST)
def test_a_training_is_whole_where_its_warning_is_an_error_or_nowhere(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    optimizer, steps, said = LOST[name]

    def trained() -> tuple[cg.Network, cg.History | None]:
        net = cg.Network([cg.Dense(1)], input_shape=3, loss="SquaredError", seed=1)
        with contextlib.suppress(RuntimeWarning):
            return net, net.fit(X, X[:, :1], optimizer=optimizer, max_steps=steps, batch_size=64)
        return net, None

    with pytest.warns(RuntimeWarning, match=said) as caught:
        expected, _ = trained()
    assert caught[0].filename == __file__, "it is said of the line that trains"
    assert expected.steps_taken
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net, history = trained()
    assert history is None
    assert np.array_equal(net.flat, expected.flat)
    assert (net.optimizer_state is None) == (expected.optimizer_state is None)
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", lambda *_, **__: closed.write(""))
        net, history = trained()
    assert history is not None
    assert np.array_equal(net.flat, expected.flat)


def test_half_precision_is_refused() -> None:
    net = cg.Network([cg.Dense(1)], input_shape=2, loss="SquaredError")
    with pytest.raises(cg.DataError, match=r"float16.*float32"):
        net.fit(np.ones((3, 2), np.float16), np.ones(3))
    with pytest.raises(cg.OptionError, match="dtype is 'float32' or 'float64'"):
        cg.Network([cg.Dense(1)], input_shape=2, loss="SquaredError", dtype="float16")


def test_small_losses_keep_their_digits_in_float32() -> None:
    """Whatever size the logits have, the loss is as exact as PyTorch's, which rounds z - m and log(s), not m + log(s)."""
    from chalkgrad.engines.c.run.compiler import available

    for engine in ("numpy", "compiled") if available() else ("numpy",):
        for high in (12.0, -300.0, 1e3, 1e4, -1e6):
            for gap in (0.0, 0.5, 5.0, 9.0):
                z = np.array([[high, high - gap, high - gap - 1]], np.float32)
                net = cg.Network(
                    [cg.Dense(3, bias=False)], input_shape=3, loss=cg.CrossEntropy(from_logits=True), dtype="float32"
                )
                net.set_parameters(W1=np.eye(3))
                wide = z.astype(np.float64)
                exact = np.log1p(np.exp(wide[0, 1:] - wide[0, 0]).sum())
                assert net.evaluate(z, [0], engine=engine).loss == pytest.approx(exact, rel=1e-6, abs=1.2e-7)
        for size in (3.0, 12.0, 20.0, 60.0):
            for z, y in ((size, 1.0), (-size, 0.0), (size, 0.0), (-size, 1.0), (size, 0.25)):
                one = cg.Network(
                    [cg.Dense(1, bias=False, weights="ones")],
                    input_shape=1,
                    loss=cg.BinaryCrossEntropy(from_logits=True),
                )
                exact = y * np.log1p(np.exp(-z)) + (1 - y) * np.log1p(np.exp(z))
                found = one.evaluate([[z]], [[y]], engine=engine).loss
                assert found == pytest.approx(exact, rel=1e-6, abs=0)


SQUARING = (cg.Adam, cg.AdamW, cg.RMSProp, cg.AdaGrad)


@pytest.mark.parametrize("kind", SQUARING)
@pytest.mark.parametrize(
    ("dtype", "eps"), [("float32", 1e-46), ("float32", 1e-40), ("float32", 1e39), ("float64", 1e-300)]
)
def test_an_eps_that_the_dtype_cannot_hold_is_refused(kind: type[cg.Optimizer], dtype: str, eps: float) -> None:
    """Wherever an optimizer is given; as 0 it would make NaN of every weight whose gradient is 0."""
    net = cg.Network([cg.Dense(1)], input_shape=3, loss="SquaredError", dtype=dtype)
    x, y = np.ones((4, 3)), np.ones(4)
    x[:, 1] = 0
    chosen = kind(eps=eps)  # type: ignore[call-arg]
    if dtype == "float64":
        assert net.fit(x, y, optimizer=chosen).stop_reason is cg.StopReason.EPOCHS
        return
    before = net.flat.copy()
    for use in (net.fit, net.trace, net.source):
        with pytest.raises(cg.OptionError, match=rf"^{kind.__name__}: eps=\S+ is too (small|large) for {dtype}"):
            use(x=x, y=y, optimizer=chosen)
    assert np.array_equal(net.flat, before)
    with pytest.raises(cg.OptionError, match="eps"):
        kind(eps=0.0)  # type: ignore[call-arg]


@pytest.mark.parametrize("layer", [cg.BatchNorm, cg.LayerNorm])
@pytest.mark.parametrize("eps", [0.0, 1e-46, 1e39])
def test_an_eps_of_a_normalisation_is_one_that_float32_holds(layer: type[cg.Layer], eps: float) -> None:
    with pytest.raises(cg.OptionError, match=f"{layer.__name__}: eps"):
        layer(eps=eps)  # type: ignore[call-arg]


ELEMENTWISE: dict[str, tuple[cg.Layer, Any]] = {
    "softplus": (cg.Softplus(), lambda z: np.logaddexp(z, 0)),
    "silu": (cg.SiLU(), lambda z: z / (1 + np.exp(-z))),
    "elu": (cg.ELU(0.7), lambda z: np.where(z > 0, z, 0.7 * np.expm1(z))),
    "gelu": (cg.GELU(), lambda z: z * np.vectorize(math.erfc)(-z / math.sqrt(2)) / 2),
    "sigmoid": (cg.Sigmoid(), lambda z: 1 / (1 + np.exp(-z))),
    "tanh": (cg.Tanh(), np.tanh),
}
SLOPES: dict[str, Any] = {
    "softplus": lambda z: 1 / (1 + np.exp(-z)),
    "elu": lambda z: np.where(z > 0, 1, 0.7 * np.exp(z)),
    "gelu": lambda z: np.vectorize(math.erfc)(-z / math.sqrt(2)) / 2 + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi),
    "silu": lambda z: (1 + z / (1 + np.exp(z))) / (1 + np.exp(-z)),
}
"""Those of sigmoid and tanh come from the activation, a (1 - a) and 1 - a^2, and are as exact as 1 - a is."""


@pytest.mark.parametrize(
    ("name", "engine"),
    [
        *((name, "numpy") for name in ELEMENTWISE),
        *((name, "compiled") for name in ELEMENTWISE if name in ("gelu", "sigmoid")),
        *(
            pytest.param(name, "compiled", marks=pytest.mark.long)
            for name in ELEMENTWISE if name not in ("gelu", "sigmoid")
        ),
    ],
)  # fmt: skip
def test_small_activations_and_slopes_keep_their_digits_in_float32(name: str, engine: str) -> None:
    """Nothing is rounded to what stands beside 1: the tails are as exact, relative to themselves, as the middle."""
    from chalkgrad.engines.c.run.compiler import available

    if engine == "compiled" and not available():
        pytest.skip("there is no C compiler")
    layer, exact = ELEMENTWISE[name]
    z = np.concatenate([np.linspace(-11, 12, 231), np.geomspace(1e-20, 0.1, 40), -np.geomspace(1e-20, 0.1, 40)])
    z = z.astype(np.float32)
    net = cg.Network([cg.Dense(len(z), weights="zeros"), layer], input_shape=1, loss="AbsoluteError")
    net.set_parameters(b1=z)
    found = net.predict([[1.0]], engine=engine)[0]
    np.testing.assert_allclose(found, exact(z.astype(np.float64)), rtol=1e-5)
    net.fit([[1.0]], [np.full(len(z), -1e4)], optimizer=cg.SGD(1.0), engine=engine)  # dL/da is 1, and dW the slope
    if name in SLOPES:
        atol = 1e-7 if name in ("silu", "gelu") else 0.0  # whose slopes go through 0
        np.testing.assert_allclose(-net.parameters["W1"][0], SLOPES[name](z.astype(np.float64)), rtol=2e-5, atol=atol)


def test_weights_that_become_infinite_in_the_last_step_are_not_kept() -> None:
    net = classifier(dtype="float32")
    with pytest.warns(RuntimeWarning, match=r"_new\[.*\(update step of optimizer, SGD\), in step 1"):
        history = net.fit(SAMPLES * 1e6, CLASSES, optimizer=cg.SGD(1e39), max_steps=1)
    assert history.stop_reason is cg.StopReason.NOT_FINITE
    assert np.isfinite(net.flat).all()


def test_the_step_that_broke_the_weights_is_named() -> None:
    net = cg.Network([cg.Dense(3), cg.Dense(1)], input_shape=3, loss="SquaredError")
    with pytest.warns(RuntimeWarning, match=r"_new\[.*update step of optimizer, SGD\), in step 1 "):
        history = net.fit(SAMPLES, SAMPLES[:, :1] * 1e3, optimizer=cg.SGD(1e37), epochs=9, batch_size=None)
    assert history.steps == net.steps_taken == 0


def test_a_decay_above_one_overflows_into_a_stop() -> None:
    with pytest.warns(RuntimeWarning, match="training stopped"):
        classifier().fit(SAMPLES, CLASSES, schedule=cg.Exponential(decay=1e300), epochs=400)
