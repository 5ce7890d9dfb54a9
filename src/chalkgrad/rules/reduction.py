"""From the samples' losses to the one loss L: their mean (1/N enters here and nowhere else) or their sum.

Where samples have weights, or targets that are ignored, the mean is the weighted one: it is divided by the sum of the
weights. A weight of 0 leaves a sample out, one of 2 counts it twice.
"""

from __future__ import annotations

import math

from .arrays import namespace, zeros
from .rule import Array, Operation, mistake, rule


@rule("L = mean_n l[n]", source="Neural Network from Scratch, 7", title="mean over the samples")
def mean_loss(l: Array) -> Array:
    """L, one number, of l (N,)."""
    return namespace(l).mean(l)


@rule("dl[n] = 1 / |n|", shape_of="l", source="Neural Network from Scratch, 7, notes 1 and 2")
def mean_loss_dl(l: Array) -> Array:
    """dl (N,), 1/N everywhere."""
    return zeros(l.shape, l) + 1 / l.shape[0]


@mistake(mean_loss_dl, "dl[n] = 1", "1/N is left out")
def mean_loss_dl_summed(l: Array) -> Array:
    return zeros(l.shape, l) + 1


@mistake(mean_loss_dl, "dl[n] = 1 / |n|^2", "1/N is taken twice")
def mean_loss_dl_twice(l: Array) -> Array:
    return zeros(l.shape, l) + 1 / l.shape[0] ** 2


@rule("L = sum_n l[n]", source="Backpropagation of a Layer (batches are summed)", title="sum over the samples")
def sum_loss(l: Array) -> Array:
    """L, one number, of l (N,)."""
    return namespace(l).sum(l)


@rule("dl[n] = 1", shape_of="l", source="Backpropagation of a Layer")
def sum_loss_dl(l: Array) -> Array:
    """dl (N,), 1 everywhere."""
    return zeros(l.shape, l) + 1


@mistake(sum_loss_dl, "dl[n] = 1 / |n|", "averaged where the loss is a sum")
def sum_loss_dl_averaged(l: Array) -> Array:
    return zeros(l.shape, l) + 1 / l.shape[0]


@rule("c[n] = sum_k y[n,k]")
def counts(y: Array) -> Array:
    """c (N,) of target rows y (N, K): 1 where they sum to 1, 0 where the target is ignored and its row is all 0."""
    return namespace(y).sum(y, axis=1)


@rule("w[n] = v[n] * c[n]")
def counted_weights(v: Array, c: Array) -> Array:
    """w (N,) of the samples' weights v and c (N,), 0 where the target is ignored."""
    return v * c


@rule("total = sum_n w[n]", title="sum of the weights")
def total_weight(w: Array) -> Array:
    """total, one number, of the weights w (N,)."""
    return namespace(w).sum(w)


@rule(
    "L = sum_n w[n] * l[n] / total",
    source="Hastie, Tibshirani and Friedman, 2009, 10.4 (a weighted mean)",
    title="weighted mean over the samples",
)
def weighted_mean_loss(l: Array, w: Array, total: Array) -> Array:
    """L, one number, of l and the weights w (N,) and their sum total."""
    return namespace(l).sum(w * l) / total


@rule("dl[n] = w[n] / total", source="Hastie, Tibshirani and Friedman, 2009, 10.4")
def weighted_mean_loss_dl(w: Array, total: Array) -> Array:
    """dl (N,) of the weights w (N,) and their sum total."""
    return w / total


@mistake(weighted_mean_loss_dl, "dl[n] = w[n]", "the sum of the weights is left out")
def weighted_mean_loss_dl_summed(w: Array) -> Array:
    return w * 1


@mistake(weighted_mean_loss_dl, "dl[n] = [w[n] > 0] / total", "the sample's own weight is left out")
def weighted_mean_loss_dl_unweighted(w: Array, total: Array) -> Array:
    return namespace(w).where(w > 0, 1 / total, 0)


@mistake(weighted_mean_loss_dl, "dl[n] = [w[n] >= 0] / |n|", "the weights are left out: all samples count alike")
def weighted_mean_loss_dl_plain(w: Array) -> Array:
    return zeros(w.shape, w) + 1 / math.prod(w.shape)


@mistake(
    weighted_mean_loss_dl,
    "dl[n] = w[n] / |n|",
    "it is divided by the number of samples, those that do not count among them, not by the sum of the weights",
)
def weighted_mean_loss_dl_by_count(w: Array) -> Array:
    return w / math.prod(w.shape)


@rule("L = sum_n w[n] * l[n]", title="weighted sum over the samples")
def weighted_sum_loss(l: Array, w: Array) -> Array:
    """L, one number, of l and the weights w (N,)."""
    return namespace(l).sum(w * l)


@rule("dl[n] = w[n]")
def weighted_sum_loss_dl(w: Array) -> Array:
    """dl (N,) of the weights w (N,)."""
    return w * 1


@mistake(weighted_sum_loss_dl, "dl[n] = [w[n] > 0]", "the sample's own weight is left out")
def weighted_sum_loss_dl_unweighted(w: Array) -> Array:
    return namespace(w).sign(w)


mean = Operation("mean over the samples", (mean_loss,), (mean_loss_dl,), input="l", output="L")
weighted_mean = Operation(
    "weighted mean over the samples",
    (total_weight, weighted_mean_loss),
    (weighted_mean_loss_dl,),
    input="l",
    output="L",
)
weighted_sum = Operation(
    "weighted sum over the samples", (weighted_sum_loss,), (weighted_sum_loss_dl,), input="l", output="L"
)
counting = Operation("weights of what counts", (counts, counted_weights), (), input="y", output="w")
sum = Operation("sum over the samples", (sum_loss,), (sum_loss_dl,), input="l", output="L")
