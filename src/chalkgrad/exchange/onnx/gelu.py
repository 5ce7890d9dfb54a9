"""GELU as older graphs spell it, z / sqrt(2), erf of it, plus 1, times z, times 1/2: found and put together again."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from .file import OnnxNode
from .values import Array


def with_gelu(nodes: Sequence[OnnxNode], arrays: Mapping[str, Array], outputs: Sequence[str]) -> list[OnnxNode]:
    """The nodes, with one Gelu in place of those that spell it.

    Args:
        nodes: the nodes in order.
        arrays: the arrays of the graph by name.
        outputs: what the graph gives.
    """
    if not any(node.operator == "Erf" for node in nodes):
        return list(nodes)
    found = _Found(nodes, arrays, outputs)
    last: dict[int, OnnxNode] = {}
    gone: set[int] = set()
    for node in nodes:
        if node.operator == "Erf" and (parts := found.parts(node)) is not None:
            z, chain = parts
            end = chain[-1]
            gone |= {id(part) for part in chain}
            last[id(end)] = OnnxNode("Gelu", (z,), end.outputs, {}, end.label, end.name)
    return [last.get(id(node), node) for node in nodes if id(node) not in gone or id(node) in last]


class _Found:
    def __init__(self, nodes: Sequence[OnnxNode], arrays: Mapping[str, Array], outputs: Sequence[str]) -> None:
        self.maker = {name: node for node in nodes for name in node.outputs}
        self.uses = Counter([*(name for node in nodes for name in node.inputs), *outputs])
        self.user = {name: node for node in nodes for name in node.inputs}
        self.numbers = {name: a.ravel()[0] for name, a in arrays.items() if a.size == 1}
        for node in nodes:
            value = node.attributes.get("value", node.attributes.get("value_float"))
            if node.operator == "Constant" and value is not None and np.size(value) == 1:
                self.numbers[node.outputs[0]] = np.ravel(value)[0]

    def parts(self, erf: OnnxNode) -> tuple[str, list[OnnxNode]] | None:
        """z and the nodes that are its GELU, the last of them last; None where it is none."""
        scaled = self.maker.get(erf.inputs[0])
        if scaled is None:
            return None
        number, z = self._number(scaled)
        wanted = {"Div": math.sqrt(2), "Mul": math.sqrt(0.5)}.get(scaled.operator)
        if number is None or wanted is None or not math.isclose(number, wanted, rel_tol=1e-5):
            return None
        chain, half, by_z = [scaled, erf], False, False
        add = self._next(erf)
        if add is None or add.operator != "Add" or self._number(add)[0] != 1:
            return None
        chain.append(add)
        while not (half and by_z):
            node = self._next(chain[-1])
            if node is None or node.operator != "Mul":
                return None
            number, _ = self._number(node)
            other = [name for name in node.inputs if name not in chain[-1].outputs]
            if number == 0.5 and not half:
                half = True
            elif other == [z] and not by_z:
                by_z = True
            elif other and not (half or by_z) and self._half_of(other[0], z):
                half = by_z = True
                chain.insert(0, self.maker[other[0]])
            else:
                return None
            chain.append(node)
        return z, chain

    def _half_of(self, name: str, z: str) -> bool:
        """Whether a value is z / 2, and used once."""
        node = self.maker.get(name)
        return node is not None and node.operator == "Mul" and self._number(node) == (0.5, z) and self.uses[name] == 1

    def _next(self, node: OnnxNode) -> OnnxNode | None:
        """The node that alone takes what a node gives."""
        return self.user.get(node.outputs[0]) if self.uses[node.outputs[0]] == 1 else None

    def _number(self, node: OnnxNode) -> tuple[float | None, str]:
        """The constant number that a node takes, and its other operand."""
        for name, other in (node.inputs, node.inputs[::-1]) if len(node.inputs) == 2 else ():
            if name in self.numbers and (node.operator != "Div" or name == node.inputs[1]):
                return float(self.numbers[name]), other
        return None, ""
