"""Layers, losses, optimizers and schedules as TOML tables, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar, cast

from ..base.checks import as_list, as_table, said
from ..base.errors import ChalkgradError, OptionError, UnknownNameError
from .foreign import cure
from .initializers import Constant, Normal, Uniform, VarianceScaling, initializer_name
from .layers.registry import from_outside, name_in_files, of_other_modules

T = TypeVar("T")


def to_table(thing: Any) -> dict[str, Any]:
    """The TOML table of a dataclass: its type, and the settings that are not the default or always written.

    Raises:
        OptionError: where a setting has no form in a file.
    """
    table: dict[str, Any] = {"type": name_in_files(cast("type[Any]", type(thing)))}
    for f in fields(thing):
        value: Any = getattr(thing, f.name)
        if value is None or (f.default is not MISSING and value == f.default and not f.metadata.get("written")):
            continue
        if isinstance(value, (Normal, Uniform, Constant, VarianceScaling)):
            value = initializer_name(value)
        items = as_list(value)
        table[f.name] = [to_table(v) if is_dataclass(v) else v for v in items] if items else value
    return table


def _kind(what: str, name: str, known: Mapping[str, type[T]]) -> type[T]:
    """The class of a name. Raises UnknownNameError, or CheckpointError for a layer of a module that is not imported."""
    if name in known:
        return known[name]
    if what == "layer":
        if ":" in name:
            return cast("type[T]", from_outside(name))
        if names := of_other_modules(name):
            raise UnknownNameError(
                f"there is no layer {name!r} in chalkgrad; did you mean {' or '.join(map(repr, names))}?"
            )
    raise UnknownNameError(f"there is no {what} {name!r}; {cure(what, name, known)}")


def layers_from_tables(tables: Iterable[object], known: Mapping[str, type[T]]) -> list[T]:
    """The layers that tables, or the bare names of their types, describe (`from_table`).

    Raises:
        ChalkgradError: as `from_table`; it says which layer, counted from 1.
    """
    layers: list[T] = []
    for number, table in enumerate(tables, start=1):
        try:
            layers.append(from_table("layer", table, known))
        except ChalkgradError as error:
            raise type(error)(f"layer {number}: {error}") from None
    return layers


def _inner(block: str, tables: Iterable[object], known: Mapping[str, type[T]]) -> tuple[T, ...]:
    """A block's own layers."""
    try:
        return tuple(layers_from_tables(tables, known))
    except ChalkgradError as error:
        raise type(error)(f"{block}: {error}") from None


def from_table(what: str, table: object, known: Mapping[str, type[T]]) -> T:
    """The dataclass that a table, or the bare name of its type, describes.

    Args:
        what: "layer", "loss", ..., for the messages.
        table: the table; its "type" names the class, the other keys are its settings.
        known: the classes by name.

    Raises:
        UnknownNameError: where the type is not known.
        CheckpointError: where it is a layer of a module that is not imported.
        OptionError: where a setting is unknown, missing, or invalid.
    """
    settings: dict[str, Any] = {"type": table} if isinstance(table, str) else dict(as_table(table) or {})
    name = settings.pop("type", None)
    if not isinstance(name, str):
        raise OptionError(f"a {what} needs a type, one of {', '.join(known)}; not {said(table)}")
    kind = _kind(what, name, known)
    names = [f.name for f in fields(cast("Any", kind))]
    for key, value in settings.items():
        if key not in names:
            raise OptionError(f"{name} has no setting {key!r}; {cure(name, key, names)}")
        items = as_list(value)
        if items is not None:  # a block's own layers are tables too
            settings[key] = _inner(name, items, known) if key == "layers" else tuple(items)
    missing = [
        f.name
        for f in fields(cast("Any", kind))
        if f.name not in settings and f.default is MISSING and f.default_factory is MISSING
    ]
    if missing:
        raise OptionError(f'{name} needs {" and ".join(missing)}, such as {{ type = "{name}", {missing[0]} = ... }}')
    try:
        return kind(**settings)
    except TypeError as error:
        raise OptionError(f"{name} cannot be made from {said(settings)}: {error}") from None
