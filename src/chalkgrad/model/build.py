"""Writes a network's program: from its lines and its loss to the list of steps."""

from __future__ import annotations

from ..describe.losses import Loss
from ..program import Program, Role, Value
from ..program import names as spelled
from .backward import write_backward
from .forward import write_forward
from .lines import INPUT, Layout
from .writer import BATCH, Writer


def write_program(layout: Layout, loss: Loss, seed: int, *, training: bool, weighted: bool = False) -> Program:
    """The steps of forward, loss and backward pass, and of the running averages.

    Args:
        layout: the network's lines.
        loss: the loss.
        seed: the network's seed, for dropout.
        training: with dropout and batch statistics, or as in prediction.
        weighted: whether samples, or the steps of sequences, have weights.
    """
    kind = "int" if layout.all_whole else "float"
    inputs = [Value(INPUT, (BATCH, *layout.sample_shape), Role.GIVEN, dtype=kind)]
    inputs.append(Value("y", (BATCH, *layout.output_shape), Role.GIVEN))
    if weighted:
        inputs.append(Value(spelled.SAMPLE_WEIGHT, (BATCH, *layout.steps_shape), Role.GIVEN))
    inputs.append(Value("clock", (), Role.GIVEN, dtype="int"))
    inputs += [Value(name, parameter.shape, Role.PARAMETER) for name, parameter in layout.parameters.items()]
    inputs += [Value(name, state.shape, Role.STATE) for name, state in layout.states.items()]
    writer = Writer()
    writer.given(inputs)
    placed = write_forward(writer, layout, loss, seed, training=training, weighted=weighted)
    write_backward(writer, placed, layout)
    for here in placed:
        for rule in here.operation.update:
            state = here.names[here.operation.state(rule)] or ""
            writer.add(rule, spelled.updated(state), here, "update", Role.UPDATED, of=state)
    return Program(tuple(writer.steps), tuple(inputs), writer.aliases)
