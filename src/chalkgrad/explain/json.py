"""Derivations as JSON and back: the steps with their expressions as trees."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, NoReturn, TypeVar, cast

from ..base.address import Address
from ..base.checks import as_list, as_table
from ..base.errors import ChalkgradError, DataError
from ..base.text import as_json
from ..formula.expression import Extreme, Partial, Quantity, Terms
from ..formula.nodes import FUNCTIONS, Binary, Function, Indicator, Negative, Node, Number
from .origin import Origin
from .settings import DerivationSettings

KINDS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (Number, Negative, Binary, Function, Indicator, Quantity, Partial, Terms, Extreme)
}
FORMAT = 1
Kind = TypeVar("Kind", bound=Origin)
STEP = (
    "address", "head", "rule", "formula", "source", "reason", "part", "layer", "expression", "value", "program",
    "tolerance", "inputs",
)  # fmt: skip
DEEPEST = 300
"""The deepest level of an expression in a file; the rules' own are below 20, long chains of paths aside."""


def derivation_to_json(derivation: Origin) -> str:
    """The JSON of a derivation with all of its steps. Numbers that are not finite become "NaN", "inf" and "-inf"."""
    settings = derivation.settings
    names = [f.name for f in fields(DerivationSettings) if f.name != "through" or settings.through]
    table = {
        "format": FORMAT,
        "settings": {n: _plain(getattr(settings, n)) for n in names},
        "steps": [_step(step) for step in derivation.steps],
        "unopened": list(derivation.unopened),
    }
    return as_json(table, allow_nan=False)


def _step(step: Origin) -> dict[str, Any]:
    table = {name: getattr(step, name) for name in STEP if name != "inputs"}
    return {**{name: _plain(value) for name, value in table.items()}, "inputs": list(step.input_addresses)}


def _plain(value: Any) -> Any:
    if isinstance(value, Node):
        return {
            "node": type(value).__name__,
            **{f.name: _plain(getattr(value, f.name)) for f in fields(cast("Any", value))},
        }
    if isinstance(value, Address):
        return [value.name, *value.place]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value).replace("nan", "NaN")
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, str]", value))
    return [_plain(v) for v in cast("tuple[Any, ...]", value)] if isinstance(value, tuple) else value


def derivation_from_json(text: str, kind: type[Kind]) -> Kind:
    """The derivation that `derivation_to_json` wrote; it prints as that one did.

    Args:
        text: the JSON.
        kind: the class of the derivation, and of its inputs.

    Raises:
        DataError: where the text is no such JSON.
    """
    try:
        table = as_table(json.loads(text))
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"this is no JSON of a derivation: {error}") from None
    if table is None or table.get("format") != FORMAT:
        raise DataError(f"this is no JSON of a derivation: it needs format {FORMAT}")
    steps, options, unopened = (
        as_list(table.get("steps")),
        as_table(table.get("settings")),
        as_list(table.get("unopened")),
    )
    if not steps or options is None or unopened is None:
        raise DataError("this is no JSON of a derivation: it needs settings, steps and unopened")
    try:
        settings = DerivationSettings(**options)
        derivations = _Steps[Kind]()
        for step in map(as_table, steps):
            if step is None or set(step) != set(STEP):
                raise DataError(f"a step needs {', '.join(STEP)}")
            derivation = _derivation(step, settings, kind, derivations.__getitem__)
            derivations[derivation.address] = derivation
    except ChalkgradError as error:
        raise DataError(f"this is no JSON of a derivation: {error}") from None
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise DataError(f"this is no JSON of a derivation: {type(error).__name__} {error}") from None
    return next(iter(derivations.values()))


class _Steps(dict[str, Kind]):
    """The steps in a file, by their addresses."""

    def __missing__(self, address: str) -> NoReturn:
        raise DataError(f"{address} is not among the steps that were kept")


def _derivation(
    step: Mapping[str, Any], settings: DerivationSettings, kind: type[Kind], opener: Callable[[str], Kind]
) -> Kind:
    words = ("address", "rule", "formula", "source", "reason", "part", "layer")
    inputs = as_list(step["inputs"])
    if (
        not all(isinstance(step[w], str) for w in words)
        or inputs is None
        or not all(isinstance(i, str) for i in inputs)
    ):
        raise DataError(f"{', '.join(words)} and inputs of a step are text")
    head, expression = _node(step["head"], 0), step["expression"]
    if not isinstance(head, (Quantity, Partial)):
        raise DataError("the head of a step is an element or a local derivative")
    return kind(
        **{w: step[w] for w in words},
        head=head,
        expression=None if expression is None else _node(expression, 0),
        value=_number(step["value"]),
        program=_number(step["program"]),
        tolerance=_number(step["tolerance"]),
        input_addresses=tuple(inputs),
        settings=settings,
        opener=opener,
    )


def _number(value: object) -> float:
    if isinstance(value, bool) or (not isinstance(value, (int, float)) and value not in ("NaN", "inf", "-inf")):
        raise DataError(f"{value!r} is no number")
    return float(cast("Any", value))


def _node(value: object, depth: int) -> Node:
    table = as_table(value)
    kind = KINDS.get(str(table.get("node"))) if table else None
    if table is None or kind is None or depth > DEEPEST:
        raise DataError(f"an expression is a table with a node, one of {', '.join(KINDS)}")
    if kind is Function:
        count = 2 if table["name"] in ("max", "min") else 1
        if table["name"] not in FUNCTIONS or len(as_list(table["arguments"]) or ()) != count:
            raise DataError(f"{table['name']!r} is no function of so many arguments")
    arguments: dict[str, Any] = {}
    for field in fields(kind):
        arguments[field.name] = _field(str(field.type), table[field.name], depth)
    return kind(**arguments)


def _field(kind: str, value: Any, depth: int) -> Any:
    match kind:
        case "Node":
            return _node(value, depth + 1)
        case "tuple[Node, ...]":
            return tuple(_node(v, depth + 1) for v in as_list(value) or ())
        case "float":
            return _number(value)
        case "int" if isinstance(value, int):
            return value
        case "bool" if isinstance(value, bool):
            return value
        case "str" if isinstance(value, str):
            return value
        case "Address":
            name, *place = as_list(value) or ("",)
            if isinstance(name, str) and all(isinstance(p, int) for p in place):
                return Address(name, tuple(place))
        case _:
            pass
    raise DataError(f"{value!r} is no {kind}")
