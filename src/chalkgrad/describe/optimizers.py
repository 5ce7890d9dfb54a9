"""Optimizers: how a gradient changes a parameter. Their mathematics is in `chalkgrad.rules`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.checks import as_array, flag, number, plain, whole
from ..base.errors import DataError, OptionError, ShapeError, unknown
from ..formula import Shape
from ..program import Owner, Program, Role, Step, Value
from ..program import names as value_names
from ..rules import Operation, Rule, adagrad, adam, clipping, rmsprop, sgd, weight_decay
from .foreign import refuse_settings
from .settings import from_table

TINY = 1e-300
"""The least eps: with 0, a weight whose gradient was always 0 would become 0 / 0."""


@dataclass(frozen=True, slots=True)
class Optimizer:
    """Base of all optimizers.

    Attributes:
        learning_rate: the step's length; a schedule changes it from step to step.
        weight_decay: the decay; decay * W is added to the gradient of every weight (not of biases, gamma and beta).
        clip_norm: the most that the norm of all gradients together may be: they are multiplied by
            min(1, clip_norm / norm), before weight decay. None for no limit. It is Keras's global_clipnorm, and what
            PyTorch's clip_grad_norm_ does (which adds 1e-6 to the norm).
    """

    learning_rate: float = 0.01
    weight_decay: float = field(default=0.0, kw_only=True)
    clip_norm: float | None = field(default=None, kw_only=True)

    if not TYPE_CHECKING:  # type checkers know the fields

        def __new__(cls, *_: Any, **settings: Any) -> Any:
            refuse_settings(cls, settings)
            return object.__new__(cls)

    def __post_init__(self) -> None:
        plain(self)
        number(self.kind, "learning_rate", self.learning_rate, 0.0)
        number(self.kind, "weight_decay", self.weight_decay, 0.0)
        if self.clip_norm is not None:
            number(self.kind, "clip_norm", self.clip_norm, TINY)
        self.check()

    def check(self) -> None:
        """Raises OptionError where a setting is invalid."""

    def dtype_check(self, dtype: np.dtype[Any]) -> None:
        """Raises OptionError where eps or clip_norm is no normal number of this dtype: it counts as 0, or infinite."""
        least, most = float(np.finfo(dtype).smallest_normal), float(np.finfo(dtype).max)
        for name, usual in (("eps", "1e-8"), ("clip_norm", "1")):
            value: float | None = getattr(self, name, None)
            if value is not None and not least <= value <= most:
                raise OptionError(
                    f"{self.kind}: {name}={value:g} is too {'small' if value < least else 'large'} for {dtype}, whose "
                    f"numbers go from {least:.2g} to {most:.2g}; {usual} is usual"
                )

    @property
    def kind(self) -> str:
        """The optimizer's class name."""
        return type(self).__name__

    @property
    def operation(self) -> Operation:
        """The update's rules."""
        raise NotImplementedError

    def options(self, decay: float) -> dict[str, Any]:
        """Settings for the rules, by the rules' names."""
        return {}

    @property
    def decays_gradient(self) -> bool:
        """Whether weight decay goes through the gradient (AdamW's does not)."""
        return True

    def extend(self, program: Program, penalised: Collection[str], frozen: Collection[str]) -> Program:
        """The program with the update of every parameter after it, the frozen ones left out.

        Args:
            program: forward, loss and backward pass.
            penalised: the parameters that decay (weights, not biases).
            frozen: the parameters that do not change.

        The new value of W1 is W1_new; the optimizer's own arrays are v_W1, m_W1, ... and v_W1_new, ...
        """
        inputs = [Value("lr", (), Role.GIVEN), Value("t", (), Role.GIVEN, dtype="int")]
        owner = Owner("optimizer", self.kind, f"optimizer, {self.kind}")
        trained = {name: shape for name, shape in program.parameters.items() if name not in frozen}
        gradients = {name: program.derivative_of[name] for name in trained}
        steps = _clipping(program, gradients, self.clip_norm, owner) if self.clip_norm is not None else []
        for name, shape in trained.items():
            gradient = gradients[name]
            if self.clip_norm is not None:
                gradient = value_names.clipped(name)
            decay = self.weight_decay if name in penalised else 0.0
            names: dict[str, str | None] = {"W": name, "g": gradient, "lr": "lr", "t": "t"}
            if decay and self.decays_gradient:
                g = names["g"] = value_names.kept("g", name)
                bound = {"dW": gradient, "W": name, "g": g}
                constants = {"decay": decay}
                value = Value(g, shape, Role.HELP)
                steps.append(Step(value, weight_decay, (gradient, name), constants, "update", owner, bound, constants))
            settings = self.options(decay)
            for formal in self.operation.kept:
                names[formal] = value_names.kept(formal, name)
                inputs.append(Value(value_names.kept(formal, name), shape, Role.OPTIMIZER, of=name))
            for rule in self.operation.forward:
                of = names[self.operation.state(rule)] or ""
                names[rule.output] = value_names.updated(of)
                steps.append(
                    Step(
                        Value(value_names.updated(of), shape, Role.UPDATED, of),
                        rule,
                        tuple(names[o] for o in rule.operands),
                        {o: settings[o] for o in rule.options},
                        "update",
                        owner,
                        names,
                        settings,
                    )
                )
        return program.followed_by(steps, inputs)

    def start(self, program: Program, dtype: Any) -> dict[str, Any]:
        """The optimizer's own arrays at the start: zeros."""
        return {name: np.zeros(shape, dtype) for name, shape in program.kept.items()}  # pyright: ignore[reportArgumentType, reportCallIssue]

    def carried(self, program: Program, dtype: Any, state: Mapping[str, Any] | OptimizerState) -> dict[str, Any]:
        """The optimizer's own arrays before a step, and the step's number t.

        Args:
            program: the program with the update after it.
            dtype: the arrays' type.
            state: the arrays by name, zeros for those left out, and "t", 1 if left out; or the state after a training.

        Raises:
            UnknownNameError: where the optimizer has no such array.
            ShapeError, DataError: where one has another shape, or is not finite.
        """
        arrays = self.start(program, dtype)
        values: dict[str, Any] = {**arrays, "t": 1}
        source = {**state.arrays, "t": state.steps + 1} if isinstance(state, OptimizerState) else state
        for name, value in source.items():
            if name == "t":
                values["t"] = whole(self.kind, "t", value)
                continue
            if name not in arrays:
                raise unknown(f"array of {self.kind}", name, [*arrays, "t"])
            array = as_array(name, value).astype(dtype)
            if array.shape != arrays[name].shape:
                raise ShapeError(f"{name} has shape {array.shape}, expected {arrays[name].shape}")
            if not np.isfinite(array).all():
                raise DataError(f"{name} must hold finite numbers")
            values[name] = array
        return values


@dataclass(frozen=True, slots=True)
class SGD(Optimizer):
    """Stochastic gradient descent.

    Attributes:
        momentum: the share of the last velocity that is kept, v = momentum * v + g; the step is lr * v (PyTorch's
            convention).
        nesterov: whether the step looks ahead along the velocity.
    """

    momentum: float = 0.0
    nesterov: bool = False

    def check(self) -> None:
        number(self.kind, "momentum", self.momentum, 0.0, 1.0)
        if flag(self.kind, "nesterov", self.nesterov) and not self.momentum:
            raise OptionError("SGD: nesterov needs a momentum above 0, such as momentum=0.9")

    @property
    def operation(self) -> Operation:
        if not self.momentum:
            return sgd.plain
        return sgd.nesterov if self.nesterov else sgd.momentum

    def options(self, decay: float) -> dict[str, Any]:
        return {"momentum": self.momentum}


@dataclass(frozen=True, slots=True)
class RMSProp(Optimizer):
    """RMSProp.

    Attributes:
        rho: the share of the running mean of squares that is kept.
        eps: a small number added to its root.
    """

    learning_rate: float = 0.001
    rho: float = 0.9
    eps: float = 1e-8

    def check(self) -> None:
        number(self.kind, "rho", self.rho, 0.0, 1.0)
        number(self.kind, "eps", self.eps, TINY)

    @property
    def operation(self) -> Operation:
        return rmsprop.operation

    def options(self, decay: float) -> dict[str, Any]:
        return {"rho": self.rho, "eps": self.eps}


@dataclass(frozen=True, slots=True)
class AdaGrad(Optimizer):
    """AdaGrad.

    Attributes:
        eps: a small number added to the root of the sum of squares.
    """

    learning_rate: float = 0.01
    eps: float = 1e-10

    def check(self) -> None:
        number(self.kind, "eps", self.eps, TINY)

    @property
    def operation(self) -> Operation:
        return adagrad.operation

    def options(self, decay: float) -> dict[str, Any]:
        return {"eps": self.eps}


@dataclass(frozen=True, slots=True)
class Adam(Optimizer):
    """Adam.

    Attributes:
        beta1, beta2: the shares of the running moments that are kept.
        eps: a small number added to the root of the second moment.
    """

    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def check(self) -> None:
        number(self.kind, "beta1", self.beta1, 0.0, 1.0)
        number(self.kind, "beta2", self.beta2, 0.0, 1.0)
        number(self.kind, "eps", self.eps, TINY)

    @property
    def operation(self) -> Operation:
        return adam.adam

    def options(self, decay: float) -> dict[str, Any]:
        return {"beta1": self.beta1, "beta2": self.beta2, "eps": self.eps, "decay": decay}


@dataclass(frozen=True, slots=True)
class AdamW(Adam):
    """Adam whose weight decay does not go through the moments."""

    weight_decay: float = field(default=0.01, kw_only=True)

    @property
    def operation(self) -> Operation:
        return adam.adamw

    @property
    def decays_gradient(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class OptimizerState:
    """The state of an optimizer after a training, from which the next one continues.

    Attributes:
        optimizer: the optimizer, with its settings.
        arrays: its own arrays by name: m_W1, v_W1, ...
        steps: the number of updates that they come from.
    """

    optimizer: Optimizer
    arrays: Mapping[str, Any]
    steps: int

    def suits(self, optimizer: Optimizer, names: Collection[str]) -> bool:
        """Whether a training by `optimizer` with own arrays of these names continues from here.

        All settings must be the same, but the learning rate, which also schedules change.
        """
        same = type(optimizer) is type(self.optimizer)
        same = same and replace(optimizer, learning_rate=self.optimizer.learning_rate) == self.optimizer
        return same and set(names) == set(self.arrays)

    def copy(self, dtype: Any) -> OptimizerState:
        """A copy in arrays of its own, of this dtype."""
        arrays = {name: np.array(array, dtype) for name, array in self.arrays.items()}
        return replace(self, arrays=arrays)


def _clipping(program: Program, gradients: Mapping[str, str], limit: float, owner: Owner) -> list[Step]:
    """The steps that clip gradients by their common norm.

    Args:
        program: forward, loss and backward pass.
        gradients: the gradient's name by the parameter's.
        limit: the most that the norm may be.
        owner: whose steps they are.
    """
    norm, factor = value_names.GRADIENT_NORM, value_names.CLIP_FACTOR
    steps: list[Step] = []
    names: dict[str, str | None] = {"g": None, "before": None, "squares": None, "norm": norm, "factor": factor}
    settings = {"limit": limit}

    def add(rule: Rule, output: str, shape: Shape) -> None:
        inputs = tuple(names[o] for o in rule.operands)
        options = {o: settings[o] for o in rule.options}
        value = Value(output, shape, Role.HELP)
        steps.append(Step(value, rule, inputs, options, "update", owner, dict(names), settings))

    for name, gradient in gradients.items():
        squares = value_names.kept("squares", name)
        names |= {"W": name, "g": gradient, "before": names["squares"], "squares": squares}
        add(clipping.squares, squares, ())
    names |= {"W": None, "g": None, "before": None}
    if gradients:
        add(clipping.norm, norm, ())
        add(clipping.factor, factor, ())
    for name, gradient in gradients.items():
        names |= {"W": name, "g": gradient, "clipped": value_names.clipped(name)}
        add(clipping.clipped, value_names.clipped(name), program.shapes[gradient])
    return steps


def as_optimizer(choice: Optimizer | str, dtype: np.dtype[Any]) -> Optimizer:
    """The optimizer of a name, or an optimizer itself, checked for parameters of this dtype.

    Raises:
        UnknownNameError, OptionError: where it is none, or a setting means nothing in the dtype.
    """
    optimizer = from_table("optimizer", choice, OPTIMIZERS) if isinstance(choice, str) else choice
    if not isinstance(optimizer, Optimizer):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OptionError(f"optimizer is {choice!r}; known: {', '.join(OPTIMIZERS)}")
    optimizer.dtype_check(dtype)
    return optimizer


OPTIMIZERS: dict[str, type[Optimizer]] = {kind.__name__: kind for kind in (SGD, RMSProp, AdaGrad, Adam, AdamW)}
