"""The worked examples whose lines are a graph, in PyTorch: every gradient, and every parameter after the training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chalkgrad as cg

torch = pytest.importorskip("torch")


def residual(p: dict[str, Any], x: Any) -> Any:
    a1 = (x @ p["W1"] + p["b1"]).relu()
    return ((a1 @ p["W2"] + p["b2"]).relu() + a1) @ p["W3"] + p["b3"]


def shared(p: dict[str, Any], x: Any) -> Any:
    first = (x @ p["first.W"] + p["first.b"]).tanh()
    return ((first @ p["first.W"] + p["b2"]).tanh() + first) @ p["W3"] + p["b3"]


@pytest.mark.parametrize("forward", [residual, shared])
def test_the_gradients_and_the_training_are_those_of_pytorch(forward: Any) -> None:
    example = cg.load_example(forward.__name__)
    x, y = torch.tensor(example.x), torch.tensor(example.y)
    p = {name: torch.tensor(array.copy(), requires_grad=True) for name, array in example.network.parameters.items()}
    descent = torch.optim.SGD(p.values(), lr=example.optimizer.learning_rate)
    trace = example.trace()
    for step in range(example.steps):
        descent.zero_grad()
        loss = 0.5 * (forward(p, x) - y).square().sum()
        loss.backward()
        if step == 0:
            assert trace["L"] == pytest.approx(loss.item(), rel=1e-14)
            for name, tensor in p.items():
                np.testing.assert_allclose(trace[f"d{name}"], tensor.grad.numpy(), rtol=1e-13, atol=1e-15)
        descent.step()
    for name, array in example.train().parameters.items():
        np.testing.assert_allclose(array, p[name].detach().numpy(), rtol=1e-12, atol=1e-14)
