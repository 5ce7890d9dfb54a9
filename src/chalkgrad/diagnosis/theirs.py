"""What somebody's operation gives, in PyTorch or JAX: its output, and what comes back to each of its inputs.

PyTorch and JAX are imported where something of theirs is given.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.errors import DataError
from ..base.half import as_numpy

Array = np.ndarray[Any, Any]
Upstream = Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class Given:
    """What an operation gave.

    Attributes:
        output: its output.
        inputs: what came back to its inputs, in order; None where nothing does.
        parameters: what came back to its own parameters, by their names.
    """

    output: Any
    inputs: tuple[Any, ...]
    parameters: Mapping[str, Any]


def library_of(subject: Any, inputs: Sequence[Any] = ()) -> str:
    """The library that an operation is of, "torch" or "jax"; "" where it is of neither, as a function of NumPy's."""
    torch = sys.modules.get("torch")
    if torch is not None:
        own = isinstance(subject, torch.nn.Module)
        own = own or (isinstance(subject, type) and issubclass(subject, (torch.autograd.Function, torch.nn.Module)))
        if own or any(isinstance(one, torch.Tensor) for one in inputs):
            return "torch"
    if type(subject).__module__.split(".")[0] in ("jax", "jaxlib"):
        return "jax"
    return "jax" if any(type(one).__module__.split(".")[0] in ("jax", "jaxlib") for one in inputs) else ""


def run(subject: Any, inputs: Sequence[Any], upstream: Upstream) -> Given:
    """Runs an operation forward and backward.

    Args:
        subject: a `torch.autograd.Function`, an `nn.Module`, or a function of tensors or of JAX's arrays.
        inputs: what it takes, in order. Tensors keep their precision and device; other numbers are float64 for
            PyTorch, and what JAX makes of them.
        upstream: for the output what comes back to it.

    Raises:
        DataError: where it is of neither library, fails, or gives something else than one array.
    """
    library = library_of(subject, inputs)
    if not library:
        raise DataError(
            "like= is for a torch.autograd.Function, an nn.Module, or a function of tensors or of JAX's arrays; give "
            "tensors or JAX's arrays as inputs, so that it is known which"
        )
    try:
        return (_by_torch if library == "torch" else _by_jax)(subject, inputs, upstream)
    except DataError:
        raise
    except Exception as error:  # whatever their code raises
        raise DataError(f"{name_of(subject)} failed: {type(error).__name__}: {error}") from error


def name_of(subject: Any) -> str:
    """What an operation is called."""
    return str(getattr(subject, "__name__", type(subject).__name__))


def _by_torch(subject: Any, inputs: Sequence[Any], upstream: Upstream) -> Given:
    torch: Any = importlib.import_module("torch")
    kind, device = torch.float64, None
    module = bool(isinstance(subject, torch.nn.Module))
    if module:
        first = next(iter(subject.parameters()), None)
        kind, device = (kind, device) if first is None else (first.dtype, first.device)
        subject.zero_grad()
    leaves: list[Any] = []
    for one in inputs:
        theirs = bool(isinstance(one, torch.Tensor))
        tensor = one.detach().clone() if theirs else torch.tensor(np.array(one))
        if not theirs:
            tensor = tensor.to(device, kind if tensor.dtype.is_floating_point else tensor.dtype)
        leaves.append(tensor.requires_grad_() if tensor.dtype.is_floating_point else tensor)
    function: Any = getattr(subject, "apply") if isinstance(subject, type) else subject  # noqa: B009 - of any class
    output: Any = function(*leaves)
    if not bool(isinstance(output, torch.Tensor)):
        raise DataError(f"{name_of(subject)} gives {type(output).__name__}; one tensor is expected")
    back = torch.tensor(upstream(np.asarray(as_numpy(output), dtype=np.float64)))
    if output.requires_grad:
        output.backward(back.to(output.device, output.dtype))
    parameters: dict[str, Any] = {}
    if module:
        own: Any = dict(getattr(subject, "named_parameters")())  # noqa: B009
        parameters = {name: p.grad for name, p in own.items() if p.grad is not None}
    return Given(output, tuple(leaf.grad for leaf in leaves), parameters)


def _by_jax(subject: Any, inputs: Sequence[Any], upstream: Upstream) -> Given:
    jax: Any = importlib.import_module("jax")
    numbers: Any = importlib.import_module("jax.numpy")
    arrays = [numbers.asarray(one) for one in inputs]
    places = [k for k, one in enumerate(arrays) if numbers.issubdtype(one.dtype, numbers.floating)]

    def of_floats(*floats: Any) -> Any:
        every = list(arrays)
        for k, one in zip(places, floats, strict=True):
            every[k] = one
        return subject(*every)

    output, back = jax.vjp(of_floats, *(arrays[k] for k in places))
    if not hasattr(output, "dtype"):
        raise DataError(f"{name_of(subject)} gives {type(output).__name__}; one array is expected")
    came = upstream(np.asarray(as_numpy(output), dtype=np.float64))
    gradients = back(numbers.asarray(came, dtype=output.dtype))
    found: list[Any] = [None] * len(arrays)
    for k, one in zip(places, gradients, strict=True):
        found[k] = one
    return Given(output, tuple(found), {})
