"""Later steps of a training by any optimizer, against PyTorch's optimizers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.errors import OptionError, ShapeError, UnknownNameError
from chalkgrad.examples.example import Example, example

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

KINDS: list[tuple[dict[str, Any], Any, dict[str, Any]]] = [
    ({"type": "SGD", "learning_rate": 0.5}, torch.optim.SGD, {}),
    ({"type": "SGD", "learning_rate": 0.5, "momentum": 0.9}, torch.optim.SGD, {"momentum": 0.9}),
    ({"type": "SGD", "learning_rate": 0.5, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
     torch.optim.SGD, {"momentum": 0.8, "nesterov": True}),
    ({"type": "RMSProp", "learning_rate": 0.01}, torch.optim.RMSprop, {"alpha": 0.9}),
    ({"type": "AdaGrad", "learning_rate": 0.01}, torch.optim.Adagrad, {}),
    ({"type": "Adam", "learning_rate": 0.01, "weight_decay": 0.02}, torch.optim.Adam, {}),
    ({"type": "AdamW", "learning_rate": 0.01, "weight_decay": 0.02}, torch.optim.AdamW, {}),
]  # fmt: skip


def two(optimizer: dict[str, Any]) -> Example:
    layers = [cg.Dense(3), cg.Tanh(), cg.Dense(2)]
    network = cg.Network(layers, input_shape=2, loss=cg.SquaredError(), dtype="float64", seed=3)
    x, y = [[0.5, -0.2], [0.1, 0.8], [0.4, 0.3]], [[0.1, 0.2], [0.5, -0.4], [0.3, 0.3]]
    return example(network.to_table() | {"x": x, "y": y, "optimizer": optimizer}, "two")


def by_torch(own: Example, kind: Any, settings: dict[str, Any], steps: int) -> dict[str, Any]:
    p = {n: torch.tensor(a.copy(), requires_grad=True) for n, a in own.network.parameters.items()}
    groups = [
        {"params": [q for n, q in p.items() if n[0] == "W"], "weight_decay": own.optimizer.weight_decay},
        {"params": [q for n, q in p.items() if n[0] == "b"], "weight_decay": 0.0},
    ]
    step = kind(groups, lr=own.optimizer.learning_rate, **settings)
    x, y = torch.tensor(own.x), torch.tensor(own.y)
    for _ in range(steps):
        step.zero_grad()
        found = torch.tanh(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
        ((found - y) ** 2).sum(axis=1).mean().backward()
        step.step()
    return {n: q.detach().numpy() for n, q in p.items()}


@pytest.mark.parametrize(("optimizer", "kind", "settings"), KINDS)
def test_later_steps_are_those_of_torch(optimizer: dict[str, Any], kind: Any, settings: dict[str, Any]) -> None:
    own = two(optimizer)
    start = own.network.flat.copy()
    for after in (0, 1, 4):
        trace = own.trace(after=after)
        wanted = by_torch(own, kind, settings, after + 1)
        for name, array in wanted.items():
            np.testing.assert_allclose(trace[f"{name}_new"], array, rtol=1e-10, atol=1e-12)
        for step in trace.program.part("update"):
            derivation = trace.explain(f"{step.output}[{'0, 0' if trace[step.output].ndim == 2 else '0'}]", steps=200)
            assert all(s.check.agrees for s in derivation.steps)
    np.testing.assert_array_equal(own.network.flat, start)
    moved = own.at(2).at(1)
    np.testing.assert_allclose(moved.trace()["W1_new"], own.trace(after=3)["W1_new"], rtol=1e-12)
    np.testing.assert_allclose(moved.train(2).flat, own.train(5).flat, rtol=1e-9)
    if moved.optimizer_state:
        board = moved.network.derive(
            moved.x, moved.y, optimizer=moved.optimizer, optimizer_state=moved.carried, precision=12
        ).to_text()
        assert f"{moved.trace()['W1_new'][0, 0]:.12g}" in board


def test_claims_of_a_later_step_are_checked_by_its_own_state() -> None:
    here = two(KINDS[1][0]).at(2)
    claims = {"W1_new": here.trace()["W1_new"]}
    given: dict[str, Any] = {"optimizer": here.optimizer}
    assert cg.diagnose(here.network, here.x, here.y, claims, optimizer_state=here.carried, **given).correct
    assert not cg.diagnose(here.network, here.x, here.y, claims, **given).correct


def test_a_state_that_is_none_is_refused() -> None:
    own = two(KINDS[1][0])
    net, x, y, sgd = own.network, own.x, own.y, own.optimizer
    with pytest.raises(UnknownNameError, match="v_W1"):
        net.trace(x, y, optimizer=sgd, optimizer_state={"m_W1": 0})
    with pytest.raises(ShapeError, match="v_W1 has shape"):
        net.trace(x, y, optimizer=sgd, optimizer_state={"v_W1": [1.0]})
    with pytest.raises(OptionError, match="t must be a whole number"):
        net.trace(x, y, optimizer=sgd, optimizer_state={"t": 0})
    with pytest.raises(OptionError, match="give the optimizer too"):
        net.trace(x, y, optimizer_state={"t": 1})


@pytest.mark.parametrize(("optimizer", "kind", "settings"), KINDS)
def test_what_a_training_left_opens_its_next_step(
    optimizer: dict[str, Any], kind: Any, settings: dict[str, Any]
) -> None:
    own = two(optimizer)
    net = own.network.copy()
    fit: dict[str, Any] = {"optimizer": own.optimizer, "batch_size": None, "shuffle": False, "engine": "numpy"}
    net.fit(own.x, own.y, epochs=3, **fit)
    trace = net.trace(own.x, own.y, optimizer=own.optimizer, optimizer_state=net.optimizer_state)
    net.fit(own.x, own.y, epochs=1, **fit)
    for name, array in net.parameters.items():
        np.testing.assert_array_equal(trace[f"{name}_new"], array)
