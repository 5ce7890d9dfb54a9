"""Layers, losses, optimizers and schedules as tables of a TOML file, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from .errors import OptionError, nearest, unknown
from .initializers import Constant, Normal, Uniform, VarianceScaling, initializer_name

T = TypeVar("T")


def to_table(thing: Any) -> dict[str, Any]:
    """A dataclass as a table: its type and those settings that are not the default.

    Raises:
        OptionError: where a setting has no form in a file.
    """
    table: dict[str, Any] = {"type": type(thing).__name__}
    for f in fields(thing):
        value: Any = getattr(thing, f.name)
        if value is None or (f.default is not MISSING and value == f.default):
            continue
        if isinstance(value, (Normal, Uniform, Constant, VarianceScaling)):
            value = initializer_name(value)
        table[f.name] = list(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownArgumentType]
    return table


def from_table(what: str, table: object, known: Mapping[str, type[T]]) -> T:
    """The dataclass that a table, or the bare name of its type, describes.

    Args:
        what: "layer", "loss", ..., for the messages.
        table: the table; its "type" names the class, the other keys are its settings.
        known: the classes by name.

    Raises:
        UnknownNameError: where the type is not known.
        OptionError: where a setting is not known, missing, or has a value it cannot have.
    """
    if isinstance(table, str):
        table = {"type": table}
    if not isinstance(table, Mapping) or not isinstance(table.get("type"), str):  # pyright: ignore[reportUnknownMemberType]
        raise OptionError(f"a {what} needs a type, one of {', '.join(known)}; not {table!r}")
    settings: dict[str, Any] = {str(k): v for k, v in table.items()}  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]
    name = settings.pop("type")
    if name not in known:
        raise unknown(what, name, known)
    kind = known[name]
    names = [f.name for f in fields(kind)]  # pyright: ignore[reportArgumentType]
    for key, value in settings.items():
        if key not in names:
            raise OptionError(f"{name} has no setting {key!r}; {nearest(key, names)}")
        if isinstance(value, list):
            settings[key] = tuple(value)  # pyright: ignore[reportUnknownArgumentType]
    try:
        return kind(**settings)
    except TypeError as error:
        raise OptionError(f"{name} cannot be made from {settings}: {error}") from None
