"""From the samples' losses to the one loss L: their mean (1/N enters here and nowhere else) or their sum."""

from __future__ import annotations

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


mean = Operation("mean over the samples", (mean_loss,), (mean_loss_dl,), input="l", output="L")
sum = Operation("sum over the samples", (sum_loss,), (sum_loss_dl,), input="l", output="L")
