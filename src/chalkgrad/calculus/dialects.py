"""How array code is written for NumPy and for PyTorch."""

from __future__ import annotations

from typing import Protocol

_SAME = ("exp", "log", "sqrt", "tanh", "sin", "cos", "abs", "sign")


HELPERS = ("taken", "added", "placed")
"""The functions that gathering and scattering code calls."""


class Dialect(Protocol):
    """The words of an array library."""

    module: str
    helpers: str

    def function(self, name: str, argument: str) -> str:
        """A function of one array."""
        ...

    def extreme(self, name: str, left: str, right: str, *, number: bool) -> str:
        """max or min of two arrays, or of an array and a number."""
        ...

    def reduced(self, array: str, kind: str, axes: str) -> str:
        """sum, mean or max over axes, "" for all; the place of the largest for argmax."""
        ...

    def indicator(self, comparison: str, like: str) -> str:
        """1 where a comparison holds, else 0, of an array's dtype."""
        ...

    def einsum(self, letters: str, arrays: str, *, many: bool) -> str: ...
    def permuted(self, array: str, axes: str) -> str: ...
    def spread(self, array: str, shape: str, *, copied: bool) -> str: ...
    def copied(self, array: str) -> str: ...
    def counted(self, size: str) -> str: ...
    def whole(self, value: str) -> str: ...
    def lifted(self, array: str, axis: int) -> str: ...


class _NumPy:
    module = "np"
    helpers = '''\
def taken(array, axis, places, outside=0.0):
    """The array with the axes of places, whole numbers, instead of one axis; `outside` beyond its edges."""
    size = array.shape[axis]
    found = np.take(array, np.clip(places, 0, size - 1), axis=axis)
    inside = (places >= 0) & (places < size)
    if inside.all():
        return found
    return np.where(inside.reshape(inside.shape + (1,) * (array.ndim - axis - 1)), found, outside)


def added(values, axis, places, size):
    """The reverse of taken: values added up at places of one axis; what falls beyond its edges is dropped."""
    own = range(axis, axis + places.ndim)
    values = np.moveaxis(values, own, range(places.ndim))
    inside = (places >= 0) & (places < size)
    total = np.zeros((size, *values.shape[places.ndim :]), dtype=values.dtype)
    np.add.at(total, places[inside], values[inside])
    return np.moveaxis(total, 0, axis)


def placed(values, places, shape):
    """Values added up at the elements that places name, one array of whole numbers an axis."""
    total = np.zeros(shape, dtype=values.dtype)
    np.add.at(total, places, values)
    return total
'''

    def function(self, name: str, argument: str) -> str:
        return f"np.{name}({argument})" if name in _SAME else f"np.vectorize(math.{name}, otypes=[float])({argument})"

    def extreme(self, name: str, left: str, right: str, *, number: bool) -> str:
        return f"np.{'maximum' if name == 'max' else 'minimum'}({left}, {right})"

    def reduced(self, array: str, kind: str, axes: str) -> str:
        return f"{array}.{kind}({f'axis={axes}' if axes else ''})"

    def indicator(self, comparison: str, like: str) -> str:
        return f"np.asarray({comparison}, dtype={like})"

    def einsum(self, letters: str, arrays: str, *, many: bool) -> str:
        return f'np.einsum("{letters}", {arrays}{", optimize=True" if many else ""})'

    def permuted(self, array: str, axes: str) -> str:
        return f"{array}.transpose({axes})"

    def spread(self, array: str, shape: str, *, copied: bool) -> str:
        return f"np.broadcast_to({array}, {shape}){'.copy()' if copied else ''}"

    def copied(self, array: str) -> str:
        return f"{array}.copy()"

    def counted(self, size: str) -> str:
        return f"np.arange({size})"

    def whole(self, value: str) -> str:
        return f"np.array({value})"

    def lifted(self, array: str, axis: int) -> str:
        return f"np.expand_dims({array}, {axis})"


class _Torch:
    module = "torch"
    helpers = '''\
def taken(array, axis, places, outside=0.0):
    """The array with the axes of places, whole numbers, instead of one axis; `outside` beyond its edges."""
    size = array.shape[axis]
    places = places.to(array.device)
    found = array.index_select(axis, places.clamp(0, size - 1).reshape(-1))
    found = found.reshape(array.shape[:axis] + places.shape + array.shape[axis + 1 :])
    inside = (places >= 0) & (places < size)
    if inside.all():
        return found
    inside = inside.reshape(inside.shape + (1,) * (array.ndim - axis - 1))
    return torch.where(inside, found, torch.full_like(found, outside))


def added(values, axis, places, size):
    """The reverse of taken: values added up at places of one axis; what falls beyond its edges is dropped."""
    places = places.to(values.device)
    values = values.movedim(tuple(range(axis, axis + places.ndim)), tuple(range(places.ndim)))
    inside = (places >= 0) & (places < size)
    total = values.new_zeros((size, *values.shape[places.ndim :]))
    return total.index_add(0, places[inside], values[inside]).movedim(0, axis)


def placed(values, places, shape):
    """Values added up at the elements that places name, one array of whole numbers an axis."""
    places = torch.broadcast_tensors(*places)
    return values.new_zeros(shape).index_put(places, values.expand(places[0].shape), accumulate=True)
'''

    def function(self, name: str, argument: str) -> str:
        return f"torch.{name}({argument})"

    def extreme(self, name: str, left: str, right: str, *, number: bool) -> str:
        if number:
            return f"torch.clamp({left}, {'min' if name == 'max' else 'max'}={right})"
        return f"torch.{'maximum' if name == 'max' else 'minimum'}({left}, {right})"

    def reduced(self, array: str, kind: str, axes: str) -> str:
        kind = {"max": "amax"}.get(kind, kind)
        return f"{array}.{kind}({f'dim={axes}' if axes else ''})"

    def indicator(self, comparison: str, like: str) -> str:
        return f"torch.as_tensor({comparison}, dtype={like})"

    def einsum(self, letters: str, arrays: str, *, many: bool) -> str:
        return f'torch.einsum("{letters}", {arrays})'

    def permuted(self, array: str, axes: str) -> str:
        return f"{array}.permute({axes})"

    def spread(self, array: str, shape: str, *, copied: bool) -> str:
        return f"{array}.expand({shape}){'.clone()' if copied else ''}"

    def copied(self, array: str) -> str:
        return f"{array}.clone()"

    def counted(self, size: str) -> str:
        return f"torch.arange({size})"

    def whole(self, value: str) -> str:
        return f"torch.as_tensor({value})"

    def lifted(self, array: str, axis: int) -> str:
        return f"{array}.unsqueeze({axis})"


NUMPY: Dialect = _NumPy()
TORCH: Dialect = _Torch()
