"""What somebody tries who has only read the help: arguments in any order, and errors that say the right cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalkgrad.cli import output
from chalkgrad.cli.main import main

NETWORK = """
input_shape = 2
x = [[1.0, 2.0]]
y = [[1.0]]
loss = "SquaredError"
layers = [
    { type = "Dense", units = 2 },
    { type = "Tanh" },
    { type = "Dense", units = 1 },
]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text(NETWORK)
    (tmp_path / "notes.csv").write_text('a,b,kind\n"1,5",2,x\n"2,5",3,y\n')
    (tmp_path / "photos").mkdir()
    return tmp_path


def refused(*command: str, capsys: pytest.CaptureFixture[str]) -> str:
    try:
        code = main(command)
    except SystemExit as error:
        code = error.code
    assert code == 2
    return capsys.readouterr().err


def test_an_argument_may_stand_behind_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "web", "dw1"]) == 0
    expected = capsys.readouterr().out
    assert main(["explain", "web", "--form", "delta", "dw1"]) == 0
    assert capsys.readouterr().out == expected
    assert main(["worksheet", "--kind", "forward", "web", "--out", "sheet"]) == 0
    answers = Path("sheet/answers.toml")
    assert main(["grade", "sheet/worksheet.toml", "--follow-credit", "0.5", str(answers)]) == 0
    assert "missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["train", "--lr", "0.1"], "no option --lr; it is called --learning-rate"),
        (["train", "--num-epochs", "3"], "no option --num-epochs; it is called --epochs"),
        (["train", "digits", "names"], "more arguments than there is place for: names"),
        (["train", "digits", "--metrics", "acc"], "did you mean 'accuracy'?"),
        (["train", "digits", "--network", "own.toml"], "no setting 'x'; a worked example has it"),
        (
            ["train", "notes.csv"],
            "line 2, column a: '1,5' is no finite number; decimal commas are read where semicolons",
        ),
        (["explain", "web", "dW1[0.5, 0]"], "whole numbers in brackets: dW1[0, 0] to dW1[1, 1]"),
        (["explain", "web", "--out", "no/a.html"], "no/a.html cannot be written: there is no folder no\n"),
        (["write", "web", "--out", "no/a.py"], "there is no folder no\n"),
        (["write", "web", "--out", "no/a.safetensors"], "there is no folder no\n"),
        (["worksheet", "web", "--out", "notes.csv"], "notes.csv is a file, not a folder"),
        (["worksheet", "photos"], "photos is a folder, but a worked example is a TOML file"),
        (["page", "photos"], "photos is no run directory: it has no network.toml"),
        (["page", "web", "--out", "web.txt"], "give --out a name that ends in .html, not web.txt"),
        (["write", "web", "--out", "web.f90"], "known: .py, .c, .onnx, .safetensors, .txt"),
        (["draw", "web", "--sample", "1"], "counted from 0, so below 1"),
        (["check", "web", "--claimed", "notes.csv"], "notes.csv: there is no value or label 'a, b'"),
    ],
)
def test_the_error_has_the_right_cure(command: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p: p.read_bytes() for p in Path().rglob("*") if p.is_file()}
    assert said in refused(*command, capsys=capsys)
    assert {p: p.read_bytes() for p in Path().rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ('"Tanh"', '"tanh"', "own.toml: layer 2: there is no layer 'tanh'; did you mean 'Tanh'?"),
        ("units = 1", "unit = 1", "own.toml: layer 3: Dense has no setting 'unit'"),
        ("units = 1", 'units = "1"', "own.toml: layer 3: Dense: units must be a whole number"),
        ("units = 1", "units = 1, weights = [[1.0], [2.0]]", "by its table [parameters]"),
        (
            "units = 1",
            'units = 1, weights = "xavier"',
            "layer 3: there is no initialiser 'xavier'; it is called glorot",
        ),
        ('{ type = "Tanh" }', '{ type = "Residual", layers = ["Tanh", "Than"] }', "layer 2: Residual: layer 2: there"),
        ('"SquaredError"', '"MSE"', "there is no loss 'MSE'; it is called SquaredError"),
    ],
)
def test_a_slip_in_a_network_is_placed(
    right: str, wrong: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "own.toml").write_text(NETWORK.replace(right, wrong))
    assert said in refused("explain", "own.toml", capsys=capsys)


def test_an_answer_sheet_can_be_checked(capsys: pytest.CaptureFixture[str]) -> None:
    Path("answers.toml").write_text('name = "Ann"\ndw1 = "0,0004386"\n')
    assert main(["check", "web", "--claimed", "answers.toml"]) == 0
    assert "dW1" in capsys.readouterr().out


def test_errors_fit_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    piped = refused("explain", "web", "dW1[9, 9]", capsys=capsys)
    assert piped.count("\n") == 1
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setattr(output.sys.stderr, "isatty", lambda: True, raising=False)
    for command in (["explain", "web", "dW1[9, 9]"], ["train", "--metrocs", "f1"]):
        shown = refused(*command, capsys=capsys)
        assert max(map(len, shown.split("\n"))) <= 50
    shown = refused("explain", "web", "dW1[9, 9]", capsys=capsys)
    assert shown.split() == piped.split()
