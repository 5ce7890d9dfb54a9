"""Parts of values, axes in another order, values repeated, groups of channels: lines that move numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chalkgrad as cg

torch = pytest.importorskip("torch")

from test_from_torch import brought  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from torch_modules import drawn, ids, normal  # noqa: E402

pytestmark = pytest.mark.torch


class Of(nn.Module):
    """A module of a function of its parts a, b, c and the inputs."""

    def __init__(self, function: Any, *parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, part in zip("abc", parts, strict=False):
            self.add_module(name, part)

    def forward(self, x: torch.Tensor, other: torch.Tensor | None = None) -> torch.Tensor:
        return self.function(self, x) if other is None else self.function(self, x, other)


def kinds(net: cg.Network) -> str:
    return " ".join(layer.kind for layer in net.layers)


@pytest.mark.parametrize(
    "part",
    [
        lambda h: h[:, 0], lambda h: h[:, -1], lambda h: h[:, 1:] + h[:, :-1], lambda h: h[:, ::2],
        lambda h: h[:, 1:4, :2], lambda h: h[..., 1], lambda h: h[:, 2:, 1:3] * h[:, 2:, :1],
        lambda h: h.transpose(1, 2).softmax(-1), lambda h: h.softmax(1), lambda h: h.sum(1) - h.mean(1), lambda h: h.sum(2) * h[:, :, 3],
        lambda h: h.view(2, 5, 2, 2)[:, :, 1], lambda h: h[:, :, None] * h[:, None],
    ],
)  # fmt: skip
def test_parts_of_sequences(part: Any) -> None:
    net = brought(drawn(Of(lambda m, x: torch.tanh(part(m.a(x))), nn.Linear(3, 4))), normal(2, 5, 3))
    assert net.layers[0].kind == "Dense"
    twin = net.to_torch()
    y = normal(*twin(normal(2, 5, 3)).shape, seed=3)
    assert cg.compare(twin, net, normal(2, 5, 3), y).passed


def test_columns_of_rows() -> None:
    def wide(m: Any, x: torch.Tensor) -> torch.Tensor:
        left, right = m.a(x[:, 2:]).chunk(2, dim=-1)
        return m.b(torch.cat([x[:, :2], left * torch.sigmoid(right)], dim=1))

    net = brought(drawn(Of(wide, nn.Linear(4, 6), nn.Linear(5, 1))), normal(3, 6))
    assert kinds(net) == "Taken Dense Taken2 Taken3 Sigmoid Multiply Taken4 Concat Dense"
    gated = brought(drawn(Of(lambda m, x: F.glu(m.a(x)), nn.Linear(4, 6))), normal(3, 4))
    assert kinds(gated) == "Dense Taken Taken2 Sigmoid Multiply"


def test_patches_and_pixels_as_steps() -> None:
    def patches(m: Any, x: torch.Tensor) -> torch.Tensor:
        h = m.a(x).flatten(2).transpose(1, 2)
        h = h + m.b(h.transpose(1, 2)).transpose(1, 2)
        return m.c(h).mean(1)

    net = brought(drawn(Of(patches, nn.Conv2d(3, 8, 4, 4), nn.Linear(4, 4), nn.LayerNorm(8))), normal(2, 3, 8, 8))
    assert kinds(net) == "Conv2D Flatten Taken Taken2 Dense Turned Add LayerNorm GlobalAvgPool1D"
    crop = brought(drawn(Of(lambda m, x: m.a(x)[:, :, 1:-1, 1:-1], nn.Conv2d(1, 2, 1))), normal(2, 1, 6, 6))
    assert kinds(crop) == "Conv2D Taken"


def test_squeeze_and_excitation() -> None:
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        h = m.a(x)
        return h * torch.sigmoid(m.b(h.mean((2, 3))))[:, :, None, None]

    net = brought(drawn(Of(forward, nn.Conv2d(2, 3, 1), nn.Linear(3, 3))), normal(2, 2, 4, 4))
    assert kinds(net) == "Conv2D GlobalAvgPool2D Dense Sigmoid Repeated Multiply"


@pytest.mark.parametrize(
    "layer",
    [nn.Conv2d(4, 6, 3, 2, 1, groups=2), nn.Conv2d(4, 4, 3, groups=4, bias=False), nn.GroupNorm(2, 4),
     nn.InstanceNorm2d(4), nn.GroupNorm(1, 4, affine=False)],
)  # fmt: skip
def test_groups_of_channels(layer: nn.Module) -> None:
    net = brought(drawn(nn.Sequential(nn.Conv2d(2, 4, 1), layer, nn.ReLU())), normal(2, 2, 6, 5))
    twin, x = net.to_torch(), normal(2, 2, 6, 5)
    assert cg.compare(twin, net, x, normal(*twin(x).shape, seed=3)).passed


def test_too_many_groups() -> None:
    with pytest.raises(cg.OptionError, match=r"1 \(nn.Conv2d\): groups=32 is not covered; .* up to 16 groups"):
        cg.from_torch(nn.Sequential(nn.Conv2d(2, 32, 1), nn.Conv2d(32, 32, 3, groups=32)), normal(2, 2, 4, 4))


@pytest.mark.parametrize("training", [False, True])
def test_convolutions_over_steps_as_pytorch_has_them(training: bool) -> None:
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        return m.c(F.relu(m.b(m.a(x)))).mean(-1)

    parts = nn.Conv1d(3, 4, 3, stride=2, padding=1), nn.BatchNorm1d(4), nn.Conv1d(4, 2, 2)
    net = brought(drawn(Of(forward, *parts)), normal(3, 3, 8), training=training)
    assert kinds(net) == "Turned Conv1D Turned BatchNorm ReLU Turned Conv1D GlobalAvgPool1D"
    twin = net.to_torch()  # pads one side only
    assert cg.compare(twin, net, normal(3, 3, 8), normal(3, 2)).passed


def test_layer_norm_without_a_shift() -> None:
    net = brought(
        drawn(Of(lambda m, x: m.a(x) * m.b.weight[0] + m.b.bias, nn.LayerNorm(4), nn.Linear(4, 4))), normal(3, 4)
    )
    assert kinds(net) == "LayerNorm Weighted Shifted"
    module = drawn(nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4, bias=False)))
    bare = cg.from_torch(module, normal(5, 3))
    assert bare.frozen == ("beta2",)
    before = bare.copy()
    bare.fit(normal(5, 3).numpy(), normal(5, 4).numpy(), epochs=1, progress=False)
    assert not bare.parameters["beta2"].any()
    assert (bare.parameters["gamma2"] != before.parameters["gamma2"]).all()


def test_ids_with_time_first() -> None:
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        return m.c(m.b(m.a(x.t()))[1][-1])

    net = brought(drawn(Of(forward, nn.Embedding(11, 3), nn.GRU(3, 4), nn.Linear(4, 2))), ids(2, 6))
    assert kinds(net) == "Embedding GRU Dense"


def test_einsum() -> None:
    def heads(m: Any, x: torch.Tensor) -> torch.Tensor:
        q, k, v = m.a(x).view(2, 5, 3, 2, 2).unbind(2)
        shares = (torch.einsum("bqhd,bkhd->bhqk", q, k) * 2**-0.5).softmax(-1)
        return m.b(torch.einsum("bhqk,bkhd->bqhd", shares, v).flatten(2))

    net = brought(drawn(Of(heads, nn.Linear(4, 12), nn.Linear(4, 4))), normal(2, 5, 4))
    assert kinds(net) == "Attention"
    product = brought(drawn(Of(lambda m, x: torch.einsum("oi,nti->nto", m.a.weight, x), nn.Linear(4, 3, bias=False))),
                      normal(2, 5, 4))  # fmt: skip
    assert kinds(product) == "Dense"


def test_inputs_that_are_called_as_values_are() -> None:
    net = cg.from_torch(drawn(Of(lambda m, x, y: m.a(x) * y, nn.Linear(3, 3))), (normal(2, 3), normal(2, 3, seed=5)))
    assert list(net.layout.inputs) == ["x_in", "other"]


def test_a_mask_of_the_ids_themselves() -> None:
    module = Of(
        lambda m, x: m.b(m.a(x), src_key_padding_mask=x == 0),
        nn.Embedding(11, 4),
        nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True),
    )
    with pytest.raises(cg.OptionError, match="its mask is made of the input x, which is taken as values too"):
        cg.from_torch(drawn(module), ids(2, 6))


def test_samples_are_the_first_axis() -> None:
    with pytest.raises(cg.OptionError, match="axes in another order"):
        cg.from_torch(drawn(Of(lambda m, x: m.a(x).transpose(0, 1), nn.Linear(3, 3))), normal(3, 3, 3))


def test_a_module_of_parts_is_saved(tmp_path: Any) -> None:
    net = cg.from_torch(drawn(Of(lambda m, x: m.a(x)[:, 1:3], nn.Linear(3, 4))), normal(2, 5, 3))
    net.save(tmp_path / "net")
    x = normal(2, 5, 3).numpy()
    np.testing.assert_array_equal(cg.load(tmp_path / "net").predict(x), net.predict(x))
    assert net.check_gradients(x, normal(2, 2, 4).numpy())


def test_a_value_beside_itself_is_a_concat() -> None:
    """Of one number it could be a repetition too; the module's own network has the Concat."""

    def beside(m: Any, x: torch.Tensor) -> torch.Tensor:
        twice = torch.cat((x, x), dim=1)
        return m.b(torch.cat((m.a(x), twice), dim=1))

    net = brought(drawn(Of(beside, nn.Linear(1, 2), nn.Linear(4, 2))), normal(4, 1))
    assert kinds(net) == "Concat Dense Concat Dense"
    own = cg.Network([cg.Concat("x", of="x"), cg.Dense(2)], input_shape=1, loss="SquaredError", dtype="float64")
    assert cg.compare(own.to_torch(), own, normal(4, 1), normal(4, 2)).passed
