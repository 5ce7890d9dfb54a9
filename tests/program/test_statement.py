"""A step's formula in the network's names: an index keeps its own, and an operand called like the output may be another."""

from __future__ import annotations

import pytest

import chalkgrad as cg
from chalkgrad.formula.nodes import Element
from chalkgrad.program.statement import Statement, statement_of


@pytest.fixture(scope="module")
def program() -> cg.Program:
    return cg.Network([cg.GRU(3), cg.Dense(2)], input_shape=(4, 2), loss="SquaredError").program


def of(program: cg.Program, name: str) -> Statement:
    return statement_of(program[name], program.shapes)


def test_a_value_called_like_an_index(program: cg.Program) -> None:
    found = of(program, "h1")
    assert found.text == "h1[n,t,u] = (1 - z1[n,t,u]) * n1[n,t,u] + z1[n,t,u] * h1[n,t-1,u]"
    assert [e.name for e in found.elements] == ["z1", "n1", "z1", "h1"]
    assert {e.indices[0] for e in found.elements} == {found.place[0]}
    assert dict(found.sizes) == {"n": "N", "t": 4, "u": 3}


def test_a_share_that_reads_the_whole_derivative(program: cg.Program) -> None:
    found = of(program, "dh1_from_h1")
    assert found.text == "dh1_from_h1[n,t,u] = dh1[n,t+1,u] * z1[n,t+1,u]"
    assert [e.name for e in found.elements] == ["dh1", "z1"]
    assert isinstance(found.left, Element)
    assert found.left.name == "dh1_from_h1"
