"""The mean over the steps of a sequence that count, as it is written in PyTorch.

keep = mask[:, :, None].to(x.dtype), and (x * keep).sum(1) / keep.sum(1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...describe.layers import GlobalAvgPool1D
from .trace import Call
from .translation import Translation
from .values import Draft, Input, Value, Weight, counted, same


@dataclass(frozen=True, slots=True)
class Part:
    """What stands on the way to such a mean.

    Attributes:
        mask: the input that says which steps count.
        sequence: what is averaged; None for the mask itself, or how many steps count.
        summed: whether the sum over the steps is taken.
    """

    mask: Input
    sequence: Draft | Input | None = None
    summed: bool = False


def part_of(value: Value) -> Part | None:
    """What a value is on the way to a mean over steps; None for another value."""
    found = value.source.facts.get("part") if isinstance(value.source, Draft) else None
    return found if isinstance(found, Part) else None


def _give(t: Translation, call: Call, part: Part, index: Any = None) -> None:
    shape = tuple(t.record.tensors[call.result.number].shape[1:])
    draft = t.draft(None, (), shape if index is None else part.mask.shape, call, "a mask apart from a mean over steps")
    draft.facts["part"] = part
    t.give(call.result, draft, index)


def as_numbers(t: Translation, call: Call, value: Value) -> bool:
    """Takes an input of whole numbers as a mask; False where it can be none."""
    source = value.source
    if not isinstance(source, Input) or len(source.shape) != 1 or value.index.numel() != t.samples * source.shape[0]:
        return False
    _give(t, call, Part(source), value.index)
    return True


def kept(t: Translation, call: Call, left: Value, right: Value) -> bool:
    """Sets the steps of a sequence that do not count to 0; False where it is another product."""
    left, right = (right, left) if part_of(left) is not None else (left, right)
    mask = part_of(right) or _of_input(right)
    if mask is None or mask.sequence is not None or mask.summed or left.index.ndim != 3:
        return False
    sequence = t.plain(left, call).source
    assert not isinstance(sequence, Weight)
    if not same(right.index, counted((t.samples, *mask.mask.shape))[:, :, None]):
        return False
    _give(t, call, Part(mask.mask, sequence))
    return True


def _of_input(value: Value) -> Part | None:
    """A mask of floating point, as it is."""
    source = value.source
    plain = isinstance(source, Input) and len(source.shape) == 1 and value.index.ndim == 3 and len(value.sources) == 1
    return Part(source) if plain and isinstance(source, Input) else None


def summed(t: Translation, call: Call, value: Value, axis: Any) -> bool:
    """Sums over the steps; False where it is another sum."""
    part = part_of(value) or _of_input(value)
    if part is None or part.summed or axis not in (1, (1,), [1], -2) or value.index.ndim != 3:
        return False
    _give(t, call, Part(part.mask, part.sequence, True))
    return True


def divided(t: Translation, call: Call, left: Value, right: Value) -> bool:
    """Makes the layer; False where it is another division."""
    above, below = part_of(left), part_of(right)
    if above is None or below is None or not (above.summed and below.summed) or below.sequence is not None:
        return False
    if above.sequence is None or above.mask is not below.mask:
        return False
    shape = above.sequence.shape[1:]
    t.give(call.result, t.draft(GlobalAvgPool1D(mask=above.mask.name), (above.sequence,), shape, call))
    return True
