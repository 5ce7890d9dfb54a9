"""Backward lines from forward lines: what they say, in which words, and what cannot be derived."""

from __future__ import annotations

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.calculus.derivation import derivation
from chalkgrad.formula import Formula
from chalkgrad.rules import batch_norm, rms_norm, softmax

LINES = {
    "z[n,o] = sum_i x[n,i] * W[i,o] + b[o]": [
        "dx[n,i] = sum_o dz[n,o] * W[i,o]",
        "dW[i,o] = sum_n dz[n,o] * x[n,i]",
        "db[o] = sum_n dz[n,o]",
    ],
    "a[...] = 1 / (1 + exp(-z[...]))": ["dz[...] = da[...] * a[...] * (1 - a[...])"],
    "a[...] = tanh(z[...])": ["dz[...] = da[...] * (1 - a[...]^2)"],
    "a[...] = exp(z[...])": ["dz[...] = da[...] * a[...]"],
    "a[...] = sqrt(z[...])": ["dz[...] = da[...] / (2 * a[...])"],
    "a[...] = abs(z[...])": ["dz[...] = da[...] * sign(z[...])"],
    "a[...] = max(z[...], 0)": ["dz[...] = da[...] * [z[...] > 0]"],
    "a[n,k] = exp(z[n,k]) / sum_j exp(z[n,j])": ["dz[n,k] = a[n,k] * (da[n,k] - sum_j da[n,j] * a[n,j])"],
    "e[n,t,d] = W[x[n,t],d]": ["dW[x[n,t],d] += de[n,t,d]"],
    "c[n,k] = x[n,k-shift]": ["dx[n,k] = dc[n,k+shift]"],
    "c[n,j,k] = x[n,j+1,k-2] for j<3, k<4": ["dx[n,j,k] = dc[n,j-1,k+2]"],
    "c[n,j,k] = w[j] * x[n,j+1,1-k]^2 for k<2": [
        "dw[j] = sum_{n,k} dc[n,j,k] * x[n,j+1,1-k]^2",
        "dx[n,j,k] = 2 * dc[n,j-1,1-k] * w[j-1] * x[n,j,k]",
    ],
    "f[n,#...] = x[n,...]": ["dx[n,...] = df[n,#...]"],
    "s[n] = sum_{i,j} x[n,i] * x[n,j]": ["dx[n,i] = 2 * ds[n] * sum_j x[n,j]"],
    "p[n,c] = mean_{i,j} z[n,c,i,j]": ["dz[n,c,i,j] = dp[n,c] / (|i| * |j|)"],
    "g[n] = x[n] ^ 3 / y[n]": ["dx[n] = 3 * dg[n] * x[n]^2 / y[n]", "dy[n] = -dg[n] * g[n] / y[n]"],
}


@pytest.mark.parametrize("line", LINES)
def test_backward_lines(line: str) -> None:
    settings = ("shift",) if "shift" in line else ()
    assert list(derivation([Formula(line, settings)]).formulas) == LINES[line]


def test_softmax_in_several_lines_has_the_form_of_one() -> None:
    found = derivation([r.formula for r in softmax.operation.forward if r.formula])
    assert [d.of for d in found.derivatives] == ["s", "e", "m", "z"]
    assert [d.text for d in found.together] == ["dz[n,k] = a[n,k] * (da[n,k] - sum_j da[n,j] * a[n,j])"]


def test_a_normalisation_has_the_known_short_form() -> None:
    """Deviations from the mean add up to 0, so the mean's own derivative has one term only."""
    found = derivation([r.formula for r in batch_norm.operation.forward if r.formula], ["x", "gamma", "beta"])
    by_name = {d.of: d.text for d in found.derivatives}
    assert by_name["mu"] == "dmu[c] = (-sum_{n,...} dx_hat[n,c,...]) / sqrt(var[c] + eps)"
    (dx,) = found.together
    assert dx.text.startswith("dx[n,c,...] = gamma[c] * (dz[n,c,...] - ")
    assert "x_hat[n,c,...]" in dx.text
    assert "var" in dx.text


@pytest.mark.parametrize("form", ["to_text", "to_markdown", "to_latex", "to_html", "to_json"])
def test_a_derivation_prints_itself_in_every_form(form: str) -> None:
    printed = getattr(derivation([r.formula for r in rms_norm.operation.forward if r.formula]), form)()
    assert "chain rule through sqrt" in printed
    assert "the other factor does not change" in printed


def test_every_move_is_one_line_with_its_name() -> None:
    printed = derivation([Formula("a[n] = tanh(w[n] * x[n] + b[n])")]).to_text()
    assert "= (1 - a[n]^2) * w[n]" not in printed.split("dx\n")[0]
    for move in ("chain rule through tanh", "sum: the other terms do not change", "product: the other factor"):
        assert move in printed
    assert "dx[n] = da[n] * w[n] * (1 - a[n]^2)" in printed


def test_kinks_say_their_convention() -> None:
    printed = derivation([Formula("a[n] = max(z[n], 0) + max(u[n], v[n]) + abs(z[n])")]).to_text()
    assert "where both are equal, nothing passes" in printed
    assert "where both are equal, the first one passes" in printed
    assert "0 at the kink" in printed


REFUSED = {
    ("a[n] = 2 * b[n]", "b[n] = x[n]"): "reads b, which a later line gives",
    ("a[n] = 2 * x[n]", "a[n] = x[n]"): "two lines give a",
    ("a[n] += 2 * x[n]",): "a forward line gives its value with =",
    ("a[n,p] = x[n,p*s] + x[n,p+1]",): "name one of them by a line of its own",
}


@pytest.mark.parametrize("lines", REFUSED)
def test_what_cannot_be_derived_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(cg.FormulaError, match=REFUSED[lines]):
        derivation([Formula(line, ("s",)) for line in lines])


def test_rules_have_their_derivation_and_their_backward_rules() -> None:
    swish = cg.rule("a[...] = z[...] / (1 + exp(-beta * z[...]))", name="swish")
    assert (swish.operands, swish.options) == (("z",), ("beta",))
    (dz,) = swish.backward()
    z = np.linspace(-3, 3, 7, dtype=np.float32)
    da = np.ones_like(z)
    operands = {"da": da, "z": z, "a": swish(z, beta=1.5)}
    result = dz(*(operands[o] for o in dz.operands), beta=1.5)
    step = 1e-6
    wide = z.astype(np.float64)
    expected = (swish(wide + step, beta=1.5) - swish(wide - step, beta=1.5)) / (2 * step)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-5)
    assert "chain rule through exp" in swish.derivation().to_text()


def test_nothing_of_python_hides_in_a_formula() -> None:
    for name in ("__import__", "np", "lambda", "taken"):
        with pytest.raises(cg.FormulaError, match="cannot be the name of a parameter"):
            cg.rule(f"a[n] = {name}[n]", name="r")
