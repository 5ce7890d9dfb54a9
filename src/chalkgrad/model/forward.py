"""Writes the forward pass: the lines of the network in order, then the loss."""

from __future__ import annotations

import math

from ..describe.losses import Loss, of_one_step
from ..program import Owner, Role
from ..program import names as spelled
from ..rules import Operation, inputs, label_smoothing, penalty, reduction
from ..rules.derived import operation_over_time
from .lines import INPUT, Layout, Line
from .writer import BATCH, Placed, Writer

PREDICTION = "y_hat"
REDUCTIONS = {
    ("mean", False): reduction.mean,
    ("mean", True): reduction.weighted_mean,
    ("sum", False): reduction.sum,
    ("sum", True): reduction.weighted_sum,
}
"""The operation from the samples' losses to L, by the loss's reduction and whether samples have weights."""


def write_forward(
    writer: Writer, layout: Layout, loss: Loss, seed: int, *, training: bool, weighted: bool
) -> list[Placed]:
    """Writes the steps from the inputs to L; returns the operations in the order in which they run."""
    fused = loss.fused(layout.lines[-1].layer)
    if fused is not None:
        fused = _of_each(fused, layout)
    active = [line for line in layout.lines if line.operation(training) is not None]
    last = active[-1].place if active else -1
    gives: dict[int | str, str] = {name: name for name in layout.inputs}
    placed: list[Placed] = []
    if layout.several:
        _write_inputs(writer, layout)
    for line in layout.lines:
        inputs = [gives[source] for source in line.sources]
        operation = line.operation(training)
        if operation is None or (fused is not None and line.place == last):
            gives[line.place] = inputs[0]  # it passes on what it takes
            continue
        here = _line(line, operation, inputs, seed, training=training)
        placed.append(here)
        for rule in operation.forward:  # first, as a step of a loop reads what later ones compute
            final = line.place == last and rule.output == operation.output
            usual = writer.fresh(rule.output, here)
            here.names[rule.output] = PREDICTION if final else usual
            if final:
                writer.alias(usual, PREDICTION)
                writer.alias(spelled.derivative(usual), spelled.derivative(PREDICTION))
        for rule in operation.forward:
            shape = (BATCH, *line.shape) if rule.output == operation.output else None
            writer.add(rule, here.names[rule.output] or "", here, "forward", Role.FORWARD, shape=shape)
        gives[line.place] = here.names[operation.output] or inputs[0]
    placed += _write_loss(
        writer, layout, loss, fused, gives[layout.lines[-1].place], layout.lines[last].owner, weighted
    )
    return placed


def _of_each(operation: Operation, layout: Layout) -> Operation:
    """An operation of the loss, for each step of the sequences that the network gives."""
    return operation_over_time(operation) if len(layout.output_shape) == 2 else operation


def _write_inputs(writer: Writer, layout: Layout) -> None:
    """Writes the steps that take several inputs out of the samples' rows."""
    begin = 0
    for name, shape in layout.inputs.items():
        size = math.prod(shape)
        operation = inputs.ids if name in layout.ids else inputs.row if len(shape) == 1 else inputs.array
        kind = "int" if name in layout.ids else "float"
        names: dict[str, str | None] = {"x": INPUT, "f": f"{name}_row", "v": name, operation.output: name}
        here = Placed(operation, names, {"o": begin, "I": size, "shape": shape}, Owner("input", name, f"input {name}"))
        for rule in operation.forward:
            whole = (BATCH, *shape) if rule.output == operation.output else (BATCH, size)
            writer.add(rule, names[rule.output] or "", here, "forward", Role.FORWARD, shape=whole, dtype=kind)
        begin += size


def _line(line: Line, operation: Operation, taken: list[str], seed: int, *, training: bool) -> Placed:
    """A line's operation with its operands' names; optional operands that are not there are None."""
    inputs = (operation.input, *operation.others)
    names: dict[str, str | None] = {**dict(zip(inputs, taken, strict=False)), "clock": "clock", **line.names}
    names.update({formal: line.names[state] for formal, state in line.layer.bindings(training).items()})
    for formal in (f for rule in operation.rules for f in (*rule.optional, *operation.others)):
        names.setdefault(formal, None)
    options = {**line.options, "seed": seed, "layer": line.place + 1}
    return Placed(operation, names, options, line.owner, line.prefix, line.number)


def _write_loss(
    writer: Writer, layout: Layout, loss: Loss, fused: Operation | None, value: str, last: Owner, weighted: bool
) -> list[Placed]:
    """Writes the steps from the prediction to L; with a fused loss, the last layer's steps too."""
    end = layout.lines[-1]
    outputs = of_one_step(end.shape)
    operation = fused or _of_each(loss.operation(outputs), layout)
    owner = Owner("loss", loss.kind, f"loss, {loss.kind}")
    names: dict[str, str | None] = {operation.input: value, "y": "y"}
    names |= {formal: end.names[formal] for formal in loss.of_last}
    here = Placed(operation, names, loss.options(outputs), owner, end.prefix, end.number)
    placed = [here]
    for rule in operation.forward:
        if rule.output == operation.output:
            here.names["y"] = _write_target(writer, layout, loss, owner)
            here.names[rule.output] = "l"
            writer.add(rule, "l", here, "loss", Role.LOSS)
            continue
        name = writer.fresh(rule.output, here)
        if fused is not None and rule.output == "a":
            writer.alias(name, PREDICTION)
            name = PREDICTION
        here.names[rule.output] = name
        if fused is None:
            writer.add(rule, name, here, "loss", Role.LOSS)
        else:
            writer.add(rule, name, here, "forward", Role.FORWARD, owner=last)
    weights = _write_weights(writer, layout, loss, owner, weighted=weighted)
    reduce = _of_each(REDUCTIONS[loss.reduction, weights is not None], layout)
    name = spelled.DATA_LOSS if layout.penalties else spelled.LOSS
    names = {"l": "l", "L": name, "w": weights, "total": spelled.WEIGHTS_SUM}
    total = Placed(reduce, names, {}, owner, end.prefix, end.number)
    placed.append(total)
    for rule in reduce.forward:
        writer.add(rule, names[rule.output] or "", total, "loss", Role.LOSS)
    for place, (parameter, (l1, l2)) in enumerate(layout.penalties.items()):
        more = place < len(layout.penalties) - 1
        after = spelled.penalised_loss(parameter) if more else spelled.LOSS
        names = {"L": name, "W": parameter, "Lp": after}
        here = Placed(penalty.operation, names, {"l1": l1, "l2": l2}, penalty_owner(parameter))
        writer.add(penalty.penalty, after, here, "loss", Role.LOSS)
        name = after
    return placed


def _write_target(writer: Writer, layout: Layout, loss: Loss, owner: Owner) -> str:
    """Writes the step to the target that the loss compares with, where that is another than y; returns its name."""
    if not loss.smoothing:
        return "y"
    smooth = _of_each(label_smoothing.operation, layout)
    names: dict[str, str | None] = {"y": "y", "t": spelled.SMOOTH_TARGET}
    here = Placed(smooth, names, {"smoothing": loss.smoothing}, owner)
    writer.add(smooth.forward[0], spelled.SMOOTH_TARGET, here, "loss", Role.LOSS)
    return spelled.SMOOTH_TARGET


def _write_weights(writer: Writer, layout: Layout, loss: Loss, owner: Owner, *, weighted: bool) -> str | None:
    """Writes the steps to the samples' weights, 0 where a target is ignored; returns their name, None for none."""
    weights = spelled.SAMPLE_WEIGHT if weighted else None
    if not loss.ignores:
        return weights
    counting = _of_each(reduction.counting, layout)
    names: dict[str, str | None] = {"y": "y", "c": spelled.LOSS_COUNTS, "v": weights, "w": spelled.LOSS_WEIGHTS}
    here = Placed(counting, names, {}, owner)
    rules = counting.forward if weighted else counting.forward[:1]
    for rule in rules:
        writer.add(rule, names[rule.output] or "", here, "loss", Role.LOSS)
    return names[rules[-1].output]


def penalty_owner(parameter: str) -> Owner:
    """Whose step the penalty on a parameter is."""
    return Owner("penalty", f"penalty on {parameter}", f"penalty on {parameter}")
