"""PyTorch's gradcheck on every operation: its rules as an autograd function, against PyTorch's finite differences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("array_api_compat")

from cases import CASES, Case  # noqa: E402
from chalkgrad.rules import OPERATIONS  # noqa: E402


class ByRules(torch.autograd.Function):
    """An operation: forward by its forward rules, backward by its backward rules."""

    @staticmethod
    def forward(ctx: Any, case: Case, names: tuple[str, ...], *tensors: Any) -> Any:
        ctx.case, ctx.names = case, names
        ctx.save_for_backward(*tensors)
        return case.forward({**case.operands, **dict(zip(names, tensors, strict=True))})[case.operation.output]

    @staticmethod
    def backward(ctx: Any, upstream: Any) -> tuple[Any, ...]:
        given = dict(zip(ctx.names, ctx.saved_tensors, strict=True))
        found = replace(ctx.case, operands={**ctx.case.operands, **given}).backward(upstream)
        operation = ctx.case.operation
        last = all(f"d{operation.output}" not in rule.operands for rule in operation.backward)
        factor = upstream if last else 1  # behind the loss there is nothing: its rules take dL to be 1
        return None, None, *(factor * found[f"d{name}"] for name in ctx.names)


def as_tensor(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    return torch.from_numpy(np.array(value, dtype=np.float64 if value.dtype.kind == "f" else np.int64))


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=10)
@given(data=st.data())
def test_gradcheck(name: str, data: st.DataObject) -> None:
    case = CASES[name](data.draw)
    derivatives = {rule.output for rule in case.operation.backward}
    operands = {n: as_tensor(v) for n, v in case.operands.items()}
    if name == "penalty":
        operands["L"] = torch.tensor(operands["L"], dtype=torch.float64)
    names = tuple(n for n, v in operands.items() if isinstance(v, torch.Tensor) and f"d{n}" in derivatives)
    if not derivatives:
        pytest.skip(f"{name} has no backward rules")
    assert names, "nothing that there are derivatives of"
    case = replace(case, operands=operands)
    tensors = [operands[n].clone().requires_grad_() for n in names]
    assert torch.autograd.gradcheck(lambda *given: ByRules.apply(case, names, *given), tensors)


def test_every_operation_with_a_backward_pass_has_a_case() -> None:
    rules = {rule.name for o in OPERATIONS for rule in o.backward}

    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def draw(data: st.DataObject) -> None:
        for make in CASES.values():
            rules.difference_update(r.name for r in make(data.draw).operation.backward)

    draw()
    assert not rules
