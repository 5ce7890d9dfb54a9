"""The form that losses and optimizers have in a PyTorch script. One function a class; others can register."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

from ...base.errors import OptionError
from ...describe.layers import SampleShape
from ...describe.losses import AbsoluteError, BinaryCrossEntropy, CrossEntropy, Hinge, SquaredError
from ...describe.optimizers import SGD, AdaGrad, Adam, AdamW, RMSProp
from ...program.names import SAMPLE_WEIGHT


@dataclass(frozen=True, slots=True)
class Scored:
    """The inputs and settings of a loss.

    Attributes:
        logits: whether the model gives logits, not predictions.
        shape: the shape of one sample's prediction.
        scale: what the loss is multiplied by.
        mean: whether it is the mean over the samples, not the sum.
        numbers: whether the targets are class numbers, not rows.
        weighted: whether the samples have weights, `sample_weight`.
        sigma: the targets' standard deviations, where the loss takes them.
    """

    logits: bool
    shape: SampleShape
    scale: float
    mean: bool
    numbers: bool = False
    weighted: bool = False
    sigma: str = ""

    @property
    def end(self) -> str:
        """How the samples' losses become one number."""
        return "mean" if self.mean else "sum"

    @property
    def reduction(self) -> str:
        """The same as a setting of PyTorch's functions, whose default is the mean."""
        return "" if self.mean else ', reduction="sum"'

    @property
    def times(self) -> str:
        """The scale as a factor before an expression."""
        return "" if self.scale == 1 else f"{self.scale!r} * "

    def weighted_total(self, losses: str, weights: str = SAMPLE_WEIGHT) -> str:
        """The weighted mean, or sum, of the samples' losses, as an expression."""
        total = f" / {weights}.sum()" if self.mean else ""
        return f"{self.times}({weights} * {losses}).sum(){total}"

    def total(self, losses: str) -> str:
        """The mean, or the sum, of the samples' losses, as an expression; the weighted one of samples with weights."""
        return self.weighted_total(losses) if self.weighted else f"{self.times}{losses}.{self.end}()"

    def summed(self, text: str) -> str:
        """An expression summed over everything but the samples."""
        axes = tuple(range(1, len(self.shape) + 1))
        return f"{text}.sum(dim={axes[0] if len(axes) == 1 else axes})"


@singledispatch
def loss_lines(loss: object, scored: Scored) -> list[str]:
    """The lines from the model's output `y_hat`, or `logits`, and y to the loss; the last is an expression.

    Raises:
        OptionError: where the loss has no form.
    """
    raise OptionError(f"the loss {type(loss).__name__} has no form in a PyTorch script")


@loss_lines.register(SquaredError)
@loss_lines.register(AbsoluteError)
def _(loss: SquaredError | AbsoluteError, scored: Scored) -> list[str]:
    squared = isinstance(loss, SquaredError)
    plain = loss.scale == "mean" if scored.mean else scored.scale == 1
    if plain and not scored.weighted and not loss.of_last:
        return [f"functional.{'mse_loss' if squared else 'l1_loss'}(y_hat, y{scored.reduction})"]
    difference = f"((y_hat - y) / {scored.sigma})" if loss.of_last else "(y_hat - y)"
    errors = f"{difference}.{'square' if squared else 'abs'}()"
    return [scored.total(scored.summed(errors))]


@loss_lines.register
def _(loss: CrossEntropy, scored: Scored) -> list[str]:
    smooth = f", label_smoothing={loss.smoothing!r}" if loss.smoothing else ""
    if scored.logits and not scored.weighted and (scored.numbers or not loss.ignores):
        ignore = f", ignore_index={loss.ignore}" if loss.ignores else ""
        return [f"{scored.times}functional.cross_entropy(logits, y{ignore}{smooth}{scored.reduction})"]
    lines: list[str] = []
    if scored.logits:
        losses = f'functional.cross_entropy(logits, y{smooth}, reduction="none")'
    else:
        target = "t" if loss.smoothing else "y"
        lines += [f"t = {1 - loss.smoothing!r} * y + {loss.smoothing!r} / y.shape[1]"] if loss.smoothing else []
        lines += [f"q = y_hat.clamp({loss.clip!r}, 1 - {loss.clip!r})"]
        losses = f"-({target} * torch.log(q)).sum(dim=1)"
        if not loss.ignores and not scored.weighted:
            return [*lines, f"-{scored.times}{losses[1:]}.{scored.end}()"]
    lines.append(f"losses = {losses}")
    if not loss.ignores:
        return [*lines, scored.total("losses")]
    lines.append("counts = y.sum(dim=1)  # 0 where a target is ignored: its row is all 0")
    lines += [f"counts = {SAMPLE_WEIGHT} * counts"] if scored.weighted else []
    return [*lines, scored.weighted_total("losses", "counts")]


@loss_lines.register
def _(loss: BinaryCrossEntropy, scored: Scored) -> list[str]:
    lines = ['losses = functional.binary_cross_entropy_with_logits(logits, y, reduction="none")']
    if not scored.logits:
        lines = [
            f"q = y_hat.clamp({loss.clip!r}, 1 - {loss.clip!r})",
            "losses = -(y * torch.log(q) + (1 - y) * torch.log(1 - q))",
        ]
    return [*lines, scored.total(scored.summed("losses"))]


@loss_lines.register
def _(loss: Hinge, scored: Scored) -> list[str]:
    if scored.shape == (1,):
        return [scored.total(f"torch.relu({loss.margin!r} - y * y_hat).sum(dim=1)")]
    return [
        "right = (y * y_hat).sum(dim=1, keepdim=True)  # the score of the right class",
        f"losses = (1 - y) * torch.relu(y_hat - right + {loss.margin!r})",
        scored.total("losses.sum(dim=1)"),
    ]


@singledispatch
def optimizer_form(optimizer: object) -> tuple[str, str]:
    """PyTorch's name of an optimizer, and its settings but the learning rate.

    Raises:
        OptionError: where it has no form.
    """
    raise OptionError(f"the optimizer {type(optimizer).__name__} has no form in a PyTorch script")


@optimizer_form.register
def _(optimizer: SGD) -> tuple[str, str]:
    momentum = f", momentum={optimizer.momentum!r}" if optimizer.momentum else ""
    return "SGD", momentum + (", nesterov=True" if optimizer.nesterov else "")


@optimizer_form.register
def _(optimizer: RMSProp) -> tuple[str, str]:
    return "RMSprop", f", alpha={optimizer.rho!r}, eps={optimizer.eps!r}"


@optimizer_form.register
def _(optimizer: AdaGrad) -> tuple[str, str]:
    return "Adagrad", f", eps={optimizer.eps!r}"


@optimizer_form.register
def _(optimizer: Adam) -> tuple[str, str]:
    return "Adam", _betas(optimizer)


@optimizer_form.register
def _(optimizer: AdamW) -> tuple[str, str]:
    return "AdamW", _betas(optimizer)


def _betas(optimizer: Adam) -> str:
    return f", betas=({optimizer.beta1!r}, {optimizer.beta2!r}), eps={optimizer.eps!r}"
