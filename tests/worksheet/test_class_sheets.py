"""Many sheets and many submissions by several processes: the same as one after another, and one that dies costs itself."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from chalkgrad.cli.main import main
from chalkgrad.worksheet import gradebook, read_worksheet
from chalkgrad.worksheet.class_sheets import ALONE

MAKE = ["worksheet", "neuron", "--format", "markdown", "--out"]


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two, whatever the machine has."""
    monkeypatch.setattr("chalkgrad.worksheet.class_sheets.cores", lambda: 2)
    monkeypatch.setattr("chalkgrad.worksheet.gradebook.cores", lambda: 2)


@pytest.mark.usefixtures("cores")
def test_a_class_is_made_and_graded_by_two_processes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = ALONE + 2
    assert main([*MAKE, str(tmp_path / "class"), "--seed", "3", "--count", str(count)]) == 0
    told = capsys.readouterr().out
    assert told.count("the solution is in") == count
    assert main([*MAKE, str(tmp_path / "one"), "--seed", "7", "--count", "1"]) == 0
    assert files(tmp_path / "class" / "sheet-7") == files(tmp_path / "one" / "sheet-7")
    for folder in (tmp_path / "class").glob("sheet-*"):
        sheet = read_worksheet(folder / "worksheet.toml")
        answers = {word: f"{float(sheet.trace[a.name][a.place]):.5g}" for a, word in sheet.words.items()}
        (folder / "answers.toml").unlink()
        (folder / "answers.json").write_text(json.dumps({"name": folder.name, **answers}))
    (tmp_path / "class" / "solutions").rename(tmp_path / "solutions")
    right = gradebook.grade

    def dies(sheet: Any, *more: Any, **settings: Any) -> Any:
        if "sheet-6" in more[0].student:
            os.kill(os.getpid(), signal.SIGKILL)
        return right(sheet, *more, **settings)

    monkeypatch.setattr(gradebook, "grade", dies)
    assert main(["grade", str(tmp_path / "class"), "--out", str(tmp_path / "graded")]) == 0
    told = capsys.readouterr()
    assert f"{count - 1} of {count} submissions graded" in told.out
    assert "sheet-6: it cannot be graded: the process was killed by SIGKILL" in told.err
    with (tmp_path / "graded" / "grades.csv").open() as lines:
        names = [line.split(",")[0] for line in lines][1:]
    assert names == [f"sheet-{k}" for k in range(3, 3 + count)]  # in order, whoever was done first


def test_an_error_of_one_sheet_is_said_as_ever(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalkgrad.worksheet.class_sheets.cores", lambda: 2)
    more = ["--seed", "3", "--count", str(ALONE + 2), "--blanks", "dW7"]
    assert main([*MAKE, str(tmp_path / "class"), *more]) == 2
    told = capsys.readouterr().err
    assert told.startswith("chalkgrad worksheet: ")
    assert "dW7" in told
    assert not (tmp_path / "class").exists()
