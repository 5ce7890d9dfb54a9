"""chalkgrad page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import chalkgrad as cg
from chalkgrad.cli import page as command
from chalkgrad.cli.main import main
from chalkgrad.page.words import LANGUAGES


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def data_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_worked_example_is_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["page", "web", "--out", "web.html"]) == 0
    text = Path("web.html").read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "default-src 'none'" in text
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text), "it asks for nothing"
    data = data_of(text)
    assert data["title"] == "A Step by Step Backpropagation Example"
    assert data["numbers"]["W1"] == [0.15, 0.25, 0.2, 0.3]
    assert len(text) - len(json.dumps(data)) < 200_000
    assert capsys.readouterr().out == "written: web.html\n"


def test_the_command_knows_the_languages_of_the_page() -> None:
    """It has their names itself, so that --help imports no page."""
    assert command.LANGUAGES == LANGUAGES


def test_settings_of_the_page() -> None:
    assert main(["page", "rnn", "--lang", "de", "--reveal", "--out", "rnn.html"]) == 0
    data = data_of(Path("rnn.html").read_text("utf-8"))
    assert data["slides"] is True
    assert data["words"]["lines"] == "Die Zeilen"


def test_a_run_is_a_page_of_its_test_set() -> None:
    assert main(["train", "digits", "--epochs", "1", "--no-pictures", "--out", "run"]) == 0
    assert main(["page", "run", "--samples", "3", "--out", "digits.html"]) == 0
    data = data_of(Path("digits.html").read_text("utf-8"))
    assert data["samples"] == 3
    assert data["image"] == [8, 8]
    assert data["classes"] == [str(k) for k in range(10)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["page", "webb"], "did you mean 'web'"),
        (["page", "network.toml"], "give it x and y"),
        (["page", "web", "--out", "nowhere/web.html"], "nowhere"),
    ],
)
def test_bad_input_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError").save("saved")
    Path("network.toml").write_text(
        'input_shape = 2\nloss = "SquaredError"\nlayers = [{ type = "Dense", units = 2 }]\n'
    )
    assert main(words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("samples", ["0", "-1"])
def test_samples_are_counted_from_one(samples: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "vertical", "--epochs", "1", "--no-pictures", "--out", "run"]) == 0
    assert main(["page", "run", "--samples", samples]) == 2
    assert "from 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"lang": "xx"}, "lang is 'en' or"),
        ({"title": 3}, "must be text"),
        ({"classes": ("a",)}, "classes must name 2 outputs; there are 1"),
        ({"image": (2, 2)}, r"image is the height and width of samples of shape \(3,\)"),
    ],
)
def test_settings_from_python_are_checked(settings: dict[str, Any], said: str) -> None:
    net = cg.Network([cg.Dense(2), cg.Softmax()], input_shape=3, loss="CrossEntropy")
    with pytest.raises(cg.OptionError, match=said):
        net.page([[1.0, 2.0, 3.0]], [1], **settings)
