"""PyTorch's losses as the losses here, with the layer that they take for granted at a network's end."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from ...base.checks import said
from ...base.errors import OptionError
from ...describe.layers import Layer, Sigmoid, Softmax
from ...describe.losses import LOSSES, AbsoluteError, BinaryCrossEntropy, CrossEntropy, Hinge, Loss, SquaredError
from ...describe.settings import from_table
from .trace import torch_library


def read_loss(loss: Any, last: Layer | None) -> tuple[Loss, Layer | None]:
    """A loss, and the layer that is put at the network's end for it, if any.

    Args:
        loss: one of chalkgrad's or its name, one of PyTorch's modules or functions, or None.
        last: the module's last layer; None where it is log_softmax.

    Raises:
        OptionError: where it is not covered.
    """
    if loss is None:
        return (CrossEntropy(), Softmax()) if last is None else (SquaredError(scale="mean"), None)
    if isinstance(loss, str):
        loss = from_table("loss", loss, LOSSES)
    return (loss, _ending(loss, last)) if isinstance(loss, Loss) else _of_torch(loss, last)


def _of_torch(loss: Any, last: Layer | None) -> tuple[Loss, Layer | None]:
    """The same for a loss of PyTorch's."""
    torch = torch_library()
    nn, functions = torch.nn, torch.nn.functional
    if isinstance(loss, type) and issubclass(loss, nn.Module):
        raise OptionError(f"loss is the class {loss.__name__}; write nn.{loss.__name__}()")
    known = {
        functions.cross_entropy: nn.CrossEntropyLoss, functions.nll_loss: nn.NLLLoss, functions.mse_loss: nn.MSELoss,
        functions.l1_loss: nn.L1Loss, functions.binary_cross_entropy: nn.BCELoss,
        functions.binary_cross_entropy_with_logits: nn.BCEWithLogitsLoss,
        functions.multi_margin_loss: nn.MultiMarginLoss,
    }  # fmt: skip
    loss = known[loss]() if isinstance(loss, FunctionType) and loss in known else loss
    kind = f"nn.{type(loss).__name__}"
    if not isinstance(loss, nn.Module):
        raise OptionError(f"loss is {said(loss)}, which is no loss of chalkgrad's nor of PyTorch's")
    if getattr(loss, "reduction", None) not in ("mean", "sum"):
        raise OptionError(f"{kind} is not covered with reduction={getattr(loss, 'reduction', None)!r}")
    for name in ("weight", "pos_weight"):
        if getattr(loss, name, None) is not None:
            if isinstance(loss, (nn.CrossEntropyLoss, nn.NLLLoss)):
                cure = "give every sample its class's weight, net.fit(x, y, sample_weight=weights[y])"
            else:  # PyTorch divides by the number of samples, and a weighted mean by the sum of the weights
                cure = (
                    f"with one output take nn.{type(loss).__name__}(reduction='sum') and give every sample its weight, "
                    "net.fit(x, y, sample_weight=w)"
                )
            raise OptionError(f"{kind}: {name} is not covered; {cure}")
    mean = loss.reduction == "mean"
    whole: dict[str, Any] = {"reduction": loss.reduction}
    each: dict[str, Any] = {"scale": "mean"} if mean else whole
    if isinstance(loss, (nn.CrossEntropyLoss, nn.NLLLoss)):
        ignore = None if loss.ignore_index == -100 else int(loss.ignore_index)  # -100 is the default
        smoothing = float(getattr(loss, "label_smoothing", 0.0))
        of_logits = isinstance(loss, nn.CrossEntropyLoss)
        if not of_logits and last is not None:
            raise OptionError(
                "nn.NLLLoss takes logarithms of probabilities: covered after a log_softmax as the last step"
            )
        return CrossEntropy(ignore=ignore, label_smoothing=smoothing, **whole), Softmax()
    if isinstance(loss, nn.BCEWithLogitsLoss):
        return BinaryCrossEntropy(**each), Sigmoid()
    if last is None:
        raise OptionError(f"{kind} after a log_softmax is not covered; that goes with nn.NLLLoss")
    if isinstance(loss, nn.BCELoss):
        return BinaryCrossEntropy(**each), None
    if isinstance(loss, nn.MSELoss):
        return SquaredError(**each), None
    if isinstance(loss, nn.L1Loss):
        return AbsoluteError(**each), None
    if isinstance(loss, nn.MultiMarginLoss) and loss.p == 1:
        return Hinge(margin=float(loss.margin), scale="mean", **whole), None
    raise OptionError(
        f"{kind} is not covered; covered are CrossEntropyLoss, NLLLoss, BCEWithLogitsLoss, BCELoss, MSELoss, L1Loss "
        "and MultiMarginLoss"
    )


def _ending(loss: Loss, last: Layer | None) -> Layer | None:
    """The layer that makes probabilities, for a loss of these after a module that gives logits."""
    if last is None and not isinstance(loss, CrossEntropy):
        raise OptionError(f"{loss.kind} after a log_softmax is not covered; that goes with CrossEntropy()")
    if not isinstance(loss, (CrossEntropy, BinaryCrossEntropy)) or loss.from_logits:
        return None
    return None if isinstance(last, (Softmax, Sigmoid)) else loss.ending()
