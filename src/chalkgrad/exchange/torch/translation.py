"""From a recorded run of a module to the lines of a network, call by call. One function a call; others can register.

from chalkgrad.exchange.torch.translation import covers

@covers("hardswish")
def _(translation, call):
    translation.elementwise(call, HardSwish())
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...base.errors import ChalkgradError, OptionError
from ...describe.layers import Concat, Flatten, Layer, Recurrent, SampleShape
from ...describe.layers.combining import MOST
from ...describe.layers.from_formulas import Statement, layer_of
from ...describe.layers.layer import rows_text
from ...describe.layers.registry import FROM_FILES
from .moved import formulas_of, layer_that_moves
from .trace import Call, Record, Ref, RefusedError, torch_library
from .values import (
    Draft,
    Input,
    Source,
    Value,
    Weight,
    counted,
    joined,
    narrowed,
    pieces,
    same,
    size,
    whole,
)

Handler = Callable[["Translation", Call], None]
JOINING = ("cat", "concat", "concatenate", "hstack")
"""What a Concat may be."""
HANDLERS: dict[str, Handler] = {}
"""What is covered, by the names of functions and modules."""


def covers(*names: str) -> Callable[[Handler], Handler]:
    """A decorator that registers a function for calls of these names."""

    def register(handler: Handler) -> Handler:
        for name in names:
            HANDLERS[name] = handler
        return handler

    return register


def scaling(factor: float, shift: float) -> Layer:
    """A layer that multiplies by a number and adds one."""
    kind = layer_of(Statement("Scaled", ("a[...] = factor * z[...] + shift",), settings=SETTINGS), FROM_FILES)
    return kind(factor=factor, shift=shift)


SETTINGS = (("factor", 1.0), ("shift", 0.0))


class Translation:
    """The layers of a recorded run, while they are found.

    Attributes:
        record: the run.
        samples: how many samples it had.
        values: what the tensors are, by their numbers.
        missing: why a tensor is not covered, by its number.
        drafts: the layers in the order in which they are called, those that nobody needs too.
        uses: how often each tensor is taken, by its number.
    """

    def __init__(self, record: Record) -> None:
        self.record, self.samples = record, record.samples
        self.values: dict[int, Value] = {}
        self.missing: dict[int, str] = {}
        self.drafts: list[Draft] = []
        self.uses: Counter[int] = Counter()
        self._made: dict[int, Call] = {}  # the calls that moved numbers, by what they gave
        self._flat: list[tuple[Source, Draft]] = []
        self._moved: list[tuple[Source, tuple[str, ...], Draft]] = []
        self._kinds: dict[tuple[str, ...], str] = {}  # the names of layers of formulas
        for name, number in record.inputs.items():
            tensor = record.tensors[number]
            self.values[number] = whole(Input(name, tuple(tensor.shape[1:])), tensor, self.samples, number)
        for number, name in record.weights.items():
            weight = Weight(name, record.live[number])
            self.values[number] = whole(weight, record.tensors[number], self.samples, number)
        for call in record.calls:
            _each(((call.args), dict(call.kwargs)), lambda ref: self.uses.update([ref.number]))
        _each(record.output, lambda ref: self.uses.update([ref.number]))

    def run(self) -> Value:
        """Goes through all calls; what the module gives.

        Raises:
            OptionError: where something is not covered; it names the place.
        """
        for call in self.record.calls:
            handler = HANDLERS.get(call.name)
            if handler is None:
                raise call.refusal(f"{call.words} is not covered")
            if call.kwargs.get("out") is not None:
                raise call.refusal("out= is not covered; take what the function gives")
            try:
                handler(self, call)
            except RefusedError:
                raise
            except ChalkgradError as error:  # of a layer that takes no such setting or shape
                raise call.refusal(str(error)) from None
            _each(call.result, lambda ref, call=call: self._check_dtype(ref, call))
        output = self.record.output
        if not isinstance(output, Ref):
            kind = type(output).__name__
            raise OptionError(
                f"the module gives a {kind}, and a network one prediction: let forward return one tensor that it "
                "computes of its input"
            )
        return self.values[output.number]

    def _check_dtype(self, ref: Ref, call: Call) -> None:
        result = self.record.tensors[ref.number]
        kinds = {t.dtype for t in self.record.tensors[: len(self.record.weights) + len(self.record.inputs)]}
        if result.is_floating_point() and result.dtype not in kinds:
            raise call.refusal(f"{call.words} gives {result.dtype}; a network has one dtype")

    # -- what a call takes -----------------------------------------------------------------------------------------

    def value(self, given: Any, call: Call) -> Value:
        """The value of an argument.

        Raises:
            OptionError: where it is none that the module computes of its inputs or has as a parameter.
        """
        if not isinstance(given, Ref):
            what = f"a tensor {tuple(given.shape)}" if hasattr(given, "shape") else repr(given)
            raise call.refusal(f"{call.words} takes {what} that is neither computed of the input nor a parameter")
        if given.number not in self.values:
            raise call.refusal(self.missing.get(given.number, "what it takes is not covered"))
        return self.values[given.number]

    def weight(self, given: Any, call: Call) -> Value:
        """The value of an argument that is a parameter, or made of parameters.

        Raises:
            OptionError: where it is none.
        """
        value = self.value(given, call)
        if not value.of_weights:
            raise call.refusal(f"{call.words} takes weights that the module computes; only parameters are covered")
        return value

    def parameter(self, tensor: Any, call: Call) -> Value:
        """The value of a parameter that a whole module has."""
        for number in self.record.weights:
            if self.record.live[number] is tensor:
                return self.values[number]
        raise call.refusal(
            "a weight is not a parameter of the module (a parametrization?); only parameters are covered"
        )

    def is_constant(self, given: Any) -> bool:
        """Whether an argument is a tensor of numbers that are the same for all samples."""
        return isinstance(given, torch_library().Tensor) and given.is_floating_point()

    def constant(self, tensor: Any) -> Value:
        """The value of numbers that are the same for all samples and are not trained."""
        return whole(Weight("", tensor), tensor, self.samples)

    def settled(self, value: Value, call: Call) -> Value:
        """The same as all numbers of one line or input, in any order; lines that put it together are added.

        Raises:
            OptionError: where it is a part of a value.
        """
        value = narrowed(value, self.samples)
        if value.of_weights:
            raise call.refusal(f"{call.words} of parameters alone is not covered")
        if len(value.sources) > 1:
            return self._side_by_side(value, call)
        source = value.source
        assert not isinstance(source, Weight)
        known = isinstance(source, Input) or source.layer is not None
        if known and same(value.index, counted((self.samples, *source.shape))):
            return value
        if isinstance(source, Draft) and "inner" in source.facts:
            return self.settled(self._scaled_line(value, source), call)
        if isinstance(source, Draft) and source.layer is None:
            raise call.refusal(f"{source.words} is not covered here")
        if value.index.ndim == 2 and isinstance(source, Draft) and isinstance(source.layer, Recurrent):
            last = self._last_step(value, source) if source.layer.sequences else None
            if last is not None:  # with one step the last is every step
                return last
        count = size(source, self.samples)
        assert not isinstance(source, Weight)
        if len(source.shape) > 1 and same(value.index, counted((self.samples, size(source, 1)))):
            flat = self.flattened(value, call)
            assert flat is not None
            return flat
        if value.index.numel() > count:
            giver = self._made.get(value.number, call)
            beside = self._joined(value, giver) if giver.name in JOINING else None
            return beside or self.moved(value, call) or self._side_by_side(value, call)
        if value.index.numel() == count and bool((value.index.reshape(-1).sort().values == counted((count,))).all()):
            return value
        if isinstance(source, Draft) and isinstance(source.layer, Recurrent) and source.layer.sequences:
            last = self._last_step(value, source)
            if last is not None:
                return last
        moved = self.moved(value, call)
        if moved is not None:
            return moved
        name = f"the input {source.name}" if isinstance(source, Input) else _giver(source)
        raise call.refusal(f"{call.words} takes a part of {name}; no layer takes this part of a value")

    def plain(self, value: Value, call: Call) -> Value:
        """The same in the order in which the network has it, (N, *shape).

        Raises:
            OptionError: where it is in another order.
        """
        value = self.settled(value, call)
        source = value.source
        assert not isinstance(source, Weight)
        if same(value.index, counted((self.samples, *source.shape))):
            return value
        flat = self.flattened(value, call)
        if flat is not None:
            return flat
        moved = self.moved(value, call, anywhere=False)
        if moved is not None:
            return moved
        raise call.refusal(
            f"{call.words} takes {_giver(source)}, {rows_text(source.shape)}, as {tuple(value.index.shape)} with its "
            "axes in another order, or split; no layer does that"
        )

    def flattened(self, value: Value, call: Call) -> Value | None:
        """The same where it is a settled value in one row a sample, in its order; with the line that makes it so."""
        source, N = value.source, self.samples
        assert not isinstance(source, Weight)
        count = size(source, 1)
        if not same(value.index, counted((N, count))):
            return None
        for known, flat in self._flat:
            if known is source:
                return Value((flat,), value.index, value.tensor, value.number)
        flat = self.draft(Flatten(), (source,), (count,), self._made.get(value.number, call))
        self._flat.append((source, flat))
        flat.witness = Value((flat,), value.index, value.tensor, value.number)
        return flat.witness

    def moved(self, value: Value, call: Call, *, anywhere: bool = True) -> Value | None:
        """A value of one line or input as a line that moves its numbers, in the order in which the tensor has them.

        None where no formula does that. The samples are the first axis, or anywhere.
        """
        source, N = value.source, self.samples
        assert not isinstance(source, Weight)
        if isinstance(source, Input) and not value.tensor.is_floating_point():
            return None
        for axis in [a for a in range(value.index.ndim if anywhere else 1) if value.index.shape[a] == N]:
            index = value.index.movedim(axis, 0)
            index = index[:, None] if index.ndim == 1 else index
            found = formulas_of(index, source.shape)
            if found is None and len(source.shape) > 1 and (found := formulas_of(index, (size(source, 1),))):
                count = size(source, 1)
                nowhere = torch_library().empty((N, count), device="meta")
                giver = self._made.get(value.number, call)
                flat = self.flattened(Value((source,), counted((N, count)), nowhere), giver)
                assert flat is not None
                source = flat.source
                assert not isinstance(source, Weight)
            if found is None:
                continue
            word, formulas = found
            shape = tuple(index.shape[1:])
            draft = next((d for s, lines, d in self._moved if s is source and lines == formulas), None)
            if draft is None:
                name = self.kind_of(word, formulas)
                giver = self._made.get(value.number, call)
                draft = self.draft(layer_that_moves(name, formulas), (source,), shape, giver)
                self._moved.append((source, formulas, draft))
            own = counted((N, *shape))
            own = own.reshape(N) if value.index.ndim == 1 else own.movedim(0, axis)
            moved = Value((draft,), own, value.tensor, value.number)
            draft.witness = draft.witness or moved
            return moved
        return None

    def kind_of(self, word: str, formulas: tuple[str, ...]) -> str:
        """The name of a layer of formulas: the word, with a number where other formulas have it."""
        names = set(self._kinds.values())
        free = next(n for n in (word, *(f"{word}{k}" for k in range(2, 10_000))) if n not in names)
        return self._kinds.setdefault(formulas, free)

    # -- what a call gives -----------------------------------------------------------------------------------------

    def draft(
        self, layer: Layer | None, sources: tuple[Source, ...], shape: SampleShape, call: Call, words: str = ""
    ) -> Draft:
        """A new line."""
        of = tuple(s for s in sources if not isinstance(s, Weight))
        draft = Draft(layer, of, shape, call, words=words)
        self.drafts.append(draft)
        return draft

    def give(self, ref: Any, draft: Source, index: Any = None) -> Value:
        """Says what a tensor is: all numbers of a line, in its order or that of an index."""
        assert isinstance(ref, Ref)
        tensor = self.record.tensors[ref.number]
        assert not isinstance(draft, Weight)
        ordered = counted((self.samples, *draft.shape)) if index is None else index
        value = Value((draft,), ordered.reshape(tensor.shape), tensor, ref.number)
        self.values[ref.number] = value
        if isinstance(draft, Draft) and draft.witness is None:
            draft.witness = value
        return value

    def elementwise(self, call: Call, layer: Layer, given: Any = None) -> None:
        """Adds a layer that computes every number of itself, on the call's first argument."""
        value = self.settled(self.value(call.take("input")[0] if given is None else given, call), call)
        source = value.source
        assert not isinstance(source, Weight)
        self.give(call.result, self.draft(layer, (source,), source.shape, call), value.index)

    def scaled(self, call: Call, value: Value, factor: float, shift: float = 0.0) -> Value:
        """A value times a number, and a number added; it becomes a line where another line takes it as it is."""
        if value.of_weights:
            raise call.refusal(f"{call.words} of a parameter is not covered; weights are parameters as they are")
        if (factor, shift) == (1, 0):
            return value
        before = value.source.facts if isinstance(value.source, Draft) and len(value.sources) == 1 else {}
        if "inner" in before and same(value.index, counted(tuple(before["inner"].index.shape))):
            factor, shift = factor * before["factor"], factor * before["shift"] + shift  # both in one line
            value = before["inner"]
        draft = self.draft(None, (), tuple(value.index.shape[1:]), call, "a multiplication by a number")
        draft.facts = {"inner": value, "factor": factor, "shift": shift}
        return Value((draft,), counted(tuple(value.index.shape)), value.tensor * factor + shift)

    def give_scaled(self, call: Call, value: Value, factor: float, shift: float = 0.0) -> None:
        """Says that a tensor is a value times a number, and a number added."""
        found = self.scaled(call, value, factor, shift)
        self.assign(call, call.result, found.index, found.sources)
        if isinstance(found.source, Draft):
            found.source.facts["number"] = call.result.number

    def move(self, call: Call) -> None:
        """Does to the index what the call does to the tensor."""
        taken: list[Value] = []
        _each((call.args, dict(call.kwargs)), lambda ref: taken.append(self.value(ref, call)))
        sources, indices = joined(taken, self.samples)
        places = iter(indices)
        args, kwargs = _replaced((call.args, dict(call.kwargs)), lambda ref: next(places))
        torch = torch_library()
        constants: list[Any] = []
        _tensors((call.args, dict(call.kwargs)), torch, constants.append)
        if call.name in (*JOINING, "stack", "expand_as") and constants:
            raise call.refusal(f"{call.words} with a tensor that is not computed of the input is not covered")
        try:
            moved = call.function(*args, **kwargs)
        except RuntimeError:  # a view where the index lies otherwise in memory
            moved = torch.reshape(args[0], self.record.tensors[call.result.number].shape)
        self.assign(call, call.result, moved, sources)
        if call.name in JOINING:
            with contextlib.suppress(OptionError):  # what no Concat does may be taken apart again
                self.settled(self.values[call.result.number], call)

    def assign(self, call: Call, refs: Any, indices: Any, sources: tuple[Source, ...]) -> None:
        """Says what the tensors of a result are, index by index."""
        if isinstance(refs, Ref):
            self._made[refs.number] = call
            value = Value(sources, indices, self.record.tensors[refs.number], refs.number)
            self.values[refs.number] = narrowed(value, self.samples)
        else:
            for ref, index in zip(refs, indices, strict=True):
                self.assign(call, ref, index, sources)

    # -- the rest --------------------------------------------------------------------------------------------------

    def _scaled_line(self, value: Value, source: Draft) -> Value:
        """A value of numbers that were multiplied, as that of the line that multiplies them."""
        inner, line = self.settled(source.facts["inner"], source.call), source.facts.get("line")
        giver = inner.source
        assert not isinstance(giver, Weight)
        if line is None:
            factor, shift = source.facts["factor"], source.facts["shift"]
            line = self.draft(scaling(factor, shift), (giver,), giver.shape, source.call)
            source.facts["line"] = line
            number = source.facts.get("number", -1)
            tensor = inner.tensor * factor + shift
            line.witness = Value((line,), inner.index, tensor, number)
        return Value((line,), inner.index.reshape(-1)[value.index], value.tensor, value.number)

    def _last_step(self, value: Value, source: Draft) -> Value | None:
        """A value as the last step of a recurrent layer that then gives no other; None where it is another part."""
        T, U = source.shape
        N, layer = self.samples, source.layer
        assert isinstance(layer, Recurrent)
        last = 0 if layer.reverse else T - 1
        found = value.index.reshape(-1).sort().values
        if not same(found, counted((N, T, U))[:, last].reshape(-1)):
            return None
        twin: Draft | None = source.facts.get("last")
        if twin is None:
            twin = self.draft(replace(layer, sequences=False), source.sources, (U,), source.call)
            twin.tensors = source.tensors
            source.facts["last"] = twin
        index = value.index // (T * U) * U + value.index % U
        moved = Value((twin,), index, value.tensor, value.number)
        twin.witness = twin.witness or moved
        return moved

    def _side_by_side(self, value: Value, call: Call) -> Value:
        """A value of several lines as a line that puts them side by side."""
        call = self._made.get(value.number, call)
        found = self._joined(value, call)
        if found is not None:
            return found
        raise call.refusal(
            f"{call.words} takes what several lines give, {tuple(value.index.shape)}; covered is Concat: features side "
            "by side (torch.cat along dim=1, or the last axis of sequences)"
        )

    def _joined(self, value: Value, call: Call) -> Value | None:
        """The same, by the call that gave the value; None where the lines are no such parts of it."""
        N = self.samples
        for axis in range(1, value.index.ndim):
            parts = pieces(value, axis, N)
            if parts is None or len(parts) == 1:
                continue
            if any(part.of_weights for part in parts):
                raise call.refusal(
                    f"{call.words} puts a parameter beside values of samples, a class token say; no layer does that"
                )
            settled = [self.settled(part, call) for part in parts]
            givers = [part.source for part in settled]
            shapes = [giver.shape for giver in givers if not isinstance(giver, Weight)]
            turned = value.index.ndim == 3 and axis == 1 and all(len(shape) == 2 for shape in shapes)
            axes = (0, 2, 1) if turned else tuple(range(value.index.ndim))
            fits = all(
                same(part.index.permute(axes), counted((N, *shape)))
                for part, shape in zip(settled, shapes, strict=True)
            )
            if not fits or axes[axis] != (2 if len(shapes[0]) == 2 else 1):
                break
            widths = [shape[-1] if len(shape) == 2 else shape[0] for shape in shapes]
            shape = (shapes[0][0], sum(widths)) if len(shapes[0]) == 2 else (sum(widths), *shapes[0][1:])
            while len(givers) > MOST:  # the first ones by a line of their own
                first = sum(widths[:MOST])
                part = (shape[0], first) if len(shape) == 2 else (first, *shape[1:])
                givers[:MOST] = [self.draft(Concat("others"), tuple(givers[:MOST]), part, call)]
                widths[:MOST] = [first]
            draft = self.draft(Concat("others"), tuple(givers), shape, call)
            index = counted((N, *shape)).permute(axes)
            draft.witness = Value((draft,), index, value.tensor, value.number)
            if value.number >= 0:
                self.values[value.number] = draft.witness
            return draft.witness
        return None


def _giver(source: Source) -> str:
    if isinstance(source, Draft):
        kind = type(source.layer).__name__
        return f"what {source.call.place} gives ({kind})"
    return f"the input {source.name}"


def _each(tree: Any, look: Callable[[Ref], object]) -> None:
    _replaced(tree, look)


def _replaced(tree: Any, by: Callable[[Ref], Any]) -> Any:
    """A tree of arguments with something else in place of each reference."""
    if isinstance(tree, Ref):
        return by(tree)
    if isinstance(tree, dict):
        return {key: _replaced(part, by) for key, part in tree.items()}  # pyright: ignore
    if isinstance(tree, (tuple, list)):
        parts: list[Any] = [_replaced(part, by) for part in tree]  # pyright: ignore
        return tuple(parts) if isinstance(tree, tuple) else parts
    return tree


def _tensors(tree: Any, torch: Any, look: Callable[[Any], object]) -> None:
    if isinstance(tree, torch.Tensor):
        look(tree)
    elif isinstance(tree, dict):
        _tensors(list(tree.values()), torch, look)  # pyright: ignore
    elif isinstance(tree, (tuple, list)):
        for part in tree:  # pyright: ignore
            _tensors(part, torch, look)
