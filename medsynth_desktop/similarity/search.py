"""Exact search for the nearest real images.

Two passes: a coarse one over the whole split by blocked matrix products with a proven error bound
(`medsynth_desktop.similarity.bounds`), then direct float64 differences with whatever that bound leaves in
the race (`medsynth_desktop.similarity.exact`). Images are read block by block, so memory-mapped ones need
not fit in memory.
"""

from __future__ import annotations

import math
import mmap
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import ImageRecord, Nearest, Neighbour
from medsynth_desktop.similarity.base import standing_out
from medsynth_desktop.similarity.bounds import Cohort, candidates, padded, products, write_unit
from medsynth_desktop.similarity.exact import Moments, flatten, likeness, moments

ORDERS = ("correlation", "rmse")
"""What neighbours can be ordered by."""
MEMORY = 2 << 30
"""Bytes for the float32 copies of queries (three quarters) and of a block of real images (an eighth at most)."""
BLOCK = 1 << 27
"""Bytes of a block of real images, and their number, at most: progress and cancel go block by block."""
MOST_IMAGES = 256

Query = tuple[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class _Part:
    """Queries that are answered in one pass over the real images, and which of how many parts they are."""

    ids: list[str]
    voxels: list[np.ndarray]
    moments: list[Moments]
    allowed: list[np.ndarray]
    number: tuple[int, int]


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
    """

    def __init__(
        self,
        images: Sequence[np.ndarray] | np.ndarray,
        records: Sequence[ImageRecord],
        *,
        threads: int | None = None,
        memory: int = MEMORY,
    ) -> None:
        if len(images) != len(records):
            raise ValueError(f"{len(images)} images but {len(records)} records")
        if not len(images):
            raise InputRefused(
                "There is no real image to compare with; import images into the training split first."
            )
        self._images = images
        self._records = tuple(records)
        self._shape = tuple(images[0].shape)
        self._voxels = math.prod(self._shape)
        self._threads = threads or min(os.cpu_count() or 1, 8)
        self._memory = memory
        self._moments: dict[int, Moments] = {}
        names = {patient: number for number, patient in enumerate(sorted({r.patient for r in records}))}
        self._patients = np.array([names[r.patient] for r in records])

    @property
    def records(self) -> tuple[ImageRecord, ...]:
        """Records of the real images, in the order given."""
        return self._records

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
        parts = self._parts(queries, exclude or {})
        found: list[Nearest] = []
        for part in parts:
            chosen = yield from self._race(part, k, metric)
            pairs = yield from self._refine(part, chosen)
            found += [_nearest(id_, pair, k, metric) for id_, pair in zip(part.ids, pairs, strict=True)]
        return found

    def _parts(self, queries: Sequence[Query], exclude: Mapping[str, str]) -> list[_Part]:
        """Check the queries and divide them so that their float32 copies fit in the memory allowed."""
        names = [f"Image {number} of {len(queries)}" for number in range(1, len(queries) + 1)]
        voxels = [self._query_voxels(array, name) for (_, array), name in zip(queries, names, strict=True)]
        with ThreadPoolExecutor(self._threads) as pool:
            measured = list(pool.map(moments, voxels, names))
        allowed = [self._allowed(exclude.get(id_)) for id_, _ in queries]
        each = 4 * padded(self._voxels) + 16 * len(self._records)
        size = max(1, int(0.75 * self._memory) // each)
        starts = range(0, len(queries), size)
        return [
            _Part(
                [id_ for id_, _ in queries[start : start + size]],
                voxels[start : start + size],
                measured[start : start + size],
                allowed[start : start + size],
                (number, len(starts)),
            )
            for number, start in enumerate(starts)
        ]

    def _query_voxels(self, array: np.ndarray, name: str) -> np.ndarray:
        if tuple(array.shape) != self._shape:
            raise InputRefused(
                f"{name} has shape {tuple(array.shape)} but the cohort's images have {self._shape}; "
                "conform it to the cohort's grid first."
            )
        return flatten(array)

    def _allowed(self, excluded: str | None) -> np.ndarray:
        """(N,) bool: which real images take part."""
        mask = np.array([record.patient != excluded for record in self._records])
        if not mask.any():
            raise InputRefused("The cohort holds no other patient to compare with; import more patients.")
        return mask

    def _race(self, part: _Part, k: int, metric: str) -> Steps[list[np.ndarray]]:
        """Coarse pass: the candidates of each query, as indices of real images."""
        count, width = len(self._records), padded(self._voxels)
        units = np.empty((len(part.ids), width), np.float32)
        coarse = np.empty((len(part.ids), count))
        size = max(1, min(MOST_IMAGES, min(BLOCK, self._memory // 8) // (4 * width), count))
        block = np.empty((size, width), np.float32)
        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(write_unit, part.voxels, part.moments, units))
            for start in range(0, count, size):
                stop = min(start + size, count)
                list(pool.map(self._load, range(start, stop), block))
                coarse[:, start:stop] = products(units, block[: stop - start], self._voxels, pool)
                yield self._progress(part, 0, stop, count, "Comparing with every real image")
        means = np.array([self._moments[index].mean for index in range(count)])
        norms = np.array([self._moments[index].norm for index in range(count)])
        cohort = Cohort(self._patients, means, norms, self._voxels)
        each = zip(coarse, part.moments, part.allowed, strict=True)
        return [candidates(row, of, cohort, mask, k, metric) for row, of, mask in each]

    def _load(self, index: int, row: np.ndarray) -> None:
        """Measure one real image and write it into ``row``, centred and of unit norm."""
        image = self._images[index]
        voxels = self._image_voxels(image, index)
        if index not in self._moments:
            self._moments[index] = moments(voxels, f"Real image {self._records[index].id}")
        write_unit(voxels, self._moments[index], row)
        _forget(image)

    def _image_voxels(self, image: np.ndarray, index: int) -> np.ndarray:
        if tuple(image.shape) != self._shape:
            raise InputRefused(
                f"Real image {self._records[index].id} has shape {tuple(image.shape)}, others have "
                f"{self._shape}; import the cohort again."
            )
        return flatten(image)

    def _refine(self, part: _Part, chosen: list[np.ndarray]) -> Steps[list[list[Neighbour]]]:
        """Exact values of every candidate; each real image is read once for all queries that want it."""
        wanted: dict[int, list[int]] = defaultdict(list)
        for row, indices in enumerate(chosen):
            for index in indices:
                wanted[int(index)].append(row)
        order = sorted(wanted)
        pairs: list[list[Neighbour]] = [[] for _ in part.ids]
        with ThreadPoolExecutor(self._threads) as pool:
            for start in range(0, len(order), self._threads):
                some = order[start : start + self._threads]
                measured = list(pool.map(lambda index: self._exact(part, index, wanted[index]), some))
                for index, neighbours in zip(some, measured, strict=True):
                    for row, neighbour in zip(wanted[index], neighbours, strict=True):
                        pairs[row].append(neighbour)
                done = start + len(some)
                yield self._progress(part, 1, done, len(order), "Measuring the closest ones exactly")
        return pairs

    def _exact(self, part: _Part, index: int, rows: list[int]) -> list[Neighbour]:
        image, record, of = self._images[index], self._records[index], self._moments[index]
        real = self._image_voxels(image, index)
        values = [likeness(part.voxels[row], real, part.moments[row], of) for row in rows]
        _forget(image)
        return [Neighbour(record.id, record.patient, rmse, correlation) for rmse, correlation in values]

    def _progress(self, part: _Part, phase: int, done: int, of: int, message: str) -> Progress:
        """Count both passes as one unit for each real image, in each part."""
        count, (number, parts) = len(self._records), part.number
        return Progress((2 * number + phase) * count + count * done // of, 2 * count * parts, message)


def _nearest(id_: str, found: list[Neighbour], k: int, metric: str) -> Nearest:
    """Put one query's candidates in order."""
    by_correlation = sorted(found, key=lambda n: (-n.correlation, n.rmse, n.image))
    by_rmse = sorted(found, key=lambda n: (n.rmse, -n.correlation, n.image))
    best = by_correlation[0]
    other = next((n.correlation for n in by_correlation if n.patient != best.patient), math.nan)
    ratio = standing_out(best.correlation, other)
    order = by_correlation if metric == "correlation" else by_rmse
    metrics = {"correlation": best.correlation, "rmse": by_rmse[0].rmse, "lowe_ratio": ratio}
    return Nearest(id_, tuple(order[:k]), ratio, metrics)


def _forget(image: np.ndarray) -> None:
    """Give a read-only memory map's pages back, or a pass over a large cohort would fill the memory."""
    mapped = getattr(image, "_mmap", None)
    if (
        isinstance(image, np.memmap)
        and image.mode == "r"
        and mapped is not None
        and hasattr(mmap, "MADV_DONTNEED")
    ):
        mapped.madvise(mmap.MADV_DONTNEED)
