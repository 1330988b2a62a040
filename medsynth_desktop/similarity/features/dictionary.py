"""The feature dictionary: every training image as a vector, and how far an image is from the nearest of them.

Source: Shi et al., privacy-enhanced latent diffusion models for CT, MRI and PET: vectors of length 1000 in a
dictionary; a sample is blocked where the L2 distance to the nearest is under a threshold. Two things are done
otherwise: vectors are brought to length 1, so that a distance lies in 0 to 2 whatever the network; and the distance is
measured from direct float64 differences, because a flat float32 index returned 0 for 56 of 64 near copies.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.core.hashing import hash_json
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import ImageRecord, Match, Nearest
from medsynth_desktop.similarity.bounds import SLACK, error_bound, padded, products
from medsynth_desktop.similarity.features.base import Extractor
from medsynth_desktop.similarity.index import Shelf
from medsynth_desktop.similarity.search import Query
from medsynth_desktop.similarity.table import Table, names_of

KEY = "dictionary"
FORMAT = 1
"""Counts changes of what is kept, and of how a distance is measured."""
AT_A_TIME = 8
"""Images between two steps: progress and cancel go by these."""
SEGMENT = 256
"""Images in a file of the shelf, at most."""
QUERIES = 256
"""Queries that are compared with all vectors at a time."""
DAMAGE = 1e-12
"""A kept vector whose length differs by more from the length written beside it is not what was written."""


class FeatureDictionary:
    """The real images of one split as vectors of features; a `medsynth_desktop.similarity.base.Witness`.

    Parameters
    ----------
    extractor
        From images to vectors.
    images
        Arrays of one shape, 2D or 3D, in [-1, 1]; read one by one.
    records
        Their records in the same order.
    shelf
        Where the vectors are kept, by the hashes of the arrays and the extractor's fingerprint; None: they are made at
        the first query. No result depends on it.
    threads
        Workers for products of vectors. No result depends on it.
    """

    keys = (KEY,)

    def __init__(
        self,
        extractor: Extractor,
        images: Sequence[np.ndarray] | np.ndarray,
        records: Sequence[ImageRecord],
        *,
        shelf: Shelf | None = None,
        threads: int | None = None,
    ) -> None:
        if len(images) != len(records):
            raise ValueError(f"{len(images)} images but {len(records)} records")
        self._extractor, self._images, self._records = extractor, images, tuple(records)
        self._shelf = shelf
        self._threads = threads or min(os.cpu_count() or 1, 8)
        self._lines: _Lines | None = None

    @property
    def extractor(self) -> Extractor:
        """From images to vectors."""
        return self._extractor

    @property
    def fingerprint(self) -> str:
        """The extractor, and how distances are measured."""
        return f"{KEY}-{hash_json([FORMAT, self._extractor.fingerprint])[:16]}"

    def testify(self, queries: Sequence[Query], found: Sequence[Nearest]) -> Steps[list[Nearest]]:
        """Add the distance to the nearest vector, and whose it is.

        Raises
        ------
        InputRefused
            Where the extractor finds nothing in an image, or numbers that are not finite.
        """
        nearest = yield from self.query([array for _, array in queries])
        return [
            replace(
                one,
                metrics={**one.metrics, KEY: distance},
                matches={**one.matches, KEY: Match(self._records[index].id, self._records[index].patient)},
            )
            for one, (distance, index) in zip(found, nearest, strict=True)
        ]

    def query(self, images: Sequence[np.ndarray]) -> Steps[list[tuple[float, int]]]:
        """Return for each image the L2 distance to the nearest vector, 0 to 2, and the index of its real image.

        Of equally near ones it is that whose id comes first.
        """
        if not images:
            return []
        own = yield from self._rows(images, "Describing images by their features")
        if self._lines is None:
            self._lines = yield from self._open(own.shape[1])
        found: list[tuple[float, int]] = []
        with ThreadPoolExecutor(self._threads) as pool:
            for start in range(0, len(own), QUERIES):
                some = own[start : start + QUERIES]
                found += self._lines.nearest(some, pool, [record.id for record in self._records])
                yield Progress(len(found), len(own), "Looking up the feature dictionary")
        return found

    def _rows(self, images: Sequence[np.ndarray], message: str) -> Steps[np.ndarray]:
        """(n, L) float32 vectors of length 1."""
        parts = []
        for start in range(0, len(images), AT_A_TIME):
            some = range(start, min(start + AT_A_TIME, len(images)))
            parts.append(self._describe([images[i] for i in some]))
            yield Progress(some.stop, len(images), message)
        return np.concatenate(parts)

    def _describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        return unit_rows(self._extractor([np.asarray(image) for image in images]), self._extractor.name)

    def _open(self, length: int) -> Steps[_Lines]:
        """Read the vectors from the shelf, and make those that it lacks."""
        names = names_of(self._images, self._records)
        rows = np.empty((len(names), length), np.float32)
        table = self._table(length)
        missing = list(range(len(names)))
        if table is not None:
            missing = _read(table, names, rows)
        for start in range(0, len(missing), SEGMENT):
            some = missing[start : start + SEGMENT]
            for first in range(0, len(some), AT_A_TIME):
                few = some[first : first + AT_A_TIME]
                rows[few] = self._describe([self._images[i] for i in few])
                done = start + first + len(few)
                yield Progress(done, len(missing), "Describing the real images by their features, once")
            if table is not None:
                table = _keep(table, {names[i]: i for i in some}, rows)
        return _Lines(rows)

    def _table(self, length: int) -> Table | None:
        if self._shelf is None:
            return None
        return Table(self._shelf.files, f"{self._shelf.key}-{self.fingerprint}", 1, length)


class _Lines:
    """(N, L) vectors of length 1, ready to be compared: float32 products less the mean, then float64 differences."""

    def __init__(self, rows: np.ndarray) -> None:
        self._rows = rows
        self._mean = rows.mean(axis=0, dtype=np.float64)
        self._centred, self._norms = self._less_mean(rows)

    def _less_mean(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, padded) float32 differences from the mean, which are small; (n,) their norms."""
        held = np.zeros((len(rows), padded(rows.shape[1])), np.float32)
        norms = np.empty(len(rows))
        for start in range(0, len(rows), SEGMENT):
            exact = rows[start : start + SEGMENT] - self._mean
            held[start : start + len(exact), : rows.shape[1]] = exact
            norms[start : start + len(exact)] = np.sqrt(np.square(exact).sum(axis=1))
        return held, norms

    def nearest(
        self, queries: np.ndarray, pool: ThreadPoolExecutor, ids: Sequence[str]
    ) -> list[tuple[float, int]]:
        """Of each of (n, L) ``queries`` the exact distance to the nearest vector and its index.

        |a - b|^2 = |a|^2 + |b|^2 - 2ab less the mean chooses who can be nearest, given how much a float32 product can
        err (`medsynth_desktop.similarity.bounds.error_bound`, times both norms); direct differences decide.
        """
        centred, norms = self._less_mean(queries)
        found = []
        table = products(self._centred, centred, self._rows.shape[1], pool)
        for number, query in enumerate(queries):
            both = self._norms * norms[number]
            error = 2 * error_bound(self._rows.shape[1]) * both + SLACK
            squares = np.square(self._norms) + norms[number] ** 2 - 2 * table[:, number]
            chosen = np.flatnonzero(squares - error <= (squares + error).min())
            exact = _distances(self._rows, chosen, query)
            best = exact.min()
            found.append((float(best), min(chosen[exact == best].tolist(), key=lambda i: (ids[i], i))))
        return found


def unit_rows(rows: np.ndarray, name: str) -> np.ndarray:
    """Bring (n, L) ``rows`` of the extractor ``name`` to length 1, float32.

    Raises
    ------
    InputRefused
        A row of zeros, or of numbers that are not finite.
    """
    wide = np.asarray(rows, np.float64)
    lengths = np.sqrt(np.square(wide).sum(axis=1))
    if not np.isfinite(lengths).all():
        raise InputRefused(
            f"{name} gave numbers that are not finite; its weights are damaged: choose others."
        )
    if not lengths.all():
        raise InputRefused(
            f"{name} found nothing in an image; it cannot judge such images: choose another one."
        )
    return np.asarray(wide / lengths[:, None], np.float32)


def _distances(rows: np.ndarray, chosen: np.ndarray, query: np.ndarray) -> np.ndarray:
    """(n,) float64 distances of the ``chosen`` rows from ``query``, summed in a fixed order."""
    parts = [
        np.sqrt(np.square(rows[chosen[start : start + SEGMENT]].astype(np.float64) - query).sum(axis=1))
        for start in range(0, len(chosen), SEGMENT)
    ]
    return np.concatenate(parts)


def _read(table: Table, names: Sequence[bytes], rows: np.ndarray) -> list[int]:
    """Fill ``rows`` with what the shelf holds whole; return the indices of the others."""
    lacking = {names[i] for i in table.missing(names)}
    there = [i for i, name in enumerate(names) if name not in lacking]
    if there:
        places = table.places([names[i] for i in there])
        kept = table.take(2, places, np.empty((len(there), rows.shape[1]), np.float32))
        lengths = table.take(1, places, np.empty((len(there), 1)))[:, 0]
        rows[there] = kept
        whole = np.abs(_lengths(kept) - lengths) <= DAMAGE
        there = [i for i, good in zip(there, whole, strict=True) if good]
    return sorted(set(range(len(names))) - set(there))


def _keep(table: Table, some: Mapping[bytes, int], rows: np.ndarray) -> Table | None:
    """Keep the rows of ``some`` images; a workspace that cannot is only slower, and not asked again."""
    chosen = list(some.values())
    try:
        table.add(list(some), _lengths(rows[chosen])[:, None], rows[chosen])
    except StoreFailed:
        return None
    return table


def _lengths(rows: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1)))
