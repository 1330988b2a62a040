"""The feature dictionary: every training image as a vector, and how far an image is from the nearest of them.

Source: Shi et al., privacy-enhanced latent diffusion models for CT, MRI and PET: vectors of length 1000 in a
dictionary; a sample is blocked where the L2 distance to the nearest is under a threshold. Two things are done
otherwise: vectors are brought to length 1, so that a distance lies in 0 to 2 whatever the network; and the distance is
measured from direct float64 differences, because a flat float32 index returned 0 for 56 of 64 near copies.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from medsynth_desktop.core.hashing import hash_json
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import ImageRecord, Match, Nearest
from medsynth_desktop.similarity.bounds import SLACK, error_bound, padded, products
from medsynth_desktop.similarity.features.base import Extractor
from medsynth_desktop.similarity.features.rows import describe_images, kept_rows
from medsynth_desktop.similarity.index import Shelf
from medsynth_desktop.similarity.search import Query
from medsynth_desktop.similarity.table import names_of

KEY = "dictionary"
FORMAT = 1
"""Counts changes of what is kept, and of how a distance is measured."""
SEGMENT = 256
"""Vectors that are compared directly at a time."""
QUERIES = 256
"""Queries that are compared with all vectors at a time."""


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
        return shelf_key(self._extractor)

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
        own = yield from describe_images(self._extractor, images, "Describing images by their features")
        if self._lines is None:
            self._lines = yield from self._open(own.shape[1])
        found: list[tuple[float, int]] = []
        with ThreadPoolExecutor(self._threads) as pool:
            for start in range(0, len(own), QUERIES):
                some = own[start : start + QUERIES]
                found += self._lines.nearest(some, pool, [record.id for record in self._records])
                yield Progress(len(found), len(own), "Looking up the feature dictionary")
        return found

    def _open(self, length: int) -> Steps[_Lines]:
        """Read the vectors from the shelf, and make those that it lacks."""
        names = names_of(self._images, self._records)
        message = "Describing the real images by their features, once"
        rows = yield from kept_rows(
            self._extractor, self._images, names, self._shelf, self.fingerprint, message, length
        )
        return _Lines(rows)


def shelf_key(extractor: Extractor) -> str:
    """Under what the rows of ``extractor`` are kept; also what a calibration by them is known by."""
    return f"{KEY}-{hash_json([FORMAT, extractor.fingerprint])[:16]}"


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


def _distances(rows: np.ndarray, chosen: np.ndarray, query: np.ndarray) -> np.ndarray:
    """(n,) float64 distances of the ``chosen`` rows from ``query``, summed in a fixed order."""
    parts = [
        np.sqrt(np.square(rows[chosen[start : start + SEGMENT]].astype(np.float64) - query).sum(axis=1))
        for start in range(0, len(chosen), SEGMENT)
    ]
    return np.concatenate(parts)
