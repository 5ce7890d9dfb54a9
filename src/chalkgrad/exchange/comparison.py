"""A module of PyTorch's beside a network: value by value, gradient by gradient, and the first that differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.address import Address
from ..base.checks import flag, number, said
from ..base.errors import OptionError
from ..describe.layers import Dropout, Flatten, Recurrent
from ..describe.losses import of_one_step
from ..explain.trace import Trace
from ..model.lines import Line
from ..network import Network
from ..program import names as spelled
from ..render.blocks import Paragraph, Table
from ..render.board import Board
from ..render.shown import Shown, some_rows
from ..write.torch.forward import FORMALS
from ..write.torch.instance import torch_loss
from ..write.torch.training import Scored
from .torch.network import Matched, in_order, matched, samples_of, summed
from .torch.trace import read_example, torch_library
from .torch.values import Draft, Value, Weight, read

Array = np.ndarray[Any, Any]
TOLERANCE = {"float64": 1e-10, "float32": 1e-4}
SMALL = 1e-3
"""Gradients are compared as if none were smaller than this share of the largest: what is 0 but for rounding agrees."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One array of the network beside the module's.

    Attributes:
        ours: its name in the network, "fc.z", "dfc.W".
        theirs: its place in the module: the module or the line that gives it, or the parameter's name.
        shape: its shape in the network.
        difference: the largest difference, NaN where one of the two is NaN alone.
        address: where that is, "fc.z[0, 3]".
        here, there: the two numbers there.
        same: whether it is within the tolerance.
    """

    ours: str
    theirs: str
    shape: tuple[int, ...]
    difference: float
    address: str
    here: float
    there: float
    same: bool


@dataclass(frozen=True, slots=True, repr=False)
class Comparison(Shown):
    """A module beside a network. It is true where all agree; printed, it says the first that differs.

    Attributes:
        values: the weights and values in the order of the forward pass, and the loss.
        gradients: the derivatives of values and weights in the order of the backward pass.
        tolerance: what the largest difference may be, as a share of the array's largest number.
    """

    values: tuple[Compared, ...]
    gradients: tuple[Compared, ...]
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether all agree."""
        return self.first is None

    @property
    def first(self) -> Compared | None:
        """The first that differs, in the order of the passes; None where all agree."""
        return next((one for one in (*self.values, *self.gradients) if not one.same), None)

    @property
    def largest_difference(self) -> float:
        """The largest difference of all."""
        return max((one.difference for one in (*self.values, *self.gradients)), default=0.0)

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        first = self.first
        if first is None:
            return (
                f"{_count(self.values, 'value')} and {_count(self.gradients, 'gradient')} agree, largest difference "
                f"{self.largest_difference:.1e}"
            )
        before = [*self.values, *self.gradients].index(first)
        return (
            f"{first.ours} differs first, {first.theirs}: at {first.address} it is {first.here:.9g} here and "
            f"{first.there:.9g} in PyTorch; {_count(before, 'array')} before it agree"
        )

    def __repr__(self) -> str:
        return f"<comparison: {self}>"

    def board(self) -> Board:
        """All of them as a table."""
        head = ("here", "in PyTorch", "shape", "difference", "at", "result")
        rows = [
            (
                one.ours,
                one.theirs,
                " x ".join(map(str, one.shape)) or "1",
                f"{one.difference:.1e}",
                one.address,
                "same" if one.same else "DIFFERS",
            )
            for one in (*self.values, *self.gradients)
        ]
        text = str(self)
        return Board("The network beside the module", (Paragraph(f"{text}."), Table(head, some_rows(rows), right=(3,))))


def compare(
    module: Any,
    network: Network,
    x: Any,
    y: Any,
    *,
    loss: Any = None,
    training: bool = False,
    tolerance: float | None = None,
) -> Comparison:
    """Runs an `nn.Module` and a network on the same samples, and compares all that they compute.

    The module is read as by `from_torch`, and its lines are put beside the network's in order. So the network may be
    one that `from_torch` gave, trained since or not, or one that was written by hand after the module: it must have as
    many lines, of the same shapes (dropout aside, and the Softmax or Sigmoid that goes with a loss of logits). Weights
    are compared too, each in the network's orientation; nothing is changed in either.

    Args:
        module: the module.
        network: the network.
        x: samples (N, ...) as the module takes them, several inputs as for `from_torch`.
        y: targets as the network takes them: (N, *output_shape) or class numbers (N,).
        loss: the module's loss, a function of its output and of y as a tensor, such as nn.CrossEntropyLoss(); None is
            what the network's loss is in PyTorch.
        training: with the batch's own statistics in batch normalisation; else as in prediction.
        tolerance: the largest difference that passes, as a share of the array's largest number; 1e-10 in float64, 1e-4
            in float32.

    Raises:
        OptionError: where the module is not covered, or its lines are not the network's; the message says where.
        ShapeError, DataError: where x or y does not fit.
    """
    if not isinstance(network, Network):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OptionError(f"compare takes a module and a network, compare(module, net, x, y); {said(network)} is none")
    flag("compare", "training", training)
    if training and any(isinstance(v.layer, Dropout) and v.layer.rate for v in network.layout.lines):
        raise OptionError("compare: dropout draws other masks in PyTorch; compare with training=False")
    limit = TOLERANCE[network.dtype.name] if tolerance is None else number("compare", "tolerance", tolerance, 0.0)
    module = getattr(module, "_orig_mod", module)  # of torch.compile
    inputs = read_example(module, x)
    found = matched(module, inputs, training=training)
    pairs = _pairs(found, network)
    trace = network.trace(samples_of(network, inputs), y, training=training)
    run = _Run(found, network, pairs, trace, limit)
    total = run.loss(y, loss)
    return Comparison(tuple(run.values(total)), tuple(run.gradients(total)), limit)


def _computing(network: Network) -> list[Line]:
    """The lines that compute something in prediction; a Flatten of rows is none."""
    lines = [line for line in network.layout.lines if line.operation(training=False) is not None]
    return [line for line in lines if not isinstance(line.layer, Flatten) or len(line.shapes[0]) > 1]


def _pairs(found: Matched, network: Network) -> list[tuple[Line, Line, Draft]]:
    """Each line of the network, the one of the module's own network that it stands beside, and that one's draft.

    Raises:
        OptionError: where they are not as many, or of other shapes.
    """
    drafts = {line.place: draft for line, draft in zip(found.network.layout.lines, found.drafts, strict=False)}
    theirs = [line for line in _computing(found.network) if line.place in drafts]
    ours = _computing(network)
    ending = network.loss_function.fused(network.layout.lines[-1].layer) is not None
    if ending and len(ours) == len(theirs) + 1:
        ours = ours[:-1]
    for mine, other in zip(ours, theirs, strict=False):
        shapes = [{n: p.shape for n, p in _formals(line).items()} for line in (mine, other)]
        if mine.shape != other.shape or sorted(shapes[0].values()) != sorted(shapes[1].values()):
            raise OptionError(
                f"the module's lines are not the network's: {drafts[other.place].call.place} is {_line(other)}, where "
                f"the network has {mine.label}, {_line(mine)}"
            )
    if len(ours) != len(theirs):
        longer = ours if len(ours) > len(theirs) else theirs
        extra = longer[min(len(ours), len(theirs))]
        whose = extra.label if longer is ours else drafts[extra.place].call.place
        raise OptionError(
            f"the module computes {len(theirs)} values and the network {len(ours)}; without a counterpart is {whose}"
        )
    return [(mine, other, drafts[other.place]) for mine, other in zip(ours, theirs, strict=True)]


def _line(line: Line) -> str:
    weights = "".join(f", {formal} {parameter.shape}" for formal, parameter in _formals(line).items())
    return f"{line.layer.kind} of shape (N{''.join(f', {s}' for s in line.shape)}){weights}"


def _formals(line: Line) -> dict[str, Any]:
    """A line's own parameters by their formal names."""
    return {formal: line.parameters[name] for formal, name in line.names.items() if name in line.parameters}


class _Run:
    """Both runs, put beside each other."""

    def __init__(
        self,
        found: Matched,
        network: Network,
        pairs: list[tuple[Line, Line, Draft]],
        trace: Trace,
        tolerance: float,
    ) -> None:
        self.found, self.network, self.pairs, self.trace, self.tolerance = found, network, pairs, trace, tolerance
        program = network.program_for(training=True)
        self.derivative_of = program.derivative_of
        part = program.part("forward") if found.record.training else network.prediction_program.part("forward")
        self.outputs = {s.owner.line: s.output for s in part if s.owner.line is not None}

    # -- the module's loss -----------------------------------------------------------------------------------------

    def loss(self, y: Any, given: Any) -> Any:
        """The module's loss, a tensor."""
        torch, network = torch_library(), self.network
        output = self.found.output
        rows = network.targets(y)
        if given is not None:
            target = torch.as_tensor(np.asarray(y)).to(output.device)
            target = target.to(output.dtype) if target.is_floating_point() else target
            return given(output, target)
        own, outputs = network.loss_function, of_one_step(network.output_shape)
        logits = len(self.pairs) < len(_computing(network)) or bool(getattr(own, "from_logits", False))
        fused = own.fused(network.layout.lines[-1].layer) is not None
        if fused and not logits:  # the module ends with its own softmax: what it is fused of is the value before
            logits, output = True, self._before_the_end(output)
        scale, sigma = own.options(outputs)["scale"], "sigma" if own.of_last else ""
        scored = Scored(logits, outputs, scale, own.reduction == "mean", sigma=sigma)
        known: dict[str, Any] = {}
        if sigma:
            known["sigma"] = torch.from_numpy(network.states[network.layout.lines[-1].names["sigma"]].copy())
        target = torch.from_numpy(np.array(rows)).to(output.device)
        if len(network.output_shape) == 2:
            output, target = output.flatten(0, 1), target.flatten(0, 1)
        return torch_loss(own, scored, output, target, known)

    def _before_the_end(self, output: Any) -> Any:
        torch = torch_library()
        _, _, draft = self.pairs[-1]
        source = draft.sources[0]
        witness = source.witness if isinstance(source, Draft) else None
        live = self._live(witness) if witness is not None else None
        if live is None:
            kind = self.network.layout.lines[-1].layer.kind
            return torch.logit(output) if kind == "Sigmoid" else torch.log(output)
        return live

    def _live(self, value: Value) -> Any:
        """The tensor of the run itself, with what it was computed of; None where it has been changed since."""
        record = self.found.record
        if value.number < 0:
            return None
        tensor = record.live[value.number]
        return tensor if tensor._version == record.versions[value.number] and tensor.requires_grad else None

    # -- the comparison --------------------------------------------------------------------------------------------

    def values(self, total: Any) -> Iterator[Compared]:
        """Weights and values in the order of the forward pass, and the loss."""
        record, network = self.found.record, self.network
        arrays = {**network.parameters, **network.states}
        for mine, other, draft in self.pairs:
            for name, parts in self._weights(mine, other):
                yield self._compared(name, arrays[name], summed(parts), _parameters(parts), 0.0)
            for formal, name in mine.names.items():
                if name in mine.states and not record.training:
                    theirs = FORMALS.get(formal, formal)
                    state = draft.states[theirs].detach().cpu().numpy()
                    place = f"{theirs} of {draft.call.place}"
                    yield self._compared(name, arrays[name], state, place, 0.0)
            if draft.witness is not None and not draft.witness.tensor.is_meta:
                name = self.outputs[mine.place]
                yield self._compared(
                    name, self.trace[name], in_order(draft.witness, record.samples), draft.call.place, 0.0
                )
        whole = spelled.DATA_LOSS if network.layout.penalties else spelled.LOSS
        yield self._compared(whole, self.trace[whole], np.asarray(total.detach().cpu()), "the loss", 0.0)

    def gradients(self, total: Any) -> Iterator[Compared]:
        """The derivatives of values and weights in the order of the backward pass."""
        torch, record = torch_library(), self.found.record
        weights = {name: record.live[number] for number, name in record.weights.items()}
        trained = {name: tensor for name, tensor in weights.items() if tensor.requires_grad}
        live: dict[int, Any] = {}
        for mine, _, draft in self.pairs:
            tensor = None if draft.witness is None else self._live(draft.witness)
            # of a recurrence dh holds what comes back through time too, which PyTorch keeps to itself
            if tensor is not None and not isinstance(mine.layer, Recurrent):
                live[mine.place] = tensor
        wanted = [*live.values(), *trained.values()]
        came: list[Any] = list(torch.autograd.grad(total, wanted, allow_unused=True)) if wanted else []
        of_values = dict(zip(live, came, strict=False))
        of_weights = {
            name: gradient for name, gradient in zip(trained, came[len(live) :], strict=True) if gradient is not None
        }
        ready: list[tuple[str, Array, Array, str]] = []
        for mine, other, draft in reversed(self.pairs):
            gradient, name = of_values.get(mine.place), self.derivative_of.get(self.outputs.get(mine.place, ""))
            if gradient is not None and name is not None and name in self.trace and draft.witness is not None:
                value = Value(draft.witness.sources, draft.witness.index, gradient)
                ready.append((name, self.trace[name], in_order(value, record.samples), draft.call.place))
            for of, parts in self._weights(mine, other):
                if all(s.name in trained for part in parts for s in part.sources if isinstance(s, Weight)):
                    own = spelled.data_part(of) if of in self.network.layout.penalties else self.derivative_of[of]
                    theirs = read(parts[0], of_weights).numpy()
                    ready.append((own, self.trace[own], theirs, _parameters(parts)))
        largest = max((float(np.abs(theirs).max(initial=0.0)) for _, _, theirs, _ in ready), default=0.0)
        for name, ours, theirs, place in ready:
            yield self._compared(name, ours, theirs, place, SMALL * largest)

    def _weights(self, mine: Line, other: Line) -> Iterator[tuple[str, tuple[Value, ...]]]:
        """The network's parameters of a line, and what they are in the module."""
        ours, theirs = _formals(mine), _formals(other)
        formals = dict(zip(ours, ours if set(ours) == set(theirs) else theirs, strict=True))
        for formal, name in mine.names.items():
            if formal in formals:
                yield name, self.found.weights[other.names[formals[formal]]]

    def _compared(self, name: str, ours: Any, theirs: Array, place: str, least: float) -> Compared:
        mine = np.asarray(ours, dtype=np.float64)
        other = np.asarray(theirs, dtype=np.float64).reshape(mine.shape)
        with np.errstate(invalid="ignore"):
            apart = np.abs(mine - other)
        apart = np.where((mine == other) | (np.isnan(mine) & np.isnan(other)), 0.0, apart)
        at = np.unravel_index(int(np.argmax(np.where(np.isnan(apart), np.inf, apart))), mine.shape)
        finite = np.abs(np.concatenate([mine.reshape(-1), other.reshape(-1)]))
        scale = max(float(finite[np.isfinite(finite)].max(initial=0.0)), least)
        worst = float(apart[at])
        return Compared(
            name, place, mine.shape, worst, str(Address(name, tuple(map(int, at)))), float(mine[at]), float(other[at]),
            worst <= self.tolerance * scale,
        )  # fmt: skip


def _parameters(parts: tuple[Value, ...]) -> str:
    """The names of the module's parameters that a weight is made of."""
    names = dict.fromkeys(s.name for part in parts for s in part.sources if isinstance(s, Weight) and s.name)
    return " + ".join(names) or "a constant"


def _count(of: Any, word: str) -> str:
    count = of if isinstance(of, int) else len(of)
    return f"{count:,} {word}{'s' * (count != 1)}"
