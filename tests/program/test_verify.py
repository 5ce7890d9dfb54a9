"""A program that cannot run is found out before it runs; those of every test are verified (`conftest.py`)."""

from __future__ import annotations

from dataclasses import replace

import pytest

import chalkgrad as cg
from chalkgrad.base.errors import FormulaError
from chalkgrad.program import Owner, Program, Role, Step, Value
from chalkgrad.rules.dense import dense, dense_dW
from networks import example

OWNER = Owner("layer", "Dense", "layer 1, Dense", 0)
X, W, Z = Value("x", ("N", 3), Role.GIVEN), Value("W", (3, 2), Role.PARAMETER), Value("z", ("N", 2), Role.FORWARD)


def step(value: Value = Z, inputs: tuple[str | None, ...] = ("x", "W", None), part: str = "forward") -> Step:
    return Step(value, dense, inputs, {}, part, OWNER)


def test_a_program_by_hand() -> None:
    program = Program((step(),), (X, W), {"a": "z"})
    program.verify()
    assert program.values["W"].role is Role.PARAMETER
    assert (program.given, program.parameters) == ({"x": ("N", 3)}, {"W": (3, 2)})
    assert program.resolve("a") == "z"


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (Program((step(),), (X,)), "W is not computed before"),
        (Program((step(inputs=("x", "W", "b")),), (X, W)), "b is not computed before"),
        (Program((step(), step()), (X, W)), "z is computed twice"),
        (Program((step(W),), (X, W)), "W is computed twice"),
        (Program((), (X, W, X)), "x is given twice"),
        (Program((step(part="sideways"),), (X, W)), "the part 'sideways' is none of forward"),
        (Program((step(replace(Z, shape=("N", 3))),), (X, W)), "the index o takes"),
        (Program((step(replace(Z, shape=(4, 2))),), (X, W)), "the index n takes"),
        (Program((step(),), (replace(X, shape=("N", 4)), W)), "the index i takes"),
        (Program((step(replace(Z, role=Role.DERIVATIVE)),), (X, W)), "z, a derivative value, belongs to None"),
        (Program((step(replace(Z, of="x")),), (X, W)), "z, a forward value, belongs to x"),
        (Program((step(replace(Z, role=Role.SHARE, of="q")),), (X, W)), "z belongs to q, which there is not"),
        (Program((step(replace(Z, role=Role.UPDATED, of="W")),), (X, W)), "z has shape"),
        (Program((step(),), (X, W), {"a": "q"}), "a is invalid as another name of q"),
        (Program((step(),), (X, W), {"x": "z"}), "x is invalid as another name of z"),
    ],
)
def test_what_cannot_run_is_named(program: Program, said: str) -> None:
    with pytest.raises(FormulaError, match=said):
        program.verify()


def test_a_step_is_named_by_what_it_computes() -> None:
    wrong = Step(Value("dW", (3, 2), Role.DERIVATIVE, "W"), dense_dW, ("x", "dz"), {}, "backward", OWNER)
    with pytest.raises(FormulaError, match=r"^dW = dense_dW\(x, dz\): dz is not computed before"):
        Program((step(), wrong), (X, W)).verify()


def test_relations_are_fields() -> None:
    program = example().updated_by(cg.SGD(0.1, momentum=0.9))
    assert program.derivative_of["z1"] == "dz1"
    assert program.derivatives["dW1"] == "W1"
    assert program.updated["W1"] == "W1_new"
    assert program.updated["v_W1"] == "v_W1_new"
    assert program.belongs_to("dW1") == program.belongs_to("W1_new") == program.belongs_to("W1") == "W1"
    assert (program.values["v_W1"].role, program.values["v_W1"].of) == (Role.OPTIMIZER, "W1")
    assert program.values["clock"].dtype == "int"
    assert program["z2"].owner.line == 2
