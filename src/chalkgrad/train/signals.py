"""Ctrl-C, and other signals that ask for an end, kept until the step is done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Any

USUAL = (signal.default_int_handler, signal.SIG_DFL)
"""Python's own handlers; one that somebody has set is left alone."""


class Interrupts:
    """While it is entered, the first signal only asks for an end; the second one interrupts where it is.

    Args:
        signals: which signals.
        ask: called when the first one comes.

    Attributes:
        came: the signal that came; None before.
    """

    def __init__(self, signals: Sequence[signal.Signals], ask: Callable[[], None]) -> None:
        self.came: signal.Signals | None = None
        self._signals, self._ask = signals, ask
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in self._signals:
                before = signal.getsignal(number)
                if before in USUAL or isinstance(getattr(before, "__self__", None), Interrupts):  # of a fit around this
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.came is not None:
            raise KeyboardInterrupt
        self.came = signal.Signals(number)
        self._ask()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before = {}
