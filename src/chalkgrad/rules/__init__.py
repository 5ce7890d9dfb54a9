"""The rules: one file per operation, each with its forward rules, backward rules and usual mistakes.

Shapes stand in every rule's docstring: N samples, I inputs, O outputs, K classes, C channels, H x W pixels,
P x Q windows; "..." is any further axes. Every rule keeps the dtype of its operands. Units: a derivative has
the unit of L divided by the unit of its value; what else has a unit says so. Rules raise nothing of their own:
shapes are checked by the formulas when a program is written, and values when data come in.

`OPERATIONS` lists them all, for code that goes through every rule (the tests, the reference pages).
"""

from __future__ import annotations

from . import (
    absolute_error,
    adagrad,
    adam,
    add,
    attention,
    avg_pool2d,
    batch_norm,
    binary_cross_entropy,
    clipping,
    concat,
    conv1d,
    conv2d,
    cross_entropy,
    dense,
    dropout,
    elu,
    embedding,
    flatten,
    gelu,
    global_avg_pool,
    gru,
    hinge,
    inputs,
    label_smoothing,
    layer_norm,
    leaky_relu,
    lstm,
    max_pool2d,
    multiply,
    penalty,
    positions,
    reduction,
    relu,
    rms_norm,
    rmsprop,
    rnn,
    sgd,
    shares,
    sigmoid,
    silu,
    softmax,
    softplus,
    squared_error,
    sum_outputs,
    tanh,
)
from .rule import Array, Mistake, Operation, Rule, mistake, rule
from .weight_decay import weight_decay

OPERATIONS: tuple[Operation, ...] = (
    dense.operation,
    dense.transposed,
    conv2d.operation,
    max_pool2d.operation,
    avg_pool2d.operation,
    conv1d.operation,
    global_avg_pool.of_sequences,
    global_avg_pool.of_images,
    flatten.operation,
    sum_outputs.operation,
    dropout.operation,
    batch_norm.operation,
    batch_norm.unscaled,
    batch_norm.predicting,
    batch_norm.predicting_unscaled,
    layer_norm.operation,
    layer_norm.unscaled,
    rms_norm.operation,
    rms_norm.unscaled,
    sigmoid.operation,
    tanh.operation,
    relu.operation,
    leaky_relu.operation,
    elu.operation,
    gelu.operation,
    gelu.tanh_operation,
    softplus.operation,
    silu.operation,
    softmax.operation,
    add.operation,
    multiply.operation,
    concat.operation,
    embedding.operation,
    *rnn.with_tanh.operations,
    *rnn.with_relu.operations,
    *lstm.lstm.operations,
    *gru.before.operations,
    *gru.after.operations,
    *attention.KINDS.values(),
    positions.learnt,
    positions.sinusoidal,
    shares.operation,
    inputs.row,
    inputs.array,
    squared_error.operation,
    absolute_error.operation,
    cross_entropy.operation,
    cross_entropy.fused,
    binary_cross_entropy.operation,
    binary_cross_entropy.fused,
    label_smoothing.operation,
    hinge.operation,
    hinge.classes,
    reduction.mean,
    reduction.sum,
    reduction.weighted_mean,
    reduction.weighted_sum,
    reduction.counting,
    penalty.operation,
)

UPDATES: tuple[Operation, ...] = (
    sgd.plain,
    sgd.momentum,
    sgd.nesterov,
    rmsprop.operation,
    adagrad.operation,
    adam.adam,
    adam.adamw,
)

RULES: tuple[Rule, ...] = tuple(
    dict.fromkeys([r for o in (*OPERATIONS, *UPDATES, clipping.operation) for r in o.rules] + [weight_decay])
)

__all__ = ["OPERATIONS", "RULES", "UPDATES", "Array", "Mistake", "Operation", "Rule", "mistake", "rule"]
