from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chalkgrad as cg
from chalkgrad import rules
from networks import CLASSES, SAMPLES, classifier


def test_a_correct_pass_passes_and_leaves_the_network_as_it_is() -> None:
    net = cg.Network([cg.Dense(3), cg.Tanh(), cg.Dense(2), cg.Softmax()], input_shape=4, loss="CrossEntropy")
    before = net.flat.copy()
    check = net.check_gradients(np.random.default_rng(0).standard_normal((5, 4)), [0, 1, 1, 0, 1])
    assert check
    assert check.passed
    assert [v.name for v in check.values] == ["dW1", "db1", "dW2", "db2", "dx"]
    assert "same" in str(check)
    assert (net.flat == before).all()
    assert net.dtype == np.float32


def test_a_wrong_rule_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    net = cg.Network([cg.Dense(3), cg.Tanh(), cg.Dense(2)], input_shape=4, loss="SquaredError", dtype="float64")
    monkeypatch.setattr(rules.tanh.tanh_dz, "function", lambda da, a: rules.tanh.tanh_dz_left_out.function(da))
    check = net.check_gradients(np.random.default_rng(0).standard_normal((5, 4)), np.zeros((5, 2)))
    assert not check
    assert [v.name for v in check.values if v.error > check.tolerance] == ["dW1", "db1", "dx"]
    assert "DIFFERS" in str(check)


def test_kinks_are_stepped_round_and_counted() -> None:
    net = cg.Network([cg.Dense(1), cg.ReLU()], input_shape=1, loss=cg.SquaredError(), dtype="float64")
    net.set_parameters(W1=[[1.0]], b1=[0.0])
    near = net.check_gradients([[3e-6]], [[1.0]])
    assert near
    assert {v.name: v.stepped for v in near.values} == {"dW1": 0, "db1": 1, "dx": 1}
    on = net.check_gradients([[0.0]], [[1.0]])
    assert on
    assert {v.name: v.on_kink for v in on.values} == {"dW1": 0, "db1": 1, "dx": 1}


def test_a_tie_in_a_pool_is_a_kink() -> None:
    net = cg.Network([cg.MaxPool2D(2), cg.Flatten()], input_shape=(1, 2, 2), loss=cg.SquaredError(), dtype="float64")
    check = net.check_gradients([[[[1.0, 2.0], [2.0, 0.0]]]], [[0.0]])
    assert check
    assert check.values[-1].on_kink == 2


def test_samples_limits_the_work() -> None:
    net = cg.Network([cg.Dense(30), cg.Sigmoid(), cg.Dense(2)], input_shape=20, loss="SquaredError")
    check = net.check_gradients(np.ones((2, 20)), np.zeros((2, 2)), samples=5)
    assert check
    assert [v.checked for v in check.values] == [5, 5, 5, 2, 5]


def test_a_pass_that_is_not_finite_says_where() -> None:
    net = cg.Network([cg.Dense(2), cg.Dense(2)], input_shape=2, loss="SquaredError", dtype="float64")
    net.set_parameters(W1=np.full((2, 2), 1e200), W2=np.full((2, 2), 1e200))
    with pytest.raises(cg.NotFiniteError, match=r"y_hat\[0, 0\] is infinite \(forward step of layer 2, Dense\)"):
        net.check_gradients([[1, 1]], [[0, 0]])


ACTIVATIONS = [
    cg.Sigmoid(), cg.Tanh(), cg.ReLU(), cg.LeakyReLU(0.1), cg.ELU(0.5), cg.GELU(), cg.GELU("tanh"),
    cg.Softplus(), cg.SiLU(), cg.LayerNorm(), cg.LayerNorm(affine=False), cg.BatchNorm(), cg.BatchNorm(affine=False),
    cg.Dropout(0.3),
]  # fmt: skip


@st.composite
def networks(draw: Any) -> tuple[cg.Network, Any, Any]:
    """A random network of random layers, with samples and targets."""
    seed = draw(st.integers(0, 10**6))
    rng = np.random.default_rng(seed)
    layers: list[Any] = []
    n = draw(st.integers(2, 4))
    if draw(st.booleans()):
        shape: tuple[int, ...] = (draw(st.integers(1, 2)), draw(st.integers(5, 6)), draw(st.integers(5, 6)))
        padding = draw(st.sampled_from(["same", "valid", 1, (0, 1)]))
        stride = draw(st.sampled_from([1, 2, (1, 2)]))
        layers.append(cg.Conv2D(draw(st.integers(1, 3)), draw(st.integers(1, 3)), stride, padding, draw(st.booleans())))
        layers.append(draw(st.sampled_from(ACTIVATIONS)))
        layers.append(draw(st.sampled_from([cg.MaxPool2D(2, 1), cg.AvgPool2D(2, 1), cg.MaxPool2D(3, 2, "same")])))
        layers.append(cg.Flatten())
    else:
        shape = (draw(st.integers(1, 4)),)
    for _ in range(draw(st.integers(1, 2))):
        layers += [cg.Dense(draw(st.integers(2, 4)), draw(st.booleans())), draw(st.sampled_from(ACTIVATIONS))]
    reduction = {
        "reduction": draw(st.sampled_from(["mean", "sum"])),
        "scale": draw(st.sampled_from([1.0, 0.5, "mean"])),
    }
    kind = draw(st.integers(0, 8))
    outputs = draw(st.integers(2, 3))
    classes = rng.integers(0, outputs, n)
    floats = rng.standard_normal((n, outputs))
    end, loss, y = [
        ([cg.Dense(outputs)], cg.SquaredError(**reduction), floats),
        ([cg.Dense(outputs)], cg.AbsoluteError(**reduction), floats),
        ([cg.Dense(outputs), cg.Softmax()], cg.CrossEntropy(**reduction), classes),
        ([cg.Dense(outputs), cg.Softmax()], cg.CrossEntropy(fuse=False, **reduction), classes),
        ([cg.Dense(outputs)], cg.CrossEntropy(from_logits=True, **reduction), classes),
        ([cg.Dense(outputs), cg.Sigmoid()], cg.BinaryCrossEntropy(**reduction), rng.random((n, outputs))),
        ([cg.Dense(outputs)], cg.BinaryCrossEntropy(from_logits=True, **reduction), rng.random((n, outputs))),
        ([cg.Dense(outputs)], cg.Hinge(**reduction), classes),
        ([cg.Dense(3), cg.Sum()], cg.Hinge(**reduction), rng.choice([-1, 1], n)),
    ][kind]
    penalties = draw(st.sampled_from([{}, {"l2": 0.01}, {"l1": 0.02, "l2": 0.01}]))
    net = cg.Network([*layers, *end], input_shape=shape, loss=loss, dtype="float64", seed=seed % 100, **penalties)
    net.flat += 0.1 * rng.standard_normal(net.flat.size)
    return net, rng.standard_normal((n, *shape)), y


@given(made=networks(), training=st.booleans())
def test_random_networks_have_right_gradients(made: tuple[cg.Network, Any, Any], training: bool) -> None:
    net, x, y = made
    # deep inside random networks gradients can be small beside L's rounding; 1e-5 still tells every mistake
    check = net.check_gradients(x, y, training=training, samples=12, tolerance=1e-5)
    assert check, f"{net.summary()}\n{check}"


def test_what_the_rounding_hides_is_counted_as_undecided() -> None:
    net = cg.Network([cg.Dense(2)], input_shape=3, loss="SquaredError", dtype="float64")
    check = net.check_gradients(SAMPLES, np.stack([np.full(12, 1e5), SAMPLES[:, 0]], axis=1))
    assert sum(v.undecided for v in check.values) > 0
    assert "undecided" in str(check)
    whole = classifier(layers=[cg.Dense(4), cg.BatchNorm(), cg.Dense(2), cg.Softmax()]).check_gradients(
        SAMPLES, CLASSES
    )
    assert {v.name: v.checked for v in whole.values}["db1"] == 0
    assert "undecided" in str(whole).splitlines()[3]


def test_rows_that_nearly_sum_to_one_pass_their_own_check() -> None:
    rows = np.full((12, 2), 0.50004)
    assert classifier().check_gradients(SAMPLES, rows)


def test_a_strongly_bent_loss_is_no_error() -> None:
    """A normalisation of numbers of deviation 0.01: the difference itself is off by a multiple of h^2."""
    layers = [cg.Embedding(9, 8), cg.LayerNorm(), cg.Dense(9), cg.Softmax()]
    net = cg.Network(layers, input_shape=6, loss="CrossEntropy", dtype="float64")
    rng = np.random.default_rng(0)
    net.set_parameters(W1=net.parameters["W1"] / 5)
    check = net.check_gradients(rng.integers(0, 9, (3, 6)), rng.integers(0, 9, (3, 6)))
    assert check.passed, str(check)


def test_a_network_trained_to_its_end_is_right_and_its_mistakes_are_seen() -> None:
    """Its gradients are so small that the rounding of L shows in the differences."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((40, 12)), rng.integers(0, 3, 40)
    layers = [cg.Dense(15), cg.Tanh(), cg.Dense(3), cg.Softmax()]
    net = cg.Network(layers, input_shape=12, loss="CrossEntropy", dtype="float64")
    net.fit(x, y, optimizer=cg.Adam(0.01), epochs=1500, batch_size=None, engine="numpy")
    assert net.loss(x, y) < 1e-3
    found = net.check_gradients(x, y)
    assert found.passed, found
    assert all(
        value.checked > 0.5 * net.parameters[value.name[1:]].size for value in found.values if value.name != "dx"
    )
