"""A network as an `nn.Module` that is there: the class of its PyTorch script, made, with its weights.

What runs here is the text that chalkgrad prints as `net.source("torch")`, and no other: layers' names in it are
letters, digits and _, and the code of formulas is printed from their trees.
"""

from __future__ import annotations

import importlib
import itertools
import linecache
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...base.errors import OptionError
from ...describe.losses import Loss
from ...model.model import Model
from .module import module_text
from .training import Scored, loss_lines

_COUNT = itertools.count(1)


def torch_instance(network: Model) -> Any:
    """The module of `torch_script`, with the network's weights and of its dtype, in training mode as modules begin.

    Raises:
        OptionError: where PyTorch is not installed, or a layer has no form in it.
    """
    try:
        torch: Any = importlib.import_module("torch")
    except ImportError:
        raise OptionError("PyTorch is not installed; pytorch.org says how to install it") from None
    classes, making, names = module_text(network)
    file = f"<network {next(_COUNT)}>"
    linecache.cache[file] = (len(classes), None, classes.splitlines(keepends=True), file)  # for tracebacks, inspect
    arrays = {**network.parameters, **network.states}
    known: dict[str, Any] = {"__name__": "chalkgrad_network"}
    known |= {names[name]: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    default = torch.get_default_dtype()
    try:
        torch.set_default_dtype(getattr(torch, network.dtype.name))
        exec(compile(classes, file, "exec", dont_inherit=True), known)
        exec(compile(making, file, "exec", dont_inherit=True), known)
    finally:
        torch.set_default_dtype(default)
    return known["model"]


def torch_loss(loss: Loss, scored: Scored, output: Any, target: Any, more: Mapping[str, Any]) -> Any:
    """A loss as its lines in a PyTorch script compute it.

    Args:
        loss: the loss.
        scored: its inputs and settings.
        output: the predictions, or logits, as a tensor.
        target: the targets as rows, a tensor.
        more: what else its lines take, by name.
    """
    torch: Any = importlib.import_module("torch")
    known: dict[str, Any] = {**more, "torch": torch, "functional": torch.nn.functional, "y": target}
    known["logits" if scored.logits else "y_hat"] = output
    *before, last = loss_lines(loss, scored)
    exec(compile("\n".join([*before, f"L = {last}"]), "<loss>", "exec", dont_inherit=True), known)
    return known["L"]
