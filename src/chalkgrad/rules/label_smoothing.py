"""Label smoothing: a little of the target is spread evenly over all classes, so that no probability has to become 1."""

from __future__ import annotations

from .rule import Array, Operation, mistake, rule


@rule(
    "t[n,k] = (1 - smoothing) * y[n,k] + smoothing / |k|",
    source="Szegedy et al., 2016, Rethinking the Inception Architecture for Computer Vision, 7",
)
def label_smoothing(y: Array, *, smoothing: float) -> Array:
    """t (N, K), rows that sum to 1 as those of the targets y (N, K) do."""
    return (1 - smoothing) * y + smoothing / y.shape[1]


@mistake(label_smoothing, "t[n,k] = y[n,k] + smoothing / |k|", "the factor 1 - smoothing is left out")
def label_smoothing_added(y: Array, *, smoothing: float) -> Array:
    return y + smoothing / y.shape[1]


@mistake(
    label_smoothing,
    "t[n,k] = (1 - smoothing) * y[n,k] + smoothing / (|k| - 1) * (1 - y[n,k])",
    "it is spread over the other classes only",
)
def label_smoothing_over_others(y: Array, *, smoothing: float) -> Array:
    return (1 - smoothing) * y + smoothing / (y.shape[1] - 1) * (1 - y)


@mistake(label_smoothing, "t[n,k] = y[n,k]", "the target is not smoothed")
def label_smoothing_left_out(y: Array) -> Array:
    return y * 1


operation = Operation("label smoothing", (label_smoothing,), (), input="y", output="t")
