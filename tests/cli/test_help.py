"""Every command's --help: quick, in lines that fit, with examples that are commands."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from chalkgrad.cli.main import COMMANDS, main
from chalkgrad.cli.options import WORKED_EXAMPLE
from chalkgrad.cli.parser import command_line
from chalkgrad.examples.example import examples

PARSER = command_line(COMMANDS, "0")


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as stop:
        main([*words, "--help"])
    assert stop.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("columns", ["60", "80"])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_the_terminal(
    name: str, columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    text, examples = shown(capsys, *name.split()).rsplit("\nexample", 1)
    assert max(map(len, text.split("\n"))) <= int(columns)
    assert max(map(len, examples.split("\n"))) <= 80


def test_the_worked_examples_are_all_named() -> None:
    """To read the folder at every start would cost more than to write the names down."""
    assert tuple(WORKED_EXAMPLE.partition(": ")[2].split(", ")) == examples()


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_commands(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, name)
    assert COMMANDS[name].EXAMPLES
    for example in COMMANDS[name].EXAMPLES:
        assert f"\n  {example}\n" in text
        program, *words = shlex.split(example)
        assert program == "chalkgrad"
        assert PARSER.parse_args(words).command == name


def test_help_is_shown_without_numpy() -> None:
    """Whatever a command works with is imported by its `run`."""
    code = """
import contextlib, sys
from chalkgrad.cli.main import COMMANDS, main
for name in COMMANDS:
    with contextlib.suppress(SystemExit):
        main([name, "--help"])
print(sorted({module.partition(".")[0] for module in sys.modules} & {"numpy", "matplotlib", "tqdm"}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.endswith("\n[]\n")
