"""The form that a layer has in a PyTorch script: modules, or an expression. One function a class; others can register.

from chalkgrad.write.torch.layers import Form, form

@form.register
def _(layer: Swish, line: Line) -> Form:
    return Form((("silu", "nn.SiLU()"),))
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import singledispatch

from ...base.checks import pair
from ...base.errors import OptionError
from ...describe.layers import (
    ELU,
    GELU,
    Add,
    AvgPool2D,
    BatchNorm,
    Concat,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    Multiply,
    ReLU,
    RMSNorm,
    SampleShape,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Standardize,
    Sum,
    Tanh,
    Unstandardize,
)
from ...model.lines import Line
from ...rules import dense as dense_rules

Modules = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a layer in a PyTorch script.

    Attributes:
        modules: the word for the attribute of each module, and the expression that makes it; they are called one
            after the other, and the last one has the layer's parameters and running averages.
        expression: what is computed after them, of the values {0}, {1}, ...; {all} is all of them; {W} and the like are
            the parameters, by their formal names, {W_here} as they are in the network and {W_turned} transposed.
            Without it the modules do all.
        own: shapes of parameters that no module has, by their formal names.
        places: where the last module has the parameters, by their formal names: "weight_ih_l0[0:3]"; for those that
            are not among them see `FORMALS`.
        turned: those that it has transposed, by their formal names.
        argument: what the first module is called with, of the values {0}, {1}, ...; {all} is all of them.
        pair: whether the last module gives two values, of which the first is meant.
        init: lines that follow in `__init__`; {0} is the last module.
        classes: the text of classes of the script's own that make the modules.
        spelled: the form where some of the parameters in one tensor of the last module are trained and others not.
    """

    modules: Modules = ()
    expression: str = ""
    own: dict[str, SampleShape] = field(default_factory=dict[str, SampleShape])
    places: Mapping[str, str] = field(default_factory=dict[str, str])
    turned: Collection[str] = ()
    argument: str = "{all}"
    pair: bool = False
    init: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    spelled: Form | None = None


def form_of(line: Line) -> Form:
    """The form of a line's layer.

    Raises:
        OptionError: where its class has none.
    """
    kind = type(line.layer)
    registered = next(c for c in kind.__mro__ if c in form.registry)
    if issubclass(registered, Layer) and kind.operation is not registered.operation:
        return form.dispatch(object)(line.layer, line)  # a subclass that computes something else
    return form(line.layer, line)


@singledispatch
def form(layer: object, line: Line) -> Form:
    """The form of a layer, by its class; `form.register` adds one."""
    kind = type(layer).__name__
    raise OptionError(
        f"{line.label} has no form in a PyTorch script; chalkgrad.write.torch.layers.form.register gives {kind} one"
    )


@form.register
def _(layer: Dense, line: Line) -> Form:
    inputs = line.shapes[0][-1]
    if line.shared is not None:
        W = (
            "{W_here}" if line.shared is dense_rules.transposed else "{W_turned}"
        )  # linear multiplies with its transpose
        return _shared(line, f"functional.linear({{0}}, {W}", ")", (layer.units,), bias=layer.bias)
    text = f"nn.Linear({inputs}, {layer.units}{'' if layer.bias else ', bias=False'})"
    return Form((("linear", text),), turned=("W",))


@form.register
def _(layer: Conv2D, line: Line) -> Form:
    shape = line.shapes[0]
    kernel, stride = pair("Conv2D", "kernel", layer.kernel), pair("Conv2D", "stride", layer.stride)
    before, padding = _padding(layer, shape, *kernel, "nn.ZeroPad2d({})")
    window = f", stride={_one_or_two(stride)}" if stride != (1, 1) else ""
    window += f", padding={_one_or_two(padding)}" if padding != (0, 0) else ""
    if line.shared is not None:
        start, end = "functional.conv2d({0}, {W}", f"{window})"
        return _shared(line, start, end, (layer.filters,), bias=layer.bias, before=before)
    settings = f"{shape[0]}, {layer.filters}, {_one_or_two(kernel)}{window}"
    return Form((*before, ("conv", f"nn.Conv2d({settings}{'' if layer.bias else ', bias=False'})")))


@form.register
def _(layer: Conv1D, line: Line) -> Form:
    (T, D), o = line.shapes[0], line.options
    behind = max((o["P"] - 1) * o["s"] + o["k"] - T - o["before"], 0)
    x = "{0}.mT"  # PyTorch's steps are the last axis
    if o["before"] or behind:
        x = f"functional.pad({x}, ({o['before']}, {behind}))"
    settings = ", {b}" if layer.bias else ""
    settings += f", stride={o['s']}" if o["s"] != 1 else ""
    own: dict[str, SampleShape] = {} if line.shared is not None else {"W": (layer.filters, D, o["k"])}
    own |= {"b": (layer.filters,)} if layer.bias else {}
    return Form(expression=f"functional.conv1d({x}, {{W}}{settings}).mT", own=own)


@form.register
def _(layer: GlobalAvgPool1D, line: Line) -> Form:
    if layer.mask is None:
        return Form(expression="{0}.mean(dim=1)")
    keep = "{1}[:, :, None].to({0}.dtype)"
    return Form(expression=f"({{0}} * {keep}).sum(dim=1) / {keep}.sum(dim=1)")


@form.register
def _(layer: GlobalAvgPool2D, line: Line) -> Form:
    return Form(expression="{0}.mean(dim=(2, 3))")


def _shared(line: Line, start: str, end: str, biases: SampleShape, *, bias: bool, before: Modules = ()) -> Form:
    """A layer on another line's weights: a function of them, and of a bias of its own."""
    if not bias:
        return Form(before, f"{start}{end}")
    return Form(before, f"{start}, {{b}}{end}", {"b": biases})


@form.register(MaxPool2D)
@form.register(AvgPool2D)
def _(layer: MaxPool2D | AvgPool2D, line: Line) -> Form:
    largest = isinstance(layer, MaxPool2D)
    window, stride = pair(layer.kind, "window", layer.window), pair(layer.kind, "stride", layer.step)
    frame = "nn.ConstantPad2d({}, -math.inf)" if largest else "nn.ZeroPad2d({})"
    before, padding = _padding(layer, line.shapes[0], *window, frame)
    settings = _one_or_two(window) + (f", stride={_one_or_two(stride)}" if stride != window else "")
    settings += f", padding={_one_or_two(padding)}" if padding != (0, 0) else ""
    return Form((*before, ("pool", f"nn.{'MaxPool2d' if largest else 'AvgPool2d'}({settings})")))


def _padding(layer: Layer, shape: SampleShape, kh: int, kw: int, frame: str) -> tuple[Modules, tuple[int, int]]:
    """The padding on both sides; where the sides differ ("same" may), a module that pads and no padding."""
    o = layer.options(shape)
    reached = [(o["P"] - 1) * o["sh"] + kh, (o["Q"] - 1) * o["sw"] + kw]  # rows and columns that windows reach
    alike = [
        (size + 2 * pad - k) // step + 1 == count
        for size, pad, k, step, count in (
            (o["height"], o["pt"], kh, o["sh"], o["P"]),
            (o["width"], o["pl"], kw, o["sw"], o["Q"]),
        )
    ]
    if all(alike):
        return (), (o["pt"], o["pl"])
    below, after = max(reached[0] - o["height"] - o["pt"], 0), max(reached[1] - o["width"] - o["pl"], 0)
    sides = (o["pl"], after, o["pt"], below)  # left, right, above, below
    return (("pad", frame.format(sides)),), (0, 0)


def _one_or_two(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else str(pair)


@form.register
def _(layer: BatchNorm, line: Line) -> Form:
    shape = line.shapes[0]
    settings = f"{shape[0]}, eps={layer.eps!r}, momentum={layer.momentum!r}"
    kind = "BatchNorm2d" if len(shape) == 3 else "BatchNorm1d"
    return Form((("norm", f"nn.{kind}({settings}{'' if layer.affine else ', affine=False'})"),))


@form.register
def _(layer: LayerNorm, line: Line) -> Form:
    return Form((("norm", _norm("LayerNorm", line, layer.eps, affine=layer.affine)),))


@form.register
def _(layer: RMSNorm, line: Line) -> Form:
    return Form((("norm", _norm("RMSNorm", line, layer.eps, affine=layer.affine)),))


def _norm(kind: str, line: Line, eps: float, *, affine: bool) -> str:
    """A module that normalises over all of a sample's values, or over those of a step."""
    over = list(line.shapes[0][1:] if line.per_step else line.shapes[0])
    return f"nn.{kind}({over}, eps={eps!r}{'' if affine else ', elementwise_affine=False'})"


SCALING = """
class {kind}(nn.Module):
    def __init__(self, features, axes):
        super().__init__()
        self.register_buffer("mu", torch.zeros(features, *axes * [1]))
        self.register_buffer("sigma", torch.ones(features, *axes * [1]))

    def forward(self, x):
        return {formula}
"""
"""A module of a script's own for a layer that scales; it has its numbers for every further axis too."""


@form.register
def _(layer: Standardize, line: Line) -> Form:
    return _scaling(line, "Standardize", "(x - self.mu) / self.sigma")


@form.register
def _(layer: Unstandardize, line: Line) -> Form:
    return _scaling(line, "Unstandardize", "x * self.sigma + self.mu")


def _scaling(line: Line, kind: str, formula: str) -> Form:
    shape = list(line.shapes[0][-1:] if line.per_step else line.shapes[0])
    places = {formal: f"{formal}.flatten()" for formal in ("mu", "sigma")} if len(shape) > 1 else {}
    text = SCALING.format(kind=kind, formula=formula)
    return Form(((kind.lower(), f"{kind}({shape[0]}, {len(shape) - 1})"),), places=places, classes=(text,))


@form.register
def _(layer: Flatten, line: Line) -> Form:
    return Form((("flatten", "nn.Flatten()"),))


@form.register
def _(layer: Sum, line: Line) -> Form:
    return Form(expression="{0}.sum(dim=1, keepdim=True)")


@form.register
def _(layer: Dropout, line: Line) -> Form:
    return Form((("dropout", f"nn.Dropout({layer.rate!r})"),))


@form.register
def _(layer: Sigmoid, line: Line) -> Form:
    return Form((("sigmoid", "nn.Sigmoid()"),))


@form.register
def _(layer: Tanh, line: Line) -> Form:
    return Form((("tanh", "nn.Tanh()"),))


@form.register
def _(layer: ReLU, line: Line) -> Form:
    return Form((("relu", "nn.ReLU()"),))


@form.register
def _(layer: LeakyReLU, line: Line) -> Form:
    return Form((("leaky_relu", f"nn.LeakyReLU({layer.slope!r})"),))


@form.register
def _(layer: ELU, line: Line) -> Form:
    return Form((("elu", f"nn.ELU({layer.alpha!r})"),))


@form.register
def _(layer: GELU, line: Line) -> Form:
    return Form((("gelu", 'nn.GELU(approximate="tanh")' if layer.approximate == "tanh" else "nn.GELU()"),))


@form.register
def _(layer: Softplus, line: Line) -> Form:
    return Form((("softplus", "nn.Softplus(threshold=40)"),))  # beyond 20, its default, PyTorch leaves exp(-z) out


@form.register
def _(layer: SiLU, line: Line) -> Form:
    return Form((("silu", "nn.SiLU()"),))


@form.register
def _(layer: Softmax, line: Line) -> Form:
    return Form((("softmax", f"nn.Softmax(dim={len(line.shape)})"),))


@form.register
def _(layer: Embedding, line: Line) -> Form:
    return Form((("embedding", f"nn.Embedding({layer.ids}, {layer.units})"),))


@form.register
def _(layer: Add, line: Line) -> Form:
    return Form(expression=" + ".join(f"{{{place}}}" for place in range(len(line.sources))))


@form.register
def _(layer: Multiply, line: Line) -> Form:
    return Form(expression="{0} * {1}")


@form.register
def _(layer: Concat, line: Line) -> Form:
    return Form(expression=f"torch.cat(({{all}}), dim={2 if line.per_step else 1})")
