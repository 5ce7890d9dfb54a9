"""A network as an `nn.Module` that is there: the class of its PyTorch script, made, with its weights."""

from __future__ import annotations

import importlib
import itertools
import linecache
from typing import Any

import numpy as np

from ..base.errors import OptionError
from ..model.model import Model
from .torch_module import module_text

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
        exec(compile(classes, file, "exec"), known)  # the text of net.source("torch"), which is chalkgrad's
        exec(making, known)
    finally:
        torch.set_default_dtype(default)
    return known["model"]
