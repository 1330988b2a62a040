"""Work of a pool, waited for in small steps: progress is told and Cancel heard while one piece still runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, wait
from typing import TypeVar

from medsynth_desktop.core.progress import Progress, Steps

A = TypeVar("A")
B = TypeVar("B")

TICK = 0.1
"""Seconds between two reports."""


def each(
    pool: Executor, function: Callable[[A], B], items: Sequence[A], before: int, total: int, message: str
) -> Steps[list[B]]:
    """Return ``function`` of each of ``items``, in their order.

    Parameters
    ----------
    before, total
        Pieces that were done before these, and all that there are: for the progress.
    message
        What is being done; how many of how many is added.
    """
    futures = [pool.submit(function, item) for item in items]
    waiting = set(futures)
    try:
        while waiting:
            _, waiting = wait(waiting, TICK)
            done = before + len(futures) - len(waiting)
            yield Progress(done, total, f"{message}, {done:,} of {total:,}")
    finally:
        for future in waiting:
            future.cancel()
    return [future.result() for future in futures]
