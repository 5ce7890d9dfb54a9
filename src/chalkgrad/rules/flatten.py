"""Flattening: every sample's values in one row, counted row by row."""

from __future__ import annotations

import math

from .rule import Array, Operation, mistake, rule


@rule(
    "f[n,#...] = x[n,...]",
    source="Neural Network Forward and Backward Propagation, Forward Propagation Process, 3",
    reshapes=True,
    helper=True,
    exact=True,
)
def flatten(x: Array) -> Array:
    """f (N, everything) of x (N, ...)."""
    return x.reshape((x.shape[0], math.prod(x.shape[1:])))


@rule(
    "dx[n,...] = df[n,#...]",
    shape_of="x",
    source="Neural Network Forward and Backward Propagation, Gradients for Convolutional Kernel Weights",
    reshapes=True,
    helper=True,
    exact=True,
)
def flatten_dx(df: Array, x: Array) -> Array:
    """dx (N, ...) of df (N, everything): each derivative goes back to where its value came from."""
    return df.reshape(x.shape)


@mistake(flatten_dx, "dx[n,...] = -df[n,#...]", "the sign is flipped")
def flatten_dx_negative(df: Array, x: Array) -> Array:
    return -df.reshape(x.shape)


operation = Operation("flattening", (flatten,), (flatten_dx,), input="x", output="f")
