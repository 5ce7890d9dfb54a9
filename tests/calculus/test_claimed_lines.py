"""Somebody's backward lines against the derived ones: right, in another form, on a condition, and what differs."""

from __future__ import annotations

import pytest

from chalkgrad.base.errors import FormulaError
from chalkgrad.calculus.claims import TIES, Verdict, compare
from chalkgrad.calculus.identities import SAME
from chalkgrad.rules import OPERATIONS, Operation

DENSE = ["z[n,o] = sum_i x[n,i] * W[i,o] + b[o]"]
SIGMOID = ["a[...] = 1 / (1 + exp(-z[...]))"]
SOFTMAX = ["e[n,k] = exp(z[n,k])", "s[n] = sum_k e[n,k]", "a[n,k] = e[n,k] / s[n]"]
ENTROPY = ["p[n,k] = exp(z[n,k]) / sum_j exp(z[n,j])", "L = -mean_n sum_k y[n,k] * log(p[n,k])"]
BATCH_NORM = [
    "mu[c] = mean_n x[n,c]",
    "var[c] = mean_n (x[n,c] - mu[c])^2",
    "xhat[n,c] = (x[n,c] - mu[c]) / sqrt(var[c] + eps)",
    "y[n,c] = gamma[c] * xhat[n,c] + beta[c]",
]
POOL = ["y[n,p] = mean_u x[n,2*p+u] for u < 2"]
RMS = ["r[n] = sqrt(mean_d x[n,d]^2 + eps)", "y[n,d] = x[n,d] / r[n] * g[d]"]
EMBEDDING = ["e[n,t,d] = W[x[n,t],d]"]
RIGHT = [
    (DENSE, "dW[a,b] = sum_m x[m,a] * dz[m,b]"),
    (DENSE, "dx[n,i] = -sum_o W[i,o] * (0 - dz[n,o])"),
    (SIGMOID, "dz[n,k] = da[n,k] * (a[n,k] - a[n,k]^2)"),
    (BATCH_NORM, "dx[n,c] = gamma[c] * (dy[n,c] - mean_j dy[j,c] - xhat[n,c] * mean_j dy[j,c] * xhat[j,c]) / sqrt(var[c] + eps)"),
    (["y[n] = x[n]^c"], "dx[n] = dy[n] * c * x[n]^(c - 1)"),
    (POOL, "dx[n,2*p+u] += dy[n,p] / 2"),
    (SOFTMAX, ["g[n] = sum_k da[n,k] * a[n,k]", "dz[n,k] = a[n,k] * (da[n,k] - g[n])"]),
]  # fmt: skip
OTHER_FORMS = [
    (BATCH_NORM, "dmu[c] = -sum_n dxhat[n,c] / sqrt(var[c] + eps) - 2 * dvar[c] * mean_n (x[n,c] - mu[c])",
     "sum_n (x[n,c] - mu[c]) = 0"),
    (BATCH_NORM, "dx[n,c] = gamma[c] * (dy[n,c] - mean_j dy[j,c] - xhat[n,c] * mean_j (dy[j,c] * xhat[j,c]) "
     "+ xhat[n,c] * mean_j xhat[j,c]) / sqrt(var[c] + eps)", "sum_n xhat[n,c] = 0"),
    (SIGMOID, "dz[...] = da[...] * exp(-z[...]) / (1 + exp(-z[...]))^2", "a[...] = 1 / (1 + exp(-z[...]))"),
]  # fmt: skip
ON_CONDITIONS = [
    (DENSE, "dW[i,o] = mean_n dz[n,o] * x[n,i]", "n takes one value only", "divided by |n|: a mean over n"),
    (ENTROPY, "dz[n,k] = (p[n,k] - y[n,k]) / |n|", "y adds up to 1 over k", "sum_j y[n,j] is left out"),
    (SIGMOID, "dz[...] = a[...] * (1 - a[...])", "every da is 1", "da[...], what comes back, is left out"),
    (BATCH_NORM, "dx[n,c] = (dy[n,c] - mean_j dy[j,c] - xhat[n,c] * mean_j dy[j,c] * xhat[j,c]) / sqrt(var[c] + eps)",
     "every gamma is 1", "the factor gamma[c] is left out"),
    (RMS, "dx[n,d] = dy[n,d] * g[d] / r[n] - x[n,d] / r[n]^3 * sum_e dy[n,e] * g[e] * x[n,e]",
     "d takes one value only", "one change makes it right: dx[n,d] = dy[n,d] * g[d] / r[n] - x[n,d] / r[n]^3 * mean_e"),
    (EMBEDDING, "dW[x[n,t],d] = de[n,t,d]", "no number stands in x twice", "keeps the last"),
    (["a[...] = max(z[...], 0)"], "dz[...] = da[...] * [z[...] >= 0]", "no number is 0 or at a kink", ">= stands where >"),
    (["L = mean_n (p[n] - y[n])^2"], "dp[n] = 2 * (p[n] - y[n])", "n takes one value only", "not divided by |n|"),
]  # fmt: skip
WRONG = [
    (["c[n] = max(x[n], 0) * y[n]"], "dy[n] = dc[n]", "the factor max(x[n], 0) is left out"),
    (
        ["L = mean_n max(0, 1 - y[n] * s[n])"],
        "ds[n] = y[n] * [y[n] * s[n] < 1] / |n|",
        "the sign is turned",
    ),
    (DENSE, "dW[i,o] = sum_n z[n,o] * x[n,i]", "z[n,o] stands where dz[n,o] belongs"),
    (DENSE, "dW[o,i] = sum_n dz[n,o] * x[n,i]", "transpose"),
    (DENSE, "dx[n,i] = sum_o dz[n,i] * W[i,o]", "dz[n,i] stands where dz[n,o] belongs"),
    (DENSE, "dx[n,i] = -2 * sum_o dz[n,o] * W[i,o]", "it is -2 times what it should be"),
    (SIGMOID, "dz[...] = da[...] * z[...] * (1 - z[...])", "z[...] stands where a[...] belongs"),
    (SOFTMAX, "dz[n,k] = da[n,k] * a[n,k] * (1 - a[n,k])", "not summed over j"),
    (ENTROPY, "dz[n,k] = (p[n,k] - y[n,k]) / |k|", "divided by |k| where |n| belongs"),
    (ENTROPY, "dz[n,k] = p[n,k] - y[n,k]", "not divided by |n|"),
    (["L = sum_{n,d} (x[n,d] - y[n,d])^2 / 2"], "dx[n,d] = 2 * (x[n,d] - y[n,d])", "it is 2 times what it should be"),
    (POOL, "dx[n,2*p+u] += dy[n,p]", "the division by 2 is left out"),
    (BATCH_NORM, "dgamma[c] = sum_n dy[n,c] * x[n,c]", "x[n,c] stands where xhat[n,c] belongs"),
    (BATCH_NORM, "dx[n,c] = gamma[c] * (dy[n,c] - mean_j dy[j,c]) / sqrt(var[c] + eps)", "xhat[j,c]) / |n|) is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "claimed"), RIGHT)
def test_right(lines: list[str], claimed: str | list[str]) -> None:
    comparison = compare(lines, claimed)
    assert comparison.correct
    assert comparison.claims[0].verdict is Verdict.EQUAL


@pytest.mark.parametrize(("lines", "claimed", "identity"), OTHER_FORMS)
def test_another_form_names_the_identity(lines: list[str], claimed: str, identity: str) -> None:
    (claim,) = compare(lines, claimed).claims
    assert claim.verdict is Verdict.ANOTHER_FORM
    assert identity in claim.because
    assert SAME not in claim.because


@pytest.mark.parametrize(("lines", "claimed", "condition", "words"), ON_CONDITIONS)
def test_right_on_a_condition(lines: list[str], claimed: str, condition: str, words: str) -> None:
    (claim,) = compare(lines, claimed).claims
    assert claim.verdict is Verdict.CONDITIONAL
    assert any(condition in c for c in claim.conditions), claim.conditions
    assert words in claim.words


@pytest.mark.parametrize(("lines", "claimed", "words"), WRONG)
def test_wrong_says_which_term(lines: list[str], claimed: str, words: str) -> None:
    comparison = compare(lines, claimed)
    (claim,) = comparison.claims
    assert claim.verdict is Verdict.WRONG, claim.words
    assert words in claim.words
    assert not comparison.correct
    text = comparison.to_text()
    assert "claimed" in text
    assert "right" in text


def test_a_right_line_after_a_wrong_one_is_right() -> None:
    lines = compare(DENSE, ["db[o] = dz[0,o]", "dW[i,o] = sum_n x[n,i] * dz[n,o]"]).claims
    assert [claim.correct for claim in lines] == [False, True]


@pytest.mark.parametrize(
    ("claimed", "said"),
    [
        ("dW[i,o] = sum_n g[n,o] * x[n,i]", "reads g, which is no value here"),
        ("W[i,o] = sum_n dz[n,o] * x[n,i]", "no claimed line gives a derivative"),
        ("ds = sum_{n,o} dz[n,o]", "no claimed line gives a derivative"),
        ("dW[i,o] = dz[n,o] * x[n,i]", "the index n stands only on the right"),
    ],
)
def test_what_cannot_be_compared(claimed: str, said: str) -> None:
    with pytest.raises(FormulaError, match=said):
        compare(DENSE, claimed)


def test_by_a_setting_nothing_is_derived() -> None:
    with pytest.raises(FormulaError, match=r"s stands without indices and is a setting.*s\[k\]"):
        compare(["L = sum_n s * x[n]"], "ds = sum_n x[n]")


def _written(operation: Operation) -> list[tuple[list[str], list[str]]]:
    """The forward lines of an operation beside each of its backward lines, help values before it."""
    forward = [rule.formula.text for rule in operation.forward if rule.formula is not None]
    if len(forward) < len(operation.forward) or not forward:
        return []
    settings = {option for rule in operation.forward for option in rule.options}
    helping: list[str] = []
    found: list[tuple[list[str], list[str]]] = []
    for rule in operation.backward:
        if rule.formula is None or not set(rule.options) <= settings:
            continue  # a range that the forward line has from an array's shape
        if operation.derivative(rule) is None:
            helping.append(rule.formula.text)
        else:
            found.append((forward, [*helping, rule.formula.text]))
    return found


APART = ("attention", "GRU", "LSTM", "recurrent", "penalty", "flatten")
PAIRS = [pair for o in OPERATIONS if not any(kind in o.name for kind in APART) for pair in _written(o)]


@pytest.mark.parametrize("pair", PAIRS[::9] + [pytest.param(p, marks=pytest.mark.long) for p in PAIRS])
def test_the_rules_that_people_wrote_are_right(pair: tuple[list[str], list[str]]) -> None:
    claim = compare(*pair).claims[-1]
    assert claim.correct or claim.conditions in (("y adds up to 1 over k",), (TIES,)), claim.words


def test_what_runs_through_time() -> None:
    line = ["h[n,t,u] = tanh(z[n,t,u] + sum_v h[n,t-1,v] * U[v,u])"]
    right = "dU[v,u] = sum_{n,t} dh[n,t,u] * (1 - h[n,t,u]^2) * h[n,t-1,v]"
    assert compare(line, right).correct
    (claim,) = compare(line, right.replace("h[n,t-1,v]", "h[n,t,v]")).claims
    assert "h[n,t,v] stands where h[n,t-1,v] belongs" in claim.words
    with pytest.raises(FormulaError, match="read h at another time"):
        compare(
            ["z[n,t,u] = x[n,t,u] + sum_v h[n,t-1,v] * U[v,u]", "h[n,t,u] = tanh(z[n,t,u])"], "dz[n,t,u] = dh[n,t,u]"
        )


def test_a_comparison_is_said_without_its_factor() -> None:
    leaky = ["a[n,u] = max(z[n,u], 0.2 * z[n,u])"]
    found = compare(leaky, "dz[n,u] = da[n,u] * ([z[n,u] > 0] + 0.2)").claims[0].words
    assert "the factor [z[n,u] < 0] is left out" in found
    assert compare(leaky, "dz[n,u] = da[n,u] * ([z[n,u] >= 0] + 0.2 * [z[n,u] < 0])").claims[0].words == "right"
