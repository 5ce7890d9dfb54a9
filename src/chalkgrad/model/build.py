"""Writes a network's program: from its layers and its loss to the list of steps.

The backward pass is written by going back through the operations and taking each one's backward rules, which
were derived by hand; nothing is differentiated here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..base.errors import FormulaError, OptionError, ShapeError
from ..describe.layers import RECTIFIERS, Layer, Parameter, SampleShape, State
from ..describe.losses import Loss
from ..formula import Shape
from ..program import Program, Step
from ..rules import Operation, Rule, penalty, reduction

BATCH = "N"
PREFIXES = ("d", "g_", "v_", "m_", "L_")
"""What stands before a parameter's name in the names of its gradient and of the optimizer's values."""


@dataclass(slots=True)
class _Placed:
    """One operation in its place: its formal names bound to the network's own."""

    operation: Operation
    names: dict[str, str | None]
    options: Mapping[str, Any]
    layer: str
    suffix: tuple[str | None, int]


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a network is made of, found once when it is built.

    Attributes:
        parameters: every parameter by its name, in the order of the flat buffer.
        states: every running average by its name.
        penalties: (l1, l2) of the parameters that have any.
        shapes: the shape (of one sample) that comes into each layer, and at the end what comes out.
        labels: each layer as text, "layer 2, Dense".
        names: for each layer the network's names of its parameters and states, by their formal names.
        suffixes: for each layer what its values' names are made with: (prefix, number).
    """

    parameters: dict[str, Parameter]
    states: dict[str, State]
    penalties: dict[str, tuple[float, float]]
    shapes: tuple[SampleShape, ...]
    labels: tuple[str, ...]
    names: tuple[dict[str, str], ...]
    suffixes: tuple[tuple[str | None, int], ...]


def value_name(formal: str, prefix: str | None, number: int) -> str:
    """`z1`, or `hidden.z` where the layer has a name."""
    return f"{prefix}.{formal}" if prefix is not None else f"{formal}{number}"


def blueprint(layers: Sequence[Layer], input_shape: SampleShape, l1: float, l2: float, loss: Loss) -> Blueprint:
    """Goes through the layers once and checks that each can take what comes in.

    Raises:
        ShapeError: where one cannot; the message names the layer, what came and where that was fixed.
        OptionError: where two layers have the same name.
    """
    parameters: dict[str, Parameter] = {}
    states: dict[str, State] = {}
    penalties: dict[str, tuple[float, float]] = {}
    shapes: list[SampleShape] = [input_shape]
    labels: list[str] = []
    names: list[dict[str, str]] = []
    suffixes: list[tuple[str | None, int]] = []
    number = 0
    prefix: str | None = None
    used: set[str] = set()
    fixed_by = f"input_shape={input_shape}"
    for place, layer in enumerate(layers):
        label = f"layer {place + 1}, {layer.kind}" + (f" {layer.name!r}" if layer.name else "")
        if layer.name is not None:
            if layer.name.lower() in used:
                raise OptionError(f"{label}: the name {layer.name!r} is taken by an earlier layer")
            _refuse_collision(label, layer.name, used)
            used.add(layer.name.lower())
        try:
            out = layer.output_shape(shapes[-1])
            wanted = layer.parameters(shapes[-1])
            kept = layer.states(shapes[-1])
        except ShapeError as error:
            raise ShapeError(f"{label}: {error} (what comes in was fixed by {fixed_by})") from None
        if wanted:
            number += 1
            prefix = layer.name
        own = layer.name if layer.name is not None else prefix
        bound: dict[str, str] = {}
        for formal, parameter in wanted.items():
            bound[formal] = _fresh(value_name(formal, own, number), parameters)
            parameters[bound[formal]] = parameter
            own_l1, own_l2 = getattr(layer, "l1", None), getattr(layer, "l2", None)
            pair = (l1 if own_l1 is None else own_l1, l2 if own_l2 is None else own_l2)
            if parameter.penalised and pair != (0, 0):
                penalties[bound[formal]] = pair
        for formal, state in kept.items():
            bound[formal] = _fresh(value_name(formal, own, number), states)
            states[bound[formal]] = state
        labels.append(label)
        names.append(bound)
        suffixes.append((own, number))
        if out != shapes[-1]:
            fixed_by = label
        shapes.append(out)
    try:
        loss.shape_check(shapes[-1])
    except ShapeError as error:
        raise ShapeError(f"loss: {error} (fixed by {fixed_by})") from None
    return Blueprint(parameters, states, penalties, tuple(shapes), tuple(labels), tuple(names), tuple(suffixes))


def _refuse_collision(label: str, name: str, earlier: Collection[str]) -> None:
    """Raises OptionError where a layer's values would have the names that another's derivatives have."""
    for other in earlier:
        short, long = sorted((name.lower(), other), key=len)
        if long in [f"{prefix}{short}".lower() for prefix in PREFIXES]:
            raise OptionError(
                f"{label}: values of the layer {long!r} would be called like derivatives or other values of "
                f"{short!r}; choose another name"
            )


def followed_by_rectifier(layers: Sequence[Layer], place: int) -> bool:
    """Whether the next layer with a say in it, behind the one at `place`, is a ReLU-like activation."""
    for layer in layers[place + 1 :]:
        if isinstance(layer, RECTIFIERS):
            return True
        if layer.kind in ("Dense", "Conv2D", "Sigmoid", "Tanh", "Softmax"):
            return False
    return False


def _fresh(name: str, taken: Mapping[str, Any]) -> str:
    if name not in taken:
        return name
    again = 2
    while f"{name}_{again}" in taken:
        again += 1
    return f"{name}_{again}"


@dataclass(slots=True)
class _Writer:
    """Collects steps; knows every value's shape."""

    shapes: dict[str, Shape]
    steps: list[Step] = field(default_factory=list[Step])
    aliases: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, rule: Rule, output: str, placed: _Placed, part: str, shape: Shape | None = None) -> None:
        if output in self.shapes:
            raise OptionError(f"{placed.layer}: two values would be called {output}; name the layers differently")
        inputs = tuple(placed.names[o] for o in rule.operands)
        options = {name: placed.options[name] for name in rule.options}
        known = {o: self.shapes[i] for o, i in zip(rule.operands, inputs, strict=True) if i is not None}
        formula = rule.formula
        if formula is not None:
            for operand, name in zip(rule.operands, inputs, strict=True):
                if name is None:
                    formula = formula.without(operand)
            if shape is None:
                shape = formula.output_shape(known, options)
        elif shape is None:
            shape = known[rule.operands[0]]
        if shape is None:
            raise FormulaError(f"the shape of {output} is not known")
        if formula is not None:
            formula.sizes({**known, formula.output: shape}, options)
        self.shapes[output] = shape
        self.steps.append(Step(output, rule, inputs, options, shape, part, placed.layer, placed.names, placed.options))


def write_program(layers: Sequence[Layer], plan: Blueprint, loss: Loss, seed: int, *, training: bool) -> Program:
    """The steps of forward, loss and backward pass, and of the running averages.

    Args:
        layers: the layers in order.
        plan: their blueprint.
        loss: the loss.
        seed: the network's seed, for dropout.
        training: with dropout and batch statistics, or as in prediction.
    """
    outputs = plan.shapes[-1]
    given: dict[str, Shape] = {"x": (BATCH, *plan.shapes[0]), "y": (BATCH, *outputs), "clock": ()}
    parameters: dict[str, Shape] = {n: p.shape for n, p in plan.parameters.items()}
    states: dict[str, Shape] = {n: s.shape for n, s in plan.states.items()}
    writer = _Writer({**given, **parameters, **states})
    placed: list[_Placed] = []
    fused = loss.fused(layers[-1])
    active = [i for i, layer in enumerate(layers) if layer.operation(training) is not None]
    last = active[-1] if active else -1
    value = "x"
    for i in active:
        if fused is not None and i == last:
            break
        layer = layers[i]
        operation = layer.operation(training)
        assert operation is not None  # it is active
        value = _place(writer, placed, operation, plan, layers, i, value, seed, training, i == last)
    _write_loss(writer, placed, plan, loss, fused, last, value)
    _write_backward(writer, placed, plan)
    for place in placed:
        for rule in place.operation.update:
            state = place.names[rule.output.removesuffix("_new")]
            writer.add(rule, f"{state}_new", place, "update")
    return Program(tuple(writer.steps), given, parameters, states, writer.aliases)


def _place(
    writer: _Writer,
    placed: list[_Placed],
    operation: Operation,
    plan: Blueprint,
    layers: Sequence[Layer],
    i: int,
    value: str,
    seed: int,
    training: bool,
    last: bool,
) -> str:
    """Writes one layer's forward steps; returns the name of what comes out."""
    layer, (prefix, number) = layers[i], plan.suffixes[i]
    names: dict[str, str | None] = {operation.input: value, "clock": "clock", **plan.names[i]}
    names.update({formal: plan.names[i][state] for formal, state in layer.bindings(training).items()})
    for rule in operation.rules:
        for formal in rule.optional:
            names.setdefault(formal, None)
    options = {**layer.options(plan.shapes[i]), "seed": seed, "layer": i + 1}
    here = _Placed(operation, names, options, plan.labels[i], (prefix, number))
    placed.append(here)
    for rule in operation.forward:
        final = last and rule.output == operation.output
        usual = _fresh(value_name(rule.output, prefix, number), {**writer.shapes, **writer.aliases})
        name = "y_hat" if final else usual
        if final:
            writer.aliases[usual] = name
            writer.aliases[f"d{usual}"] = f"d{name}"
        names[rule.output] = name
        shape = (BATCH, *plan.shapes[i + 1]) if rule.output == operation.output else None
        writer.add(rule, name, here, "forward", shape)
    return names[operation.output] or value


def _write_loss(
    writer: _Writer,
    placed: list[_Placed],
    plan: Blueprint,
    loss: Loss,
    fused: Operation | None,
    last: int,
    value: str,
) -> None:
    """Writes the steps from the prediction to L; with a fused loss, the last layer's steps too."""
    outputs = plan.shapes[-1]
    prefix, number = suffix = plan.suffixes[-1]
    operation = fused or loss.operation(outputs)
    label = f"loss, {loss.kind}"
    here = _Placed(operation, {operation.input: value, "y": "y"}, loss.options(outputs), label, suffix)
    placed.append(here)
    for rule in operation.forward:
        part, of = "loss", label
        if rule.output == operation.output:
            name = "l"
        else:
            name = _fresh(value_name(rule.output, prefix, number), {**writer.shapes, **writer.aliases})
            if fused is not None:
                part, of = "forward", plan.labels[last]
                if rule.output == "a":
                    writer.aliases[name] = "y_hat"
                    name = "y_hat"
        here.names[rule.output] = name
        here.layer = of
        writer.add(rule, name, here, part)
    here.layer = label
    reduce = reduction.mean if loss.reduction == "mean" else reduction.sum
    total = _Placed(reduce, {"l": "l"}, {}, label, suffix)
    placed.append(total)
    name = "L_data" if plan.penalties else "L"
    total.names["L"] = name
    writer.add(reduce.forward[0], name, total, "loss")
    for place, (parameter, (l1, l2)) in enumerate(plan.penalties.items()):
        after = "L" if place == len(plan.penalties) - 1 else f"L_{parameter}"
        here = _Placed(
            penalty.operation,
            {"L": name, "W": parameter, "Lp": after},
            {"l1": l1, "l2": l2},
            f"penalty on {parameter}",
            (None, 0),
        )
        writer.add(penalty.penalty, after, here, "loss")
        name = after


def _write_backward(writer: _Writer, placed: Sequence[_Placed], plan: Blueprint) -> None:
    """Writes the derivatives, from the loss back to x, by every operation's backward rules."""
    for here in reversed(placed):
        for rule in here.operation.backward:
            _bind_derivatives(here)
            of = here.names.get(rule.output.removeprefix("d")) if rule.output.startswith("d") else None
            if rule.output.startswith("d") and of is None:
                continue  # the derivative of an absent bias
            if of is None:  # a help value of the backward pass
                name = _fresh(value_name(rule.output, *here.suffix), {**writer.shapes, **writer.aliases})
                here.names[rule.output] = name
                writer.add(rule, name, here, "backward")
                continue
            penalised = of in plan.penalties
            name = f"d{of}_data" if penalised else f"d{of}"
            here.names[rule.output] = name
            writer.add(rule, name, here, "backward", writer.shapes[of])
            if penalised:
                l1, l2 = plan.penalties[of]
                extra = _Placed(
                    penalty.operation, {"dW_data": name, "W": of}, {"l1": l1, "l2": l2}, f"penalty on {of}", (None, 0)
                )
                writer.add(penalty.penalty_dW, f"d{of}", extra, "backward", writer.shapes[of])


def _bind_derivatives(here: _Placed) -> None:
    """Gives every bound value's derivative its name: `d` and the value's own."""
    for formal, name in list(here.names.items()):
        if not formal.startswith("d") and name is not None:
            here.names.setdefault(f"d{formal}", f"d{name}")
