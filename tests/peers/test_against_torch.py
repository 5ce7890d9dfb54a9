"""Whole networks, optimizers and single rules against PyTorch, in float64."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chalkgrad as cg

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from cases import CASES  # noqa: E402

PAIRS: dict[str, tuple[list[Any], Any, tuple[int, ...]]] = {
    "dense": ([cg.Dense(5), cg.Sigmoid(), cg.Dense(3)], lambda: [nn.Linear(4, 5), nn.Sigmoid(), nn.Linear(5, 3)], (4,)),
    "no bias": ([cg.Dense(3, bias=False)], lambda: [nn.Linear(4, 3, bias=False)], (4,)),
    "activations": (
        [
            cg.Dense(6), cg.Tanh(), cg.Dense(6), cg.ReLU(), cg.Dense(6), cg.LeakyReLU(0.2), cg.Dense(6), cg.ELU(0.7),
            cg.Dense(6), cg.GELU(), cg.Dense(6), cg.GELU("tanh"), cg.Dense(6), cg.Softplus(), cg.Dense(6), cg.SiLU(),
            cg.Dense(3),
        ],
        lambda: [
            nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6), nn.LeakyReLU(0.2),
            nn.Linear(6, 6), nn.ELU(0.7), nn.Linear(6, 6), nn.GELU(), nn.Linear(6, 6), nn.GELU(approximate="tanh"),
            nn.Linear(6, 6), nn.Softplus(), nn.Linear(6, 6), nn.SiLU(), nn.Linear(6, 3),
        ],
        (4,),
    ),
    "lenet": (
        [
            cg.Conv2D(4, 5, padding=2), cg.ReLU(), cg.MaxPool2D(2), cg.Conv2D(5, 3, stride=(1, 2), bias=False),
            cg.Tanh(), cg.AvgPool2D(2, 1), cg.Flatten(), cg.Dense(3),
        ],
        lambda: [
            nn.Conv2d(2, 4, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3, stride=(1, 2), bias=False),
            nn.Tanh(), nn.AvgPool2d(2, 1), nn.Flatten(), nn.Linear(10, 3),
        ],
        (2, 10, 10),
    ),
    "same padding": (
        [cg.Conv2D(3, (3, 2), padding="same"), cg.ReLU(), cg.MaxPool2D(3, 2, padding=1), cg.Flatten(), cg.Dense(3)],
        lambda: [
            nn.Conv2d(1, 3, (3, 2), padding="same"), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1), nn.Flatten(),
            nn.Linear(27, 3),
        ],
        (1, 5, 5),
    ),
    "batch norm": (
        [cg.Dense(5), cg.BatchNorm(), cg.ReLU(), cg.Dense(3)],
        lambda: [nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3)],
        (4,),
    ),
    "batch norm of images": (
        [cg.Conv2D(3, 3), cg.BatchNorm(), cg.ReLU(), cg.Flatten(), cg.Dense(3)],
        lambda: [nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(27, 3)],
        (1, 5, 5),
    ),
    "layer norm": (
        [cg.Dense(5), cg.LayerNorm(), cg.Tanh(), cg.LayerNorm(affine=False), cg.Dense(3)],
        lambda: [nn.Linear(4, 5), nn.LayerNorm(5), nn.Tanh(), nn.LayerNorm(5, elementwise_affine=False), nn.Linear(5, 3)],
        (4,),
    ),
}  # fmt: skip

N, K = 7, 3
_rng = np.random.default_rng(3)
CLASSES, FLOATS, SHARES = _rng.integers(0, K, N), _rng.standard_normal((N, K)), _rng.random((N, K))

LOSSES: dict[str, tuple[Any, list[Any], Any, Any]] = {
    "squared": (cg.SquaredError(scale="mean"), [], FLOATS, lambda o, y: F.mse_loss(o, y)),
    "squared, summed": (cg.SquaredError(reduction="sum"), [], FLOATS, lambda o, y: F.mse_loss(o, y, reduction="sum")),
    "absolute": (cg.AbsoluteError(scale="mean"), [], FLOATS, lambda o, y: F.l1_loss(o, y)),
    "cross-entropy": (cg.CrossEntropy(), [cg.Softmax()], CLASSES, lambda o, y: F.cross_entropy(o, y)),
    "expanded": (cg.CrossEntropy(fuse=False), [cg.Softmax()], CLASSES, lambda o, y: F.cross_entropy(o, y)),
    "logits": (cg.CrossEntropy(from_logits=True), [], CLASSES, lambda o, y: F.cross_entropy(o, y)),
    "binary": (
        cg.BinaryCrossEntropy(scale="mean"), [cg.Sigmoid()], SHARES, lambda o, y: F.binary_cross_entropy_with_logits(o, y),
    ),
    "binary, expanded": (
        cg.BinaryCrossEntropy(fuse=False, reduction="sum"), [cg.Sigmoid()], SHARES,
        lambda o, y: F.binary_cross_entropy(torch.sigmoid(o), y, reduction="sum"),
    ),
    "hinge": (
        cg.Hinge(scale="mean"), [], CLASSES, lambda o, y: F.multi_margin_loss(o, y),
    ),
}  # fmt: skip


def twins(kind: str, loss: str = "squared") -> tuple[cg.Network, Any, Any, Any, Any]:
    """One network twice, with the same weights: ours and PyTorch's; samples, targets, PyTorch's loss."""
    layers, make, shape = PAIRS[kind]
    ours, end, y, theirs = LOSSES[loss]
    net = cg.Network([*layers, *end], input_shape=shape, loss=ours, dtype="float64", seed=1)
    torch.manual_seed(0)
    model = nn.Sequential(*make()).double()
    with torch.no_grad():
        for parameter, name in zip(model.parameters(), net.parameters, strict=True):
            value = net.parameters[name]
            value += 0.1 * np.random.default_rng(len(name)).standard_normal(value.shape)
            parameter.copy_(torch.from_numpy(value.T if value.ndim == 2 else value))
    x = np.random.default_rng(2).standard_normal((N, *shape))
    return net, model, x, y, theirs


def as_ours(tensor: Any) -> Any:
    array = tensor.detach().numpy()
    return array.T if array.ndim == 2 else array


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(("kind", "loss"), [(k, "squared") for k in PAIRS] + [("dense", name) for name in LOSSES])
def test_loss_and_gradients(kind: str, loss: str) -> None:
    net, model, x, y, criterion = twins(kind, loss)
    given_x = torch.from_numpy(x).requires_grad_()
    expected = criterion(model(given_x), torch.from_numpy(y))
    expected.backward()
    trace = net.trace(x, y)
    assert float(trace["L"]) == pytest.approx(expected.item(), rel=1e-12)
    for name, parameter in zip(net.parameters, model.parameters(), strict=True):
        np.testing.assert_allclose(trace[f"d{name}"], as_ours(parameter.grad), rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(trace["dx"], given_x.grad.numpy(), rtol=1e-9, atol=1e-12)
    if not LOSSES[loss][1] and "batch" not in kind:  # running averages are compared below
        np.testing.assert_allclose(net.predict(x), model(given_x).detach().numpy(), rtol=1e-11, atol=1e-12)


OPTIMIZERS: dict[str, tuple[Any, Any]] = {
    "SGD": (cg.SGD(0.1), lambda p: torch.optim.SGD(p, 0.1)),
    "momentum": (cg.SGD(0.1, momentum=0.9), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)),
    "Nesterov": (
        cg.SGD(0.1, momentum=0.9, nesterov=True), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
    ),
    "SGD with decay": (cg.SGD(0.1, weight_decay=0.3), lambda p: torch.optim.SGD(p, 0.1, weight_decay=0.3)),
    "RMSProp": (cg.RMSProp(0.01, rho=0.8), lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.8)),
    "AdaGrad": (cg.AdaGrad(0.1), lambda p: torch.optim.Adagrad(p, 0.1)),
    "Adam": (cg.Adam(0.01), lambda p: torch.optim.Adam(p, 0.01)),
    "Adam with decay": (cg.Adam(0.01, weight_decay=0.1), lambda p: torch.optim.Adam(p, 0.01, weight_decay=0.1)),
    "AdamW": (cg.AdamW(0.01, weight_decay=0.1), lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1)),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_step_by_step(name: str) -> None:
    ours, theirs = OPTIMIZERS[name]
    net = cg.Network(
        [cg.Dense(5, bias=False), cg.Tanh(), cg.Dense(3, bias=False)],
        input_shape=4,
        loss=cg.SquaredError(scale="mean"),
        dtype="float64",
    )
    model = nn.Sequential(nn.Linear(4, 5, bias=False), nn.Tanh(), nn.Linear(5, 3, bias=False)).double()
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), net.parameters.values(), strict=True):
            parameter.copy_(torch.from_numpy(value.T))
    x = np.random.default_rng(2).standard_normal((N, 4))
    optimizer = theirs(model.parameters())
    net.fit(x, FLOATS, optimizer=ours, epochs=10, batch_size=None, shuffle=False)
    for _ in range(10):
        optimizer.zero_grad()
        F.mse_loss(model(torch.from_numpy(x)), torch.from_numpy(FLOATS)).backward()
        optimizer.step()
    for value, parameter in zip(net.parameters.values(), model.parameters(), strict=True):
        np.testing.assert_allclose(value, as_ours(parameter), rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("limit", [0.05, 1e3])
def test_gradients_are_clipped_as_by_clip_grad_norm(limit: float) -> None:
    """PyTorch adds 1e-6 to the norm before it divides, so the two differ by that share."""
    net = cg.Network([cg.Dense(5), cg.Tanh(), cg.Dense(3)], input_shape=4, loss=cg.SquaredError(), dtype="float64")
    x = np.random.default_rng(2).standard_normal((N, 4))
    trace = net.trace(x, FLOATS, optimizer=cg.SGD(0.1, clip_norm=limit))
    parameters = [nn.Parameter(torch.from_numpy(value.copy())) for value in net.parameters.values()]
    for parameter, name in zip(parameters, net.parameters, strict=True):
        parameter.grad = torch.from_numpy(trace[f"d{name}"].copy())
    norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
    np.testing.assert_allclose(trace["gradient_norm"], float(norm), rtol=1e-12)
    share = 1e-6 / float(norm) if limit < norm else 0
    for parameter, name in zip(parameters, net.parameters, strict=True):
        assert parameter.grad is not None
        np.testing.assert_allclose(trace[f"d{name}_clipped"], parameter.grad.numpy(), rtol=1.01 * share + 1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_goes_on_from_fit_to_fit_with_another_rate(name: str) -> None:
    """As PyTorch's optimizer object does, whose rate is changed in its param_groups; it tells the velocity's convention."""
    ours, theirs = OPTIMIZERS[name]
    net = cg.Network([cg.Dense(3, bias=False)], input_shape=4, loss=cg.SquaredError(scale="mean"), dtype="float64")
    model = nn.Linear(4, 3, bias=False).double()
    with torch.no_grad():
        model.weight.copy_(torch.from_numpy(net.parameters["W1"].T))
    x = np.random.default_rng(2).standard_normal((N, 4))
    optimizer = theirs(model.parameters())
    for rate in (0.1, 0.1, 0.02, 0.0, 0.05):
        optimizer.param_groups[0]["lr"] = rate
        net.fit(x, FLOATS, optimizer=replace(ours, learning_rate=rate), epochs=2, batch_size=None)
        for _ in range(2):
            optimizer.zero_grad()
            F.mse_loss(model(torch.from_numpy(x)), torch.from_numpy(FLOATS)).backward()
            optimizer.step()
        np.testing.assert_allclose(net.parameters["W1"], as_ours(model.weight), rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("patience", [1, 2, 4])
def test_the_plateau_is_that_of_pytorch_with_one_epoch_less_of_patience(patience: int) -> None:
    losses = [
        5.0,
        4.0,
        4.0,
        4.5,
        4.2,
        3.9,
        3.9999,
        3.9,
        3.9,
        4.0,
        3.8,
        4,
        4,
        4,
        4,
        4,
        4,
        4,
        4,
        4,
        3.8,
        3.7,
        9,
        9,
        9,
        9,
        9,
    ]
    schedule = cg.ReduceOnPlateau(decay=0.5, patience=patience, least=0.01)
    rate = schedule.start(0.1, 1, None)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=patience - 1, threshold=0.0, cooldown=0, min_lr=0.01, eps=0.0
    )
    for loss in losses:
        rate.epoch_done(loss)
        theirs.step(loss)
        assert rate.at(0) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
    assert rate.at(0) < 0.1


@pytest.mark.parametrize("kind", ["batch norm", "batch norm of images", "lenet"])
def test_training_some_steps_and_then_predicting(kind: str) -> None:
    net, model, x, y, criterion = twins(kind)
    net.fit(x, y, optimizer=cg.SGD(0.05, momentum=0.9), epochs=5, batch_size=None, shuffle=False)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    for _ in range(5):
        optimizer.zero_grad()
        criterion(model(torch.from_numpy(x)), torch.from_numpy(y)).backward()
        optimizer.step()
    model.eval()
    expected = model(torch.from_numpy(x)).detach().numpy()
    # running averages start in the network's dtype and take PyTorch's momentum as a Python float
    np.testing.assert_allclose(net.predict(x), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_the_same_rules_run_on_torch_tensors(name: str, data: st.DataObject) -> None:
    pytest.importorskip("array_api_compat")
    case = CASES[name](data.draw)
    expected = case.backward(np.ones(np.shape(case.forward()[case.operation.output])))
    case.operands = {
        n: torch.from_numpy(np.ascontiguousarray(v)) if isinstance(v, np.ndarray) else v
        for n, v in case.operands.items()
    }
    if name == "penalty":
        case.operands["L"] = torch.tensor(case.operands["L"])
    output = case.forward()[case.operation.output]
    found = case.backward(torch.ones_like(output))
    for value_name, value in found.items():
        if isinstance(value, torch.Tensor):
            np.testing.assert_allclose(value.numpy(), expected[value_name], rtol=1e-9, atol=1e-12, err_msg=value_name)
