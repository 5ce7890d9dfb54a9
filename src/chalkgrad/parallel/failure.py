"""What came of one item where it is no result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..base.errors import ChalkgradError


@dataclass(frozen=True, slots=True)
class Failure:
    """An item without a result, in the place of the result.

    Attributes:
        item: the item.
        error: what the function raised, or, where the process that worked on it died, how.
    """

    item: Any
    error: Exception

    def __str__(self) -> str:
        return str(self.error) or type(self.error).__name__


class DiedError(ChalkgradError, RuntimeError):
    """The process that worked on an item died: it was killed, or it took more memory than there is."""
