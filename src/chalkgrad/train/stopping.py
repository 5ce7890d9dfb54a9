"""Early stopping: which loss was the lowest, and for how long none has been lower."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class EarlyStopping:
    """The state of early stopping. A loss that is NaN is never lower than another.

    Attributes:
        reference: the loss that has to be improved on.
        wait: epochs since it was.
        lowest: the lowest validation loss.
    """

    reference: float = math.inf
    wait: int = 0
    lowest: float = math.inf

    def look(self, loss: float, min_improvement: float) -> None:
        """Takes note of an epoch's loss (the validation loss, where there is one)."""
        if loss < self.reference - min_improvement:
            self.reference, self.wait = loss, 0
        else:
            self.wait += 1

    def is_lowest(self, val_loss: float) -> bool:
        """Whether a validation loss is the lowest so far; it then counts as such."""
        lower = val_loss < self.lowest
        if lower:
            self.lowest = val_loss
        return lower

    def state(self) -> dict[str, float]:
        """Its numbers by name."""
        return {"reference": self.reference, "wait": self.wait, "lowest": self.lowest}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to what `state` gave."""
        self.reference, self.wait, self.lowest = state["reference"], int(state["wait"]), state["lowest"]
