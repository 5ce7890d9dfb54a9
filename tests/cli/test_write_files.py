"""chalkgrad write: the network as an ONNX model, and its weights, as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_model_and_weights(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx")
    net = cg.load_example("web").network
    assert main(["write", "web", "--out", "web.onnx"]) == 0
    assert capsys.readouterr().out == "written: web.onnx\n"
    np.testing.assert_array_equal(cg.from_onnx("web.onnx").flat, net.flat)
    assert main(["write", "web", "--to", "safetensors", "--out", "weights"]) == 0
    assert capsys.readouterr().out == "written: weights\n"
    other = net.copy()
    other.flat[...] = 0
    other.load_weights("weights")
    np.testing.assert_array_equal(other.flat, net.flat)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "onnx"], "say --out FILE.onnx"),
        (["--to", "onnx", "--out", "a", "--format", "text"], "leave --format and --steps out"),
        (["--out", "a.safetensors", "--steps", "3"], "leave --format and --steps out"),
        (["--out", "no/a.onnx"], "cannot be written"),
        (["--out", "no/a.safetensors"], "cannot be written"),
    ],
)
def test_what_cannot_be(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx")
    assert main(["write", "web", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not list(Path().iterdir())
