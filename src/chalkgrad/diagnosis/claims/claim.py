"""Claims: numbers that somebody computed, with the digits that they are given to."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from ...base.address import Address
from ...base.caching import cached_property
from ...base.checks import as_list
from ...base.errors import DataError, ShapeError
from ...base.half import as_numpy, coarseness
from ...explain.trace import Trace
from .handwritten import read_number, short

Array = np.ndarray[Any, Any]
FULL = 12
"""From so many significant digits on, a number is taken as computed, not as rounded for reading."""
SHORTEST_GRID, LONGEST_GRID, MOST_ON_A_GRID = 50, 1e5, 256
"""Numbers that are all multiples of one step were rounded to these, where the largest is so many times the step."""
FEW_NUMBERS, IN_A_SAMPLE = 512, 61
"""Of an array of more numbers some are compared before all of them; the second is no size that arrays have."""
_NUMBER = re.compile(r"[-+]?(\d*)\.?(\d*)(?:[eE]([-+]?\d{1,3}))?")


@dataclass(frozen=True)
class Claim:
    """The claimed numbers of one named value.

    Attributes:
        name: the value.
        values: the claimed numbers, NaN where an element is not claimed.
        units: half a unit of the last digit given, for every element; 0 where all digits are given.
        single: whether the numbers were computed in float32.
    """

    name: str
    values: Array
    units: Array
    single: bool = False

    @cached_property
    def mask(self) -> Array:
        """Which elements are claimed."""
        return ~np.isnan(self.values)

    @cached_property
    def whole(self) -> bool:
        """Whether all elements are."""
        return bool(self.mask.all())

    @cached_property
    def digits(self) -> int:
        """How many significant digits the claimed numbers have, 9 where all are given."""
        elements = self.mask & np.isfinite(self.units) & (self.units > 0) & (self.values != 0)
        if not elements.any():
            return 9
        sizes = np.floor(np.log10(np.abs(self.values[elements]))) - np.floor(np.log10(2 * self.units[elements])) + 1
        return int(np.clip(sizes.max(), 1, 9))

    @cached_property
    def rounding(self) -> Array:
        """How far rounding alone leaves every number from the computed one."""
        return self.units * (1 + 1e-6)

    @cached_property
    def zeros(self) -> Array | None:
        """Which claimed numbers are 0; None where none is."""
        found = self.values == 0
        return found if found.any() else None

    @cached_property
    def sample(self) -> tuple[Array, Claim] | None:
        """Some of the claimed numbers, to look at first: their places in the flat array, and a claim of them alone.

        None where there are few.
        """
        if self.values.size <= FEW_NUMBERS:
            return None
        places = np.flatnonzero(self.mask & (self.values != 0))
        if not len(places):
            return None
        places = places[:: -(-len(places) // IN_A_SAMPLE)]
        alone = Claim(self.name, self.values.ravel()[places], self.units.ravel()[places], self.single)
        alone.__dict__["digits"] = self.digits
        return places, alone


def read_claims(claimed: Mapping[str, Any], trace: Trace) -> dict[str, Claim]:
    """The claims by value, in the order of the program.

    Args:
        claimed: numbers by name (whole arrays), address or label (single elements). Numbers may be text, "0.0821", so
            that the digits they are given to are known; of other numbers the shortest decimal form counts.
        trace: the values that there are, with their labels.

    Raises:
        UnknownNameError: where there is no such value; it suggests the nearest.
        ShapeError: where an array has another shape; it says so where it looks transposed.
        DataError: where something is no number, or claimed twice.
    """
    if not isinstance(claimed, Mapping) or not claimed:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DataError('claims are numbers by name, {"dW1": [[...]], ...}; none came')
    shapes = {name: trace[name].shape for name in trace}
    by_name: dict[str, Claim] = {}
    for key, value in claimed.items():
        name, place = _place(key, trace, shapes)
        single = is_single(value)
        numbers, units = numbers_of(str(key), value)
        shape = shapes[name] if place is None else ()
        if numbers.shape != shape:
            raise ShapeError(_shape_message(str(key), name, numbers.shape, shape))
        claim = by_name.get(name) or Claim(name, np.full(shapes[name], np.nan), np.zeros(shapes[name]), single)
        where: Any = ... if place is None else place
        if not np.isnan(claim.values[where]).all():
            raise DataError(f"{key} is claimed twice")
        claim.values[where] = numbers
        claim.units[where] = units
        by_name[name] = claim
    claims = {name: by_name[name] for name in trace if name in by_name}
    most = max((c.digits for c in claims.values() if (c.units > 0).any()), default=0)
    exact = [c for c in claims.values() if not c.single and not c.units[c.mask].any()]
    common = _grid(np.concatenate([c.values[c.mask] for c in exact])) if exact else 0.0
    for claim in exact:
        claim.units[...] = (common or _grid(claim.values[claim.mask])) / 2
    units = [c.units[c.units > 0] for c in claims.values()]
    coarsest = max((float(u.min()) for u in units if u.size), default=0.0)
    every = np.concatenate([u[u > 0] for u in (c.units for c in claims.values())])
    to_decimals = bool(every.size) and float(np.ptp(every)) <= 1e-9 * coarsest
    for claim in claims.values():
        _fill_in(claim, most, coarsest, to_decimals=to_decimals)
    return {name: replace(claim) for name, claim in claims.items()}  # their digits may be others now


def _fill_in(claim: Claim, most: int, coarsest: float, *, to_decimals: bool) -> None:
    """Gives bare numbers the digits that the other claimed ones have, or their decimals where all have as many; without
    others they stand as they are.
    """
    bare = np.isnan(claim.units)
    units = claim.units[claim.units > 0]
    if not units.size and coarsest:  # only zeros: rounded to as many decimals as the others
        units = np.array([coarsest])
    with np.errstate(all="ignore"):
        rounding = 0.5 * 10.0 ** (np.floor(np.log10(np.abs(claim.values))) - most + 1)
    if not most:
        rounding = np.zeros(claim.values.shape)
    if to_decimals:
        rounding = np.maximum(rounding, coarsest)
    rounding = np.where(claim.values == 0, units.min(initial=np.inf), rounding)
    claim.units[bare] = np.where(np.isfinite(rounding), rounding, 0.0)[bare]


def _place(key: Any, trace: Trace, shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, tuple[int, ...] | None]:
    alias = trace.program.aliases.get(key, key)
    if alias in shapes:
        return alias, None
    address: Address = trace.address(key)
    return address.name, address.place


def numbers_of(key: str, value: Any) -> tuple[Array, Array]:
    """The numbers as an array, and half a unit of the last digit of each; NaN where the digits cannot be told."""
    texts: Any
    numbers: Array
    value = as_numpy(value)
    array = cast("Array", value)
    coarse = coarseness(value)
    if isinstance(value, np.ndarray) and array.dtype.kind != "O":
        if array.dtype.kind not in "fiu":
            raise DataError(f"{key} must hold numbers, not {array.dtype}")
        texts = None if array.dtype == np.float32 else array.astype(np.float64)
        numbers = array.astype(np.float64)
    else:
        try:
            texts = np.array(_plain(key, _rows(key, value)), dtype=object)
            numbers = np.vectorize(_float, otypes=[float])(texts) if texts.size else np.zeros(texts.shape)
        except (TypeError, ValueError, RecursionError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{key} must hold numbers in rows of equal length") from None
    if not np.isfinite(numbers).all():
        raise DataError(f"{key} holds NaN or infinity, or text that is no number")
    if coarse:
        return numbers, np.full(numbers.shape, coarse * np.abs(numbers).max(initial=0.0))
    if texts is None or not numbers.size or is_single(value):
        return numbers, np.zeros(numbers.shape)
    with np.errstate(all="ignore"):
        return numbers, _units(texts, numbers)


def is_single(value: Any) -> bool:
    """Whether numbers were computed in float32: an array of that kind, or long numbers that all are float32's own."""
    try:
        array = cast("Array", np.asarray(as_numpy(value)))
    except (ValueError, TypeError):
        return False
    if array.dtype == np.float32:
        return True
    if array.dtype.kind != "f" or not array.size or not np.isfinite(array).all():
        return False
    long = any(_decimals(repr(float(v)))[1] for v in array.ravel()[:64])
    with np.errstate(over="ignore"):
        return long and bool((array.astype(np.float32).astype(np.float64) == array).all())


def own_unit(number: float) -> float:
    """Half a unit of the last digit of one number by itself; 0 where it has all digits."""
    decimals, full = _decimals(_decimal(number))
    return 0.0 if full else 0.5 * 10.0**-decimals


def _decimal(number: float) -> str:
    """A number as a decimal; 0.12300000000000001, which is what np.round(v / s) * s gives, as 0.123."""
    short = f"{number:.12g}"
    exact = repr(number)
    near = abs(float(short) - number) <= 4 * abs(math.ulp(number))
    return short if near and len(short) < len(exact) - 3 else exact


def _units(texts: Any, numbers: Array) -> Array:
    """Half a unit of the last digit of every number."""
    decimals, full = np.zeros(numbers.shape), np.zeros(numbers.shape, dtype=bool)
    bare = np.zeros(numbers.shape, dtype=bool)
    for place in np.ndindex(numbers.shape):
        text = isinstance(texts[place], str)
        decimal = texts[place] if text else _decimal(float(texts[place]))
        decimals[place], full[place] = _decimals(decimal)
        bare[place] = text and decimal.lstrip("+-").isdigit()
    decimals = np.clip(decimals, -300, 300)
    halves = 0.5 * 10.0**-decimals
    if any(isinstance(t, str) for t in np.ravel(np.asarray(texts, dtype=object))):
        # a bare 0 or 1 is not rounded to one digit: its zeros at the end were left out
        bare = (bare & (halves > 0.05 * np.abs(numbers))) | ((numbers == 0) & (halves > 0.05))
        return np.where(full, 0.0, np.where(bare, np.nan, halves))
    if full.any():
        return np.zeros(numbers.shape)
    # floats drop zeros at the end: rounded to as many decimals as the longest has, or to as many digits
    places = 0.5 * 10.0 ** -decimals.max()
    sizes = np.floor(np.log10(np.where(numbers == 0, 1.0, np.abs(numbers))))
    digits = (sizes + decimals)[numbers != 0].max(initial=0.0) + 1
    if digits < 2 or places > 0.05 * np.abs(numbers).max():  # a bare 0, 1 or 0.5
        return np.full(numbers.shape, np.nan)
    return cast("Array", np.where(numbers == 0, places, np.maximum(places, 0.5 * 10.0 ** (sizes - digits + 1))))


def _grid(numbers: Array) -> float:
    """The step of which all numbers are multiples, as np.round(v / s) * s makes them; 0 where there is none.

    Numbers that are few times the smallest of them, as whole samples make them, are on no grid.
    """
    sizes = np.unique(np.abs(numbers[numbers != 0]))
    sizes = sizes[:: max(1, len(sizes) // MOST_ON_A_GRID)]
    if len(sizes) < 2:
        return 0.0
    largest = float(np.abs(numbers).max())
    step = float(sizes[-1])
    for size in sizes[-2::-1].tolist():  # the greatest common measure
        rest = size
        while rest > 1e-9 * largest:
            step, rest = rest, abs(step - np.rint(step / rest) * rest)
        if largest / step > LONGEST_GRID:
            return 0.0
    places = np.rint(numbers / step)
    fits = np.abs(numbers - places * step).max() <= 1e-7 * step * max(1.0, largest / step)
    return step if fits and largest / step >= SHORTEST_GRID else 0.0


def _rows(key: str, value: Any) -> Any:
    items = as_list(value)
    if items is None:
        return value
    rows = [_rows(key, item) for item in items]
    lengths = {len(r) if isinstance(r, list) else -1 for r in rows}  # pyright: ignore[reportUnknownArgumentType]
    if len(lengths) > 1:
        raise DataError(f"{key} must hold numbers in rows of equal length")
    return rows


def _plain(key: str, value: Any) -> Any:
    """Text, in rows too, as decimals with the digits that they are given to; other things as they are."""
    if isinstance(value, list):
        return [_plain(key, item) for item in cast("list[Any]", value)]
    if not isinstance(value, str):
        return value
    try:
        answer = read_number(value)
    except ValueError as error:
        raise DataError(f"{key} must hold numbers; {short(value)!r} {error}") from None
    if answer is None:
        raise DataError(f"{key} must hold numbers; one is left empty")
    return answer.plain


def _float(text: Any) -> float:
    if isinstance(text, bool) or not isinstance(text, (int, float, str, np.integer, np.floating)):
        raise TypeError
    try:
        return float(cast("Any", text))
    except OverflowError:
        return math.inf


def _decimals(text: str) -> tuple[int, bool]:
    """How many decimals a number is given to, and whether it has all of float64's digits."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return 17, True
    integer, fraction, exponent = match[1], match[2], int(match[3] or 0)
    full = len((integer + fraction).lstrip("0")) >= FULL
    return len("" if fraction == "0" and not match[3] else fraction) - exponent, full


def _shape_message(key: str, name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> str:
    message = f"{key} has shape {shape}, but {name} has {expected} in this network"
    if len(shape) == 2 and shape[::-1] == expected:
        return f"{message}: it looks transposed (weights are inputs x outputs here); give its transpose"
    if math.prod(shape) == math.prod(expected):
        return f"{message}: reshape it to {expected}"
    return message
