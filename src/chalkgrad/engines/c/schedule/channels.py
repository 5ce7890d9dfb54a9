"""Images whose channels lie side by side, and the layouts of their kernels.

Where an image's channels fill vectors, neighbours along a row need not: no padded row is computed for nothing, windows
with steps need no shuffles, and the sums of a kernel's gradient are whole vectors. So an image that a convolution makes
lies with its channels innermost where these are whole vectors, and so does all that is computed from it channel by
channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ....formula import Shape
from ....formula.nodes import Element, Node, Symbol
from ....program.names import GIVEN
from ....program.statement import SAMPLES, Statement
from .layouts import Layout, framed
from .products import LEAST, Machine

IMAGE = 4
"""An image's values have so many indices: samples, channels, rows and columns."""


def side_by_side(
    statements: Sequence[Statement], shapes: Mapping[str, Shape], results: Sequence[str], machine: Machine
) -> frozenset[str]:
    """The images whose channels lie side by side.

    Args:
        statements: the statements in order.
        shapes: the shape of every named value.
        results: values with samples that are handed out, row by row.
        machine: the machine that runs it.
    """
    fixed = {*GIVEN, *results, *(s.output for s in statements if s.step.rule.formula is None)}
    names = {
        n for statement in statements for n in _seeds(statement) if int(shapes[n][1]) % machine.filled == 0
    } - fixed
    ties = [tie - fixed for statement in statements for tie in _ties(statement, shapes)]
    while more := {name for tie in ties if tie & names for name in tie} - names:
        names |= more
    return frozenset(names)


def _seeds(statement: Statement) -> Iterator[str]:
    """The output of a convolution, or its derivative."""
    rule, inputs = statement.step.rule, statement.step.inputs
    if statement.terms < LEAST or not rule.convolves:
        return
    if rule.weighted:
        yield statement.output
    elif rule.output == "dW":
        yield inputs[1] or ""


def _ties(statement: Statement, shapes: Mapping[str, Shape]) -> list[set[str]]:
    """The images of a statement, those together whose channels have the same index."""
    ties: dict[Node, set[str]] = {}
    for element in [Element(statement.output, statement.place), *statement.elements]:
        if len(element.indices) == IMAGE and shapes[element.name][0] == SAMPLES:
            ties.setdefault(element.indices[1], set()).add(element.name)
    return list(ties.values())


def kernels(
    statements: Sequence[Statement], shapes: dict[str, Shape], channels: frozenset[str]
) -> tuple[list[Statement], dict[str, Layout]]:
    """The statements, with copies of kernels that are needed in two ways, and the kernels' layouts.

    Kernels lie with the output's channels side by side where the output's do, else with the input's where the input's
    do. The derivative of the input needs its own channels side by side: a copy of the kernels is made for it.

    Args:
        statements: the statements in order.
        shapes: the shape of every named value; gets those of the copies.
        channels: the images whose channels lie side by side.
    """
    layouts: dict[str, Layout] = {}
    for statement in statements:
        if statement.step.rule.convolves and statement.step.rule.weighted:
            image, weights = statement.step.inputs[0] or "", statement.step.inputs[1] or ""
            if statement.output in channels:
                layouts[weights] = _layout(shapes[weights], 0)
            elif image in channels:
                layouts[weights] = _layout(shapes[weights], 1)
    result: list[Statement] = []
    for statement in statements:
        backward = statement.step.rule.convolves and statement.step.rule.output == "dx"
        weights = statement.step.inputs[1] if backward else None
        if weights in layouts and layouts[weights].contiguous == 0 and statement.output in channels:
            name, letters = f"{weights}_turned", ("o", "c", "u", "v")
            place = tuple(map(Symbol, letters))
            sizes = dict(zip(letters, shapes[weights], strict=True))
            text = f"{name}[o,c,u,v] = {weights}[o,c,u,v], the input's channels side by side"
            copy = Statement(
                name, place, Element(weights, place), sizes, ("o", "u", "v", "c"), False, text, statement.step
            )
            shapes[name] = shapes[weights]
            layouts[name] = _layout(shapes[weights], 1)
            result.append(copy)
            statement = statement.renamed({weights: name})
        result.append(statement)
    return result, layouts


def beside(statements: Sequence[Statement], shapes: Mapping[str, Shape], channels: frozenset[str]) -> dict[str, Layout]:
    """The layouts of parameters that have a number for every place of an image (layer normalisation): the image's."""
    layouts: dict[str, Layout] = {}
    for statement in statements:
        if statement.output not in channels or len(statement.place) != IMAGE:
            continue
        for element in statement.elements:
            shape = shapes[element.name]
            if element.indices == statement.place[1:] and SAMPLES not in shape:
                layouts[element.name] = _layout(shape, 0)
    return layouts


def _layout(shape: Shape, innermost: int) -> Layout:
    """A parameter's layout with neighbours along one axis side by side."""
    return framed(tuple(int(s) for s in shape), None, 1, innermost)
