"""An `nn.Module` as a network, with its weights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...base.errors import ChalkgradError, OptionError
from ...describe.layers import Attention, Combining, Conv1D, Conv2D, Dense, Layer
from ...model.lines import Line
from ...network import Network
from ...program import names as spelled
from ...rules import RULES
from ...write.torch.forward import FORMALS
from ...write.torch.layers import form_of
from . import arithmetic as _arithmetic  # noqa: F401  # pyright: ignore[reportUnusedImport] - registers
from . import calls as _calls  # noqa: F401  # pyright: ignore[reportUnusedImport] - registers
from . import recurrent as _recurrent  # noqa: F401  # pyright: ignore[reportUnusedImport] - registers
from .losses import read_loss
from .trace import FailedError, Record, read_example, record, theirs, torch_library
from .translation import Translation
from .values import Draft, Input, Value, Weight, counted, read, same, size

Array = np.ndarray[Any, Any]
NEAR = {"float64": 1e-9, "float32": 1e-3}
"""How far the network may be off the module on the example, as a share of the value's largest number."""


@dataclass(frozen=True, slots=True)
class Matched:
    """A module's run beside the network that it is.

    Attributes:
        record: the run.
        network: the network.
        drafts: the drafts of the network's lines, in order; the layer that a loss adds at the end has none.
        weights: for each of the network's parameters what its numbers are, in its orientation; several are summed.
        values: for each line the name of what it gives and the tensor of the run that holds it.
    """

    record: Record
    network: Network
    drafts: tuple[Draft, ...]
    weights: Mapping[str, tuple[Value, ...]]
    values: Mapping[str, Value]

    @property
    def output(self) -> Any:
        """The tensor that the module gave, with what it was computed of."""
        return self.record.live[self.record.output.number]


def from_torch(module: Any, example: Any, *, loss: Any = None, seed: int = 0) -> Network:
    """An `nn.Module` as a network of named steps, with its weights; predictions and gradients are the module's.

    The module runs on the example, as in prediction, and what it called becomes lines: modules and functional calls
    alike, in the order in which they were called. Layers are named after the module's attributes (`layer1.0.conv1` is
    `layer1_0_conv1`); those of an nn.Sequential have numbers. The module stays as it is.

    Weights come in chalkgrad's orientation: W of a Dense is (inputs, outputs), the gates of recurrent layers stand
    apart, and the two biases of each of PyTorch's gates are summed into one; queries', keys' and values' weights of
    attention stand apart. Running averages of batch normalisation come along. Parameters that do not require gradients
    are frozen.

    `predict` gives what the module gives in `eval()`, but where the loss works on logits (nn.CrossEntropyLoss,
    nn.BCEWithLogitsLoss): the network then ends with a Softmax or a Sigmoid, and predicts the probabilities. Where
    logits are wanted, take `loss=cg.CrossEntropy(from_logits=True)`.

    Args:
        module: the module; it gives one tensor.
        example: a batch of samples (N, ...) such as it takes: a tensor or an array; a tuple of them, or a mapping by
            the names of forward's arguments, where it takes several.
        loss: the loss: one of chalkgrad's; or nn.CrossEntropyLoss(), nn.NLLLoss(), nn.BCEWithLogitsLoss(),
            nn.BCELoss(), nn.MSELoss(), nn.L1Loss(), nn.MultiMarginLoss(). None is nn.MSELoss(), after a log_softmax
            nn.NLLLoss().
        seed: the network's seed.

    Raises:
        OptionError: where something is not covered; the message names the place in the module.
    """
    module = getattr(module, "_orig_mod", module)  # of torch.compile
    return matched(module, read_example(module, example), loss=loss, seed=seed).network


def matched(
    module: Any, inputs: Mapping[str, Any], *, loss: Any = None, seed: int = 0, training: bool = False
) -> Matched:
    """A module's run, as in prediction or in training, beside the network that it is.

    Arguments and errors as for `from_torch`.
    """
    dtype = _dtype(module, inputs)
    run = record(module, inputs, training=training)
    translation = Translation(run)
    end, logarithm = _end(translation)
    loss, ending = read_loss(loss, None if logarithm else end.layer)
    drafts = _needed(translation.drafts, end)
    if not training:
        _check_training(module, inputs, drafts)
    _check_masks(drafts)
    layers = _named(drafts, translation)
    shapes = {name: tuple(x.shape[1:]) for name, x in zip(run.inputs, inputs.values(), strict=True)}
    network = Network(
        [*layers, *([ending] if ending is not None else [])],
        input_shape=shapes if set(shapes) != {"x"} else shapes["x"],
        loss=loss,
        dtype=dtype,
        seed=seed,
    )
    lines = network.layout.lines[: len(drafts)]
    weights: dict[str, tuple[Value, ...]] = {}
    for line, draft in zip(lines, drafts, strict=True):
        weights.update(_weights(line, draft))
    _fill(network, weights, lines, drafts)
    steps = network.program_for(training=training).part("forward")
    outputs = {s.owner.line: s.output for s in steps if s.owner.line is not None}
    values = {
        outputs[line.place]: draft.witness
        for line, draft in zip(lines, drafts, strict=True)
        if line.place in outputs and draft.witness is not None and not draft.witness.tensor.is_meta
    }
    found = Matched(run, network, tuple(drafts), weights, values)
    _verify(found, inputs)
    return found


def samples_of(network: Network, inputs: Mapping[str, Any]) -> Array:
    """The samples as the network takes them: several inputs stand one after another in a row."""
    arrays = [tensor.detach().cpu().numpy() for tensor in inputs.values()]
    if not network.layout.several:
        return arrays[0]
    return np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)


def summed(parts: Sequence[Value]) -> Array:
    """The numbers of a parameter: those of what it is in the module, summed."""
    total: Any = sum(read(part) for part in parts)
    return total.numpy()


def in_order(value: Value, samples: int) -> Array:
    """The numbers of a tensor of the run in the order in which the network has them, (N, *shape)."""
    source = value.source
    assert not isinstance(source, Weight)
    flat = torch_library().empty(size(source, samples), dtype=value.tensor.dtype)
    flat[value.index.reshape(-1)] = value.tensor.detach().cpu().reshape(-1)
    return flat.numpy().reshape((samples, *source.shape))


def _end(translation: Translation) -> tuple[Draft, bool]:
    """The line that gives the module's output, or what its logarithms of probabilities are of; and whether those."""
    output = translation.run()
    call = translation.record.calls[-1] if translation.record.calls else None
    if call is None or output.of_weights:
        raise OptionError("the module computes nothing of its input")
    source = output.source
    logarithm = source.facts.get("logarithm of") if isinstance(source, Draft) else None
    if logarithm is None:
        value = translation.settled(output, call)
        source, N = value.source, translation.samples
        in_rows = same(value.index.reshape(-1), counted((size(source, N),)))
        if not in_rows or tuple(value.index.shape) == (N, size(source, 1)):
            source = translation.plain(value, call).source
    end = source if logarithm is None else logarithm
    if not isinstance(end, Draft) or end.layer is None:
        raise OptionError("the module computes nothing that a layer is")
    return end, logarithm is not None


def _check_masks(drafts: Sequence[Draft]) -> None:
    """Raises OptionError where an input is a mask and something else."""
    taken = {source.name for draft in drafts for source in draft.sources if isinstance(source, Input)}
    for draft in drafts:
        mask = draft.layer.padding_mask if draft.layer is not None else None
        if mask in taken:
            raise draft.call.refusal(
                f"its mask is made of the input {mask}, which is taken as values too; let forward take the mask as an "
                f"input of its own, 1 for what counts: (N, T), such as ({mask} != 0)"
            )


def _check_training(module: Any, inputs: Mapping[str, Any], drafts: Sequence[Draft]) -> None:
    """Raises OptionError where the module is another one in training, dropout and batch statistics aside."""
    torch = torch_library()
    devices = list({x.device for x in inputs.values() if x.is_cuda})
    with torch.random.fork_rng(devices=devices):
        try:
            run = record(module, inputs, training=True)
        except FailedError:  # a batch of one value, say, which batch normalisation refuses in training only
            return
    translation = Translation(run)
    end, _ = _end(translation)
    others = _needed(translation.drafts, end)
    for here, there in zip(drafts, others, strict=False):
        if here.layer != there.layer:
            raise here.call.refusal(
                f"is {here.layer} in prediction and {there.layer} in training; a network has the same lines in both"
            )
    if len(drafts) != len(others):
        extra = (drafts if len(drafts) > len(others) else others)[min(len(drafts), len(others))]
        when = "prediction" if len(drafts) > len(others) else "training"
        raise extra.call.refusal(f"is called in {when} only; a network has the same lines in training and prediction")


def _dtype(module: Any, inputs: Mapping[str, Any]) -> str:
    kinds = {str(p.dtype).removeprefix("torch.") for p in module.parameters() if p.is_floating_point()}
    kinds = kinds or {str(x.dtype).removeprefix("torch.") for x in inputs.values() if x.is_floating_point()}
    if len(kinds) > 1:
        raise OptionError(f"the module's parameters are {' and '.join(sorted(kinds))}; make them one, module.double()")
    kind = next(iter(kinds), "float32")
    if kind not in NEAR:
        raise OptionError(f"the module's parameters are {kind}; a network has float32 or float64: module.float()")
    return kind


def _needed(drafts: Sequence[Draft], end: Draft) -> list[Draft]:
    """The drafts that the last one needs, in order."""
    wanted: list[Draft] = []
    open_ones = [end]
    while open_ones:
        draft = open_ones.pop()
        if not any(draft is known for known in wanted):
            wanted.append(draft)
            open_ones += [source for source in draft.sources if isinstance(source, Draft)]
    found = [draft for draft in drafts if any(draft is known for known in wanted)]
    orders: dict[int, int] = {}
    for draft in found:  # what a line takes was drafted before it, but may be called after it
        orders[id(draft)] = max([draft.call.order, *(orders.get(id(source), -1) for source in draft.sources)])
    found.sort(key=lambda draft: orders[id(draft)])
    for draft in found:
        if draft.layer is None:
            raise draft.call.refusal(f"{draft.words} is not covered")
    return found


# -- names -------------------------------------------------------------------------------------------------------------


def _named(drafts: Sequence[Draft], translation: Translation) -> list[Layer]:
    """The layers with their names, with what they take, and whose weights they use."""
    owners = _owners(drafts)
    sharing = {id(owner) for owner in owners.values()}
    names: dict[int, str] = {}
    counts: Counter[str] = Counter()
    taken: set[str] = {name.lower() for name in translation.record.inputs} | {"x"}
    layers: list[Layer] = []
    before: Draft | Input | None = None
    inputs = list(translation.record.inputs)
    referred = _referred(drafts, inputs)
    for draft in drafts:
        layer = draft.layer
        assert layer is not None
        own = _attribute(draft) if layer.owns() else None
        if own is None and (id(draft) in referred or id(draft) in sharing):
            counts[layer.kind] += 1
            own = _attribute(draft) or f"{layer.kind.lower()}{counts[layer.kind]}"
        if own is not None:
            names[id(draft)] = name = _free(own, taken)
            layer = replace(layer, name=name)
        if id(draft) in owners:
            layer = replace(layer, weights_of=names[id(owners[id(draft)])])  # pyright: ignore
        words = [source.name if isinstance(source, Input) else names.get(id(source), "") for source in draft.sources]
        first = before if before is not None else (inputs[0] if len(inputs) == 1 else None)
        follows = draft.sources[0] is before or (before is None and words[0] == first)
        if isinstance(layer, Combining):
            layer = replace(layer, others=tuple(words[1:]) if len(words) > 2 else words[1])
        of: Any = None if follows else words[0]
        if isinstance(layer, Attention) and len(words) == 2:
            of = tuple(words)
        layers.append(replace(layer, of=of))
        before = draft
    return layers


def _referred(drafts: Sequence[Draft], inputs: Sequence[str]) -> set[int]:
    """The drafts that a later line has to name."""
    found: set[int] = set()
    before: Draft | None = None
    for draft in drafts:
        apart = isinstance(draft.layer, Attention) and len(draft.sources) == 2
        for place, source in enumerate(draft.sources):
            if isinstance(source, Draft) and (place or apart or source is not before):
                found.add(id(source))
        before = draft
    return found


def _attribute(draft: Draft) -> str | None:
    """The attribute of the module that a layer was, as a name; None where no name fits."""
    path, module = draft.facts.get("path", draft.call.path), draft.call.module
    apart = theirs(module) and (draft.call.function is None or next(module.children(), None) is None)
    if "path" not in draft.facts and not apart:
        return None
    word = re.sub(r"\W", "_", path)
    return word if re.match(r"[A-Za-z]", word) else None


_OUTPUTS = frozenset(rule.output.lower() for rule in RULES) | {"l", "y_hat"}


def _free(word: str, taken: set[str]) -> str:
    """The word, or the word and something after it, so that no value has two names."""
    tries = [word, *(f"{word}_{n}" for n in range(2, 10_000))]
    for name in tries:
        low = name.lower()
        short = re.sub(r"\d+$", "", low)
        longer = [f"{prefix}{low}".lower() for prefix in spelled.PREFIXES]
        derived = any(low == f"{prefix}{other}".lower() for prefix in spelled.PREFIXES for other in taken)
        if low in taken or (short in _OUTPUTS and short != low) or derived or any(one in taken for one in longer):
            continue
        taken.add(low)
        return name
    raise AssertionError("names go on")


def _owners(drafts: Sequence[Draft]) -> dict[int, Draft]:
    """For each draft that uses an earlier one's weights, that one.

    Raises:
        OptionError: where more is shared than the layers can share.
    """
    first: list[tuple[Draft, str, Value]] = []
    owners: dict[int, Draft] = {}
    for draft in drafts:
        for part, value in draft.tensors.items():
            for other, their_part, known in first:
                if not _overlap(value, known) or (other is draft and their_part == part):
                    continue
                sharable = part == their_part == "weight" and isinstance(draft.layer, (Dense, Conv2D, Conv1D))
                fits = same(value.index, known.index) or (
                    isinstance(draft.layer, Dense) and value.index.ndim == 2 and same(value.index.T, known.index)
                )
                kinds = (draft.layer.shares_with if draft.layer is not None else ()) if sharable else ()
                if sharable and fits and other.layer is not None and other.layer.kind in kinds:
                    owners[id(draft)] = owners.get(id(other), other)
                    break
                if other.facts.get("last") is draft or draft.facts.get("last") is other:
                    raise draft.call.refusal(
                        "uses both every step's h and the last one's alone; a layer gives one of them"
                    )
                raise draft.call.refusal(
                    f"its {part} is also that of {other.call.place}; two lines can share a weight matrix or kernels "
                    "(Dense, Conv1D, Conv2D, Embedding), each with a bias of its own or without one (bias=False), and "
                    "no other parameters"
                )
            else:
                first.append((draft, part, value))
    return owners


def _overlap(left: Value, right: Value) -> bool:
    """Whether two values share numbers of a parameter."""
    shared = [
        s for s in left.sources if isinstance(s, Weight) and s.name and any(s is other for other in right.sources)
    ]
    if not shared:
        return False
    return any(bool((_numbers(left, weight) & _numbers(right, weight)).any()) for weight in shared)


def _numbers(value: Value, weight: Weight) -> Any:
    """Which numbers of a parameter a value has."""
    torch = torch_library()
    found, begin = torch.zeros(size(weight, 1), dtype=torch.bool), 0
    for source in value.sources:
        end = begin + size(source, 1)
        if source is weight:
            flat = value.index.reshape(-1)
            found[flat[(flat >= begin) & (flat < end)] - begin] = True
        begin = end
    return found


# -- weights -----------------------------------------------------------------------------------------------------------


def _weights(line: Line, draft: Draft) -> dict[str, tuple[Value, ...]]:
    """What the numbers of a line's own parameters are, in its orientation."""
    form = form_of(line)
    found: dict[str, tuple[Value, ...]] = {}
    formals = {name: formal for formal, name in line.names.items()}
    for name in line.parameters:
        formal = formals[name]
        if formal in draft.tensors:
            found[name] = (draft.tensors[formal],)
            continue
        place = form.places.get(formal, FORMALS.get(formal, formal))
        parts = [place]
        if place.startswith("bias_ih") and f"c{formal[1:]}" not in line.names:
            parts.append(place.replace("bias_ih", "bias_hh"))
        found[name] = tuple(_part(draft.tensors, part, turned=formal in form.turned) for part in parts)
    return found


def _part(tensors: Mapping[str, Value], place: str, *, turned: bool) -> Value:
    """The part of a tensor at a place, "weight_ih_l0[0:3]"."""
    part, _, rows = place.partition("[")
    value = tensors[part]
    index, tensor = value.index, value.tensor
    if rows:
        begin, end = map(int, rows.rstrip("]").split(":"))
        index, tensor = index[begin:end], tensor[begin:end]
    return Value(value.sources, index.T, tensor.T) if turned else Value(value.sources, index, tensor)


def _fill(
    network: Network, weights: Mapping[str, tuple[Value, ...]], lines: Sequence[Line], drafts: Sequence[Draft]
) -> None:
    numbers: dict[str, Array] = {name: summed(parts) for name, parts in weights.items()}
    for line, draft in zip(lines, drafts, strict=True):
        for formal, name in line.names.items():
            if name in line.states:
                numbers[name] = draft.states[FORMALS.get(formal, formal)].detach().cpu().numpy()
    network.set_parameters(numbers)
    for name, parts in weights.items():
        trained = [s.tensor.requires_grad and s.name for part in parts for s in part.sources if isinstance(s, Weight)]
        if not any(trained):
            network.freeze(name)


def _verify(found: Matched, inputs: Mapping[str, Any]) -> None:
    """Raises ChalkgradError where a value on the example is not the module's: better no network than a wrong one."""
    network, N = found.network, found.record.samples
    samples = network.inputs(samples_of(network, inputs))
    ours = network.runner(tuple(found.values), training=found.record.training).run(network.given(samples))
    for name, value in found.values.items():
        theirs = in_order(value, N)
        scale = max(1.0, float(np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0)))
        if not np.allclose(ours[name], theirs, rtol=0, atol=NEAR[network.dtype.name] * scale, equal_nan=True):
            draft = value.source
            where = draft.call.place if isinstance(draft, Draft) else ""
            raise ChalkgradError(
                f"{where}: {name} of the network is not what the module computes on the example; this module is read "
                "wrongly, please report it"
            )
