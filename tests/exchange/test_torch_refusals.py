"""What is not covered is refused with its place in the module, and where there is one with a cure."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import torch_modules as modules  # noqa: E402
from torch_modules import drawn, ids, normal  # noqa: E402

pytestmark = pytest.mark.torch


def refused(module: nn.Module, x: Any, **settings: Any) -> str:
    with pytest.raises(cg.OptionError) as caught:
        cg.from_torch(module.double(), x, **settings)
    return str(caught.value)


class Of(nn.Module):
    """A module of a function, with a linear layer before it."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self, self.fc(x))


@pytest.mark.parametrize(
    ("layer", "place", "why"),
    [
        (nn.Conv2d(4, 8, 3, groups=4, padding="same", dilation=2), "1 (nn.Conv2d)", "dilation=(2, 2) is not covered"),
        (nn.Conv2d(4, 4, 3, dilation=2), "1 (nn.Conv2d)", "dilation=(2, 2) is not covered"),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), "1 (nn.Conv2d)", "mode='reflect' is not covered"),
        (nn.ConvTranspose2d(4, 4, 3), "1 (nn.ConvTranspose2d)", "conv_transpose2d() is not covered"),
        (nn.AvgPool2d(2, padding=1, count_include_pad=False), "1 (nn.AvgPool2d)", "count_include_pad=False"),
        (nn.AdaptiveAvgPool2d(5), "1 (nn.AdaptiveAvgPool2d)", "unlike sizes, of 8 x 6 to 5 x 5"),
        (nn.InstanceNorm2d(4, track_running_stats=True), "1 (nn.InstanceNorm2d)", "track_running_stats=True"),
        (nn.BatchNorm2d(4, track_running_stats=False), "1 (nn.BatchNorm2d)", "track_running_stats=False"),
        (nn.BatchNorm2d(4, momentum=None), "1 (nn.BatchNorm2d)", "momentum=None"),
        (nn.PReLU(), "1 (nn.PReLU)", "prelu() is not covered"),
        (nn.Softmax(dim=1), "1 (nn.Softmax)", "softmax over dim=1 is not covered"),
        (nn.LayerNorm(6), "1 (nn.LayerNorm)", "normalising (6,) of samples (4, 8, 6) is not covered"),
        (nn.Dropout2d(0.5), "1 (nn.Dropout2d)", "dropout2d() is not covered"),
        (nn.MaxPool2d(3, ceil_mode=True), "1 (nn.MaxPool2d)", "ceil_mode=True is not covered where"),
    ],
)  # fmt: skip
def test_modules_of_images(layer: nn.Module, place: str, why: str) -> None:
    message = refused(nn.Sequential(nn.Conv2d(2, 4, 1), layer, nn.Flatten()), normal(2, 2, 8, 6))
    assert message.startswith(f"{place}: ")
    assert why in message


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda m, x: x - x[:1], "takes a part of what fc (nn.Linear) gives (Dense); no layer takes this part"),
        (lambda m, x: x.flip(1) * x, "both must have the same shape, and the same order"),
        (lambda m, x: x * m.fc.weight[0, 0], "of (2, 4) and parameters () is not covered"),
        (lambda m, x: torch.cat([x, m.fc.weight[:2]], dim=1), "puts a parameter beside values of samples"),
        (lambda m, x: F.avg_pool2d(x[:, None], (1, 2)), "avg_pool2d() takes images, (N, C, H, W), and gets"),
        (lambda m, x: F.rms_norm(x, (4,)), "eps=None is 2.2e-16 in float64; a network takes no less than 1e-12"),
        (lambda m, x: torch.einsum("ni,ni->n", x, x), "products of two, summed over one index"),
        (lambda m, x: x.view(2, 2, 2).transpose(0, 1), "axes in another order"),
        (lambda m, x: x.clamp(min=1), "it is a ReLU, with min=0 alone"),
        (lambda m, x: x[x.long()[:, 0] * 0], "long() is not covered"),
        (lambda m, x: torch.div(x, 2, rounding_mode="floor"), "a division that is rounded, 'floor', is not covered"),
        (lambda m, x: (x.view(2, 4), x.relu_())[0] + 1, "was changed in place after it was made"),
        (lambda m, x: x.detach(), "lets no gradient through"),
        (lambda m, x: x if x.sum() > 0 else -x, "looks at the numbers in a tensor"),
        (lambda m, x: x * x.max().item(), "looks at the numbers in a tensor"),
        (lambda m, x: x.exp(), "exp() is not covered"),
        (lambda m, x: x + torch.ones(2, 4, dtype=torch.float64), "adding parameters or constants (2, 4)"),
        (lambda m, x: F.dropout(x), "dropout that goes on in prediction"),
        (lambda m, x: F.dropout(x, 0.5, training=False), "with training=False drops nothing"),
        (lambda m, x: x.mean(), "say over which axes"),
        (lambda m, x: x.float().double(), "turns torch.float64 into torch.float32"),
        (lambda m, x: x.view(2, 2, 2).transpose(1, 2).flatten(1).relu().view(2, 1, 4), "axes in another order"),
        (lambda m, x: F.relu(x) if m.training else x, "is called in training only"),
        (lambda m, x: F.relu(x) if m.training else F.elu(x), "in prediction and ReLU"),
        (lambda m, x: x @ x.T, "queries times keys of attention only"),
        (lambda m, x: F.linear(x, torch.ones(2, 4, dtype=torch.float64)), "neither computed of the input nor a parameter"),
        (lambda m, x: F.linear(x, m.fc.weight * 2), "of a parameter is not covered"),
        (lambda m, x: torch.cat([x, x], dim=0), "Concat: features side by side"),
    ],
)  # fmt: skip
def test_functions_by_their_line(function: Any, why: str) -> None:
    message = refused(Of(function), normal(2, 4))
    assert why in message
    if "order" not in why:  # the order matters at the end, where no line takes it
        assert "test_torch_refusals.py, `(lambda m, x: " in message


class Inside(nn.Module):
    def __init__(self, part: nn.Module, taken: Any = None) -> None:
        super().__init__()
        self.part = part
        self.taken = taken or (lambda given: given[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.taken(self.part(x))


@pytest.mark.parametrize(
    ("part", "taken", "why"),
    [
        (nn.LSTM(4, 6, proj_size=2, batch_first=True), None, "proj_size=2 is not covered"),
        (nn.LSTM(4, 6), None, "takes (T, N, I), and gets (3, 5, 4)"),
        (nn.LSTM(4, 6, batch_first=True), lambda given: given[1][1][0], "c_n, the cell after the last step"),
        (
            nn.LSTM(4, 6, batch_first=True),
            lambda given: given[0].mean(1) + given[0][:, -1],
            "uses both every step's h and the last one's",
        ),
    ],
)
def test_recurrent_modules(part: nn.Module, taken: Any, why: str) -> None:
    assert why in refused(Inside(part, taken), normal(3, 5, 4))


def test_pytorch_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    net = cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(cg.OptionError, match="PyTorch is not installed"):
        net.to_torch()
    with pytest.raises(cg.OptionError, match="PyTorch is not installed"):
        cg.from_torch(net, np.zeros((1, 2)))


def test_attention() -> None:
    class Of(nn.Module):
        def __init__(self, **settings: Any) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 2, batch_first=True, **settings)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.attention(x, x, x)[0]

    for settings, why in (
        ({"dropout": 0.1}, "dropout=0.1 of attention's shares is not covered; set .dropout = 0.0"),
        ({"add_zero_attn": True}, "add_zero_attn"),
        ({"kdim": 4, "vdim": 4, "bias": False}, ""),
    ):
        if why:
            message = refused(Of(**settings), normal(2, 3, 4))
            assert message.startswith("attention (nn.MultiheadAttention): ")
            assert why in message

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.v, self.o = (nn.Linear(4, 4) for _ in range(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.o(F.scaled_dot_product_attention(self.q(x), self.k(x), self.v(x), scale=1.0))

    assert "scores are multiplied by 1; covered is 1/sqrt(E), 0.5" in refused(Scaled(), normal(2, 3, 4))


def test_what_is_shared() -> None:
    class Twice(nn.Module):
        def __init__(self, part: nn.Module) -> None:
            super().__init__()
            self.part = part

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.part(torch.tanh(self.part(x)))

    for part in (nn.Linear(4, 4), nn.LayerNorm(4)):
        message = refused(Twice(part), normal(2, 4))
        assert message.startswith(f"part (nn.{type(part).__name__}): its ")
        assert "no other parameters" in message
    net = cg.from_torch(drawn(Twice(nn.Linear(4, 4, bias=False))), normal(2, 4))
    assert net.layers[2] == cg.Dense(4, bias=False, weights_of="part", name="part_2")


def test_ids_and_padding() -> None:
    class Table(nn.Module):
        def __init__(self, **settings: Any) -> None:
            super().__init__()
            self.emb = nn.Embedding(5, 3, **settings)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.emb(x)

    message = refused(Table(padding_idx=0), ids(2, 4, below=5))
    assert message.startswith("emb (nn.Embedding): padding_idx=0 leaves that row's gradient out")
    assert "max_norm" in refused(Table(max_norm=1.0), ids(2, 4, below=5))


def test_what_is_given() -> None:
    linear = nn.Linear(3, 2)
    assert "from_torch takes an nn.Module" in refused_as_given(cg, normal(2, 3))
    assert "a batch of samples" in refused(linear, normal(3))
    assert "Linear failed on the example: RuntimeError" in refused(linear, normal(2, 4))
    assert "make them one, module.double()" in str(_error(nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2).double())))
    assert "a network has float32 or float64: module.float()" in str(_error(nn.Linear(3, 2).half()))
    assert "computes nothing" in refused(nn.Identity(), normal(2, 3))
    assert "the module gives a tuple" in refused(Inside(nn.GRU(3, 2, batch_first=True), lambda g: g), normal(2, 4, 3))
    assert "loss is the class MSELoss; write nn.MSELoss()" in refused(linear, normal(2, 3), loss=nn.MSELoss)
    assert "nn.HuberLoss is not covered" in refused(linear, normal(2, 3), loss=nn.HuberLoss())
    weighted = nn.CrossEntropyLoss(weight=torch.ones(2))
    assert "sample_weight=weights[y]" in refused(linear, normal(2, 3), loss=weighted)
    positive = nn.BCEWithLogitsLoss(pos_weight=torch.ones(2))
    assert "take nn.BCEWithLogitsLoss(reduction='sum')" in refused(linear, normal(2, 3), loss=positive)
    assert "covered after a log_softmax as the last step" in refused(linear, normal(2, 3), loss=nn.NLLLoss())
    assert "goes with nn.NLLLoss" in refused(modules.MnistNet(), normal(2, 1, 10, 10), loss=nn.MSELoss())


def refused_as_given(module: Any, x: Any) -> str:
    with pytest.raises(cg.OptionError) as caught:
        cg.from_torch(module, x)
    return str(caught.value)


def _error(module: Any) -> cg.OptionError:
    with pytest.raises(cg.OptionError) as caught:
        cg.from_torch(module, torch.zeros(2, 3))
    return caught.value
