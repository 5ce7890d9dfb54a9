"""The lines of a network: every layer in its place, with what it takes, its shapes, and the names of its arrays."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..base.caching import cached_property
from ..base.errors import OneShapeError, OptionError, ShapeError, unknown
from ..describe.layers import (
    Add,
    Combining,
    Concat,
    Layer,
    Parameter,
    Recurrent,
    Residual,
    SampleShape,
    State,
)
from ..describe.layers.layer import names_of, rows_text
from ..describe.losses import Loss, of_one_step
from ..program import Owner
from ..program import names as spelled
from ..program.whole import Whole
from ..rules import Operation
from ..rules.derived import operation_over_time

INPUT = "x"
"""What the samples are called."""


@dataclass(frozen=True, slots=True)
class Line:
    """One layer in its place.

    Attributes:
        place: its place, from 0.
        layer: the layer.
        owner: the same as text, "layer 2, Dense".
        sources: what it takes: the places of earlier lines, or names of inputs.
        shapes: the shapes (of one sample) of these.
        shape: the shape of what it gives.
        prefix, number: what the names of its values are made with.
        names: the network's names of its parameters and states, by their formal names.
        parameters, states: those that it owns, by the network's names.
        penalties: (l1, l2) of its parameters that have any.
        shared: the operation, where it uses another line's weights.
    """

    place: int
    layer: Layer
    owner: Owner
    sources: tuple[int | str, ...]
    shapes: tuple[SampleShape, ...]
    shape: SampleShape
    prefix: str | None
    number: int
    names: Mapping[str, str]
    parameters: Mapping[str, Parameter]
    states: Mapping[str, State]
    penalties: Mapping[str, tuple[float, float]]
    shared: Operation | None = None

    @property
    def label(self) -> str:
        """The line as text, "layer 2, Dense"."""
        return self.owner.text

    def operation(self, training: bool) -> Operation | None:
        """The operation that it stands for; None where it passes on what it takes (dropout in prediction)."""
        operation = self.shared or self.layer.operation(training)
        return operation_over_time(operation) if self.per_step and operation is not None else operation

    @property
    def per_step(self) -> bool:
        """Whether it takes every step of a sequence as a sample."""
        return _per_step(self.layer, self.shapes)

    @property
    def options(self) -> dict[str, Any]:
        """The layer's settings for the rules, by the rules' names."""
        return self.layer.combined_options(_of_one_step(self.layer, self.shapes))


@dataclass(frozen=True)
class Layout:
    """What a network is made of, found once when it is built.

    Attributes:
        inputs: the shape of one sample of each input; there is more than x where a sample's row holds several.
        lines: the lines in order.
    """

    inputs: Mapping[str, SampleShape]
    lines: tuple[Line, ...]

    @cached_property
    def ids(self) -> Mapping[str, int]:
        """The inputs that are ids, whole numbers, and below which number each of them lies."""
        counts: dict[str, int] = {}
        for line in self.lines:
            if line.layer.of_ids and isinstance(source := line.sources[0], str):
                count = int(getattr(line.layer, "ids", 0))
                counts[source] = min(count, counts[source]) if source in counts else count
        return counts

    @cached_property
    def masks(self) -> Mapping[str, tuple[Line, ...]]:
        """The inputs that are masks, 0 and 1 for every key, and the lines that take them so."""
        lines: dict[str, tuple[Line, ...]] = {}
        for line in self.lines:
            mask = line.sources[-1]
            if line.layer.padding_mask is not None and isinstance(mask, str):
                lines[mask] = (*lines.get(mask, ()), line)
        return lines

    @cached_property
    def all_whole(self) -> bool:
        """Whether the samples' rows hold whole numbers alone, ids and perhaps masks; they are int64 then."""
        return bool(self.ids) and all(name in self.ids or name in self.masks for name in self.inputs)

    @cached_property
    def whole(self) -> tuple[Whole, ...]:
        """The parts of a sample's row that hold whole numbers."""
        parts: list[Whole] = []
        begin = 0
        for name, shape in self.inputs.items():
            size = math.prod(shape)
            if name in self.ids:
                parts.append(Whole(begin, size, self.ids[name]))
            if name in self.masks:
                first = any(getattr(line.layer, "causal", False) for line in self.masks[name])
                parts.append(Whole(begin, size, 2, mask=True, first=first))
            begin += size
        return tuple(parts)

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """Every parameter by its name, in the order of the flat buffer."""
        return {name: parameter for line in self.lines for name, parameter in line.parameters.items()}

    @cached_property
    def states(self) -> Mapping[str, State]:
        """Every running average by its name."""
        return {name: state for line in self.lines for name, state in line.states.items()}

    @cached_property
    def learning(self) -> tuple[Line, ...]:
        """The lines whose states are learned from the samples before a training."""
        return tuple(line for line in self.lines if line.layer.learns)

    @cached_property
    def penalties(self) -> Mapping[str, tuple[float, float]]:
        """(l1, l2) of the parameters that have any."""
        return {name: pair for line in self.lines for name, pair in line.penalties.items()}

    @cached_property
    def several(self) -> bool:
        """Whether the samples' rows hold inputs by their names."""
        return set(self.inputs) != {INPUT}

    @property
    def sample_shape(self) -> SampleShape:
        """The shape of one sample of x: several inputs stand one after another in a row."""
        if self.several:
            return (sum(math.prod(shape) for shape in self.inputs.values()),)
        return self.inputs[INPUT]

    @property
    def output_shape(self) -> SampleShape:
        """The shape of one sample's prediction."""
        return self.lines[-1].shape

    @property
    def steps_shape(self) -> SampleShape:
        """The shape of a sample's losses: (T,) where every step of a sequence has one, else ()."""
        return self.output_shape[:1] if len(self.output_shape) == 2 else ()

    @cached_property
    def users(self) -> Mapping[int | str, tuple[int, ...]]:
        """The places of the lines that take what a line, or an input, gives."""
        users: dict[int | str, tuple[int, ...]] = {}
        for line in self.lines:
            for source in dict.fromkeys(line.sources):
                users[source] = (*users.get(source, ()), line.place)
        return users

    def rectified(self, place: int) -> bool:
        """Whether the first activation after the line at `place`, before other weights, is a ReLU-like one."""
        while users := self.users.get(place):
            place = users[0]
            layer = self.lines[place].layer
            if getattr(layer, "rectifies", None) is not None:
                return bool(getattr(layer, "rectifies"))  # noqa: B009 - only activations have it
            if layer.weighted:
                return False
        return False


def _per_step(layer: Layer, shapes: Sequence[SampleShape]) -> bool:
    return layer.by_step and {len(shape) for shape in shapes} == {2} and len({shape[0] for shape in shapes}) == 1


def _of_one_step(layer: Layer, shapes: tuple[SampleShape, ...]) -> tuple[SampleShape, ...]:
    """The shapes as a layer is asked about them: those of one step where it takes each as a sample."""
    return tuple(shape[1:] for shape in shapes) if _per_step(layer, shapes) else shapes


@dataclass(slots=True)
class _Draft:
    """A layer that is to become a line: what it takes, by name or place; None is the line before."""

    layer: Layer
    takes: tuple[int | str | None, ...]
    hint: str = ""  # what to say where its shapes do not go together


def lay_out(layers: Sequence[Layer], inputs: Mapping[str, SampleShape], l1: float, l2: float, loss: Loss) -> Layout:
    """Goes through the layers once and checks that each can take what comes in.

    Raises:
        ShapeError: where one cannot; the message names the layer, what came and where that was fixed.
        UnknownNameError: where a layer names a line that there is not.
        OptionError: where names do not go together, or nobody uses what a line gives.
    """
    _refuse_twice(layers)
    drafts: list[_Draft] = []
    names = {layer.name.lower() for layer in _flat(layers) if layer.name is not None}
    _draft(layers, drafts, (None,), next(iter(inputs)), names)
    placing = _Placing(dict(inputs), l1, l2, [draft.layer for draft in drafts])
    for draft in drafts:
        placing.add(draft)
    layout = Layout(placing.inputs, tuple(placing.lines))
    last = layout.lines[-1]
    try:
        loss.shape_check(of_one_step(last.shape))
    except ShapeError as error:
        raise ShapeError(f"loss: {error} (fixed by {placing.fixed[last.place]})") from None
    for line in layout.lines[:-1]:
        if line.layer.learns == "targets":
            raise OptionError(f"{line.label} gives predictions in the targets' unit, so it is the last line")
        if line.place not in layout.users:
            name = placing.name(line.place)
            cure = f"let another layer take it, of={name!r}, or leave it out" if name else "leave it out"
            raise OptionError(f"{line.label}: nobody uses what it gives; {cure}")
    _check_masks(layout)
    _check_ids(layout)
    for name in layout.inputs:
        if name not in layout.users:
            raise OptionError(f"nobody uses the input {name!r}; name it in a layer, of={name!r}, or leave it out")
    return layout


def _check_masks(layout: Layout) -> None:
    """Raises OptionError where a mask is no input, or is taken as something else too."""
    for line in layout.lines:
        values = line.sources
        if line.layer.padding_mask is not None:
            values, mask = values[:-1], values[-1]
            if not isinstance(mask, str):
                giver, keys = layout.lines[mask].label, line.shapes[-1][0]
                raise OptionError(
                    f"{line.label}: the mask {line.layer.padding_mask!r} is what {giver} gives; it must be an input of "
                    f"the network, input_shape={{..., 'mask': {keys}}}"
                )
        for source in values:
            if isinstance(source, str) and source in layout.masks:
                user = layout.masks[source][0].label
                raise OptionError(f"{line.label} takes {source} as values, but {user} takes it as a mask")


def _check_ids(layout: Layout) -> None:
    """Raises OptionError where a layer takes ids for values, or values for ids."""
    for line in layout.lines:
        for source in line.sources:
            if source in layout.masks:
                continue
            if line.layer.of_ids and not isinstance(source, str):
                giver = layout.lines[source].label
                raise OptionError(
                    f"{line.label} takes ids, whole numbers, but {giver} gives values; let it take an input, of='x'"
                )
            if source in layout.ids and not line.layer.of_ids:
                embedding = next(other for other in layout.lines if other.layer.of_ids and source in other.sources)
                raise OptionError(f"{line.label} takes {source} as values, but {embedding.label} takes it as ids")


def _refuse_twice(layers: Iterable[Layer]) -> None:
    places: dict[int, int] = {}
    for place, layer in enumerate(_flat(layers)):
        if layer.owns() and id(layer) in places:
            share = f", or share weights by their line's name, {layer.kind}(..., weights_of='first')"
            raise OptionError(
                f"layer {place + 1} is the same {layer.kind} object as layer {places[id(layer)] + 1}: a layer is one "
                f"line with {'weights' if layer.weighted else 'parameters'} of its own; write {layer.kind}(...) again"
                f"{share if layer.weighted else ''}"
            )
        places.setdefault(id(layer), place)


def _flat(layers: Iterable[Layer]) -> Iterable[Layer]:
    for layer in layers:
        if isinstance(layer, Residual):
            yield from _flat(layer.layers)
        yield layer


def _draft(
    layers: Sequence[Layer], drafts: list[_Draft], first: tuple[int | str | None, ...], given: str, names: set[str]
) -> None:
    """Appends the layers; those of a residual block as its lines and an Add, a bidirectional one as two and a Concat.

    Args:
        layers: the layers.
        drafts: where they go.
        first: what the first of them takes, if it names nothing.
        given: the input that the first line of all takes.
        names: the layers' names in small letters.
    """
    for place, layer in enumerate(layers):
        named = names_of(layer.kind, "of", layer.of)
        takes: tuple[int | str | None, ...] = named or (first if place == 0 else (None,))
        incoming = takes[0]
        if incoming is None:
            incoming = len(drafts) - 1 if drafts else given
        if isinstance(layer, Recurrent) and layer.bidirectional:
            ending = "" if layer.name is None else f"_{layer.name}"
            right, left = (fresh(f"{way}{ending}", names) for way in ("right", "left"))
            names |= {right.lower(), left.lower()}
            drafts += [_Draft(one, (incoming,)) for one in layer.directions(right, left)]
            drafts.append(_Draft(Concat("the other direction", name=layer.name), (len(drafts) - 2, len(drafts) - 1)))
            continue
        if not isinstance(layer, Residual):
            drafts.append(_Draft(layer, (*takes, *layer.beside)))
            continue
        _draft(layer.layers, drafts, takes, given, names)
        hint = "; a Residual adds what it takes to what its last layer gives"
        drafts.append(_Draft(Add("the block's input", name=layer.name), (None, incoming), hint))


class _Placing:
    """Places layer after layer."""

    def __init__(self, inputs: dict[str, SampleShape], l1: float, l2: float, layers: Sequence[Layer]) -> None:
        self.inputs = inputs
        self.l1, self.l2 = l1, l2
        self.lines: list[Line] = []
        self.fixed: list[str] = []  # for each line, what fixed the shape that it gives
        self._layers = layers
        self._number = 0
        self._prefix: str | None = None
        self._parameters: dict[str, Parameter] = {}
        self._states: dict[str, State] = {}
        self._lines_by_name: dict[str, int] = {}  # layers' names
        self._lines_by_value: dict[str, int] = {}  # names of what they give
        self._taken: set[str] = set()
        self._names: set[str] = set()  # layers' names in small letters
        self._longer: dict[str, str] = {}  # what is called like a value that belongs to one of them

    def add(self, draft: _Draft) -> None:
        """Places a layer."""
        layer, place = draft.layer, len(self.lines)
        label = f"layer {place + 1}, {layer.kind}" + (f" {layer.name!r}" if layer.name else "")
        self._take_name(label, layer.name)
        sources = tuple(self._source(label, taken) for taken in draft.takes)
        shapes = tuple(self.inputs[s] if isinstance(s, str) else self.lines[s].shape for s in sources)
        try:
            one = _of_one_step(layer, shapes)
            shape = layer.combined_shape(one)
            wanted = layer.parameters(one[0])
            kept = layer.states(one[0])
            shape = (shapes[0][0], *shape) if _per_step(layer, shapes) else shape
        except OneShapeError as error:
            source = sources[error.source]
            text = self._last_step(layer, source) or str(error)
            raise ShapeError(f"{label}: {text} (what comes in was fixed by {self._fixed_by(source)})") from None
        except ShapeError as error:
            raise ShapeError(self._misfit(label, sources, shapes, f"{error}{draft.hint}")) from None
        names: dict[str, str] = {}
        owner_of_weights = getattr(layer, "weights_of", None)
        shared = None
        if owner_of_weights is not None:
            shared = self._share(label, layer, str(owner_of_weights), wanted, names)
        if wanted or shared is not None:
            self._number += 1
        if wanted or shared is not None or isinstance(layer, Combining):
            self._prefix = layer.name
        own = layer.name if layer.name is not None else self._prefix
        parameters: dict[str, Parameter] = {}
        penalties: dict[str, tuple[float, float]] = {}
        states: dict[str, State] = {}
        for formal, parameter in wanted.items():
            name = names[formal] = fresh(spelled.own(formal, own, self._number), self._parameters)
            parameters[name] = self._parameters[name] = parameter
            own_l1, own_l2 = getattr(layer, "l1", None), getattr(layer, "l2", None)
            pair = (self.l1 if own_l1 is None else own_l1, self.l2 if own_l2 is None else own_l2)
            if parameter.penalised and pair != (0, 0):
                penalties[name] = pair
        for formal, state in kept.items():
            name = names[formal] = fresh(spelled.own(formal, own, self._number), self._states)
            states[name] = self._states[name] = state
        owner = Owner("layer", label.partition(", ")[2], label, place)
        line = Line(
            place, layer, owner, sources, shapes, shape, own, self._number, names, parameters, states, penalties, shared
        )
        self.lines.append(line)
        self.fixed.append(label if layer.weighted or (shape,) != shapes else self._fixed_by(sources[0]))
        self._remember_values(line)

    def name(self, place: int) -> str | None:
        """By which name later lines may take what a line gives; None where it only passes on what it takes."""
        for names in (self._lines_by_name, self._lines_by_value):
            for name, known in names.items():
                if known == place:
                    return name
        return None

    def _take_name(self, label: str, name: str | None) -> None:
        if name is None:
            return
        if name.lower() in self._names:
            raise OptionError(f"{label}: the name {name!r} is taken by an earlier layer")
        short = name.lower()
        longer = [f"{prefix}{short}".lower() for prefix in spelled.PREFIXES]
        clashes = [(self._longer.get(short), short), *((short, long) for long in longer if long in self._names)]
        for of, long in clashes:
            if of is not None:
                raise OptionError(
                    f"{label}: values of the layer {long!r} would be called like derivatives or other values of "
                    f"{of!r}; choose another name"
                )
        self._names.add(short)
        self._longer.update(dict.fromkeys(longer, short))

    def _source(self, label: str, taken: int | str | None) -> int | str:
        """What a layer takes: an earlier line or an input."""
        if isinstance(taken, int):
            return taken
        if taken is None:
            if self.lines:
                return len(self.lines) - 1
            if len(self.inputs) == 1:
                return next(iter(self.inputs))
            raise OptionError(
                f"{label}: the network has {len(self.inputs)} inputs; say which one the first layer takes, "
                f"of={next(iter(self.inputs))!r}"
            )
        by_name, by_value = self._lines_by_name.get(taken), self._lines_by_value.get(taken)
        candidates = [s for s in (by_name, taken if taken in self.inputs else None, by_value) if s is not None]
        if len(set(candidates)) > 1:
            other = "an input" if by_value is None else f"what {self.lines[by_value].label} gives"
            one = "an input" if by_name is None else self.lines[by_name].label
            raise OptionError(f"{label}: {taken!r} is {one}, and {other} too; give the layer another name")
        if candidates:
            return candidates[0]
        later = [i for i, layer in enumerate(self._layers) if layer.name == taken and i >= len(self.lines)]
        if later:
            what = "is this line itself" if later[0] == len(self.lines) else "comes later"
            raise OptionError(
                f"{label}: {taken!r} (layer {later[0] + 1}, {self._layers[later[0]].kind}) {what}; a line takes what "
                "earlier lines give"
            )
        names = dict.fromkeys([*self._lines_by_name, *self.inputs, *self._lines_by_value])
        error = unknown("earlier line", taken, names)
        raise type(error)(f"{label}: {error}")

    def _share(
        self, label: str, layer: Layer, name: str, wanted: dict[str, Parameter], names: dict[str, str]
    ) -> Operation:
        """Binds the weights of the line `name` in place of the layer's own; returns the operation on them."""
        place = self._lines_by_name.get(name)
        if place is None:
            later = [i for i, other in enumerate(self._layers) if other.name == name]
            if later:
                what = "is this line itself" if later[0] == len(self.lines) else "comes later"
                raise OptionError(f"{label}: weights_of={name!r} {what}; the first line owns the weights")
            known = [n for n, i in self._lines_by_name.items() if "W" in self.lines[i].names]
            error = unknown("earlier line with weights", name, known)
            nameless = "" if known else f"; name the line that owns them, {layer.kind}(..., name='first')"
            raise type(error)(f"{label}: {error}{nameless}")
        line = self.lines[place]
        own = wanted.pop("W")
        if line.layer.kind not in layer.shares_with or "W" not in line.names:
            raise OptionError(f"{label}: weights_of={name!r} is {line.label}; it must be a {layer.kind} with weights W")
        weights = line.names["W"]
        there = self._parameters[weights].shape
        operation = layer.shared_operation(own.shape, there)
        if operation is None:
            turned = layer.shared_operation(own.shape, own.shape[::-1])
            either = f" or {own.shape[::-1]}" if turned is not None and own.shape[::-1] != own.shape else ""
            raise ShapeError(
                f"{label} needs weights of shape {own.shape}{either}, but {weights} of {line.label} has {there}; take "
                "a layer of its own, or let the sizes agree"
            )
        names["W"] = weights
        return operation

    def _fixed_by(self, source: int | str) -> str:
        if isinstance(source, str):
            shape = self.inputs[source]
            return f"input_shape={shape}" if len(self.inputs) == 1 else f"input_shape of {source!r}, {shape}"
        return self.fixed[source]

    def _misfit(
        self,
        label: str,
        sources: Sequence[int | str],
        shapes: Sequence[SampleShape],
        error: str,
    ) -> str:
        if len(sources) == 1:
            return f"{label}: {error} (what comes in was fixed by {self._fixed_by(sources[0])})"
        came = [
            f"{rows_text(shape)} of {self._named(source)} (fixed by {self._fixed_by(source)})"
            for source, shape in zip(sources, shapes, strict=True)
        ]
        return f"{label}: {' and '.join(came)} do not go together; {error}"

    def _last_step(self, layer: Layer, source: int | str) -> str:
        """What to say where a layer takes sequences, but a recurrent one before it gives its last step alone."""
        if isinstance(source, str) or len(self.lines[source].shape) != 1:
            return ""
        giver = self.lines[source]
        of = giver if isinstance(giver.layer, Recurrent) else self.lines[max(0, source - 1)]
        if not isinstance(of.layer, Recurrent) or (of is not giver and of.place not in giver.sources):
            return ""
        every = f"{of.layer.kind}({of.layer.units}, sequences=True)"
        return f"{layer.kind} takes sequences, but {giver.label} gives one row a sample; take every step of it, {every}"

    def _named(self, source: int | str) -> str:
        return f"the input {source!r}" if isinstance(source, str) else self.lines[source].label

    def _remember_values(self, line: Line) -> None:
        """The names by which later lines may call this one: its own, and that of what it gives."""
        if line.layer.name is not None:
            self._lines_by_name[line.layer.name] = line.place
        operation = line.operation(training=True)
        if operation is None:
            return
        for rule in operation.forward:
            name = fresh(spelled.own(rule.output, line.prefix, line.number), self._taken)
            self._taken.add(name)
            if rule.output == operation.output:
                self._lines_by_value[name] = line.place


def fresh(name: str, taken: Container[str]) -> str:
    """The name, or where it is taken the name with a number after it."""
    if name not in taken:
        return name
    again = 2
    while f"{name}_{again}" in taken:
        again += 1
    return f"{name}_{again}"
