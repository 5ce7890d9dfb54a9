"""Operations written as programs that stand alone: each runs its own test."""

from __future__ import annotations

import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from chalkgrad.base.errors import FormulaError
from chalkgrad.calculus.check import checked
from chalkgrad.calculus.given import Given
from chalkgrad.write.operation import operation_text

LINES = {
    "dense": ["z[n,o] = sum_i x[n,i] * W[i,o] + b[o]"],
    "swish": ["a[...] = z[...] / (1 + exp(-beta * z[...]))"],
    "embedding": ["e[n,t,d] = W[x[n,t],d]"],
    "softmax": ["m[n] = max_k z[n,k]", "e[n,k] = exp(z[n,k] - m[n])", "s[n] = sum_k e[n,k]", "a[n,k] = e[n,k] / s[n]"],
    "batch_norm": [
        "mu[c] = mean_{n,...} x[n,c,...]",
        "var[c] = mean_{n,...} (x[n,c,...] - mu[c])^2",
        "y[n,c,...] = gamma[c] * (x[n,c,...] - mu[c]) / sqrt(var[c] + eps) + beta[c]",
    ],
    "convolution": ["z[n,p,o] = sum_{i,u} x[n,p*s+u-q,i] * W[o,i,u] for p<P"],
    "picked": ["l[n] = -log(p[n,y[n]])"],
    "hard_swish": ["a[...] = z[...] * min(max(z[...] + 3, 0), 6) / 6"],
    "pool": ["p[n,c,i] = max_u z[n,c,i*s+u] for i<P, u<K"],
    "gelu": ["a[...] = z[...] * erfc(-z[...] / sqrt(2)) / 2"],
    "shifted": ["y[n,k,...] = x[n,k-o,...] for k<K"],
    "mean": ["p[n,d] = mean_t z[n,t,d]"],
    "diagonal": ["v[n] = sum_i x[n,i] * A[i,i]"],
    "between": ["g[n] = sign(x[n]) * abs(y[n]) ^ 1.5 + cos(x[n]) * sin(y[n])"],
}


@pytest.mark.parametrize("name", LINES)
def test_derivatives_agree_with_central_differences(name: str) -> None:
    report = checked(Given.of(LINES[name], name))
    assert report.passed, report.board().to_text()
    assert "Draw 5" in report.board().to_text()


@pytest.mark.parametrize("name", LINES)
def test_the_numpy_program_passes_its_own_test(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / f"{name}.py"
    file.write_text(operation_text(Given.of(LINES[name], name), "numpy"))
    runpy.run_path(str(file), run_name="__main__")
    assert "largest difference" in capsys.readouterr().out


@pytest.mark.torch
@pytest.mark.parametrize("name", LINES)
def test_the_torch_program_passes_gradcheck(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    file = tmp_path / f"{name}.py"
    file.write_text(operation_text(Given.of(LINES[name], name), "torch"))
    runpy.run_path(str(file), run_name="__main__")
    assert "gradcheck passed" in capsys.readouterr().out


SHORT = ("batch_norm", "pool", "picked")


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
@pytest.mark.parametrize("name", [n if n in SHORT else pytest.param(n, marks=pytest.mark.long) for n in LINES])
def test_the_c_program_passes_its_own_test(name: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.c"
    file.write_text(operation_text(Given.of(LINES[name], name), "c"))
    program = tmp_path / name
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-o", program, file, "-lm"], check=True)
    output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    assert "largest difference" in output


def test_a_wrong_backward_line_would_be_found() -> None:
    text = operation_text(Given.of(LINES["dense"], "dense"), "numpy")
    wrong = text.replace("dW = x.T @ dz", "dW = 2 * x.T @ dz")
    assert wrong != text
    names: dict[str, object] = {"__name__": "wrong"}
    exec(wrong, names)
    with pytest.raises(AssertionError, match="W"):
        names["test"]()  # type: ignore[operator]


def test_a_loop_over_time_has_no_such_program() -> None:
    given = Given.of(["h[n,t,u] = tanh(x[n,t,u] + w[u] * h[n,t-1,u])"], "loop")
    assert checked(given).passed
    with pytest.raises(FormulaError, match="a loop over time"):
        operation_text(given, "numpy")


def test_what_may_lie_outside_must_be_nothing_there() -> None:
    """exp(0) is 1: the oracle leaves such a term out, and code on whole arrays would not."""
    given = Given.of(["a[n,k] = exp(x[n,k-o]) for k<K"], "shifted")
    with pytest.raises(FormulaError, match=r"may lie outside of its array, and stands in exp"):
        operation_text(given, "numpy")
