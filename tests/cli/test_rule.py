"""chalkgrad rule: derivations, programs, checks, and what is wrong with a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalkgrad.cli.main import main

SIGMOID = "a[...] = 1 / (1 + exp(-z[...]))"


def test_a_derivation_in_eighty_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["rule", SIGMOID]) == 0
    out = capsys.readouterr().out
    assert "dz[...] = da[...] * a[...] * (1 - a[...])" in out
    assert "# chain rule through exp" in out
    assert "dz = da * a * (1 - a)" in out


@pytest.mark.parametrize(
    ("to", "ending", "word"), [("numpy", "py", "import numpy"), ("torch", "py", "autograd.Function")]
)
def test_programs(to: str, ending: str, word: str, tmp_path: Path) -> None:
    out = tmp_path / f"sigmoid.{ending}"
    assert main(["rule", SIGMOID, "--name", "sigmoid", "--to", to, "--out", str(out)]) == 0
    assert word in out.read_text()


def test_latex_and_html(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", SIGMOID, "--to", "latex"]) == 0
    assert r"\begin{document}" in capsys.readouterr().out
    assert main(["rule", SIGMOID, "--out", str(tmp_path / "page.html")]) == 0
    assert "<math" in (tmp_path / "page.html").read_text()


def test_check_says_what_was_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", SIGMOID, "--check", "--seed", "3"]) == 0
    out = capsys.readouterr().out
    assert "Draw 1: z (" in out
    assert "All derivatives agree" in out


def test_check_says_which_range_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", "a[n,k] = z[n,k-1]", "--check"]) == 2
    assert "does not give the output's shape; say its indices' ranges: for k<4" in capsys.readouterr().err
    assert main(["rule", "a[n,k] = z[n,k-1] for k<4", "--check"]) == 0


def test_a_file_of_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "swish.toml"
    file.write_text(
        'name = "swish"\nsource = "Ramachandran et al., 2017"\nformula = ["g[...] = 1 / (1 + exp(-beta * z[...]))", '
        '"a[...] = z[...] * g[...]"]\nsettings = { beta = 1.5 }\n'
    )
    assert main(["rule", str(file), "--to", "numpy"]) == 0
    out = capsys.readouterr().out
    assert "swish, forward and backward." in out
    assert "Source: Ramachandran" in out
    assert "beta=1.5" in out


WRONG = {
    "a[n] = b[n": "expected ']'",
    "a[n] = tahn(x[n])": "did you mean 'tanh'?",
    "a[n] = x[m]": "sum over it",
    "nofile.toml": "there is no file nofile.toml",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line_is_one_line_of_error(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", line]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert WRONG[line] in error


def test_a_file_with_an_unknown_key_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "r.toml"
    file.write_text('formulas = "a[n] = x[n]"\n')
    assert main(["rule", str(file)]) == 2
    assert "did you mean 'formula'?" in capsys.readouterr().err


def test_claimed_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", SIGMOID, "--claimed", "dz[...] = da[...] * (a[...] - a[...]^2)"]) == 0
    assert "right" in capsys.readouterr().out
    file = tmp_path / "mine.txt"
    file.write_text("# by hand\ndz[...] = da[...] * z[...] * (1 - z[...])\n")
    assert main(["rule", SIGMOID, "--claimed", str(file)]) == 1
    assert "z[...] stands where a[...] belongs" in capsys.readouterr().out
    assert main(["rule", SIGMOID, "--claimed", "none.txt"]) == 2
    assert "there is no file none.txt" in capsys.readouterr().err
