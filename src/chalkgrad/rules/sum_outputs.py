"""The sum of a layer's values, one number a sample."""

from __future__ import annotations

from .arrays import namespace, zeros
from .rule import Array, Operation, mistake, rule


@rule("s[n,o] = sum_i a[n,i] for o<1", source="Backpropagation of a Layer")
def sum_outputs(a: Array) -> Array:
    """s (N, 1) of a (N, I)."""
    return namespace(a).sum(a, axis=1, keepdims=True)


@rule("da[n,i] = sum_o ds[n,o]", shape_of="a", source="Backpropagation of a Layer")
def sum_outputs_da(ds: Array, a: Array) -> Array:
    """da (N, I) of ds (N, 1): every term of a sum moves it one to one."""
    return ds + zeros(a.shape, ds)


@mistake(sum_outputs_da, "da[n,i] = sum_o ds[n,o] / |i|", "averaged over the terms of the sum")
def sum_outputs_da_averaged(ds: Array, a: Array) -> Array:
    return ds / a.shape[1] + zeros(a.shape, ds)


operation = Operation("sum", (sum_outputs,), (sum_outputs_da,), input="a", output="s")
