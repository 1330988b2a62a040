"""One query's race among the real images: intervals that shrink, and who is still in it.

All looks at an image go the same way: a product of two rows (of coefficients, of thumbnails, or of all voxels) lies
within a known distance of the exact correlation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from medsynth_desktop.similarity.bounds import Cohort, candidates, leaders, products
from medsynth_desktop.similarity.exact import Moments

ORDERED = 1024
"""Images that are put into groups at a time: to choose among all takes longer than it saves."""
DENSE = 4
"""Pairs of a product of matrices that cost what one product of two rows costs: each row is read once."""


class Race:
    """The real images that can still win for one query.

    Parameters
    ----------
    of
        Moments of the query.
    cohort
        All real images; means and norms may be filled in until the first `cut`.
    allowed
        (N,) bool: which take part; at least one does.
    k, by
        What is asked for: see `medsynth_desktop.similarity.bounds.candidates`.
    """

    def __init__(self, of: Moments, cohort: Cohort, allowed: np.ndarray, k: int, by: str) -> None:
        self._of, self._cohort, self._k, self._by = of, cohort, k, by
        self.alive = np.flatnonzero(allowed)
        self._low = np.full(self.alive.size, -1.0)
        self._high = np.full(self.alive.size, 1.0)

    def learn(self, indices: np.ndarray, middle: np.ndarray, error: np.ndarray | float) -> None:
        """Take in that the correlations with ``indices``, all alive and ascending, are ``middle`` +- ``error``."""
        whole = indices.size == self.alive.size
        at = slice(None) if whole else np.searchsorted(self.alive, indices)
        self._low[at] = np.maximum(self._low[at], middle - error)
        self._high[at] = np.minimum(self._high[at], middle + error)

    def leaders(self, count: int) -> np.ndarray:
        """Indices of the most promising, ``count`` of each kind."""
        some = self._cohort.some(self.alive)
        return np.asarray(self.alive[leaders(self._low, self._high, self._of, some, count)])

    def cut(self) -> None:
        """Drop whatever cannot win any more."""
        some = self._cohort.some(self.alive)
        stay = candidates(self._low, self._high, self._of, some, self._k, self._by)
        self.alive, self._low, self._high = self.alive[stay], self._low[stay], self._high[stay]


@dataclass(frozen=True, slots=True)
class Look:
    """A way to look at images: by rows of their own, multiplied with the queries' rows.

    Attributes
    ----------
    left
        (Q, P) float32 rows of the queries, `medsynth_desktop.similarity.bounds.held`.
    width
        Numbers in a row that count; P is that, padded.
    rows
        From (B,) indices to (B, P) rows of these images, as ``multiply`` takes them; may use one buffer again and
        again.
    error
        From the number of a query and (B,) indices to how far the exact correlations can be from the products.
    most
        Images at a time.
    loading
        What a row costs before it is multiplied, in products of two rows.
    scale
        From (B,) indices, once their rows were made, to what their products are multiplied by.
    multiply
        What multiplies ``left`` with rows; as `medsynth_desktop.similarity.bounds.products`.
    """

    left: Any
    width: int
    rows: Callable[[np.ndarray], np.ndarray]
    error: Callable[[int, np.ndarray], np.ndarray | float]
    most: int
    loading: int = 0
    scale: Callable[[np.ndarray], np.ndarray | float] = lambda indices: 1.0
    multiply: Callable[..., np.ndarray] = products


class Room:
    """A buffer for rows of ``width`` float32, as large as was ever asked for: a query of few rows touches no more."""

    def __init__(self, width: int) -> None:
        self._rows = np.empty((0, width), np.float32)

    def of(self, count: int) -> np.ndarray:
        """(count, width); what it held before is gone."""
        if count > len(self._rows):
            self._rows = np.empty((count, self._rows.shape[1]), np.float32)
        return self._rows[:count]


def union_of(wanted: Sequence[np.ndarray]) -> np.ndarray:
    """Ascending indices that are in any of ``wanted`` (ascending, each)."""
    there = np.zeros(max((int(some[-1]) + 1 for some in wanted if some.size), default=0), bool)
    for some in wanted:
        there[some] = True
    return np.flatnonzero(there)


def look(
    races: Sequence[Race], wanted: Sequence[np.ndarray], through: Look, pool: Executor
) -> Iterator[tuple[int, int]]:
    """Let each race learn of the images ``wanted`` for it; yield pieces done and their number."""
    union = union_of(wanted)
    pairs = sum(map(len, wanted))
    if union.size * (through.loading + len(races) / DENSE) <= pairs * (through.loading + 1):
        wants = np.zeros((len(races), union.size), bool)
        for query, some in enumerate(wanted):
            wants[query, np.searchsorted(union, some)] = True
        plan = [(wants[:, group], union[group]) for group in groups(wants, through.most)]
    else:
        plan = [
            ((np.arange(len(races)) == query)[:, None].repeat(len(images), axis=1), images)
            for query, some in enumerate(wanted)
            for images in np.split(some, range(through.most, len(some), through.most))
            if len(images)
        ]
    for done, (mine, images) in enumerate(plan, 1):
        who = np.flatnonzero(mine.any(axis=1))
        which = who if len(who) < len(races) else None
        middle = through.multiply(through.left, through.rows(images), through.width, pool, which)
        middle *= through.scale(images)
        for query, row in zip(who.tolist(), middle, strict=True):
            own = mine[query]
            races[query].learn(images[own], row[own], through.error(query, images[own]))
        yield done, len(plan)


def groups(wants: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Ascending columns of (queries, images) ``wants``, ``most`` at a time, so that few queries want any of a group.

    A group costs the product of its images with all queries that want any of it. It begins with the image that the
    fewest want, and takes whatever brings the fewest more in.
    """
    count = wants.shape[1]
    if wants.all():
        yield from np.split(np.arange(count), range(most, count, most))
        return
    order = np.argsort(wants.sum(axis=0), kind="stable")
    for start in range(0, count, ORDERED):
        columns = order[start : start + ORDERED]
        some = wants[:, columns].astype(np.float32)
        sizes, left = some.sum(axis=0), np.zeros(len(columns))
        for first in range(0, len(columns), most):
            group: list[int] = []
            lacking = np.ones(len(some), np.float32)
            for _ in range(first, min(first + most, len(columns))):
                more = lacking @ some  # queries each brings in; of equals the one that most others want
                group.append(int(np.argmin(more * (len(some) + 1) - (sizes - more) + left)))
                lacking[some[:, group[-1]] > 0] = 0
                left[group[-1]] = np.inf
            yield np.sort(columns[group])
