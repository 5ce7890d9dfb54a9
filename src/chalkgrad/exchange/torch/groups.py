"""What PyTorch does with groups of channels: a line for each group, and a Concat that puts them side by side."""

from __future__ import annotations

from typing import Any

from ...describe.layers import LayerNorm
from .by_axis import by_axis
from .trace import Call, torch_library
from .translation import Translation, covers
from .values import Draft, Value, counted, joined

MOST = 16
"""The most groups that become lines."""


def parts_of(t: Translation, call: Call, value: Value, groups: int) -> list[Value]:
    """Images as the channels of each group.

    Raises:
        OptionError: where there are too many groups.
    """
    if groups > MOST:
        raise call.refusal(
            f"groups={groups} is not covered; the layers here go over all channels, and up to {MOST} groups become a "
            "line each"
        )
    value = t.plain(value, call)
    if groups == 1:
        return [value]
    halves = zip(value.index.chunk(groups, 1), value.tensor.chunk(groups, 1), strict=True)
    return [t.plain(Value(value.sources, index, tensor), call) for index, tensor in halves]


def side_by_side(t: Translation, call: Call, drafts: list[Draft], result: Any) -> Value:
    """What the lines of all groups give together, which is a tensor (N, C, H, W)."""
    torch, parts, begin = torch_library(), list[Value](), 0
    for draft in drafts:
        end = begin + draft.shape[0]
        draft.witness = Value((draft,), counted((t.samples, *draft.shape)), result[:, begin:end])
        parts.append(draft.witness)
        begin = end
    sources, indices = joined(parts, t.samples)
    return t.settled(Value(sources, torch.cat(indices, 1), result), call)


@covers("group_norm")
def _(t: Translation, call: Call) -> None:
    x, groups, weight, bias, eps = call.take("input", "num_groups", weight=None, bias=None, eps=1e-5)
    _normalised(t, call, x, int(groups), weight, bias, float(eps))


@covers("instance_norm")
def _(t: Translation, call: Call) -> None:
    x, mean, _, weight, bias, of_input, _, eps = call.take(
        "input",
        running_mean=None,
        running_var=None,
        weight=None,
        bias=None,
        use_input_stats=True,
        momentum=0.1,
        eps=1e-5,
    )  # fmt: skip
    if mean is not None or not of_input:
        raise call.refusal("track_running_stats=True is not covered")
    _normalised(t, call, x, int(t.value(x, call).index.shape[1]), weight, bias, float(eps))


def _normalised(t: Translation, call: Call, x: Any, groups: int, weight: Any, bias: Any, eps: float) -> None:
    """Adds a LayerNorm of each group, and the channels' scales and shifts."""
    value = t.value(x, call)
    if value.index.ndim != 4:
        raise call.refusal(f"{call.words} is covered for images, (N, C, H, W)")
    if (weight is None) != (bias is None):
        raise call.refusal("a scale without a shift is not covered")
    torch = torch_library()
    drafts = [
        t.draft(LayerNorm(eps, affine=False, over="sample"), (part.source,), part.index.shape[1:], call)
        for part in parts_of(t, call, value, groups)
    ]
    normalised = torch.nn.functional.group_norm(value.tensor, groups, eps=eps)
    together = side_by_side(t, call, drafts, normalised)
    if weight is None:
        t.assign(call, call.result, together.index, together.sources)
        return
    scaled = by_axis(t, call, together, _of_channels(t, call, weight), "Weighted")
    shifted = None if scaled is None else by_axis(t, call, scaled, _of_channels(t, call, bias), "Shifted", call.result)
    if shifted is None:
        raise call.refusal("a scale of one channel is not covered")


def _of_channels(t: Translation, call: Call, given: Any) -> Value:
    value = t.weight(given, call)
    return Value(value.sources, value.index[:, None, None], value.tensor[:, None, None])
