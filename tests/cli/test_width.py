"""Findings fit the terminal; what is piped or saved stays as it is."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from chalkgrad.base.columns import table
from chalkgrad.cli import output
from chalkgrad.cli.main import main

COMMANDS = [
    ["explain", "web"],
    ["explain", "cnn"],
    ["explain", "web", "dw1", "--precision", "12"],
    ["explain", "web", "dw1", "--form", "paths", "--style", "short"],
    ["derive", "cnn", "--numbers", "--update"],
    ["check", "cnn"],
    ["replay", "002"],
]
Sized = Callable[[int], None]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Sized:
    def sized(columns: int) -> None:
        monkeypatch.setattr(output.sys.stdout, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(output.shutil, "get_terminal_size", lambda: os.terminal_size((columns, 24)))

    return sized


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_findings_fit_the_terminal(
    command: list[str], columns: int, terminal: Sized, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 0
    piped = capsys.readouterr().out
    terminal(columns)
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.split("\n"))) <= max(columns, 80 if command[0] == "check" else 0)  # ten columns
    numbers = re.compile(r"-?\d+\.\d+(?:e-\d+)?")
    if command[0] != "check":  # which shows fewer digits
        assert sorted(numbers.findall(shown)) == sorted(numbers.findall(piped)), "no number is cut, lost or made"


def test_what_is_piped_or_saved_does_not_ask_for_the_width(
    tmp_path: Path, terminal: Sized, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    assert main(["explain", "cnn"]) == 0
    piped = capsys.readouterr().out
    assert max(map(len, piped.split("\n"))) > 80
    terminal(50)
    assert main(["explain", "cnn", "--out", str(tmp_path / "a.txt")]) == 0
    assert (tmp_path / "a.txt").read_text("utf-8") == piped


def test_a_table_is_narrowed_where_it_can_be() -> None:
    head, rows = ("a", "b"), [("some words that are long", "-0.123456789012"), ("x", "1")]
    assert table(head, rows, right=(1,)) == table(head, rows, right=(1,), width=80)
    narrow = table(head, rows, right=(1,), width=30).split("\n")
    assert max(map(len, narrow)) <= 30
    assert "-0.123456789012" in narrow[2]
    assert [line[:13].strip() for line in narrow] == ["a", "-------------", "some words", "that are long", "x"]
    too_narrow = table(head, rows, width=4).split("\n")
    assert any("-0.123456789012" in line for line in too_narrow), "a number is not broken, even if it is too long"
