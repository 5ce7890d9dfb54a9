"""Models that PyTorch's own exporter wrote, read by their operators."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg

pytest.importorskip("onnx")
torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
nn = torch.nn


class Block(nn.Module):  # type: ignore[misc,name-defined]
    """A residual block with batch normalisation, pooled."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.down, self.fc = nn.Conv2d(3, 4, 1), nn.Linear(4, 5)

    def forward(self, x: Any) -> Any:
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        y = torch.relu(y + self.down(x))
        return torch.softmax(self.fc(nn.functional.adaptive_avg_pool2d(y, 1).flatten(1)), 1)


class Recurrent(nn.Module):  # type: ignore[misc,name-defined]
    """A recurrent layer and a head, on the last step, on all, or on the last state."""

    def __init__(self, kind: Any, taken: str, **settings: Any) -> None:
        super().__init__()
        self.rnn = kind(3, 4, batch_first=True, **settings)
        self.head, self.taken = nn.Linear(8 if settings.get("bidirectional") else 4, 2), taken

    def forward(self, x: Any) -> Any:
        every, state = self.rnn(x)
        return self.head({"last": every[:, -1], "all": every, "state": state[-1]}[self.taken])


class Tokens(nn.Module):  # type: ignore[misc,name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.gru, self.out = nn.Embedding(7, 4), nn.GRU(4, 3, batch_first=True), nn.Linear(3, 7)

    def forward(self, x: Any) -> Any:
        return self.out(self.gru(self.tokens(x))[0])


class OverTime(nn.Module):  # type: ignore[misc,name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.c, self.out = nn.Conv1d(3, 4, 3, padding=1), nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        return self.out(nn.functional.silu(self.c(x.transpose(1, 2)).transpose(1, 2)).mean(1))


def cases() -> dict[str, tuple[Any, Any]]:
    R = torch.randn
    return {
        "mlp": (nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.3), nn.Linear(4, 2), nn.Sigmoid()), R(2, 3)),
        "gelu": (nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.LayerNorm(4), nn.Linear(4, 2)), R(2, 3)),
        "steps": (nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), R(2, 5, 3)),
        "cnn": (
            nn.Sequential(
                nn.Conv2d(1, 2, 3, stride=2, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.AvgPool2d(2, 1),
                nn.Flatten(), nn.Linear(8, 3),
            ),
            R(2, 1, 13, 13),
        ),
        "block": (Block(), R(2, 3, 8, 8)),
        "lstm": (Recurrent(nn.LSTM, "last"), R(2, 5, 3)),
        "both ways": (Recurrent(nn.LSTM, "all", bidirectional=True), R(2, 5, 3)),
        "rnn": (Recurrent(nn.RNN, "last"), R(2, 5, 3)),
        "gru": (Recurrent(nn.GRU, "all"), R(2, 5, 3)),
        "state": (Recurrent(nn.GRU, "state"), R(2, 5, 3)),
        "tokens": (Tokens(), torch.randint(0, 7, (2, 5))),
        "over time": (OverTime(), R(2, 5, 3)),
    }  # fmt: skip


@pytest.mark.parametrize("name", cases())
@pytest.mark.parametrize("samples", ["open", "fixed"])
def test_exported_by_torch(name: str, samples: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    logging.disable(logging.WARNING)
    try:
        module, x = cases()[name]
        module.eval()
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.normal_()
                part.running_var.uniform_(0.5, 2)
        open_axes = {"x": {0: "batch"}} if samples == "open" else None
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            file = tmp_path / "a.onnx"
            torch.onnx.export(module, (x,), str(file), dynamo=False, input_names=["x"], dynamic_axes=open_axes)
        want = module(x).detach().numpy()
    finally:
        logging.disable(logging.NOTSET)
        torch.set_default_dtype(before)
    net = cg.from_onnx(file)
    np.testing.assert_allclose(net.predict(x.numpy()), want, rtol=1e-5, atol=1e-5)
    if name == "block":
        assert [p for p in net.parameters if p.endswith("W")] == ["conv1.W", "conv2.W", "down.W", "fc.W"]


def test_a_norm_in_another_order_is_refused_in_words(tmp_path: Path) -> None:
    class Norm(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.rand(3, dtype=torch.float32))

        def forward(self, x: Any) -> Any:
            centred = x - x.mean(-1, keepdim=True)
            return self.scale * centred / torch.sqrt((centred * centred).mean(-1, keepdim=True) + 1e-5)

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        x = torch.randn(2, 5, 3, dtype=torch.float32)
        torch.onnx.export(Norm(), (x,), str(tmp_path / "a.onnx"), dynamo=False)
    with pytest.raises(cg.ChalkgradError, match="goes on with the centred of a value in a way that no layer does"):
        cg.from_onnx(tmp_path / "a.onnx")
