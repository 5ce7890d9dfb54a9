"""A module beside a network: the first that differs, whatever was changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chalkgrad as cg

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import torch_modules as modules  # noqa: E402
from torch_modules import drawn, ids, normal  # noqa: E402

pytestmark = pytest.mark.torch


def small() -> tuple[nn.Module, torch.Tensor, list[int]]:
    return drawn(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))), normal(4, 3), [0, 1, 1, 0]


def by_hand(module: nn.Module, activation: cg.Layer, loss: Any = "CrossEntropy") -> cg.Network:
    """The same network, written by hand."""
    end = [cg.Softmax()] if loss == "CrossEntropy" else []
    net = cg.Network([cg.Dense(4), activation, cg.Dense(2), *end], input_shape=3, loss=loss, dtype="float64")
    weights = {"W1": module[0].weight.T, "b1": module[0].bias, "W2": module[2].weight.T, "b2": module[2].bias}
    net.set_parameters({name: value.detach().numpy() for name, value in weights.items()})
    return net


def test_all_agree() -> None:
    module, x, y = small()
    compared = cg.compare(module, by_hand(module, cg.Tanh()), x, y)
    assert compared
    assert compared.passed
    assert compared.first is None
    assert [one.ours for one in compared.values] == ["W1", "b1", "z1", "a1", "W2", "b2", "z2", "L"]
    assert [one.ours for one in compared.gradients] == ["dz2", "dW2", "db2", "da1", "dz1", "dW1", "db1"]
    assert [one.theirs for one in compared.values][:4] == ["0.weight", "0.bias", "0 (nn.Linear)", "1 (nn.Tanh)"]
    assert str(compared).startswith("8 values and 7 gradients agree, largest difference ")
    assert compared.largest_difference < 1e-14
    assert "DIFFERS" not in compared.to_text()


def test_another_activation() -> None:
    module, x, y = small()
    compared = cg.compare(module, by_hand(module, cg.Sigmoid()), x, y)
    assert not compared
    first = compared.first
    assert first is not None
    assert (first.ours, first.theirs) == ("a1", "1 (nn.Tanh)")
    assert first.address.startswith("a1[")
    place = tuple(map(int, first.address[3:-1].split(",")))
    assert first.there == pytest.approx(torch.tanh(module[0](x))[place].item())
    assert first.difference == pytest.approx(abs(first.here - first.there))
    assert str(compared).startswith(f"a1 differs first, 1 (nn.Tanh): at {first.address} it is ")
    assert str(compared).endswith("3 arrays before it agree")
    assert "DIFFERS" in compared.to_text(width=80)
    assert max(map(len, compared.to_text(width=80).splitlines())) <= 80
    assert "<table" in compared._repr_html_()


@pytest.mark.parametrize(
    "kind", ["lstm", "gpt", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("resnet", "encoder"))]
)
def test_the_number_that_was_changed_is_found(kind: str) -> None:
    module, x, y = {
        "resnet": lambda: (modules.ResNet(), normal(3, 3, 16, 16), np.array([1, 3, 0])),
        "lstm": lambda: (modules.Sequences("LSTM", "h", bidirectional=True, levels=2), ids(3, 5), np.array([1, 2, 0])),
        "encoder": lambda: (modules.Encoder(norm_first=True, causal=True), ids(3, 5), np.arange(15).reshape(3, 5) % 11),
        "gpt": lambda: (modules.GPT(written_out=True), ids(3, 5), np.arange(15).reshape(3, 5) % 11),
    }[kind]()
    drawn(module)
    net = cg.from_torch(module, x, loss=nn.CrossEntropyLoss())
    assert cg.compare(module, net, x, y)
    names = list(net.parameters)
    for name in (names[0], names[len(names) // 2], names[-1]):
        net.parameters[name].flat[1] += 1e-6
        first = cg.compare(module, net, x, y).first
        assert first is not None
        assert first.ours == name
        assert first.difference == pytest.approx(1e-6)
        net.parameters[name].flat[1] -= 1e-6


def test_batch_statistics_in_training() -> None:
    module, x = drawn(modules.ResNet()), normal(3, 3, 16, 16)
    net = cg.from_torch(module, x, loss=nn.CrossEntropyLoss())
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    assert cg.compare(module, net, x, [1, 3, 0], training=True)
    assert all(torch.equal(buffer, before[name]) for name, buffer in module.named_buffers())
    net.states["bn1.running_var"][0] += 1
    first = cg.compare(module, net, x, [1, 3, 0]).first
    assert first is not None
    assert (first.ours, first.theirs) == ("bn1.running_var", "running_var of bn1 (nn.BatchNorm2d)")


def test_a_loss_of_their_own() -> None:
    module, x, y = small()
    net = by_hand(module, cg.Tanh())
    assert cg.compare(module, net, x, y, loss=nn.CrossEntropyLoss())
    first = cg.compare(module, net, x, y, loss=nn.CrossEntropyLoss(label_smoothing=0.1)).first
    assert first is not None
    assert (first.ours, first.theirs) == ("L", "the loss")
    squared = by_hand(module, cg.Tanh(), cg.SquaredError())
    assert cg.compare(module, squared, x, normal(4, 2))
    assert not cg.compare(module, squared, x, normal(4, 2), loss=nn.MSELoss())


def test_penalties_are_left_out() -> None:
    module, x, y = small()
    net = by_hand(module, cg.Tanh())
    penalised = cg.Network(net.layers, input_shape=3, loss="CrossEntropy", dtype="float64", l2=0.1)
    penalised.set_parameters(dict(net.parameters))
    compared = cg.compare(module, penalised, x, y)
    assert compared, str(compared)
    assert "dW1_data" in [one.ours for one in compared.gradients]


@pytest.mark.parametrize("log", [False, True])
def test_modules_that_end_with_their_softmax(log: bool) -> None:
    module = drawn(nn.Sequential(nn.Linear(3, 4), nn.LogSoftmax(1) if log else nn.Softmax(1)))
    x, y = normal(4, 3), [0, 3, 1, 2]
    net = cg.from_torch(module, x, loss=nn.NLLLoss() if log else cg.CrossEntropy())
    assert cg.compare(module, net, x, y)
    if log:
        assert cg.compare(module, net, x, y, loss=nn.NLLLoss())


def test_trained_since() -> None:
    module, x, y = small()
    net = cg.from_torch(module, x, loss=nn.CrossEntropyLoss())
    net.fit(x.numpy(), np.array(y), epochs=1, progress=False)
    first = cg.compare(module, net, x, y).first
    assert first is not None
    assert first.ours == "W1"


def test_what_cannot_be_compared() -> None:
    module, x, y = small()
    net = by_hand(module, cg.Tanh())
    wider = cg.Network([cg.Dense(5), cg.Tanh(), cg.Dense(2), cg.Softmax()], input_shape=3, loss="CrossEntropy")
    shorter = cg.Network([cg.Dense(4), cg.Tanh()], input_shape=3, loss="SquaredError")
    dropped = cg.Network([cg.Dense(4), cg.Tanh(), cg.Dropout(0.5), cg.Dense(2)], input_shape=3, loss="SquaredError")
    for other, settings, why in (
        (wider, {}, r"0 \(nn.Linear\) is Dense of shape \(N, 4\), W \(3, 4\), b \(4,\), where the network has layer 1"),
        (shorter, {}, r"computes 3 values and the network 2; without a counterpart is 2 \(nn.Linear\)"),
        (dropped, {"training": True}, "dropout draws other masks"),
        (module, {}, "is none"),
        (net, {"training": 1}, "training"),
    ):
        with pytest.raises(cg.OptionError, match=why):
            cg.compare(module, other, x, y, **settings)
    with pytest.raises(cg.OptionError, match="prelu"):
        cg.compare(nn.Sequential(nn.Linear(3, 2), nn.PReLU()).double(), net, x, y)
