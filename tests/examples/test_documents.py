"""Figures of the four documents, where correct back-propagation gives them."""

from __future__ import annotations

import numpy as np
import pytest

import chalkgrad as cg
from networks import IMAGE, X, Y, document_000, example


def test_000_forward_pass() -> None:
    trace = document_000().trace(IMAGE, [[0, 1]])
    assert trace["z1"][0, 0, 0].round(8).tolist() == [3.04065716, 3.03959951, 3.42594746, 2.30335656]
    assert trace["p1"].ravel().round(8).tolist() == [3.04065716, 3.42594746, 2.5634734, 3.83800314]
    assert trace["a1"].ravel().round(8).tolist() == [0.95437745, 0.96850569, 0.92847347, 0.97891748]
    np.testing.assert_allclose(trace["a2"], [[0.8277581918035074, 0.8648898321761768]], rtol=1e-15)
    np.testing.assert_allclose(trace["y_hat"], [[0.6759432999019798, 0.6583619381178293]], rtol=1e-15)
    assert trace["L"] == pytest.approx(0.5736159100089837, rel=1e-15)
    # of its gradients for w9 to w12 two are right: those of w9 and w12
    assert trace["dW3"][0, 0] == pytest.approx(0.24511789785387136, rel=1e-14)
    assert trace["dW3"][1, 1] == pytest.approx(-0.13291928641939774, rel=1e-14)


def test_000_training_by_correct_gradients_goes_on_as_long_as_it_should() -> None:
    net = document_000()
    history = net.fit(
        IMAGE, [[0.0, 1.0]], optimizer=cg.SGD(0.01), epochs=None, batch_size=None, shuffle=False,
        stop_below=0.5, max_steps=1000,
    )  # fmt: skip
    assert history.stop_reason is cg.StopReason.LOSS
    assert history.loss < 0.5
    assert history.steps == len(history) - 1
    # the same network by hand, in plain NumPy
    again = document_000()
    steps = 0
    while again.loss(IMAGE, [[0.0, 1.0]]) >= 0.5:
        again.flat -= 0.01 * np.concatenate([g.ravel() for g in again.gradients(IMAGE, [[0.0, 1.0]]).values()])
        steps += 1
    assert steps == history.steps
    np.testing.assert_allclose(net.flat, again.flat, rtol=1e-13)


def test_002_forward_and_backward_pass() -> None:
    net = example()
    trace = net.trace(X, Y, optimizer=cg.SGD(0.5))
    np.testing.assert_allclose(trace["z1"], [[0.3775, 0.3925]], rtol=1e-15)
    assert trace["a1"].ravel().round(8).tolist() == [0.59326999, 0.59688438]
    assert trace["z2"].ravel().round(8).tolist() == [1.10590597, 1.2249214]
    assert trace["y_hat"].ravel().round(8).tolist() == [0.75136507, 0.77292847]
    # the document's W is outputs x inputs, ours is its transpose
    assert trace["dW2"].T.round(8).tolist() == [[0.08216704, 0.08266763], [-0.02260254, -0.02274024]]
    assert trace["W2_new"].T.round(8).tolist() == [[0.35891648, 0.40866619], [0.51130127, 0.56137012]]
    assert trace["W1_new"][0, 0] == pytest.approx(0.1497807161327628, rel=1e-15)
    assert trace["W1_new"].T.round(8).tolist() == [[0.14978072, 0.19956143], [0.24975114, 0.29950229]]


def test_the_web_example_after_one_and_after_10000_steps() -> None:
    net = example()
    net.freeze("b1", "b2")
    assert round(net.loss(X, Y), 9) == 0.298371109
    net.fit(X, Y, optimizer=cg.SGD(0.5), epochs=1, batch_size=None, shuffle=False)
    assert net.loss(X, Y) == pytest.approx(0.29102777369359933, rel=1e-14)
    net.fit(X, Y, optimizer=cg.SGD(0.5), epochs=9999, batch_size=None, shuffle=False)
    assert net.loss(X, Y) == pytest.approx(3.510187782978859e-05, rel=1e-10)
    np.testing.assert_allclose(net.predict(X), [[0.01591362044355068, 0.9840642735146238]], rtol=1e-12)


def test_003_single_neuron() -> None:
    net = cg.Network([cg.Dense(1), cg.ReLU()], input_shape=3, loss=cg.SquaredError(), dtype="float64")
    net.set_parameters(W1=[[-3.0], [-1.0], [2.0]], b1=[1.0])
    history = net.fit([[1.0, -2.0, 3.0]], [[0.0]], optimizer=cg.SGD(0.001), epochs=26, batch_size=None, shuffle=False)
    printed = [36.0, 33.872397424621624, 31.87054345809546, 29.98699091998773, 28.214761511794592]
    np.testing.assert_allclose(history.column("loss")[:5], printed, rtol=1e-6)  # float32 products in the document
    assert history.column("loss")[25] == pytest.approx(7.850353118483743, rel=1e-6)


def test_003_layer_of_three_neurons() -> None:
    net = cg.Network(
        [cg.Dense(3), cg.ReLU(), cg.Sum()], input_shape=4, loss=cg.SquaredError(reduction="sum"), dtype="float64"
    )
    W = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8], [0.9, 1.0, 1.1, 1.2]])
    net.set_parameters(W1=W.T, b1=[0.1, 0.2, 0.3])
    x = [[1.0, 2.0, 3.0, 4.0]]
    history = net.fit(x, [[0.0]], optimizer=cg.SGD(0.001), epochs=200, batch_size=None, shuffle=False)
    losses = history.column("loss")
    assert losses[0] == pytest.approx(466.56, rel=1e-14)
    printed = [5.3295963, 0.411915234, 0.0318362121, 0.00246056547, 0.000190172826]
    np.testing.assert_allclose(losses[20:120:20], printed, rtol=2e-6)
    expected = [
        [-0.00698895, -0.0139779, -0.02096685, -0.0279558],
        [0.25975286, 0.11950571, -0.02074143, -0.16098857],
        [0.53548461, 0.27096922, 0.00645383, -0.25806156],
    ]
    np.testing.assert_allclose(net.parameters["W1"].T, expected, atol=2e-8)
    np.testing.assert_allclose(net.parameters["b1"], [-0.00698895, -0.04024714, -0.06451539], atol=2e-8)
