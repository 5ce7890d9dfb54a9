"""PyTorch's recurrent modules as the layers here: each level and direction is a line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...describe.layers import GRU, LSTM, RNN, Dropout, Recurrent
from .trace import Call, Ref, torch_library
from .translation import Translation, covers
from .values import Draft, Value, Weight, counted, joined, same


@covers("nn.RNN", "nn.LSTM", "nn.GRU")
def _(t: Translation, call: Call) -> None:
    x, start = call.take("input", hx=None)
    module, torch = call.module, torch_library()
    for state in start if isinstance(start, (tuple, list)) else [start]:  # pyright: ignore
        if state is not None and (isinstance(state, Ref) or bool(torch.as_tensor(state).any())):
            raise call.refusal("a first state other than 0 is not covered; call it without")
    if getattr(module, "proj_size", 0):
        raise call.refusal(f"proj_size={module.proj_size} is not covered")
    value = t.settled(t.value(x, call), call)
    source, N = value.source, t.samples
    assert not isinstance(source, Weight)
    turned = (lambda index: index) if module.batch_first else (lambda index: index.transpose(0, 1))  # pyright: ignore
    flipped = _flipped(value, source.shape, turned)
    if flipped is None:
        raise call.refusal(
            f"takes {'(N, T, I)' if module.batch_first else '(T, N, I)'}, and gets {tuple(value.index.shape)}, which "
            "is not such a sequence of the network's"
        )
    T, U = source.shape[0], int(module.hidden_size)
    last: list[Value] = []
    for level in range(module.num_layers):
        drafts: list[Draft] = []
        for second in (False, True) if module.bidirectional else (False,):
            reverse = second != flipped
            draft = t.draft(_layer(module, U, reverse=reverse), (source,), (T, U), call)
            own = f"_l{level}{'_reverse' if second else ''}"
            for part in ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if module.bias else ())):
                draft.tensors[f"{part}_l0"] = t.parameter(getattr(module, f"{part}{own}"), call)
            drafts.append(draft)
            index = counted((N, T, U))[:, 0 if reverse else T - 1]
            last.append(Value((draft,), index, torch.empty(0)))
        if level < module.num_layers - 1:
            source = _through(t, call, drafts, float(module.dropout))
        else:
            _give(t, call, drafts, turned, flipped=flipped)
    states = call.result[1]
    sources, indices = joined(last, N)
    h_n = states[0] if isinstance(states, (tuple, list)) else states  # pyright: ignore
    t.assign(call, h_n, torch.stack(indices), sources)
    if isinstance(states, (tuple, list)):
        t.missing[states[1].number] = "takes c_n, the cell after the last step, which is not covered"  # pyright: ignore


def _layer(module: Any, units: int, *, reverse: bool) -> Recurrent:
    kind = type(module).__name__
    if kind == "LSTM":
        return LSTM(units, sequences=True, reverse=reverse, bias=module.bias)
    if kind == "GRU":
        return GRU(units, reset="after", sequences=True, reverse=reverse, bias=module.bias)
    return RNN(units, module.nonlinearity, sequences=True, reverse=reverse, bias=module.bias)


def _through(t: Translation, call: Call, drafts: list[Draft], rate: float) -> Draft:
    """What goes from one level to the next."""
    value = _together(t, drafts)
    source = t.settled(value, call).source
    assert isinstance(source, Draft)
    return source if not rate else t.draft(Dropout(rate), (source,), source.shape, call)


def _together(t: Translation, drafts: list[Draft]) -> Value:
    """The directions side by side, (N, T, units) or (N, T, 2 units)."""
    torch = torch_library()
    values = [Value((draft,), counted((t.samples, *draft.shape)), None) for draft in drafts]
    sources, indices = joined(values, t.samples)
    index = torch.cat(indices, -1)
    return Value(sources, index, torch.empty(index.shape, device="meta"))


def _flipped(value: Value, shape: tuple[int, ...], turned: Any) -> bool | None:
    """Whether a sequence comes with its last step first; None where it is none."""
    if len(shape) != 2 or value.index.ndim != 3:
        return None
    index, ordered = turned(value.index), counted((len(turned(value.index)), *shape))
    return False if same(index, ordered) else True if same(index, ordered.flip(1)) else None


def _give(t: Translation, call: Call, drafts: list[Draft], turned: Any, *, flipped: bool) -> None:
    """Says what the module's output is."""
    value = _together(t, drafts)
    index = turned(value.index.flip(1) if flipped else value.index)
    t.assign(call, call.result[0], index, value.sources)
    number, width = call.result[0].number, drafts[0].shape[-1]
    tensor = t.record.tensors[number]
    for place, draft in enumerate(drafts):
        own = turned(counted((t.samples, *draft.shape)))
        own = turned(turned(own).flip(1)) if flipped else own
        part = tensor[..., place * width : (place + 1) * width]
        draft.witness = Value((draft,), own, part, number if len(drafts) == 1 else -1)


@covers("scripted GRU", "scripted LSTM", "scripted ResetAfterGRU")
def _(t: Translation, call: Call) -> None:
    """The classes that chalkgrad's own scripts have, whose parameters are called as here."""
    value, module = t.settled(t.value(call.args[0], call), call), call.module
    source = value.source
    assert not isinstance(source, Weight)
    flipped = _flipped(value, source.shape, lambda index: index)  # pyright: ignore
    if flipped is None:
        raise call.refusal(f"takes (N, T, I), and gets {tuple(value.index.shape)}, which is not such a sequence")
    kinds: dict[str, Recurrent] = {
        "scripted GRU": GRU(1, sequences=True),
        "scripted LSTM": LSTM(1, sequences=True),
        "scripted ResetAfterGRU": GRU(1, reset="after", sequences=True),
    }
    tensors = dict(module.named_parameters(recurse=False))
    units = next(iter(tensors.values())).shape[1]
    layer = replace(kinds[call.name], units=int(units), bias=any(name[0] == "b" for name in tensors), reverse=flipped)
    draft = t.draft(layer, (source,), (source.shape[0], int(units)), call)
    draft.tensors = {name: t.parameter(tensor, call) for name, tensor in tensors.items()}
    index = counted((t.samples, *draft.shape))
    t.give(call.result, draft, index.flip(1) if flipped else index)
