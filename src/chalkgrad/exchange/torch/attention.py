"""Attention as PyTorch has it: nn.MultiheadAttention, scaled_dot_product_attention, and the same written out.

What stands on the way, heads, scores and their softmax, are drafts without a layer; the product with the output weights
makes the layer of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from ...base.errors import OptionError
from ...describe.layers import Attention, Dense
from .trace import Call, Ref, torch_library
from .translation import Translation, covers
from .values import Draft, Input, Source, Value, Weight, counted, joined, narrowed, same

HIDING = -1e9
"""Scores of less are those of keys that are hidden."""


@dataclass(frozen=True, slots=True)
class Mask:
    """What is hidden.

    Attributes:
        causal: whether later steps are.
        keys: the input that says which keys count, (N, S); None where all do.
    """

    causal: bool = False
    keys: Input | None = None


@dataclass(frozen=True, slots=True)
class Projection:
    """Queries, keys or values: the sequence that they are made of, and the weights."""

    source: Source
    weight: Value
    bias: Value | None
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores, or after the softmax the shares, of queries and keys.

    Attributes:
        q, k: queries and keys.
        heads, steps, keys, width: how many heads, queries and keys there are, and how wide a head is.
        factor: what q k^T has been multiplied by.
        mask: what is hidden.
        shares: whether the softmax is taken.
    """

    q: Projection
    k: Projection
    heads: int
    steps: int
    keys: int
    width: int
    factor: float = 1.0
    mask: Mask = Mask()
    shares: bool = False


@dataclass(frozen=True, slots=True)
class Heads:
    """The heads side by side, as a module at a path gives them."""

    scores: Scores
    v: Projection
    path: str


# -- PyTorch's module --------------------------------------------------------------------------------------------------


@covers("nn.MultiheadAttention")
def _(t: Translation, call: Call) -> None:
    query, key, value, padding, _, hidden, _, is_causal = call.take(
        "query", "key", "value", key_padding_mask=None, need_weights=True, attn_mask=None, average_attn_weights=True,
        is_causal=False,
    )  # fmt: skip
    module = call.module
    for name, why in (("in_proj_weight", "kdim and vdim"),):
        if getattr(module, name) is None:
            raise call.refusal(f"{why} other than embed_dim are not covered")
    if module.bias_k is not None or module.add_zero_attn:
        raise call.refusal("add_bias_kv and add_zero_attn are not covered")
    if module.dropout:
        raise call.refusal(f"dropout={module.dropout} of attention's shares is not covered; set .dropout = 0.0")
    if key is not value and key != value:
        raise call.refusal("keys and values of different sequences are not covered")
    sequences = [_sequence(t, one, call, batch_first=module.batch_first) for one in (query, key)]
    (T, D), S = sequences[0].shape, sequences[1].shape[0]
    mask = _mask(t, call, hidden, T, S, hides=True)
    if is_causal and not mask.causal:
        raise call.refusal("is_causal=True with a mask that is not causal is not covered")
    if padding is not None:
        mask = replace(mask, keys=_keys(t, call, padding, hides=True))
    tensors = {"in_proj_weight": module.in_proj_weight, "out_proj.weight": module.out_proj.weight}
    if module.in_proj_bias is not None:
        tensors |= {"in_proj_bias": module.in_proj_bias, "out_proj.bias": module.out_proj.bias}
    draft = _attention(t, call, int(module.num_heads), mask, sequences[0], sequences[1], (T, D))
    draft.layer = Attention(int(module.num_heads), mask.causal, _name(mask), bias=module.in_proj_bias is not None)
    draft.tensors = {name: t.parameter(tensor, call) for name, tensor in tensors.items()}
    index = counted((t.samples, T, D))
    t.give(call.result[0], draft, index if module.batch_first else index.transpose(0, 1))
    if isinstance(call.result[1], Ref):
        t.missing[call.result[1].number] = "attention's weights as a second result are not covered"


def _sequence(t: Translation, given: Any, call: Call, *, batch_first: bool) -> Draft | Input:
    value = t.settled(t.value(given, call), call)
    source = value.source
    assert not isinstance(source, Weight)
    index = value.index if batch_first or value.index.ndim != 3 else value.index.transpose(0, 1)
    if len(source.shape) != 2 or not same(index, counted((t.samples, *source.shape))):
        raise call.refusal(
            f"takes {'(N, T, D)' if batch_first else '(T, N, D)'}, and gets {tuple(value.index.shape)}, which is not "
            "such a sequence of the network's"
        )
    return source


def _attention(
    t: Translation, call: Call, heads: int, mask: Mask, q: Draft | Input, k: Draft | Input, shape: tuple[int, int]
) -> Draft:
    """A new line: attention of q over k."""
    layer = Attention(heads, mask.causal, _name(mask))
    return t.draft(layer, (q,) if q is k else (q, k), shape, call)


def _name(mask: Mask) -> str | None:
    return None if mask.keys is None else mask.keys.name


# -- functions ---------------------------------------------------------------------------------------------------------


@covers("scaled_dot_product_attention")
def _(t: Translation, call: Call) -> None:
    query, key, value, mask, rate, is_causal, scale, grouped = call.take(
        "query", "key", "value", attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
    )
    if rate:
        raise call.refusal(f"dropout_p={rate} is not covered; set it to 0.0")
    if grouped:
        raise call.refusal("enable_gqa=True is not covered")
    q, k, v = (t.value(one, call) for one in (query, key, value))
    scores = _scores(t, call, q, k)
    found = Mask(causal=True) if is_causal else _mask(t, call, mask, scores.steps, scores.keys, hides=False)
    own = 1 / math.sqrt(scores.width) if scale is None else float(scale)
    scores = replace(scores, factor=scores.factor * own, mask=found, shares=True)
    _give_heads(t, call, Heads(scores, _projection(t, call, v), call.path), q.index.ndim)


def scores_of(t: Translation, call: Call, left: Value, right: Value) -> None:
    """A product of two values: scores of queries and keys, or shares times values."""
    shares = left.source.facts.get("scores") if isinstance(left.source, Draft) else None
    if isinstance(shares, Scores):
        if not shares.shares:
            raise call.refusal("a product with scores before their softmax is not covered")
        _give_heads(t, call, Heads(shares, _projection(t, call, right), call.path), right.index.ndim)
        return
    try:
        scores = _scores(t, call, left, Value(right.sources, right.index.mT, right.tensor, right.number))
    except OptionError as error:
        raise call.refusal(
            f"a product of two values is covered as queries times keys of attention only ({error})"
        ) from None
    _give_scores(t, call, scores, left.index.ndim)


def _scores(t: Translation, call: Call, q: Value, k: Value) -> Scores:
    left, right = _projection(t, call, q), _projection(t, call, k)
    heads = q.index.shape[1] if q.index.ndim == 4 else 1
    T, E = q.index.shape[-2:]
    return Scores(left, right, int(heads), int(T), int(k.index.shape[-2]), int(E), left.factor * right.factor)


def _give_scores(t: Translation, call: Call, scores: Scores, axes: int) -> None:
    shape = (scores.heads, scores.steps, scores.keys)
    words = "attention's softmax apart from a product with values" if scores.shares else "a product of queries and keys"
    draft = t.draft(None, (), shape[4 - axes :], call, words)
    draft.facts["scores"] = scores
    t.give(call.result, draft)


def _give_heads(t: Translation, call: Call, heads: Heads, axes: int) -> None:
    s = heads.scores
    draft = t.draft(
        None, (), (s.steps, s.heads * s.width), call, "attention without its output weights, a linear layer,"
    )
    draft.facts["heads"] = heads
    index = counted((t.samples, s.steps, s.heads, s.width)).transpose(1, 2)
    t.give(call.result, draft, index if axes == 4 else index[:, 0])


def _projection(t: Translation, call: Call, value: Value) -> Projection:
    """Queries, keys or values (N, heads, T, E), or (N, T, E), as a product of a sequence with weights."""
    value, factor = narrowed(value, t.samples), 1.0
    while isinstance(value.source, Draft) and value.source.facts.get("shift") == 0:
        inner: Value = value.source.facts["inner"]
        factor *= value.source.facts["factor"]
        value = narrowed(Value(inner.sources, inner.index.reshape(-1)[value.index], value.tensor), t.samples)
    source = value.source
    if len(value.sources) > 1 or not isinstance(source, Draft) or not isinstance(source.layer, Dense):
        raise call.refusal("queries, keys and values must each be a linear layer of a sequence")
    index = value.index if value.index.ndim == 4 else value.index[:, None]
    if index.ndim != 4 or len(source.shape) != 2:
        raise call.refusal("queries, keys and values must be (N, heads, T, E)")
    T, C = source.shape
    torch, N = torch_library(), t.samples
    columns = (index % C)[0, :, 0]
    rows = torch.arange(N)[:, None, None, None] * T + torch.arange(index.shape[2])[:, None]
    if index.shape[2] != T or not same(index, rows * C + columns[:, None]):
        raise call.refusal("queries, keys and values must be (N, heads, T, E), the heads side by side in the last axis")
    flat = columns.reshape(-1)
    weight, bias = source.tensors["weight"], source.tensors.get("bias")
    return Projection(
        source.sources[0],
        Value(weight.sources, weight.index[flat], weight.tensor[flat]),
        None if bias is None else Value(bias.sources, bias.index[flat], bias.tensor[flat]),
        factor,
    )


def scores(value: Value) -> Scores | None:
    """The scores of attention that a value is; None for another value."""
    found = value.source.facts.get("scores") if isinstance(value.source, Draft) else None
    return found if isinstance(found, Scores) else None


def _open_scores(call: Call, value: Value) -> Scores | None:
    """Scores before their softmax; None for another value."""
    found = scores(value)
    if found is not None and found.shares:
        raise call.refusal(f"{call.words} of attention's shares is not covered")
    return found


def shared_out(t: Translation, call: Call, value: Value, axis: int | None) -> bool:
    """Takes the softmax of scores; False where the value is another one."""
    found = _open_scores(call, value)
    if found is None:
        return False
    axes = value.index.ndim
    if axis is None or axis % axes != axes - 1:
        raise call.refusal(f"a softmax of scores over dim={axis} is not covered; it goes over the keys, dim=-1")
    _give_scores(t, call, replace(found, shares=True), axes)
    return True


def multiplied(t: Translation, call: Call, value: Value, number: float) -> bool:
    """Multiplies scores with a number; False where the value is another one."""
    found = _open_scores(call, value)
    if found is not None:
        _give_scores(t, call, replace(found, factor=found.factor * number), value.index.ndim)
    return found is not None


def masked(t: Translation, call: Call, value: Value, mask: Any, filled: float | None) -> bool:
    """Hides scores; False where the value is another one.

    Args:
        t: the translation.
        call: the call.
        value: the scores.
        mask: a mask; True is hidden.
        filled: the number that hidden scores become; None where the mask is added.
    """
    found = _open_scores(call, value)
    if found is None:
        return False
    if filled is not None and filled > HIDING:
        raise call.refusal(f"masked_fill() with {filled} is not covered; hidden are scores of float('-inf')")
    more = _mask(t, call, mask, found.steps, found.keys, hides=filled is not None)
    keys = more.keys if more.keys is not None else found.mask.keys
    _give_scores(t, call, replace(found, mask=Mask(found.mask.causal or more.causal, keys)), value.index.ndim)
    return True


def attention_of_heads(t: Translation, call: Call, value: Value, weight: Value, bias: Value | None) -> bool:
    """Makes the layer, where heads are multiplied with the output weights; False where it is another product."""
    value = narrowed(value, t.samples)
    heads = value.source.facts.get("heads") if isinstance(value.source, Draft) else None
    if not isinstance(heads, Heads):
        return False
    scores, N = heads.scores, t.samples
    D = scores.heads * scores.width
    shape = (scores.steps, D)
    rows, columns = value.index[..., 0] // D, value.index.reshape(-1, value.index.shape[-1])[0] % D
    if value.index.shape[-1] != D or not same(value.index, rows[..., None] * D + columns):
        raise call.refusal("the output weights take all heads side by side, (N, T, D)")
    if abs(scores.factor * math.sqrt(scores.width) - 1) > 1e-6:
        raise call.refusal(
            f"scores are multiplied by {scores.factor:g}; covered is 1/sqrt(E), {1 / math.sqrt(scores.width):g}"
        )
    q, k, v = scores.q, scores.k, heads.v
    if v.factor != 1:
        raise call.refusal("values times a number are not covered")
    if k.source is not v.source:
        raise call.refusal("keys and values of different sequences are not covered")
    parts = [q, k, v]
    widths = {part.weight.index.shape for part in parts} | {weight.index.shape}
    if widths != {(D, D)}:
        raise call.refusal(
            f"queries, keys, values and output all have the width of the sequence, and heads together {D}; other "
            "widths are not covered"
        )
    assert not isinstance(q.source, Weight)
    assert not isinstance(k.source, Weight)
    draft = _attention(t, call, scores.heads, scores.mask, q.source, k.source, shape)
    draft.facts["path"] = heads.path
    order = columns.argsort()
    draft.tensors["in_proj_weight"] = _stacked([part.weight for part in parts], N)
    draft.tensors["out_proj.weight"] = Value(weight.sources, weight.index[:, order], weight.tensor[:, order])
    biases = [*(part.bias for part in parts), bias]
    draft.layer = Attention(
        scores.heads, scores.mask.causal, _name(scores.mask), bias=any(b is not None for b in biases)
    )
    if any(one is not None for one in biases):
        filled = [t.constant(torch_library().zeros_like(weight.tensor[0])) if b is None else b for b in biases]
        draft.tensors["in_proj_bias"] = _stacked(filled[:3], N)
        draft.tensors["out_proj.bias"] = filled[3]
    t.give(call.result, draft, rows[..., None] * D + torch_library().arange(D))
    return True


def output_bias(t: Translation, call: Call, value: Value, bias: Value) -> bool:
    """Gives attention a bias that is added to its output; False where it has one already, or is used before."""
    source = value.source
    if not isinstance(source, Draft) or not isinstance(source.layer, Attention) or source.witness is None:
        return False
    D, once = source.shape[-1], t.uses[source.witness.number] == 1
    own = source.tensors.get("out_proj.bias")
    added = own is not None and not (isinstance(own.source, Weight) and not own.source.name)
    ordered = same(value.index % D, torch_library().arange(D).expand(value.index.shape))
    if added or not once or not ordered or tuple(bias.index.shape) != (D,):
        return False
    if not source.layer.bias:
        source.layer = replace(source.layer, bias=True)
        nothing = t.constant(torch_library().zeros_like(source.tensors["out_proj.weight"].tensor[0]))
        source.tensors["in_proj_bias"] = _stacked([nothing] * 3, t.samples)
    source.tensors["out_proj.bias"] = bias
    source.witness = None
    t.give(call.result, source, value.index)
    return True


def _stacked(values: list[Value], samples: int) -> Value:
    torch = torch_library()
    sources, indices = joined(values, samples)
    return Value(sources, torch.cat(indices), torch.cat([value.tensor.detach() for value in values]))


# -- masks -------------------------------------------------------------------------------------------------------------


def _mask(t: Translation, call: Call, given: Any, T: int, S: int, *, hides: bool) -> Mask:
    """What a mask hides.

    Args:
        t: the translation.
        call: the call.
        given: None, numbers to be added to scores, or whether each is hidden or shown.
        T: the number of queries.
        S: the number of keys.
        hides: whether True means hidden.
    """
    torch = torch_library()
    if given is None:
        return Mask()
    if isinstance(given, Ref):
        value = t.values.get(given.number)
        if value is not None and isinstance(value.source, Draft) and "keys" in value.source.facts:
            facts = value.source.facts
            _shown_keys(t, call, value, hides=hides)
            return Mask(facts["causal"], facts["keys"])
        raise call.refusal("a mask is a constant, or says by an input of the network which keys count, mask == 0")
    mask = torch.as_tensor(given)
    shown = (~mask if hides else mask) if mask.dtype == torch.bool else mask > HIDING
    if mask.dtype != torch.bool and bool((mask[mask > HIDING] != 0).any()):
        raise call.refusal("a mask with other numbers than 0 and -inf is not covered")
    try:
        shown = shown.broadcast_to((*shown.shape[:-2], T, S)).reshape(-1, T, S)
    except RuntimeError:
        raise call.refusal(f"a mask of shape {tuple(mask.shape)} for {T} queries and {S} keys is not covered") from None
    if bool(shown.all()):
        return Mask()
    if bool((shown == torch.ones(T, S, dtype=torch.bool, device=shown.device).tril()).all()):
        return Mask(causal=True)
    raise call.refusal("this mask is not covered; covered are causal ones, and those of padded keys by an input")


def _keys(t: Translation, call: Call, given: Any, *, hides: bool) -> Input:
    """The input by which a mask of keys, (N, S), says which count."""
    value = t.value(given, call) if isinstance(given, Ref) else None
    if value is None or not isinstance(value.source, Draft) or "keys" not in value.source.facts:
        raise call.refusal("key_padding_mask must be of an input of the network, 1 for keys that count: mask == 0")
    _shown_keys(t, call, value, hides=hides)
    return value.source.facts["keys"]


def _shown_keys(t: Translation, call: Call, value: Value, *, hides: bool) -> None:
    source = value.source
    assert isinstance(source, Draft)
    keys: Input = source.facts["keys"]
    fitting = (t.samples, *keys.shape)
    squeezed = value.index.reshape(t.samples, -1)
    plain = source.facts["causal"] or (same(squeezed, counted(fitting)) and value.index.shape[-1] == keys.shape[0])
    if source.facts["shown"] == hides or not plain:
        raise call.refusal("the mask hides what it should show: the input has 1 for keys that count, and 0 for padding")


def _truth(t: Translation, call: Call, given: Any, *, shown: bool) -> None:
    """The truth of an input's numbers: whether a key counts."""
    value = t.value(given, call)
    if not isinstance(value.source, Input) or len(value.source.shape) != 1:
        raise call.refusal(f"{call.words} is covered for a mask that is an input of the network, (N, keys)")
    draft = t.draft(None, (), value.source.shape, call, "a mask apart from attention")
    draft.facts = {"keys": value.source, "shown": shown, "causal": False}
    t.give(call.result, draft, value.index)


@covers("zeros_like")
def _(t: Translation, call: Call) -> None:
    value = t.value(call.args[0], call)
    if not isinstance(value.source, Draft) or "keys" not in value.source.facts:
        raise call.refusal("zeros_like() is covered for masks only")
    draft = t.draft(None, (), value.source.shape, call, value.source.words)
    draft.facts = {"zeros": True}
    t.give(call.result, draft, value.index)


def added_mask(t: Translation, call: Call, value: Value, mask: Any, filled: float) -> bool:
    """Takes zeros, and -inf where a mask hides, as that mask; False where the value is another one."""
    given = t.values.get(mask.number) if isinstance(mask, Ref) else None
    zeros = isinstance(value.source, Draft) and "zeros" in value.source.facts
    if not zeros or given is None or not isinstance(given.source, Draft) or filled > HIDING:
        return False
    facts = given.source.facts
    if facts.get("shown", True):
        return False
    draft = t.draft(None, (), given.source.shape, call, given.source.words)
    draft.facts = dict(facts)
    t.give(call.result, draft, given.index)
    return True


@covers("eq", "ne", "gt")
def _(t: Translation, call: Call) -> None:
    given, number = call.args[:2]
    means = {("eq", 0): False, ("eq", 1): True, ("ne", 0): True, ("ne", 1): False, ("gt", 0): True}
    if isinstance(number, Ref) or (call.name, number) not in means:
        raise call.refusal(f"{call.words} is covered for masks only, mask == 0")
    _truth(t, call, given, shown=means[call.name, number])


@covers("bool")
def _(t: Translation, call: Call) -> None:
    _truth(t, call, call.args[0], shown=True)


@covers("logical_not", "bitwise_not", "invert")
def _(t: Translation, call: Call) -> None:
    value = t.value(call.args[0], call)
    if isinstance(value.source, Input) and value.tensor.dtype == torch_library().bool:
        _truth(t, call, call.args[0], shown=False)
        return
    if not isinstance(value.source, Draft) or "keys" not in value.source.facts:
        raise call.refusal(f"{call.words} is covered for masks only")
    facts = value.source.facts
    draft = t.draft(None, (), value.source.shape, call, value.source.words)
    draft.facts = {**facts, "shown": not facts["shown"]}
    t.give(call.result, draft, value.index)


@covers("and", "bitwise_and", "logical_and", "rand")
def _(t: Translation, call: Call) -> None:
    left, right = call.args[:2]
    given, constant = (left, right) if isinstance(left, Ref) else (right, left)
    value = t.value(given, call)
    if isinstance(constant, Ref) or not isinstance(value.source, Draft) or "keys" not in value.source.facts:
        raise call.refusal(f"{call.words} is covered for masks only")
    _shown_keys(t, call, value, hides=False)
    T, S = constant.shape[-2:]
    mask = _mask(t, call, constant, int(T), int(S), hides=False)
    keys: Input = value.source.facts["keys"]
    shape = tuple(t.record.tensors[call.result.number].shape[1:])
    draft = t.draft(None, (), shape, call, value.source.words)
    draft.facts = {"keys": keys, "shown": True, "causal": mask.causal}
    t.give(call.result, draft)
