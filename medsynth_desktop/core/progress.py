"""Progress of long work, and the token that stops it.

Long work anywhere in the engine is a plain generator (`Steps`) that yields `Progress` and returns its result.
Between two yields it holds no lock and has nothing half-written that its ``finally`` would not mend, because
the runner may close it at any yield.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np

from medsynth_desktop.core.errors import Cancelled

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """One report of a running job.

    Attributes
    ----------
    done, total
        Units finished and expected; ``total`` 0 means unknown.
    message
        What is being done, in the user's words, without a patient identifier.
    preview
        A picture of what is forming: float32 in [-1, 1], one 2D slice (rows, columns) or a volume
        (x, y, z) in RAS axes.
    item
        A record that has just been finished and stored (for instance a `SampleRecord`).
    """

    done: int = 0
    total: int = 0
    message: str = ""
    preview: np.ndarray | None = None
    item: Any = None

    @property
    def fraction(self) -> float | None:
        """Share finished in [0, 1], or None when the total is unknown."""
        return min(1.0, self.done / self.total) if self.total > 0 else None


Steps: TypeAlias = Generator[Progress, None, T]


class CancelToken:
    """A flag that one thread sets and another reads."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._event.is_set()


def drain(
    steps: Steps[T], report: Callable[[Progress], None] | None = None, cancel: CancelToken | None = None
) -> T:
    """Run ``steps`` to its end in this thread and return its result.

    Raises
    ------
    Cancelled
        When ``cancel`` was set; ``steps`` has been closed, so its ``finally`` blocks ran.
    """
    try:
        while True:
            progress = next(steps)
            if report is not None:
                report(progress)
            if cancel is not None and cancel.cancelled:
                raise Cancelled("Cancelled; everything finished so far is kept.")
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        steps.close()


def within(
    steps: Steps[T], words: str = "", part: tuple[int, int] = (0, 1), stand_still: bool = False
) -> Steps[T]:
    """Run ``steps``, number ``part[0]`` (from 0) of ``part[1]`` alike ones, and put ``words`` before what they say.

    Where they ``stand_still`` they are not part of what was counted on: they report as finished, so that nothing goes
    back.
    """
    number, of = part
    try:
        while True:
            inner = next(steps)
            share = 1.0 if stand_still else (number + (inner.fraction or 0.0)) / of
            message = ": ".join(filter(None, [words, inner.message]))
            yield Progress(round(1000 * share), 1000, message, inner.preview, inner.item)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        steps.close()


def rising(steps: Steps[T]) -> Steps[T]:
    """Run ``steps`` and let no report fall behind an earlier one: for work of unknown length in several parts."""
    highest = 0.0
    try:
        while True:
            inner = next(steps)
            highest = max(highest, inner.fraction or 0.0)
            yield Progress(round(10_000 * highest), 10_000, inner.message, inner.preview, inner.item)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        steps.close()
