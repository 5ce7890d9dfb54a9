"""The layers by their names in files: the built-in ones, and those registered from outside the package.

A layer from outside is called by its module and its name, `my_layers:HardSwish`. Reading a file imports nothing: the
module must be imported already.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, make_dataclass
from inspect import signature
from typing import Any, ClassVar, TypeVar, dataclass_transform, overload

from ...base.checks import as_list, as_table, number, said
from ...base.errors import CheckpointError, OptionError, nearest
from ...rules import Operation, Rule
from ...rules.rule import Printed
from .activations import ELU, GELU, Activation, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from .attention import Attention, Positions
from .combining import Add, Concat, Multiply, Residual
from .dense import Dense
from .dropout import Dropout
from .from_formulas import OfFormulas, Statement, layer_of, statement_of
from .layer import Layer, SampleShape
from .normalisation import BatchNorm, LayerNorm, RMSNorm
from .scaling import Standardize, Unstandardize
from .sequences import GRU, LSTM, RNN, Embedding
from .shapes import Flatten, Sum
from .windows import AvgPool2D, Conv1D, Conv2D, GlobalAvgPool1D, GlobalAvgPool2D, MaxPool2D

LAYERS: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (
        Dense,
        Conv2D,
        MaxPool2D,
        AvgPool2D,
        Conv1D,
        GlobalAvgPool1D,
        GlobalAvgPool2D,
        Flatten,
        Sum,
        Dropout,
        BatchNorm,
        LayerNorm,
        RMSNorm,
        Standardize,
        Unstandardize,
        Sigmoid,
        Tanh,
        ReLU,
        LeakyReLU,
        ELU,
        GELU,
        Softplus,
        SiLU,
        Softmax,
        Add,
        Multiply,
        Concat,
        Residual,
        Embedding,
        RNN,
        LSTM,
        GRU,
        Attention,
        Positions,
    )
}
"""The built-in layers by name."""
_OUTSIDE: dict[str, type[Layer]] = {}
"""The layers from outside, by module and name."""

L = TypeVar("L", bound=Layer)


@overload
@dataclass_transform(frozen_default=True)
def layer(kind: type[L]) -> type[L]: ...
@overload
def layer(
    kind: str,
    operation: Operation | Rule | str | Sequence[Rule | str],
    *,
    parameters: Mapping[str, str] | None = None,
    sizes: Mapping[str, str] | None = None,
    settings: Mapping[str, float] | None = None,
    rectifies: bool = False,
) -> type[Any]: ...


def layer(
    kind: Any,
    operation: Any = None,
    *,
    parameters: Mapping[str, str] | None = None,
    sizes: Mapping[str, str] | None = None,
    settings: Mapping[str, float] | None = None,
    rectifies: bool = False,
) -> Any:
    """Registers a layer of your own: it can then stand in files, and be saved and loaded.

    Three ways. From forward lines alone, formulas or rules of them: `cg.layer("Swish", "a[...] = z[...] / (1 +
    exp(-z[...]))")`; the backward rules follow from the lines, and with `parameters` it has weights. From an operation,
    `HardSwish = cg.layer("HardSwish", operation)`, which takes one value and gives one of the same shape, without
    parameters; the settings of its rules are the layer's. With `@cg.layer` above it, a subclass of `cg.Layer` is
    registered, with parameters and shapes as its methods say; where it is no dataclass yet, it becomes a frozen one.

    Files call it by its module and its name, `my_layers:HardSwish`. The same name registered again by the same module
    (the cell of a notebook, run once more) replaces the earlier layer.

    Args:
        kind: the class; or the name of the class to be made.
        operation: the operation of a class that is made here; or its forward lines, formulas or rules, in order.
        parameters: of lines: the initialisers of the values that are weights, by name: {"W": "glorot", "b": "zeros"}.
        sizes: of lines: for an index that neither the input nor a range gives, the setting that does: {"o": "units"}.
        settings: of lines: defaults of settings; one without a default has to be given.
        rectifies: whether such a class passes about half of its inputs, as a ReLU: "auto" weights before it start by
            He's rule.

    Raises:
        OptionError: where the name is that of a built-in layer, the class is no layer, or the operation is not of the
            kind that such a class can have.
        FormulaError: where a formula of the operation cannot be read.
    """
    if isinstance(kind, str):
        module = str(sys._getframe(1).f_globals.get("__name__", "__main__"))  # pyright: ignore[reportPrivateUsage] - as namedtuple
        if (lines := _lines(operation)) is not None:
            weights, ranges = tuple(sorted((parameters or {}).items())), tuple(sorted((sizes or {}).items()))
            defaults = tuple(sorted((settings or {}).items()))
            source = next((r.source for r in as_list(operation) or [operation] if isinstance(r, Rule)), "")
            return _register(layer_of(Statement(kind, lines, weights, ranges, defaults, source, rectifies), module))
        if parameters or sizes or settings:
            raise OptionError(f"cg.layer: {kind} is made of an operation; parameters, sizes and settings are for lines")
        if isinstance(operation, Rule) or as_list(operation):
            operation = Operation.of_rules(kind, as_list(operation) or [operation])
        return _register(_make_class(kind, operation, module, rectifies=rectifies))
    if not isinstance(kind, type) or not issubclass(kind, Layer):
        raise OptionError(f"cg.layer takes a subclass of cg.Layer, or a name and an operation, not {said(kind)}")
    if operation is not None:
        raise OptionError(f"cg.layer: the class {kind.__name__} says itself which operation it stands for")
    if kind.operation is Layer.operation:
        raise OptionError(f"{kind.__name__} does not say which operation it stands for: write the method operation")
    return _register(kind if "__dataclass_fields__" in vars(kind) else dataclass(frozen=True)(kind))


def _lines(operation: Any) -> tuple[str, ...] | None:
    """The formulas of forward lines that need no function of their own; None for anything else."""
    parts: Sequence[Any] = [operation] if isinstance(operation, (str, Rule)) else as_list(operation) or []
    lines = [part if isinstance(part, str) else part.made_from[0] for part in parts if isinstance(part, (str, Printed))]
    return tuple(lines) if lines and len(lines) == len(parts) else None


def _register(kind: type[Layer]) -> type[Layer]:
    if kind.__name__ in LAYERS:
        raise OptionError(f"there is a layer {kind.__name__} in chalkgrad; give yours another name")
    _OUTSIDE[_address(kind)] = kind
    return kind


def _address(kind: type[Any]) -> str:
    return f"{kind.__module__}:{kind.__name__}"


def outside(kinds: Iterable[type[Any]]) -> dict[str, type[Layer]]:
    """Those of the classes that were registered from outside, by their names in files; but for those of formulas,
    which a description states.
    """
    named = [kind for kind in kinds if not issubclass(kind, OfFormulas)]
    return {_address(kind): kind for kind in named if _address(kind) in _OUTSIDE}


def known_again(kinds: Mapping[str, type[Layer]]) -> None:
    """Registers classes of another process under its names for them, where these names are free."""
    for name, kind in kinds.items():
        _OUTSIDE.setdefault(name, kind)


def name_in_files(kind: type[Any]) -> str:
    """The name of a class in files: a built-in one's own, or that of one of formulas, which the file states too; for
    another one from outside with its module.
    """
    if issubclass(kind, OfFormulas):
        return kind.__name__
    return _address(kind) if _address(kind) in _OUTSIDE else kind.__name__


def from_outside(name: str) -> type[Layer]:
    """The layer of a name with a module, `my_layers:HardSwish`. Nothing is imported.

    Raises:
        CheckpointError: where the module is not imported, or has registered no such layer; it says what to do.
    """
    if name in _OUTSIDE:
        return _OUTSIDE[name]
    module, _, label = name.partition(":")
    if module == "__main__":
        raise CheckpointError(
            f"the layer {label} was defined by the script or notebook that saved the network (__main__); define it in "
            "this one before loading. In a module of its own it can be imported wherever it is needed"
        )
    if module not in sys.modules:
        raise CheckpointError(
            f"the layer {label} is defined by the module {module}, which is not imported: write import {module} before "
            "loading, if you trust that module; reading a file imports nothing by itself"
        )
    labels = [address.partition(":")[2] for address in _OUTSIDE if address.startswith(f"{module}:")]
    cure = (
        nearest(label, labels)
        if labels
        else f'write {label} = cg.layer("{label}", ...) there, or @cg.layer above its class'
    )
    raise CheckpointError(f"the module {module} has registered no layer {label!r}; {cure}")


def of_other_modules(name: str) -> list[str]:
    """The layers from outside of this name, each with its module."""
    return [address for address in _OUTSIDE if address.partition(":")[2] == name]


def check_loadable(layers: Iterable[Layer]) -> None:
    """Raises CheckpointError where a layer has no name in files, so that nobody could load the network."""
    for item in layers:
        kind = type(item)
        known = LAYERS.get(kind.__name__) is kind or _address(kind) in _OUTSIDE
        if not known and not isinstance(item, OfFormulas):
            raise CheckpointError(
                f"the layer {item.kind} is not registered, so no file can name it: write @cg.layer above its class"
            )
        if isinstance(item, Residual):
            check_loadable(item.layers)


def stated(layers: Iterable[Layer]) -> dict[str, Any]:
    """The tables [rules.Name] of the layers that are made from formulas.

    Raises:
        CheckpointError: where two of one name differ.
    """
    found: dict[str, Any] = {}
    for item in layers:
        inner = stated(item.layers) if isinstance(item, Residual) else {}
        if isinstance(item, OfFormulas):
            inner = {item.kind: item.statement.to_table()}
        for name, table in inner.items():
            if found.setdefault(name, table) != table:
                raise CheckpointError(f"two layers are called {name} and have other lines; give one another name")
    return found


def known_layers(tables: Mapping[str, Any]) -> dict[str, type[Layer]]:
    """The layers by name, those too that the tables [rules.Name] of a file state.

    Raises:
        OptionError: where a table states no layer, or has the name of a built-in one.
        FormulaError: where a line cannot be read, or has no derivative.
    """
    known = dict(LAYERS)
    for name, table in tables.items():
        if name in LAYERS:
            raise OptionError(f"rules.{name}: there is a layer {name} in chalkgrad; give yours another name")
        known[name] = layer_of(statement_of(name, as_table(table) or {}), FROM_FILES)
    return known


FROM_FILES = "rules of a file"
"""The module of layers that a file states."""


# -- classes made from an operation ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OfOperation(Activation):
    """Base of the layers that `cg.layer` makes from an operation."""

    made_of: ClassVar[Operation]
    settings: ClassVar[tuple[str, ...]]

    def check(self) -> None:
        for name in self.settings:
            number(self.kind, name, getattr(self, name), -math.inf)

    def operation(self, training: bool) -> Operation:
        return self.made_of

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.settings}


def _make_class(name: str, operation: Any, module: str, *, rectifies: bool) -> type[Layer]:
    """The class of an operation; its fields are the settings of the rules."""
    if not name.isidentifier():
        raise OptionError(f"cg.layer: the name of a layer is that of a class, such as 'HardSwish', not {said(name)}")
    if not isinstance(operation, Operation):
        raise OptionError(
            f"cg.layer: {name} needs an operation, which has its rules forward and backward, cg.Operation('a name', "
            f"(forward,), (backward,), input='z', output='a'); not {said(operation)}"
        )
    _check_operation(name, operation)
    settings = _settings(name, operation)
    last = operation.forward[-1]
    return make_dataclass(
        name,
        [(s, float) if v is MISSING else (s, float, field(default=v)) for s, v in settings.items()],
        bases=(OfOperation,),
        namespace={
            "__module__": module,
            "__doc__": f"{operation.name}: {last.formula.text if last.formula else last.output}.",
            "__annotations__": {},
            "made_of": operation,
            "settings": tuple(settings),
            "rectifies": rectifies,
        },
        frozen=True,
        slots=True,
    )


def _check_operation(name: str, operation: Operation) -> None:
    """Raises OptionError where an operation needs a class of its own, or lacks a rule."""
    own = f"a layer with parameters, states or several inputs is a class of its own, @cg.layer class {name}(cg.Layer)"
    if operation.others or operation.update:
        raise OptionError(f"cg.layer: {operation.name} takes several values or carries states; {own}")
    if not operation.forward or operation.forward[-1].output != operation.output:
        raise OptionError(f"cg.layer: the last forward rule of {operation.name} has to compute {operation.output}")
    names = {operation.input}
    for rule in operation.rules:
        if rule.random or rule.formula is None:
            raise OptionError(f"cg.layer: {rule.name} has no formula")
        if rule in operation.backward:
            names.add(f"d{operation.output}")
        if missing := [o for o in rule.operands if o not in names]:
            raise OptionError(f"cg.layer: {rule.name} takes {missing[0]}, which no rule before it computes; {own}")
        names.add(rule.output)
    if f"d{operation.input}" not in [rule.output for rule in operation.backward]:
        raise OptionError(
            f"cg.layer: {operation.name} has no backward rule for d{operation.input}, the derivative of the loss by "
            f"{operation.input}"
        )


def _settings(name: str, operation: Operation) -> dict[str, Any]:
    """The settings of an operation's rules with their defaults, MISSING where there is none; those come first."""
    settings: dict[str, Any] = {}
    for rule in operation.rules:
        for option in rule.options:
            if hasattr(OfOperation, option):
                raise OptionError(f"cg.layer: {rule.name} has a setting {option}, as every layer has; rename it")
            default = signature(rule.function).parameters[option].default
            default = MISSING if default is signature(layer).empty else default
            earlier = settings.get(option, MISSING)
            if MISSING not in (default, earlier) and default != earlier:
                raise OptionError(
                    f"cg.layer: {name} has the setting {option}, which is {earlier} by default in one rule and "
                    f"{default} in {rule.name}"
                )
            settings[option] = default if earlier is MISSING else earlier
    return dict(sorted(settings.items(), key=lambda pair: pair[1] is not MISSING))
