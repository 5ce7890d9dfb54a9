"""Checks of single settings, shared by layers, losses, optimizers and schedules."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, cast

import numpy as np

from .errors import DataError, OptionError, nearest
from .seeds import A_SEED, SEEDS

LONGEST = 200
"""The most characters of a value in an error's text."""


def said(value: Any) -> str:
    """The beginning of a value's `repr`, for an error's text."""
    try:
        text = repr(value)
    except ValueError:  # Python prints no whole number of more than some thousand digits
        return "a number of thousands of digits"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def whole(owner: str, name: str, value: object, least: int = 1) -> int:
    """`value` if it is a whole number of at least `least`; else OptionError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise OptionError(f"{owner}: {name} must be a whole number, {least} or more; it is {said(value)}")
    integer = int(cast("Any", value))
    if integer > 2**64:
        raise OptionError(f"{owner}: {name} is far too large")
    return integer


def seed(owner: str, value: object) -> int:
    """`value` if it is a seed; else OptionError."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        integer = int(cast("Any", value))
        if 0 <= integer < SEEDS:
            return integer
    raise OptionError(f"{owner}: seed must be {A_SEED}; it is {said(value)}")


def number(owner: str, name: str, value: object, least: float, below: float = math.inf) -> float:
    """`value` if it is a finite number, at least `least` and below `below`; else OptionError."""
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # whole numbers of hundreds of digits
            real = float(cast("Any", value))
            if math.isfinite(real) and least <= real < below:
                return real
    if least == -math.inf:
        raise OptionError(f"{owner}: {name} must be a number that is not infinite; it is {said(value)}")
    span = f"at least {least:g}" if below == math.inf else f"at least {least:g} and below {below:g}"
    raise OptionError(f"{owner}: {name} must be a number, {span}; it is {said(value)}")


def pair(owner: str, name: str, value: Any, least: int = 1) -> tuple[int, int]:
    """One whole number twice, or the two that `value` holds; else OptionError."""
    values = tuple(cast("list[Any]", value)) if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2:
        raise OptionError(f"{owner}: {name} must be one whole number or two; it is {said(value)}")
    return whole(owner, name, values[0], least), whole(owner, name, values[1], least)


def choice(owner: str, name: str, value: object, known: Iterable[str]) -> str:
    """`value` if it is one of the `known` words; else OptionError."""
    words = list(known)
    if isinstance(value, str) and value in words:
        return value
    raise OptionError(
        f"{owner}: {name} is {' or '.join(map(repr, words))}, not {said(value)}; {nearest(str(value), words)}"
    )


def flag(owner: str, name: str, value: object) -> bool:
    """`value` if it is true or false; else OptionError."""
    if isinstance(value, bool):
        return value
    raise OptionError(f"{owner}: {name} is true or false, not {said(value)}")


def as_array(what: str, value: Any) -> Any:
    """`value` as a NumPy array.

    Raises:
        DataError: where its rows are not of equal length, or it lacks values: masked ones, None, NA.
    """
    if type(value) is np.ndarray and value.dtype.kind in "biuf":
        return value
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Warning: converting a masked element to nan")  # refused as NaN is
            array: Any = np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:
        if isinstance(value, (list, tuple)):
            raise DataError(f"{what} must hold numbers in rows of equal length") from None
        raise DataError(f"{what} is no array of numbers: {str(error).splitlines()[0]}") from None
    check_present(what, value, array)
    return array


def check_present(what: str, value: Any, array: Any) -> None:
    """Raises DataError where numbers are missing: masked ones, which `array` does not show, None or NA."""
    if isinstance(value, (list, tuple)) and any(isinstance(v, np.ma.MaskedArray) for v in cast("list[Any]", value)):
        value = np.ma.array(array, mask=[np.ma.getmaskarray(v) for v in cast("list[Any]", value)])
    if isinstance(value, np.ma.MaskedArray):
        mask, state = np.ma.getmaskarray(cast("Any", value)), "masked"
    elif array.dtype == object:
        mask, state = np.array([_is_missing(v) for v in array.flat], dtype=bool).reshape(array.shape), "missing"
    else:
        return
    if mask.dtype.names or not mask.any():
        return
    place = ", ".join(str(int(i)) for i in np.argwhere(mask)[0])
    first = f", first at {what}[{place}]" if place else ""
    raise DataError(
        f"{what} holds no number in {int(mask.sum()):,} of {array.size:,} places, which are {state}{first}; "
        "fill in numbers, or leave out what has none"
    )


def _is_missing(value: Any) -> bool:
    """Whether an object among numbers stands for none: None, NaN, a masked one, pandas' NA or NaT."""
    if value is None or value is np.ma.masked or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and math.isnan(value)


def plain(settings: Any) -> None:
    """Makes NumPy numbers among a frozen dataclass's fields plain ones: they would change dtypes and files."""
    for f in fields(settings):
        value: Any = getattr(settings, f.name)
        if isinstance(value, np.generic):
            object.__setattr__(settings, f.name, _plain_number(value))
        elif isinstance(value, np.ndarray):
            raise OptionError(f"{type(settings).__name__}: {f.name} must be a number, not an array")
        elif isinstance(value, (tuple, list)):
            items = cast("list[Any]", value)
            object.__setattr__(settings, f.name, tuple(map(_plain_number, items)))


def _plain_number(value: Any) -> Any:
    return cast("Any", value).item() if isinstance(value, np.generic) else value


def as_table(value: object) -> dict[str, Any] | None:
    """`value` if it is a dictionary with names as keys, as TOML and JSON give them; else None."""
    if isinstance(value, dict) and all(isinstance(k, str) for k in cast("dict[Any, Any]", value)):
        return cast("dict[str, Any]", value)
    return None


def as_list(value: object) -> list[Any] | None:
    """`value` if it is a list or a tuple; else None."""
    return list(cast("list[Any]", value)) if isinstance(value, (list, tuple)) else None
