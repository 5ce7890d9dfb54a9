"""The gradients of a network's parameters by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.errors import unknown
from ..program import names as spelled

Array = np.ndarray[Any, Any]


class Gradients(dict[str, Array]):
    """dL/dW by the parameter's name; both names are understood, "W1" and "dW1".

    Raises:
        UnknownNameError: where there is no gradient of the name that is asked for.
    """

    def __missing__(self, name: str) -> Array:
        name_of = self._own(name)
        if name_of is None:
            raise unknown("gradient", name, list(map(spelled.derivative, self)))
        return self[name_of]

    def __contains__(self, name: object) -> bool:
        return self._own(name) is not None

    def get(self, name: str, default: Any = None) -> Any:
        """The gradient of this name, or `default`."""
        known = self._own(name)
        return default if known is None else self[known]

    def _own(self, name: object) -> str | None:
        """The name that it is kept under."""
        if not isinstance(name, str) or super().__contains__(name):
            return name if isinstance(name, str) else None
        return next((of for of in self if spelled.derivative(of) == name), None)
