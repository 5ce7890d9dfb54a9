"""The names of values that belong to another value. Names are made here, and nowhere taken apart."""

from __future__ import annotations

LOSS = "L"
DATA_LOSS = "L_data"
SAMPLE_WEIGHT = "sample_weight"
SMOOTH_TARGET = "y_smooth"
LOSS_COUNTS = "l_counts"
LOSS_WEIGHTS = "l_weights"
WEIGHTS_SUM = "l_weights_sum"
GIVEN = ("x", "y", SAMPLE_WEIGHT)
"""What comes from outside sample by sample; the last only where samples have weights."""


def own(formal: str, prefix: str | None, number: int) -> str:
    """The value of a layer: `z1`, or `hidden.z` where the layer has a name."""
    return f"{prefix}.{formal}" if prefix is not None else f"{formal}{number}"


def derivative(of: str) -> str:
    """The derivative of the loss by a value: `dz1`."""
    return f"d{of}"


def share(of: str, user: str) -> str:
    """The share of a derivative that comes back from one of the value's users: `da1_from_z2`."""
    return f"d{of}_from_{user}"


def data_part(of: str) -> str:
    """The derivative of the loss without penalties: `dW1_data`."""
    return f"d{of}_data"


def penalised_loss(parameter: str) -> str:
    """The loss with the penalties up to this parameter's: `L_W1`."""
    return f"L_{parameter}"


def updated(of: str) -> str:
    """The value after the update: `W1_new`."""
    return f"{of}_new"


def earlier(of: str) -> str:
    """The value in an earlier pass: `W1_before`."""
    return f"{of}_before"


def unbiased(of: str) -> str:
    """The pre-activation without its bias: `z1_unbiased`."""
    return f"{of}_unbiased"


def kept(formal: str, parameter: str) -> str:
    """An optimizer's array for a parameter, or a value on the way to the update: `v_W1`, `g_W1`."""
    return f"{formal}_{parameter}"


def clipped(of: str) -> str:
    """The gradient of a parameter after clipping: `dW1_clipped`."""
    return f"d{of}_clipped"


GRADIENT_NORM = "gradient_norm"
CLIP_FACTOR = "clip_factor"

PREFIXES = (derivative(""), kept("g", ""), kept("v", ""), kept("m", ""), kept("squares", ""), penalised_loss(""))
"""What stands before a value's name in the names of its derivative and of other values that belong to it."""
