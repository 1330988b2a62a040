"""Exact search for the nearest real images.

Every query runs a race (`medsynth_desktop.similarity.race`): intervals that hold the exact correlations shrink from
look to look, and what cannot win is dropped. Where there is an index (`medsynth_desktop.similarity.index`), it is
looked at first; then all voxels by float32 products with a proven error; then direct float64 differences with whatever
is left (`medsynth_desktop.similarity.exact`). Images are read block by block, so memory-mapped ones need not fit in
memory.
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import ImageRecord, Nearest, Neighbour
from medsynth_desktop.similarity.base import nearest_of
from medsynth_desktop.similarity.bounds import SLACK, padded
from medsynth_desktop.similarity.exact import Moments, flatten, moments
from medsynth_desktop.similarity.index import Index, Shelf, open_index
from medsynth_desktop.similarity.race import Race, look, union_of
from medsynth_desktop.similarity.reading import LOADING, RealImages

ORDERS = ("correlation", "rmse")
"""What neighbours can be ordered by."""
MEMORY = 1 << 30
"""Bytes for the float32 copies of queries (three quarters) and of a block of real images (a quarter)."""
LEADERS = 16
"""Thumbnails that are looked at before all others that can win, of each kind."""
MEASURING = 40
"""Cost of one pair in float64, in pairs of a float32 product."""
AHEAD = 32
"""Real images that are read from the disk at a time before they are measured."""
STAGES = 6

Query = tuple[str, np.ndarray]
Pieces = Iterator[tuple[int, int]]


@dataclass(slots=True)
class _Part:
    """Queries that are answered in one pass over the real images, and which of how many parts they are.

    ``found`` are the exact values so far, by query and real image; ``compared`` the pairs multiplied in float32.
    """

    ids: list[str]
    voxels: list[np.ndarray]
    moments: list[Moments]
    allowed: list[np.ndarray]
    number: tuple[int, int]
    found: list[dict[int, Neighbour]] = field(default_factory=list)
    compared: int = 0


class NearestSearch:
    """The real images of one split, ready to be searched.

    Parameters
    ----------
    images
        Arrays of one shape, numbers on the cohort's scale; memory maps and lazy sequences are read block by
        block.
    records
        Their records in the same order; ids are unique.
    threads
        Workers for reading and for differences (default: the processor's cores, 8 at most). No result
        depends on it.
    memory
        Bytes that the search may take for its own copies.
    shelf
        Where an index of these images is kept, or made at the first query where it is worth it; None: no index. The
        records name the images by their hashes then. No result depends on it.
    device
        Of the float32 products: ``cpu``, or a CUDA device of torch. No result depends on it.

    Attributes
    ----------
    refined
        Share of the real images whose voxels the last `query` compared, all its queries together.
    """

    def __init__(
        self,
        images: Sequence[np.ndarray] | np.ndarray,
        records: Sequence[ImageRecord],
        *,
        threads: int | None = None,
        memory: int = MEMORY,
        shelf: Shelf | None = None,
        device: str = "cpu",
    ) -> None:
        if len(images) != len(records):
            raise ValueError(f"{len(images)} images but {len(records)} records")
        if not len(images):
            raise InputRefused(
                "There is no real image to compare with; import images into the training split first."
            )
        self._images = images
        self._records = tuple(records)
        self._real = RealImages(images, self._records)
        self._threads = threads or min(os.cpu_count() or 1, 8)
        self._memory = memory
        self._device = device
        self._shelf = shelf if shelf is not None and shelf.worth(len(records), self._real.voxels) else None
        self._index: Index | None = None
        self.refined = math.nan

    @property
    def records(self) -> tuple[ImageRecord, ...]:
        """Records of the real images, in the order given."""
        return self._records

    @property
    def fingerprint(self) -> str:
        """Nothing but the images decides the values."""
        return ""

    def image(self, index: int) -> np.ndarray:
        """The real image of ``records[index]``."""
        return self._images[index]

    def query(
        self,
        queries: Sequence[Query],
        k: int = 5,
        metric: str = "correlation",
        exclude: Mapping[str, str] | None = None,
    ) -> Steps[list[Nearest]]:
        """Find the nearest real images of each query.

        Parameters
        ----------
        queries
            Pairs of an id and an array of the split's shape.
        k
            Neighbours to list; fewer where the split holds fewer.
        metric
            What to order them by: ``correlation`` (highest first) or ``rmse`` (smallest first).
        exclude
            From a query's id to a patient whose images do not take part for it (for a real image: its own
            patient).

        Returns
        -------
        list of Nearest
            In the order of the queries; ties ordered by image id. ``lowe_ratio`` and ``metrics``
            (``correlation``: highest, ``rmse``: smallest, ``lowe_ratio``) speak of all real images, not of
            the listed ones only. Values are exact to 1e-12 of a float64 evaluation; a copy has RMSE 0 and
            correlation 1.

        Raises
        ------
        InputRefused
            A query of another shape, without contrast or with numbers that are not finite; an unknown order.
        """
        if metric not in ORDERS:
            raise InputRefused(f"Neighbours are ordered by {' or '.join(ORDERS)}; got {metric!r}.")
        if k < 1:
            raise InputRefused(f"At least one neighbour must be asked for; got {k}.")
        found: list[Nearest] = []
        compared = 0
        with ThreadPoolExecutor(self._threads) as pool:
            parts = self._parts(queries, exclude or {}, pool)
            if parts and self._shelf is not None and self._index is None:
                self._index = yield from self._open(self._shelf, pool)
            for part in parts:
                compared += yield from self._answer(part, k, metric, pool)
                each = zip(part.ids, part.found, strict=True)
                found += [nearest_of(id_, list(pairs.values()), k, metric) for id_, pairs in each]
        self.refined = compared / (len(self._records) * max(1, len(queries)))
        return found

    def _open(self, shelf: Shelf, pool: Executor) -> Steps[Index | None]:
        """Open or make the index; it is only faster with one, so a workspace that cannot keep it has none."""
        try:
            index = yield from open_index(shelf, self._images, self._records, pool, self._device)
        except StoreFailed:
            self._shelf = None
            return None
        self._real.know(index.means, index.norms)
        return index

    def _parts(self, queries: Sequence[Query], exclude: Mapping[str, str], pool: Executor) -> list[_Part]:
        """Check the queries and divide them so that their float32 copies fit in the memory allowed."""
        names = [f"Image {number} of {len(queries)}" for number in range(1, len(queries) + 1)]
        voxels = [self._query_voxels(array, name) for (_, array), name in zip(queries, names, strict=True)]
        measured = list(pool.map(moments, voxels, names))
        allowed = [self._allowed(exclude.get(id_)) for id_, _ in queries]
        each = 4 * padded(self._real.voxels) + 48 * len(self._records)
        parts = max(1, -(-len(queries) * each * 4 // (3 * self._memory)))
        size = max(1, -(-len(queries) // parts))
        slices = [slice(start, start + size) for start in range(0, len(queries), size)]
        return [
            _Part(
                [id_ for id_, _ in queries[at]], voxels[at], measured[at], allowed[at], (number, len(slices))
            )
            for number, at in enumerate(slices)
        ]

    def _query_voxels(self, array: np.ndarray, name: str) -> np.ndarray:
        if tuple(array.shape) != self._real.shape:
            raise InputRefused(
                f"{name} has shape {tuple(array.shape)} but the cohort's images have {self._real.shape}; "
                "conform it to the cohort's grid first."
            )
        return flatten(array)

    def _allowed(self, excluded: str | None) -> np.ndarray:
        """(N,) bool: which real images take part."""
        mask = self._real.apart_from(excluded)
        if not mask.any():
            raise InputRefused("The cohort holds no other patient to compare with; import more patients.")
        return mask

    def _answer(self, part: _Part, k: int, metric: str, pool: Executor) -> Steps[int]:
        """Run the races of a part, and return how many pairs of images were compared by their voxels."""
        each = zip(part.moments, part.allowed, strict=True)
        races = [Race(of, self._real.cohort, allowed, k, metric) for of, allowed in each]
        part.found[:] = [{} for _ in races]
        number, parts = part.number
        most, total = 1000 * STAGES, 1000 * STAGES * parts
        for message, stage, pieces in self._stages(part, races, k, pool):
            for done, of in pieces:
                yield Progress(number * most + 1000 * stage + 1000 * done // of, total, message)
        yield Progress((number + 1) * most, total, "Measured the closest ones exactly")
        return max(part.compared, sum(map(len, part.found)))

    def _stages(
        self, part: _Part, races: list[Race], k: int, pool: Executor
    ) -> Iterator[tuple[str, int, Pieces]]:
        """Yield what is done, at which stage, and its pieces; each is finished before the next is asked for."""
        message = "Comparing with every real image"
        if self._index is not None:
            shaped = [voxels.reshape(self._real.shape) for voxels in part.voxels]
            small, own = self._index.looks(shaped, part.moments, pool, self._device)
            if self._index.known is not None:
                yield message, 0, self._index.compare_coefficients(races, own, pool)
                yield message, 1, look(races, [race.leaders(LEADERS) for race in races], small, pool)
                _cut(races)
            yield message, 2, look(races, [race.alive for race in races], small, pool)
            _cut(races)
        if self._index is None or _worthwhile(races):
            part.compared = sum(len(race.alive) for race in races)
            whole = self._real.look(part.voxels, part.moments, pool, self._memory, self._device)
            yield message, 3, look(races, [race.alive for race in races], whole, pool)
            _cut(races)
        message = "Measuring the closest ones exactly"
        yield message, 4, self._refine(part, races, [race.leaders(2 * k + 2) for race in races], pool)
        _cut(races)
        yield message, 5, self._refine(part, races, [race.alive for race in races], pool)

    def _refine(self, part: _Part, races: list[Race], chosen: list[np.ndarray], pool: Executor) -> Pieces:
        """Exact values of what is ``chosen`` and not known yet; each real image is read once for all queries."""
        wanted: dict[int, list[int]] = defaultdict(list)
        for query, indices in enumerate(chosen):
            for index in indices.tolist():
                if index not in part.found[query]:
                    wanted[index].append(query)
        order = sorted(wanted)
        for start in range(0, len(order), AHEAD):
            some = order[start : start + AHEAD]
            self._real.foresee(some)
            measured = pool.map(
                lambda index: self._real.likenesses(part.voxels, part.moments, index, wanted[index]), some
            )
            for done, (index, neighbours) in enumerate(zip(some, measured, strict=True), start + 1):
                for query, neighbour in zip(wanted[index], neighbours, strict=True):
                    part.found[query][index] = neighbour
                    races[query].learn(np.array([index]), np.array([neighbour.correlation]), SLACK)
                yield done, len(order)


def _cut(races: list[Race]) -> None:
    for race in races:
        race.cut()


def _worthwhile(races: list[Race]) -> bool:
    """Whether to look at all voxels in float32 before float64, where an index has left few images to each query."""
    pairs = sum(len(race.alive) for race in races)
    union = len(union_of([race.alive for race in races]))
    return MEASURING * pairs > union * (LOADING + len(races))
