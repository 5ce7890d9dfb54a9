"""Each of the named mistakes is needed: without one of them the printed numbers do not come out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from chalkgrad.examples.example import load_example
from chalkgrad.replay import rounded_products, web_example
from chalkgrad.replay.cnn_names import by_name
from chalkgrad.replay.document_000 import manual_values
from chalkgrad.replay.document_002 import first_layer
from chalkgrad.replay.document_003 import FIRST, NEURON, SECOND
from chalkgrad.replay.manual_pass import Mistakes
from chalkgrad.replay.trainings_000 import RATE, class_of_the_document


@pytest.mark.parametrize("mistakes", list(itertools.product((False, True), repeat=3)))
def test_000_needs_all_three_mistakes(mistakes: tuple[bool, bool, bool]) -> None:
    first, _ = manual_values(Mistakes(*mistakes))
    printed = {"dE_dH1": 0.35323638354339076, "dE_dH2": -0.06905569216708796}
    came_out = [first[name] == pytest.approx(value, rel=1e-12) for name, value in printed.items()]
    assert came_out == [all(mistakes)] * 2
    # the gradients of w10 and w11 depend on the targets alone
    assert (first["grad_w_10"] == pytest.approx(-0.12278436404679686, rel=1e-12)) == mistakes[0]
    assert (first["grad_w_11"] == pytest.approx(0.24514845617318098, rel=1e-12)) == mistakes[0]


def test_000_without_mistakes_is_correct_in_the_first_pass() -> None:
    example = load_example("cnn")
    first, _ = manual_values(Mistakes(crossed=False, early=False, one_slope=False))
    correct = by_name(example, example.trace())
    own = ("dE2_dO1", "dE1_dO2")  # derivatives of the one error by the other output
    for name in first.keys() & correct.keys():
        if name not in own:
            np.testing.assert_allclose(first[name], correct[name], rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("mistakes", list(itertools.product((False, True), repeat=3)))
def test_000_what_the_class_carries_back(mistakes: tuple[bool, bool, bool]) -> None:
    early, alone, no_slope = mistakes
    example = load_example("cnn")
    trace = example.trace()
    model = class_of_the_document(example)
    model.forward()
    model.backward(RATE)
    dz3, w3, a2 = trace["dz3"][0], trace["W3"], trace["a2"][0]
    if early:
        w3 = w3 - RATE * trace["dW3"]
    errors = dz3 * w3.sum(axis=1) if alone else w3 @ dz3
    if not no_slope:
        errors = errors * a2 * (1 - a2)
    found = trace["W2"] @ errors
    assert np.allclose(found, model.feature_gradients, rtol=1e-12, atol=0) is all(mistakes)
    assert np.allclose(found, trace["da1"][0], rtol=1e-12, atol=0) is not any(mistakes)


@pytest.mark.parametrize(("transposed", "bias"), list(itertools.product((False, True), repeat=2)))
def test_002_needs_both_mistakes(transposed: bool, bias: bool) -> None:
    trace = load_example("two_layers").trace()
    found = first_layer(trace, transposed=transposed, bias=bias)
    printed = [[0.14976095, 0.1995219], [0.24969829, 0.29939658]]
    assert (found.round(8).tolist() == printed) is not (transposed or bias)
    assert np.allclose(found, trace["W1_new"].T, rtol=1e-12, atol=0) is (transposed and bias)


def test_003_only_rounded_products_give_the_first_listings() -> None:
    printed = [float(text) for text in NEURON[:26]]
    rounded = rounded_products.train(load_example("neuron")).losses[:26]
    np.testing.assert_allclose(rounded, printed, rtol=4e-15)
    exact = rounded_products.train(load_example("neuron"), rounded=False).losses[:26]
    assert abs(np.array(exact) / printed - 1)[1:].min() > 1e-10
    first, second = ([float(line.split()[1]) for line in t.split("\n") if "loss" in line] for t in (FIRST, SECOND))
    layer = load_example("layer")
    np.testing.assert_allclose(rounded_products.train(layer).losses[::20], first, rtol=1e-10)
    np.testing.assert_allclose(rounded_products.train(layer, rounded=False).losses[::20], second, rtol=1e-10)


def test_web_example_updated_early_is_another_training() -> None:
    example = load_example("web")
    early = web_example.updated_early(example, 1)
    assert early.error == pytest.approx(0.29102792390544197, rel=1e-12)
    assert example.train(1).loss(example.x, example.y) == pytest.approx(0.29102777369359933, rel=1e-14)
    often = example.train(10_000)
    assert often.loss(example.x, example.y) == pytest.approx(3.510187782978859e-05, rel=1e-10)
    np.testing.assert_allclose(often.predict(example.x), [[0.01591362044355068, 0.9840642735146238]], rtol=1e-12)
