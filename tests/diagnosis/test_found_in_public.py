"""Wrong backward passes from public reports are named or placed, right ones never called wrong.

`benchmarks/found_in_public.py` prints the table.
"""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FEW = (
    "any activation: f'(a)",
    "hidden error: the new W2 carries it",
    "cross-entropy, no reduction: the first sample's upstream for all",
    "convolution, dx: the stride is forgotten",
    "residual: only through f",
    "batch norm: n - 1 in the backward pass, n in the forward",
    "RMS norm, dx: each row gets another row's correction",
)
MANY = (
    "convolution, not square: rows for columns",
    "layer norm: gamma of the row for that of the column",
    "softmax loss: divided by the number of classes",
)


@pytest.fixture(scope="module")
def public() -> ModuleType:
    """The benchmark as a module."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("found_in_public", BENCHMARKS / "found_in_public.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["found_in_public"] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module


@pytest.mark.parametrize("what", [*FEW, *(pytest.param(what, marks=pytest.mark.long) for what in MANY)])
def test_a_wrong_pass_is_named(public: ModuleType, what: str) -> None:
    case = next(case for case in public.WRONG if case.what == what)
    assert [answer.verdict for answer in public.answered(case)] == [public.NAMED] * 2


@pytest.mark.long
def test_right_passes_are_called_right(public: ModuleType) -> None:
    for case in public.RIGHT:
        assert {answer.verdict for answer in public.answered(case)} == {public.CALLED}, case.what
        if isinstance(case, public.Formulas) and case.words:
            assert case.words.replace("\\", "") in public.compared(case).words


def test_a_right_form_that_was_claimed_to_be_wrong_is_right(public: ModuleType) -> None:
    case = next(case for case in public.RIGHT if case.words)
    assert "sum_n (x[n,c] - mu[c]) = 0" in public.compared(case).words


def test_the_right_lines_are_right(public: ModuleType) -> None:
    passes = sys.modules["public_passes"]
    for kind, (_, lines) in passes.NETWORKS.items():
        net, x, y = passes.drawn(kind)
        trace = net.trace(x, y)
        for name, value in passes.filled(lines, {name: trace[name] for name in trace}).items():
            if name in trace:
                np.testing.assert_allclose(value, trace[name], rtol=1e-9, atol=1e-12, err_msg=f"{kind}: {name}")


@pytest.mark.long
def test_nearly_all_are_named_or_placed_and_none_is_given_a_wrong_cause(public: ModuleType) -> None:
    answers = [public.answered(case) for case in public.WRONG]
    whole, gradients = (Counter(pair[k].verdict for pair in answers) for k in (0, 1))
    assert whole[public.CAUSE] == 0
    assert whole[public.CALLED] == gradients[public.CALLED] == 0
    assert whole[public.NAMED] + whole[public.PLACED] >= 0.95 * len(answers)
    assert whole[public.NAMED] >= 45
    assert gradients[public.NAMED] >= 45
    assert gradients[public.CAUSE] == 0
