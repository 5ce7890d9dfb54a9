"""Colour stands on terminals that show it, and nowhere else; the bar cuts no number."""

from __future__ import annotations

import io
import os
import re
from typing import Any

import pytest

import chalkgrad as cg
from chalkgrad.base.colour import coloured, shows_colour
from chalkgrad.cli import output
from chalkgrad.cli.main import main
from chalkgrad.train import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(output.shutil, "get_terminal_size", lambda fallback=(80, 24): os.terminal_size((80, 24)))
    return Terminal()


def test_where_there_is_colour(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert coloured("right", "green", terminal) == "\x1b[32mright\x1b[0m"
    assert coloured("", "green", terminal) == ""
    assert not shows_colour(io.StringIO())
    assert not shows_colour(None)
    monkeypatch.setenv("NO_COLOR", "")
    assert shows_colour(terminal), "an empty NO_COLOR asks for nothing"
    monkeypatch.setenv("NO_COLOR", "1")
    assert not shows_colour(terminal)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not shows_colour(terminal)


@pytest.mark.parametrize("asked", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_commands_colour_what_a_terminal_shows(
    asked: dict[str, str], terminal: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    assert main(["check", "web"]) == 0
    piped = capsys.readouterr().out
    assert "\x1b" not in piped
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", terminal)
    assert main(["check", "web"]) == 0
    assert ("\x1b[32msame\x1b[0m" in terminal.getvalue()) == (not asked)
    plain = re.sub(r"\x1b\[\d+m", "", terminal.getvalue())
    assert max(map(len, plain.splitlines())) <= 80


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_the_bar_fits_and_no_number_is_cut(columns: int, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress.shutil, "get_terminal_size", lambda *_: os.terminal_size((columns, 24)))
    bar = progress.Progress(stream=terminal)
    data = cg.data.digits()
    net = cg.Network([cg.Flatten(), cg.Dense(10), cg.Softmax()], input_shape=(1, 8, 8), loss="CrossEntropy")
    history = net.fit(
        data.x_train[:300], data.y_train[:300], epochs=3, validation=0.2, metrics=["accuracy", "f1"], callbacks=[bar]
    )
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]?m?", "", terminal.getvalue())
    lines = [line.rstrip() for line in re.split(r"[\r\n]", plain) if "loss" in line]
    assert lines
    assert max(map(len, lines)) <= columns
    last = history[-1]
    texts = [
        f"{v:.4g}" for v in (last.loss, last.val_loss, last.metrics["f1"], last.metrics["val_f1"]) if v is not None
    ]
    texts += [f"{v:.2%}" for v in (last.metrics["accuracy"], last.val_accuracy) if v is not None]
    shown = re.findall(r"\d+\.\d+%?|\d+%", lines[-1].partition("]")[2])
    assert set(shown) <= set(texts)
    assert f"{last.loss:.4g}" in shown
