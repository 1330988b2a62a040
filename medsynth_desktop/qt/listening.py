"""Signals of the workbench heard by widgets, safely: Qt may destroy a widget while Python still knows it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import MethodType
from typing import Any, cast
from weakref import WeakMethod

from psygnal import SignalInstance
from qtpy.compat import isalive


class Ear:
    """One connection of a signal to a method of a widget; keep it as long as the widget shall hear.

    A widget whose Qt side is gone hears nothing more, and an ear that is dropped keeps nothing alive.

    Parameters
    ----------
    signal
        A psygnal signal, or an event of napari.
    slot
        A method of a `QObject`; it gets as many of the arguments as it takes.
    """

    def __init__(self, signal: Any, slot: Callable[..., Any]) -> None:
        self._signal = signal
        self._slot: WeakMethod[MethodType] = WeakMethod(cast(MethodType, slot))
        self._takes = _taken(slot)
        signal.connect(self.hear)

    def hear(self, *arguments: Any) -> None:
        """Pass ``arguments`` on while the widget lives."""
        slot = self._slot()
        if slot is not None and isalive(slot.__self__):
            slot(*arguments[: self._takes])

    def stop(self) -> None:
        """Hear nothing more."""
        if isinstance(self._signal, SignalInstance):
            self._signal.disconnect(self.hear, missing_ok=True)
        else:
            self._signal.disconnect(self.hear)


def _taken(slot: Callable[..., Any]) -> int | None:
    """How many positional arguments ``slot`` takes; None: any number."""
    kinds = [p.kind for p in inspect.signature(slot).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return None
    return sum(
        k in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) for k in kinds
    )
