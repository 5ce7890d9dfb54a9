"""Modules of PyTorch as networks: predictions and gradients are the module's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chalkgrad as cg

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import torch_modules as modules  # noqa: E402
from chalkgrad.exchange.torch.network import matched, samples_of  # noqa: E402
from chalkgrad.exchange.torch.trace import read_example  # noqa: E402
from chalkgrad.exchange.torch.values import read  # noqa: E402
from torch_modules import drawn, ids, normal  # noqa: E402

pytestmark = pytest.mark.torch


def brought(module: nn.Module, x: Any, loss: Any = None, y: Any = None, *, training: bool = False) -> cg.Network:
    """The network of a module, its predictions, loss and gradients compared with the module's by PyTorch's autograd."""
    found = matched(module, read_example(module, x), loss=loss)
    net = found.network
    module.train(training)
    output = module(*x) if isinstance(x, tuple) else module(x)
    target = normal(*output.shape, seed=3) if y is None else y
    theirs = nn.MSELoss() if loss is None or isinstance(loss, cg.Loss) else loss
    total = theirs(output, target)
    module.zero_grad()
    total.backward()
    samples = samples_of(net, read_example(module, x))
    rows = target.numpy()
    if not training:
        predicted = {"CrossEntropyLoss": output.softmax(-1), "NLLLoss": output.exp()}.get(type(loss).__name__, output)
        np.testing.assert_allclose(net.predict(samples), predicted.detach(), rtol=0, atol=1e-12)
        assert net.loss(samples, rows) == pytest.approx(total.item(), abs=1e-12)
    gradients = net.gradients(samples, rows, training=training)
    own = {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
    assert set(found.weights) == set(net.parameters)
    for name, parts in found.weights.items():
        for part in parts:
            np.testing.assert_allclose(gradients[name], read(part, own), rtol=0, atol=1e-10, err_msg=name)
    seen = {s.name for parts in found.weights.values() for part in parts for s in part.sources}
    assert seen >= set(own)  # no weight is left out
    return net


def test_a_sequential() -> None:
    module = drawn(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.1), nn.Linear(4, 2)))
    net = brought(module, normal(5, 3))
    assert [layer.kind for layer in net.layers] == ["Dense", "Tanh", "Dropout", "Dense"]
    assert set(net.parameters) == {"W1", "b1", "W2", "b2"}
    np.testing.assert_array_equal(net.parameters["W1"], module[0].weight.detach().T)
    assert net.loss_function == cg.SquaredError(scale="mean")


@pytest.mark.parametrize("training", [False, True])
def test_a_resnet(training: bool) -> None:
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    module = drawn(modules.ResNet())
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    net = brought(module, normal(3, 3, 16, 16), loss, torch.tensor([1, 3, 0]), training=training)
    assert {"conv1.W", "layer1_0_bn1.gamma", "layer2_0_downsample_0.W", "fc.b"} <= set(net.parameters)
    for name, buffer in before.items():
        if name.endswith("running_var"):
            ours = net.states[name.replace(".running_var", "").replace(".", "_") + ".running_var"]
            np.testing.assert_array_equal(ours, buffer)


def test_running_averages_move_alike() -> None:
    module = drawn(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=0.3), nn.Linear(4, 1)))
    x, y = normal(6, 3), normal(6, 1, seed=4)
    net = cg.from_torch(module, x)
    net.fit(x.numpy(), y.numpy(), optimizer=cg.SGD(0.1), batch_size=None, epochs=3, progress=False)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module.train()
    for _ in range(3):
        optimizer.zero_grad()
        nn.MSELoss()(module(x), y).backward()
        optimizer.step()
    module.eval()
    np.testing.assert_allclose(net.predict(x.numpy()), module(x).detach(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(net.states["running_var2"], module[1].running_var, rtol=0, atol=1e-12)


def test_functional_calls_and_logarithms_at_the_end() -> None:
    net = brought(drawn(modules.MnistNet()), normal(2, 1, 10, 10), nn.NLLLoss(), torch.tensor([1, 3]))
    kinds = "Conv2D ReLU Conv2D ReLU MaxPool2D Dropout Flatten Dense ReLU Dropout Dense Softmax"
    assert [layer.kind for layer in net.layers] == kinds.split()
    assert net.layers[-3] == cg.Dropout(0.5)
    assert net.loss_function == cg.CrossEntropy()


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("levels", [1, pytest.param(2, marks=pytest.mark.long)])
def test_recurrent_modules(kind: str, levels: int) -> None:
    loss, y = nn.CrossEntropyLoss(), torch.tensor([0, 2, 1])
    for taken in ("h", "out", "mean"):
        brought(drawn(modules.Sequences(kind, taken, levels=levels)), ids(3, 5), loss, y)
    for taken in ("h", "mean"):
        net = brought(drawn(modules.Sequences(kind, taken, levels=levels, bidirectional=True)), ids(3, 5), loss, y)
        assert sum(getattr(layer, "reverse", False) for layer in net.layers) == levels
    brought(drawn(modules.Sequences(kind, "all", levels=levels, bias=False)), ids(3, 5))


def test_two_biases_become_one() -> None:
    module = drawn(modules.Sequences("LSTM", "h"))
    net = cg.from_torch(module, ids(2, 4))
    both = module.rnn.bias_ih_l0 + module.rnn.bias_hh_l0
    np.testing.assert_array_equal(net.parameters["rnn.bf"], both[4:8].detach())


@pytest.mark.parametrize("norm_first", [False, True])
def test_transformer_encoders(norm_first: bool) -> None:
    module = drawn(
        modules.Encoder(norm_first=norm_first, causal=norm_first, activation="gelu" if norm_first else "relu")
    )
    net = brought(module, ids(3, 5))
    attention = next(layer for layer in net.layers if isinstance(layer, cg.Attention))
    assert attention.causal == norm_first
    assert attention.name == "encoder_layers_0_self_attn"
    assert net.layers[-1] == cg.Dense(11, bias=False, weights_of="emb", name="head")
    assert [v.rate for v in net.layers if isinstance(v, cg.Dropout)][:3] == [0.1, 0.1, 0.0]
    assert net.parameters["pos.P"].shape == (5, 8)


@pytest.mark.parametrize("written_out", [False, True])
def test_attention_of_functions(written_out: bool) -> None:
    net = brought(drawn(modules.GPT(written_out=written_out)), ids(3, 5))
    assert next(v for v in net.layers if isinstance(v, cg.Attention)) == cg.Attention(2, causal=True, name="attn")
    assert [layer.name for layer in net.layers][:3] == ["wte", "wpe", "ln1"]


def test_biases_that_attention_lacks_are_frozen_at_0() -> None:
    net = brought_without_bias = cg.from_torch(drawn(modules.GPT(written_out=False, bias=False)), ids(3, 5))
    assert net.frozen == ("attn.bq", "attn.bk", "attn.bv")
    assert not brought_without_bias.parameters["attn.bk"].any()


def test_cross_attention_of_several_inputs() -> None:
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).double()
    x = (normal(2, 3, 6), normal(2, 5, 6, seed=5), mask)
    net = brought(drawn(modules.Cross()), x)
    assert net.input_shape == {"query": (3, 6), "memory": (5, 6), "mask": (5,)}
    assert net.layers[0] == cg.Attention(3, mask="mask", of=("query", "memory"), name="attention")


def test_sequences_of_unlike_lengths() -> None:
    module = drawn(modules.Padded())
    x = (ids(2, 5, below=9), torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]))
    net = cg.from_torch(module, x)
    assert [layer.mask for layer in net.layers if isinstance(layer, (cg.Attention, cg.GlobalAvgPool1D))] == ["mask"] * 2
    compared = cg.compare(module, net, x, normal(2, 2))
    assert compared, str(compared)


def test_parameters_without_modules() -> None:
    net = brought(drawn(modules.Raw()), normal(4, 3))
    assert [layer.kind for layer in net.layers].count("Dense") == 2
    assert sum(layer.kind == "Scaled" for layer in net.layers) == 3  # 1 - sigmoid is one


def test_convolutions_over_steps() -> None:
    net = brought(drawn(modules.Convolved()), normal(2, 7, 4))
    assert [layer.kind for layer in net.layers] == ["Conv1D", "ReLU", "Conv1D", "SiLU", "Flatten", "Dense"]


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (nn.Sigmoid(), cg.Sigmoid()), (nn.LeakyReLU(0.2), cg.LeakyReLU(0.2)), (nn.ELU(0.5), cg.ELU(0.5)),
        (nn.GELU(), cg.GELU()), (nn.GELU(approximate="tanh"), cg.GELU("tanh")), (nn.Softplus(), cg.Softplus()),
        (nn.SiLU(inplace=True), cg.SiLU()), (nn.Softmax(dim=1), cg.Softmax()), (nn.LayerNorm(4), cg.LayerNorm()),
        (nn.RMSNorm(4, eps=1e-6), cg.RMSNorm(1e-6)), (nn.LayerNorm(4, elementwise_affine=False), cg.LayerNorm(affine=False)),
        (nn.BatchNorm1d(4, affine=False, eps=1e-3), cg.BatchNorm(affine=False, eps=1e-3)),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_layers_of_rows(layer: nn.Module, kind: cg.Layer) -> None:
    net = brought(drawn(nn.Sequential(nn.Linear(3, 4), layer, nn.Linear(4, 2))), normal(5, 3))
    assert net.layers[1] == kind


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (nn.Conv2d(3, 2, (2, 3), stride=(2, 1), padding=(1, 0)), cg.Conv2D(2, (2, 3), (2, 1), (1, 0))),
        (nn.Conv2d(3, 2, 3, padding="same"), cg.Conv2D(2, 3, padding="same")),
        (nn.MaxPool2d(2), cg.MaxPool2D(2)), (nn.MaxPool2d(3, 2, 1), cg.MaxPool2D(3, 2, 1)),
        (nn.AvgPool2d((2, 3)), cg.AvgPool2D((2, 3))), (nn.AdaptiveAvgPool2d((4, 2)), cg.AvgPool2D((2, 3))),
        (nn.Sequential(nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(3, 2, 4)), cg.Conv2D(2, 4, padding="same")),
        (nn.LayerNorm([3, 8, 6]), cg.LayerNorm(over="sample")), (nn.BatchNorm2d(3), cg.BatchNorm()),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_layers_of_images(layer: nn.Module, kind: cg.Layer) -> None:
    net = brought(drawn(nn.Sequential(nn.Conv2d(2, 3, 1), layer, nn.Flatten())), normal(2, 2, 8, 6))
    assert net.layers[1] == kind


@pytest.mark.parametrize(
    ("theirs", "ours", "end"),
    [
        (nn.CrossEntropyLoss(ignore_index=2), cg.CrossEntropy(ignore=2), cg.Softmax()),
        (nn.CrossEntropyLoss(reduction="sum"), cg.CrossEntropy(reduction="sum"), cg.Softmax()),
        (nn.BCEWithLogitsLoss(), cg.BinaryCrossEntropy(scale="mean"), cg.Sigmoid()),
        (nn.MSELoss(reduction="sum"), cg.SquaredError(reduction="sum"), None),
        (nn.L1Loss(), cg.AbsoluteError(scale="mean"), None),
        (nn.MultiMarginLoss(margin=0.5), cg.Hinge(margin=0.5, scale="mean"), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_losses(theirs: nn.Module, ours: cg.Loss, end: cg.Layer | None) -> None:
    module, x = drawn(nn.Sequential(nn.Linear(3, 3))), normal(5, 3)
    classes = isinstance(theirs, (nn.CrossEntropyLoss, nn.MultiMarginLoss))
    y = torch.tensor([0, 1, 2, 1, 0]) if classes else torch.rand(5, 3, dtype=torch.float64).round()
    net = cg.from_torch(module, x, loss=theirs)
    assert net.loss_function == ours
    assert (net.layers[-1] if len(net.layers) == 2 else None) == end
    total = theirs(module(x), y)
    total.backward()
    assert net.loss(x.numpy(), y.numpy()) == pytest.approx(total.item(), abs=1e-12)
    np.testing.assert_allclose(net.gradients(x.numpy(), y.numpy())["W1"], module[0].weight.grad.T, rtol=0, atol=1e-12)


def test_the_cure_for_a_weight_of_positives() -> None:
    module, x = drawn(nn.Sequential(nn.Linear(3, 1))), normal(5, 3)
    y = torch.tensor([[0.0], [1.0], [1.0], [0.0], [1.0]], dtype=torch.float64)
    net = cg.from_torch(module, x, loss=nn.BCEWithLogitsLoss(reduction="sum"))
    theirs = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0], dtype=torch.float64), reduction="sum")(module(x), y)
    weights = np.where(y[:, 0] == 1, 3.0, 1.0)
    assert net.loss(x.numpy(), y.numpy(), sample_weight=weights) == pytest.approx(theirs.item(), abs=1e-12)


def test_losses_of_chalkgrad_and_functions() -> None:
    module, x = drawn(nn.Sequential(nn.Linear(3, 3))), normal(5, 3)
    assert cg.from_torch(module, x, loss="CrossEntropy").layers[-1] == cg.Softmax()
    assert len(cg.from_torch(module, x, loss=cg.CrossEntropy(from_logits=True)).layers) == 1
    assert cg.from_torch(module, x, loss=F.cross_entropy).loss_function == cg.CrossEntropy()
    ending = drawn(nn.Sequential(nn.Linear(3, 1), nn.Sigmoid()))
    assert cg.from_torch(ending, x, loss=nn.BCELoss()).loss_function == cg.BinaryCrossEntropy(scale="mean")


def test_frozen_parameters_and_the_module_as_it_was() -> None:
    module = drawn(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2)))
    module[0].weight.requires_grad_(False)
    module.train()
    module[2].eval()
    state = {name: value.clone() for name, value in module.state_dict().items()}
    net = cg.from_torch(module, normal(5, 3))
    assert net.frozen == ("W1",)
    assert [part.training for part in module.modules()] == [True, True, True, False, True]
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    assert all(p.grad is None for p in module.parameters())
    assert not module._forward_hooks


def test_float32_and_arrays() -> None:
    module = nn.Sequential(nn.Linear(3, 2, dtype=torch.float32))
    net = cg.from_torch(module, np.zeros((2, 3)))
    assert net.dtype == np.float32
    assert net.input_shape == (3,)


def test_scaling_by_constants() -> None:
    class Normalised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mean", torch.tensor([0.5, 0.4]).view(1, 2, 1, 1))
            self.register_buffer("std", torch.tensor([0.2, 0.3]).view(1, 2, 1, 1))
            self.register_buffer("unit", torch.tensor([2.0, 3.0, 4.0]))
            self.conv, self.fc = nn.Conv2d(2, 3, 2), nn.Linear(27, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(self.conv((x - self.mean) / self.std).flatten(1)) * self.unit + self.unit / 2

    net = brought(drawn(Normalised()), normal(2, 2, 4, 4))
    assert [layer.kind for layer in net.layers] == ["Standardize", "Conv2D", "Flatten", "Dense", "Unstandardize"]
    np.testing.assert_array_equal(net.states["sigma2" if "sigma2" in net.states else "fc.sigma"], [2.0, 3.0, 4.0])


def test_sinusoidal_positions_are_known_again() -> None:
    net = cg.Network(
        [cg.Positions("sinusoidal"), cg.Dense(2)], input_shape=(5, 4), loss="SquaredError", dtype="float64"
    )
    back = cg.from_torch(net.to_torch(), normal(2, 5, 4))
    assert back.layers[0] == cg.Positions("sinusoidal")


def test_a_module_brought_in_opens_trains_and_is_saved(tmp_path: Any) -> None:
    net = cg.from_torch(drawn(modules.Raw()), normal(4, 3))
    x, y = normal(4, 3).numpy(), normal(4, 7, seed=4).numpy()
    assert "dense1.W[0, 0]" in str(net.trace(x, y).explain("ddense1.W[0, 0]"))
    net.fit(x, y, epochs=1, progress=False)
    net.save(tmp_path / "net")
    np.testing.assert_array_equal(cg.load(tmp_path / "net").predict(x), net.predict(x))
    assert net.check_gradients(x, y)
