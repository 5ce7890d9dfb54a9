"""What a network is given, checked: its settings, parameters and samples, with errors that say the cure."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from ..base.checks import as_array, as_list, check_present, said, whole
from ..base.errors import DataError, OptionError, ShapeError, unknown
from ..data.class_numbers import ClassNumbers
from ..describe.layers import Layer, Positions, Residual
from ..describe.layers.layer import rows_text
from ..describe.losses import LOSSES, Loss
from ..program import names as spelled
from .lines import Layout, Line

Array = np.ndarray[Any, Any]
TAKEN = (
    "x",
    "y",
    "y_hat",
    "clock",
    "t",
    "lr",
    "l",
    "L",
    spelled.GRADIENT_NORM,
    spelled.CLIP_FACTOR,
    spelled.SAMPLE_WEIGHT,
    spelled.SMOOTH_TARGET,
    spelled.LOSS_COUNTS,
    spelled.LOSS_WEIGHTS,
    spelled.WEIGHTS_SUM,
)
"""Names that no input of several may have."""
FEW = 2**16
"""In so few numbers what is not finite is looked for by the sum of their squares."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


def read_layers(layers: Any) -> tuple[Layer, ...]:
    """The layers as a tuple, each of them one and at least one of them computing something."""
    if isinstance(layers, Layer):
        layers = [layers]
    try:
        listed = tuple(layers)
    except TypeError:
        raise OptionError(f"layers must be a list of layers, not {said(layers)}") from None
    for place, layer in enumerate(listed):
        if isinstance(layer, type):
            raise OptionError(f"layer {place + 1} is the class {layer.__name__}; write {layer.__name__}(...)")
        if not isinstance(layer, Layer):
            raise OptionError(f"layer {place + 1} is {said(layer)}, which is no layer")
    if not any(isinstance(layer, Residual) or layer.operation(training=False) for layer in listed):
        raise OptionError("the network has no layer that computes anything")
    return listed


def read_loss(loss: Any) -> Loss:
    """The loss, if it is one."""
    if isinstance(loss, type):
        raise OptionError(f"loss is the class {loss.__name__}; write {loss.__name__}()")
    if not isinstance(loss, Loss):
        raise OptionError(f"loss is {said(loss)}, which is no loss; known: {', '.join(LOSSES)}")
    return loss


def read_input_shape(given: Any) -> tuple[int, ...]:
    """The shape of one sample; a number is (number,)."""
    sizes = as_list(given)
    try:
        shape = tuple(whole("Network", "input_shape", s) for s in ([given] if sizes is None else sizes))
    except OptionError:
        shape = ()
    if not 1 <= len(shape) <= 3:
        raise OptionError(
            f"input_shape is the shape of one sample, (inputs,) or (channels, height, width), not {said(given)}"
        )
    return shape


def read_inputs(given: Any) -> dict[str, tuple[int, ...]]:
    """The shape of one sample of every input; a shape alone is that of x.

    Raises:
        OptionError: where it is none, or an input's name is invalid.
    """
    if not isinstance(given, Mapping):
        return {"x": read_input_shape(given)}
    named = cast("Mapping[Any, Any]", given)
    if not named:
        raise OptionError("input_shape names no inputs; write input_shape={'left': 3, 'right': 5}")
    for name in named:
        if not isinstance(name, str) or not _NAME.match(name) or name in TAKEN:
            raise OptionError(
                "input_shape: an input's name is letters, digits and _, a letter first, and none of "
                f"{', '.join(TAKEN)}; not {said(name)}"
            )
    return {name: read_input_shape(shape) for name, shape in named.items()}


def read_dtype(given: Any) -> np.dtype[Any]:
    """float32 or float64."""
    with contextlib.suppress(Exception):  # NumPy reads many things as dtypes, and fails in many ways
        dtype = np.dtype(given)
        if given is not None and dtype in (np.dtype("float32"), np.dtype("float64")):
            return dtype
    raise OptionError(f"dtype is 'float32' or 'float64', not {said(given)}")


def beginning(value: Any) -> str:
    """The beginning of a value, in one line."""
    try:
        return " ".join(str(value).split())[:80]
    except ValueError:  # a whole number of thousands of digits
        return said(value)


def check_exact(layout: Layout, dtype: np.dtype[Any]) -> None:
    """Raises OptionError where ids stand in rows beside values whose type does not hold all of them exactly."""
    most = 2 ** (np.finfo(dtype).nmant + 1)
    for name, count in layout.ids.items():
        if not layout.all_whole and count > most:
            raise OptionError(
                f"the input {name!r} has {count:,} ids and stands beside values of {dtype}, which holds whole numbers "
                f"exactly up to {most:,}; use dtype='float64'"
            )


def fitting(name: str, value: Any, target: Array) -> Array:
    """A parameter's new value as an array of its shape and dtype; errors name the parameter and the cure."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is wrong is said below
            given: Any = np.asarray(value)
            array = np.asarray(value, dtype=target.dtype)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{name} must hold numbers in rows of equal length, not {beginning(value)}") from None
    check_present(name, value, given)
    if given.dtype.kind not in "biuf":
        raise DataError(f"{name} must hold real numbers, not {beginning(value)}")
    if array.shape != target.shape:
        cure = ""
        if array.T.shape == target.shape:
            cure = f"; it looks transposed ({name} is inputs x outputs here): give its transpose"
        elif array.size == target.size:
            cure = f"; reshape it to {target.shape}"
        raise ShapeError(f"{name} has shape {target.shape} in this network, but {array.shape} was given{cure}")
    if not np.isfinite(array).all():
        raise DataError(f"{name} holds NaN or infinity (or numbers too large for {target.dtype})")
    if name.rpartition(".")[2].startswith("running_var") and (array < 0).any():
        raise DataError(f"{name} is a variance and cannot be negative")
    if name.rpartition(".")[2].startswith("sigma") and (array < 0).any():
        raise DataError(f"{name} is a standard deviation and cannot be negative")
    return array


def read_samples(x: Any, layout: Layout, dtype: np.dtype[Any]) -> Array:
    """Samples as the program takes them, of the dtype, all finite: x (N, *shape), or of several inputs the rows.

    Ids stay whole numbers (int64).

    Args:
        x: what was given; for several inputs a mapping of their samples, or their rows one beside the other.
        layout: the network's lines.
        dtype: the network's type.

    Raises:
        ShapeError: where the shape is another; it says how to cure it.
        DataError: where it does not hold numbers, or NaN or infinity.
    """
    if layout.several:
        return _read_rows(x, layout, dtype)
    shape = layout.inputs["x"]
    fits = type(x) is np.ndarray and x.dtype == dtype and x.shape[1:] == shape
    if fits and x.size <= FEW and not layout.ids and math.isfinite(np.vdot(x, x)):  # which does not warn
        return x
    return _read_input(x, "x", shape, dtype, layout.lines[0].label, layout.ids.get("x"), _steps(layout, "x"))


def _steps(layout: Layout, name: str) -> str:
    """Who takes, or holds, so many steps of an input: "layer 2, Positions holds"; "" where it is no sequence."""
    shape = layout.inputs[name]
    users = [layout.lines[place] for place in layout.users[name]]
    if not (len(shape) == 2 or name in layout.ids or name in layout.masks):
        return ""
    known = {name, *(line.place for line in users)}
    for line in layout.lines:
        if isinstance(line.layer, Positions) and line.sources[0] in known:
            return f"{line.label} holds"
    return f"{users[0].label} takes"


def _read_rows(x: Any, layout: Layout, dtype: np.dtype[Any]) -> Array:
    """The samples of several inputs in rows, (N, numbers of all inputs), in the order of the inputs."""
    inputs, ids = layout.inputs, layout.ids
    count = sum(map(math.prod, inputs.values()))
    if not isinstance(x, Mapping):
        if np.ndim(x) == 2 and np.shape(x)[1] == count:
            most = max(ids.values()) if layout.all_whole else None
            rows = _read_input(x, "x", (count,), dtype, "the network", most)
            begin = 0
            for name, shape in inputs.items():
                part = rows[:, begin : begin + math.prod(shape)]
                if name in ids:
                    _check_whole(part, "x", _taker(layout, name), ids[name], begin)
                    _check_ids(part, "x", _taker(layout, name), ids[name], begin)
                if name in layout.masks:
                    _check_mask(part, "x", layout.masks[name], begin)
                begin += math.prod(shape)
            return rows
        names = ", ".join(f"{name!r}: {rows_text(shape)}" for name, shape in inputs.items())
        raise ShapeError(f"x must be a mapping of the network's inputs, {{{names}}}, not {_kind_of(x)}")
    mapping = cast("Mapping[Any, Any]", x)
    for name in mapping:
        if name not in inputs:
            raise unknown("input", name, inputs)
    if missing := [name for name in inputs if name not in mapping]:
        raise DataError(f"x lacks the input{'s' * (len(missing) > 1)} {', '.join(missing)}")
    parts: dict[str, Array] = {}
    for name, shape in inputs.items():
        called = f"x[{name!r}]"
        first = _taker(layout, name) if name in ids else f"the input {name!r}"
        parts[name] = _read_input(mapping[name], called, shape, dtype, first, ids.get(name), _steps(layout, name))
        if name in layout.masks:
            _check_mask(parts[name], called, layout.masks[name])
    counts = {name: len(part) for name, part in parts.items()}
    if len(set(counts.values())) > 1:
        raise DataError(f"x has {' but '.join(f'{c} samples of {n}' for n, c in counts.items())}")
    kind = np.dtype(np.int64) if layout.all_whole else dtype
    return np.concatenate(
        [part.reshape(len(part), -1) for part in parts.values()], axis=1, dtype=kind, casting="unsafe"
    )


def _taker(layout: Layout, name: str) -> str:
    """The line that takes an input as ids; of several the one with the fewest."""
    lines = (line for line in layout.lines if line.layer.of_ids and name in line.sources)
    return next(line.label for line in lines if getattr(line.layer, "ids", 0) == layout.ids[name])


def _kind_of(x: Any) -> str:
    return f"an array of shape {np.shape(x)}" if hasattr(x, "shape") else type(x).__name__


def _read_input(
    x: Any,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    first: str,
    ids: int | None = None,
    steps: str = "",
) -> Array:
    x = as_array(name, x)
    if x.dtype.kind not in "biuf":
        raise DataError(f"{name} must hold numbers, not {'text' if x.dtype.kind in 'US' else x.dtype}")
    if x.dtype == np.float16:
        raise DataError(f"{name} is float16, which is too coarse to train in; use {name}.astype('float32')")
    if steps and x.ndim == len(shape) + 1 and x.shape[1] != shape[0] and x.shape[2:] == shape[1:]:
        raise ShapeError(
            f"{name} has shape {x.shape}, {x.shape[1]} steps, but {steps} {shape[0]} steps, as input_shape={shape} "
            f"fixed when the network was built; cut or pad the sequences to {shape[0]} steps"
        )
    if x.shape[1:] != shape or x.ndim != len(shape) + 1:
        raise ShapeError(input_message(x.shape, shape, first, name))
    if ids is not None:
        return _read_ids(x, name, first, ids)
    with np.errstate(over="ignore", invalid="ignore"):
        ready = x.astype(dtype, copy=False)
        suspect = not np.isfinite(ready.sum())  # quicker than looking at every number
    if suspect and not np.isfinite(ready).all():
        bad = np.argwhere(~np.isfinite(ready))
        place = tuple(int(i) for i in bad[0])
        at = f"in {len(bad)} of {x.size} places, first at {name}[{', '.join(map(str, place))}]"
        if np.isfinite(x[place]):
            raise DataError(f"{name} holds numbers too large for {dtype} {at}")
        raise DataError(f"{name} holds NaN or infinity {at}")
    return ready


def _read_ids(x: Array, name: str, first: str, ids: int) -> Array:
    """Ids as whole numbers, each from 0 to ids - 1."""
    _check_whole(x, name, first, ids)
    if x.dtype.kind not in "iu":
        raise DataError(
            f"{name} holds {x.dtype}, but {first} takes ids, whole numbers from 0 to {ids - 1}; use {name}.astype(int)"
        )
    _check_ids(x, name, first, ids)
    return x.astype(np.int64, copy=False)


def _check_whole(x: Array, name: str, first: str, ids: int, begin: int = 0) -> None:
    """Raises DataError where a number is not whole; `begin` is the first column in what is called `name`."""
    if x.dtype.kind != "f":
        return
    broken = np.argwhere(~(np.isfinite(x) & (x == np.round(x))))
    if len(broken):
        n, t = map(int, broken[0])
        raise DataError(
            f"{name}[{n}, {begin + t}] is {x[n, t]:g}, but {first} takes ids, whole numbers from 0 to {ids - 1}; "
            "for values leave the Embedding out"
        )


def _check_ids(x: Array, name: str, first: str, ids: int, begin: int = 0) -> None:
    """Raises DataError where an id is not from 0 to ids - 1; `begin` is the first column in what is called `name`."""
    wrong = np.argwhere((x < 0) | (x >= ids))
    if len(wrong):
        n, t = map(int, wrong[0])
        most = int(x.max())
        cure = f"Embedding({most + 1}, ...) has room for all that came" if x.min() >= 0 else "ids begin at 0"
        raise DataError(
            f"{name}[{n}, {begin + t}] is the id {int(x[n, t])}, but {first} has {ids} ids, from 0 to {ids - 1}; {cure}"
        )


def _check_mask(mask: Array, name: str, users: Sequence[Line], begin: int = 0) -> None:
    """Raises DataError where a mask (N, T) holds anything but 0 and 1, or leaves a sample, or a query, without a 1.

    Args:
        mask: the mask.
        name: what it is called.
        users: the lines that take it.
        begin: its first column in what is called so.
    """
    wrong = np.argwhere((mask != 0) & (mask != 1))
    if len(wrong):
        n, t = map(int, wrong[0])
        raise DataError(
            f"{name}[{n}, {begin + t}] is {float(mask[n, t]):g}, but {users[0].label} takes it as a mask: 1 where a "
            f"{users[0].layer.masked} counts, 0 where it is padding"
        )
    for line in users:
        causal = getattr(line.layer, "causal", False)
        hidden = np.flatnonzero(mask[:, 0] == 0 if causal else (mask == 0).all(axis=1))
        if not len(hidden):
            continue
        n = int(hidden[0])
        if causal:
            raise DataError(
                f"{name}[{n}, {begin}] is 0, so the first step of sample {n} has no key: {line.label}, is causal and "
                "sees no later ones; put the padding at the end of the sequence"
            )
        raise DataError(
            f"{name}[{n}] is 0 everywhere, so sample {n} has no {line.layer.masked} that counts in {line.label}; leave "
            f"the sample out, or keep one {line.layer.masked}"
        )


def check_as_many(samples: int, targets: int) -> None:
    """Raises DataError where there are not as many samples as targets, or none."""
    if samples != targets:
        raise DataError(f"there are {samples} samples in x but {targets} targets in y")
    if not samples:
        raise DataError("there are no samples: x and y are empty")


def read_weights(given: Any, samples: int, steps: tuple[int, ...], dtype: np.dtype[Any]) -> Array | None:
    """The samples' weights, (N,), or (N, T) where every step of a sequence has a loss; None where none are given.

    Args:
        given: (N,), which holds for every step of a sample's sequence, or (N, T).
        samples: N.
        steps: (T,) or ().
        dtype: the network's type.

    Raises:
        ShapeError: where the shape is another.
        DataError: where they are no numbers, negative, NaN or infinite.
    """
    if given is None:
        return None
    weights = as_array("sample_weight", given)
    if weights.dtype.kind not in "biuf":
        raise DataError(f"sample_weight must hold numbers, not {weights.dtype}")
    if weights.shape not in ((samples,), (samples, *steps)):
        also = f", or one a step, {(samples, *steps)}" if steps else ""
        raise ShapeError(f"sample_weight has shape {weights.shape}; expected one weight a sample, ({samples},){also}")
    wrong = np.argwhere(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        place = tuple(map(int, wrong[0]))
        address = f"sample_weight[{', '.join(map(str, place))}]"
        raise DataError(f"{address} is {weights[place]}; a weight is 0 or more, and 0 leaves the sample out")
    weights = weights.reshape((samples, *weights.shape[1:], *[1] * (len(steps) + 1 - weights.ndim)))
    return np.array(np.broadcast_to(weights, (samples, *steps)), dtype)


def check_counts(loss: Loss, y: Array | ClassNumbers, weights: Array | None) -> None:
    """Raises DataError where no target counts: all are ignored, or weigh nothing."""
    counting = loss.weights(y, weights)
    if counting is not None and not counting.any():
        ignored = f"every target is ignored ({getattr(loss, 'ignore', None)})"
        what, cure = (ignored, "targets that count") if loss.ignores else ("every weight is 0", "one above 0")
        if loss.ignores and weights is not None:
            what, cure = f"{ignored}, or its weight is 0", "targets that count, with weights above 0"
        raise DataError(f"nothing counts: {what}, so there is no mean; give {cure}")


def input_message(came: tuple[int, ...], expected: tuple[int, ...], first: str, name: str = "x") -> str:
    """What to say of samples of another shape than the network takes, with the cure."""
    expectation = rows_text(expected)
    cure = _laid_out(came[1:], expected, "len(x), ") if came else ""
    cure = f"; use {cure}" if cure else ""
    if not cure and (one := _laid_out(came, expected, "")):
        cure = f"; for a single sample use {one}[None]"
    return (
        f"{name} has shape {came}, but {first} takes {expectation}, "
        f"as input_shape={expected} fixed when the network was built{cure}"
    )


def _laid_out(came: tuple[int, ...], expected: tuple[int, ...], count: str) -> str:
    """The expression that lays x out as expected, if no number of a sample has to change its neighbours for that.

    Args:
        came: the shape of a sample.
        expected: the shape that it should have.
        count: "len(x), " where x has an axis of samples before; "" where it is one.
    """
    if came == expected:
        return "" if count else "x"
    if sorted(came) == sorted(expected):  # axes in another order
        order = next(p for p in itertools.permutations(range(len(came))) if tuple(came[i] for i in p) == expected)
        axes = ", ".join(map(str, (0, *(i + 1 for i in order)) if count else order))
        return f"x.transpose({axes})"
    flat = min(len(came), len(expected)) <= 1
    if math.prod(came) == math.prod(expected) and (flat or _without_ones(came) == _without_ones(expected)):
        return f"x.reshape({count}{', '.join(map(str, expected))})"
    return ""


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(s for s in shape if s != 1)
