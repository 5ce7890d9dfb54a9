from __future__ import annotations

from pathlib import Path

import pytest

from chalkgrad.cli import main


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What a command prints, and its one line on stderr."""
    assert main(list(words)) == code
    found = capsys.readouterr()
    if code == 2:
        assert found.err.count("\n") == 1
        assert "Traceback" not in found.err
    return found.out + found.err


@pytest.mark.parametrize(
    "words",
    [
        ["explain", "dw1", "--form", "paths"],
        ["explain"],
        ["derive", "--numbers", "--update"],
        ["draw"],
        ["write"],
        ["check"],
    ],
)
def test_a_worksheets_own_file_is_opened_as_the_example_on_it(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "worksheet", "web", "--seed", "3", "--out", "sheet", "--format", "markdown")
    command, *options = words
    shown = said(capsys, command, "sheet/worksheet.toml", *options)
    assert shown != said(capsys, command, "web", *options)  # the sheet's numbers, not the example's own
