"""The search for copies in disguise: bring all onto one frame, compare block by block, lay the best over the query.

The frame makes turns, shifts, scales and crops of a copy undo themselves; borders without their contrast undo gain,
gamma and inversion; blocks find parts. What a query costs beyond one product of matrices does not grow with the cohort.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from queue import SimpleQueue

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_json
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import Disguise, ImageRecord, Nearest
from medsynth_desktop.similarity.bounds import one_thread_each
from medsynth_desktop.similarity.disguised import alignment, flow, overlay
from medsynth_desktop.similarity.disguised.apart import Gone, Helper, Helpers, at_once
from medsynth_desktop.similarity.disguised.blocks import AROUND, QUARTER
from medsynth_desktop.similarity.disguised.found import measures
from medsynth_desktop.similarity.disguised.placed import SETTINGS, USUAL, open_placed
from medsynth_desktop.similarity.disguised.sides import (
    CANDIDATES,
    FAINT,
    FOCUS,
    LEAST,
    POSES,
    TURNED,
    Real,
    Share,
    Side,
    disguises,
    in_turn,
)
from medsynth_desktop.similarity.disguised.structure import EDGE
from medsynth_desktop.similarity.disguised.waiting import each
from medsynth_desktop.similarity.index import Shelf

Query = tuple[str, np.ndarray]

MESSAGE = "Looking for copies in disguise"
OWN = (
    7, USUAL, EDGE, LEAST, AROUND, QUARTER, TURNED, FOCUS, FAINT,
    alignment.CLOSE_POINTS, flow.WINDOW, flow.STEPS, flow.STILL, flow.MOST, flow.SMOOTH, overlay.PART, overlay.ENOUGH,
)  # fmt: skip
"""What decides the values besides the settings of what is kept. The first counts changes of the code."""


class DisguisedSearch:
    """The real images of one split, ready to be found in disguise.

    Parameters
    ----------
    images
        Arrays of one shape, 2D or 3D, in [-1, 1]; read one by one.
    records
        Their records in the same order.
    shelf
        Where what is known of each is kept; None: it is found anew. No result depends on it.
    threads
        Images and queries worked on at a time. No result depends on it.
    candidates
        Real images, mirrored or not, that are laid over a query.
    poses
        How images are compared before: brought onto the ``frame``, ``unmoved``, in 2D ``turned``, and ``shrunken``.
    """

    def __init__(
        self,
        images: Sequence[np.ndarray] | np.ndarray,
        records: Sequence[ImageRecord],
        *,
        shelf: Shelf | None = None,
        threads: int | None = None,
        candidates: int = CANDIDATES,
        poses: tuple[str, ...] = POSES,
    ) -> None:
        self._images, self._records, self._shelf = images, tuple(records), shelf
        self._candidates, self._poses = candidates, poses
        self._threads = threads or min(os.cpu_count() or 1, 8)
        self._real: Real | None = None
        self._helpers = Helpers(self._threads - 1)
        self._waiting = ThreadPoolExecutor(
            self._threads
        )  # for sides of a lone query: kept, as a start takes long

    keys = ("aligned", "part")

    @property
    def fingerprint(self) -> str:
        """The settings of the search."""
        own = (*OWN, self._candidates, *self._poses)
        return f"disguised-{hash_json([*SETTINGS, *own])[:16]}"

    def testify(self, queries: Sequence[Query], found: Sequence[Nearest]) -> Steps[list[Nearest]]:
        """Add the likeliest disguises of each query, and the values of both metrics."""
        laid = yield from self.query(queries)
        return [
            replace(nearest, disguises=disguises, metrics={**nearest.metrics, **measures(disguises)})
            for nearest, disguises in zip(found, laid, strict=True)
        ]

    def query(self, queries: Sequence[Query]) -> Steps[list[tuple[Disguise, ...]]]:
        """Of each query the likeliest disguises, best first.

        Raises
        ------
        InputRefused
            A query of another shape than the real images.
        """
        found: list[tuple[Disguise, ...]] = []
        count = len(queries)
        pool = ThreadPoolExecutor(self._threads)
        try:
            if self._real is None and queries:
                self._real = yield from self._open(pool)
            for start in range(0, count, self._threads):
                some = [self._checked(image) for _, image in queries[start : start + self._threads]]
                with one_thread_each():
                    found += yield from self._looked(some, pool, start, count)
        finally:  # a user who cancels does not wait for what runs: it only reads
            pool.shutdown(wait=False, cancel_futures=True)
        return found

    def _open(self, pool: Executor) -> Steps[Real]:
        placed = yield from open_placed(self._images, self._records, self._shelf, pool)
        return Real(placed, self._images, self._records, self._candidates, self._poses)

    def _checked(self, image: np.ndarray) -> np.ndarray:
        assert self._real is not None
        if image.shape != (shape := self._real.placed.frame.shape):
            raise InputRefused(
                f"An image has shape {image.shape}, the cohort's have {shape}; conform it first."
            )
        return np.asarray(image, np.float32)

    def _looked(
        self, some: Sequence[np.ndarray], pool: Executor, before: int, count: int
    ) -> Steps[list[tuple[Disguise, ...]]]:
        """What as many queries show as are worked on at a time; ``before`` of ``count`` are done."""
        assert self._real is not None
        helpers, began, finished = self._helpers.ready(), time.perf_counter(), False
        look = self._each_apart(helpers) if len(some) > 1 else self._from_both_sides(helpers)
        try:
            found = yield from each(pool, look, some, before, count, MESSAGE)
            finished = True
        finally:
            if not finished:  # nobody waits for what helpers still say
                self._helpers.dismiss()
        self._helpers.spent(time.perf_counter() - began, self._real)
        return found

    def _from_both_sides(self, helpers: Sequence[Helper]) -> Callable[[np.ndarray], tuple[Disguise, ...]]:
        """A way to look at a lone query: from one side here, from the other in another process if there is one."""

        def look(image: np.ndarray) -> tuple[Disguise, ...]:
            try:
                return self._here(image, partial(at_once, self._waiting), *helpers[:1])
            except Gone:
                self._helpers.dismiss()
                return self._here(image, partial(at_once, self._waiting))

        return look

    def _each_apart(self, helpers: Sequence[Helper]) -> Callable[[np.ndarray], tuple[Disguise, ...]]:
        """A way to look at several queries: each in whatever process is free."""
        free: SimpleQueue[Helper | None] = SimpleQueue()
        for helper in [*helpers, *[None] * self._threads][: self._threads]:
            free.put(helper)

        def look(image: np.ndarray) -> tuple[Disguise, ...]:
            helper = free.get()
            try:
                return self._here(image, in_turn) if helper is None else helper.disguises(image)
            except Gone:
                self._helpers.dismiss()
                return self._here(image, in_turn)
            finally:
                free.put(helper)

        return look

    def _here(self, image: np.ndarray, share: Share, *other: Helper) -> tuple[Disguise, ...]:
        assert self._real is not None
        return disguises(self._real, (Side(self._real, 1), *(other or (Side(self._real, -1),))), image, share)
