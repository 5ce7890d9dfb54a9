"""ONNX's own tests of operators, run unchanged on chalkgrad's forward rules and optimizers."""

from __future__ import annotations

import os
import unittest
import warnings
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("onnx")

OPERATORS = {
    "Adagrad", "Adam", "Attention", "AveragePool", "BatchNormalization", "Conv", "Elu", "Flatten", "Gather", "Gelu", "Gemm",
    "GlobalAveragePool", "GlobalMaxPool", "GRU", "LayerNormalization", "LeakyRelu", "LSTM", "MatMul", "MaxPool", "Momentum",
    "RMSNormalization", "Relu", "RNN", "Sigmoid", "Softmax", "SoftmaxCrossEntropyLoss", "Softplus", "Tanh",
}  # fmt: skip
RECURRENT = ("test_simple_rnn_", "test_rnn_", "test_lstm_", "test_gru_")
REFUSED = {"test_lstm_with_peepholes_cpu"}
"""Those of recurrent operators that chalkgrad has no rule for: gates that look at the cell."""
LEAST = 91
"""Tests that pass with every version of onnx that is supported."""


class Counting(unittest.TestResult):
    """Keeps the operators of the tests that passed and in which something was computed, and the other tests."""

    def __init__(self, ran: list[str]) -> None:
        super().__init__()
        self.ran, self.before = ran, 0
        self.passed: Counter[str] = Counter()
        self.refused: set[str] = set()

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self.before = len(self.ran)

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.passed.update(set(self.ran[self.before :]))
        if len(self.ran) == self.before:
            self.refused.add(test.id().rpartition(".")[2])


@pytest.mark.long
def test_every_node_test_of_an_operator_that_chalkgrad_has() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import onnx
        from onnx.backend.test import BackendTest
        from onnx_backend import RAN, ChalkgradBackend

        suite = BackendTest(ChalkgradBackend, __name__)
        cases = suite.test_cases["OnnxBackendNodeModelTest"]
        names = [n for n in dir(cases) if n.startswith("test_") and n.endswith("_cpu")]
        result = Counting(RAN)
        unittest.TestSuite(cases(n) for n in names).run(result)
    wrong = [f"{test.id()}: {text}" for test, text in [*result.failures, *result.errors]]
    assert not wrong, "\n".join(wrong)
    assert result.testsRun == len(names) > 1000
    missing = OPERATORS - set(result.passed)
    assert not missing, f"no test of {missing} passed"
    assert {name for name in result.refused if name.startswith(RECURRENT)} == REFUSED
    assert result.passed.total() >= LEAST
    if place := os.environ.get("CHALKGRAD_ONNX_FIGURES"):
        rows = [f"| {name} | {count} |" for name, count in sorted(result.passed.items())]
        Path(place).write_text(
            f"{result.passed.total()} of the {len(names):,} node tests of onnx {onnx.__version__}\n"
            + "\n".join(rows)
            + "\n"
        )
