"""Findings fit the terminal; what is piped or saved stays as it is."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from chalkgrad.base.columns import table
from chalkgrad.cli import output, training
from chalkgrad.cli.main import main
from chalkgrad.runs import findings

COMMANDS = [
    ["explain", "web"],
    ["explain", "cnn"],
    ["explain", "web", "dw1", "--precision", "12"],
    ["explain", "web", "dw1", "--form", "paths", "--style", "short"],
    ["derive", "cnn", "--numbers", "--update"],
    ["check", "cnn"],
    ["replay", "002"],
    ["replay", "lstm"],
    ["explain", "backprop-by-hand"],
    ["explain", "rnn", "dU1[0, 1]", "--form", "paths"],
]
Sized = Callable[[int], None]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Sized:
    monkeypatch.setenv("NO_COLOR", "1")  # its signs take no room

    def sized(columns: int) -> None:
        monkeypatch.setattr(output.sys.stdout, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(
            output.shutil, "get_terminal_size", lambda fallback=(80, 24): os.terminal_size((columns, 24))
        )

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


DRAWN = ["train", "digits", "--epochs", "15", "--quiet"]  # few images are misread then, and drawn
RUNS = [
    ["train", "digits", "--network", "lenet", "--optimizer", "AdamW", "--epochs", "1", "--quiet", "--no-pictures"],
    ["train", "titled.csv", "--epochs", "1", "--quiet", "--no-pictures"],
]


@pytest.mark.parametrize(
    ("command", "widths"),
    [(DRAWN, (60,)), *((run, (60, 80)) for run in RUNS), pytest.param(DRAWN, (80,), marks=pytest.mark.long)],
    ids=lambda v: " ".join(map(str, v)),
)
def test_trainings_and_tests_fit_the_terminal(
    command: list[str],
    widths: tuple[int, ...],
    tmp_path: Path,
    terminal: Sized,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in (findings, training):  # what is drawn is no matter here, and takes seconds
        for name in ("confusion_picture", "misread_sheet", "first_layer", "learning_curves"):
            monkeypatch.setattr(place, name, lambda *of: b"a picture", raising=False)
    kinds = ("a rather long name of a class", "the other one, whose name is long as well")
    Path("titled.csv").write_text("x,kind\n" + "".join(f'{i},"{kinds[i % 2]}"\n' for i in range(40)))
    pictures = ["--no-pictures"] * ("--no-pictures" in command)

    def printed() -> tuple[str, str]:
        texts = []
        for words in (command, ["test", *pictures]):
            assert main(words) == 0
            texts.append(re.sub(r"\d\.\d s:", "0 s:", capsys.readouterr().out))
        return texts[0], texts[1]

    piped = printed()
    assert max(map(len, "".join(piped).split("\n"))) > 80
    for columns in widths:
        terminal(columns)
        shown = printed()
        assert max(map(len, "".join(shown).split("\n"))) <= columns
        assert shown[0].split() == piped[0].split()
        assert sorted(re.findall(r"\w+", shown[1])) == sorted(re.findall(r"\w+", piped[1]))


def test_a_command_to_be_copied_stays_in_one_line(terminal: Sized) -> None:
    command = "chalkgrad test 'runs/a name with spaces, longer than the terminal'"
    assert output.fitted("look closer with:", command) == f"look closer with: {command}"
    terminal(60)
    assert output.fitted("look closer with:", command) == f"look closer with:\n  {command}"
    assert output.fitted("look closer with:", "chalkgrad test runs/a") == "look closer with: chalkgrad test runs/a"
    assert output.fitted("most:\n  " + "word " * 15) == f"most:\n  {'word ' * 10}word\n    word word word word"


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
