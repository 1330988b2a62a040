"""The index of a cohort: few numbers of every image, so that most need not be read for a query.

Thumbnails (mapped from the disk) and, where there are many images, coefficients of these in a fitted basis (in memory),
each with the norm of what it leaves out. Both belong to an image, not to a cohort: they are found by the hash of its
array, so a cohort that grows only adds what is new, and cohorts of one recipe share. The basis is fitted once; it stays
right for any image, and is fitted anew where it knows fewer than half of a cohort's images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from medsynth_desktop.core.hashing import hash_array
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.similarity.bounds import error_bound, held, padded, products
from medsynth_desktop.similarity.exact import Moments, flatten, forget, moments
from medsynth_desktop.similarity.race import Look, Race, Room
from medsynth_desktop.similarity.reading import checked
from medsynth_desktop.similarity.table import Table, names_of
from medsynth_desktop.similarity.thumbnails import (
    ROOM,
    SEED,
    coefficients,
    fit_basis,
    is_orthonormal,
    thumbnail_size,
    write_thumbnail,
)
from medsynth_desktop.store.indexes import Indexes

FORMAT = 1
LEAST = 1 << 29
"""Bytes (float32) of a split below which an index gives nothing: reading it all takes a second."""
LARGE = 1 << 30
"""Bytes of thumbnails above which a query does not look at each: coefficients come first."""
COEFFICIENTS = 512
BASIS = 1 << 28
"""Bytes of a basis, and of the thumbnails that it is fitted on, at most."""
SEGMENT = 1 << 28
"""Bytes of a file of thumbnails, at most: what is finished is kept when the building is cancelled."""
MOST = 512
ROOM_FOR_ROWS = 1 << 26
"""Thumbnails multiplied at a time, and their bytes, at most."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where an index is kept: ``key`` stands for the recipe of its images."""

    files: Indexes
    key: str
    least: int = LEAST
    large: int = LARGE

    def worth(self, count: int, voxels: int) -> bool:
        """Whether so many images of so many voxels are searched faster with an index."""
        return 4 * count * voxels >= self.least


@dataclass(frozen=True)
class Index:
    """What is known of N real images, in the order of a cohort's records.

    Attributes
    ----------
    means, norms, rests
        (N,) moments, and norms of what the thumbnails leave out.
    basis, known, known_rests
        (K, P) float64; (N, K) float32 coefficients, `medsynth_desktop.similarity.bounds.held`; (N,) norms of what these
        leave out. None where few images make thumbnails alone the faster way.
    """

    means: np.ndarray
    norms: np.ndarray
    rests: np.ndarray
    width: int
    basis: np.ndarray | None
    known: Any
    known_rests: np.ndarray | None
    _table: Table
    _places: np.ndarray

    def looks(
        self, queries: Sequence[np.ndarray], of: Sequence[Moments], pool: Executor, device: str
    ) -> tuple[Look, np.ndarray]:
        """Return the way to look at thumbnails for ``queries`` (arrays of the cohort's shape), and their own."""
        own = np.empty((len(queries), padded(self.width)), np.float32)
        own_rests = list(pool.map(write_thumbnail, queries, of, own))
        most = max(1, min(MOST, ROOM_FOR_ROWS // (4 * own.shape[1])))
        room, error = Room(own.shape[1]), error_bound(self.width) + ROOM

        def rows(images: np.ndarray) -> np.ndarray:
            return self._table.take(2, self._places[images], room.of(len(images)))

        def beyond(query: int, images: np.ndarray) -> np.ndarray:
            return np.asarray(error + own_rests[query] * self.rests[images])

        return Look(held(own, device), self.width, rows, beyond, most), own

    def compare_coefficients(
        self, races: Sequence[Race], own: np.ndarray, pool: Executor
    ) -> Iterator[tuple[int, int]]:
        """Let each race learn of all images from the coefficients of its query, whose thumbnail is a row of ``own``."""
        assert self.basis is not None
        assert self.known_rests is not None
        width = len(self.basis)
        error = error_bound(width) + ROOM
        step = max(1, min(MOST, (1 << 24) // len(self.known)))
        for start in range(0, len(races), step):
            rows, own_rests = coefficients(own[start : start + step], self.basis)
            middle = products(self.known, rows, width, pool).T
            for race, row, rest in zip(races[start : start + step], middle, own_rests, strict=True):
                some = race.alive
                race.learn(some, row[some], error + rest * self.known_rests[some])
            yield start + len(rows), len(races)


def open_index(
    shelf: Shelf,
    images: Sequence[np.ndarray] | np.ndarray,
    records: Sequence[ImageRecord],
    pool: Executor,
    device: str = "cpu",
) -> Steps[Index]:
    """Open the index of ``images``, of one shape; what is missing is made and kept.

    Raises
    ------
    InputRefused
        A real image of another shape, without contrast or with numbers that are not finite.
    StoreFailed
        Where it cannot be kept: disk full or folder read-only.
    """
    shape = tuple(images[0].shape)
    width = thumbnail_size(shape)
    names = names_of(images, records)
    key = f"{shelf.key}-{FORMAT}"
    table = Table(shelf.files, f"{key}/thumbnails", 3, padded(width))
    yield from _add_thumbnails(table, images, records, names, pool)
    places = table.places(names)
    facts = table.take(1, places, np.empty((len(names), 3)))
    basis, known, known_rests = None, None, None
    if 4 * len(names) * width > shelf.large:
        basis, store = yield from _basis(shelf.files, key, table, places, names)
        yield from _add_coefficients(store, table, places, names, basis)
        at = store.places(names)
        known = held(store.take(2, at, np.empty((len(names), store.width), np.float32)), device)
        known_rests = store.take(1, at, np.empty((len(names), 1)))[:, 0]
    means, norms, rests = (np.ascontiguousarray(column) for column in facts.T)
    return Index(means, norms, rests, width, basis, known, known_rests, table, places)


def _add_thumbnails(
    table: Table,
    images: Sequence[np.ndarray] | np.ndarray,
    records: Sequence[ImageRecord],
    names: Sequence[bytes],
    pool: Executor,
) -> Steps[None]:
    shape, missing = tuple(images[0].shape), table.missing(names)
    width = padded(thumbnail_size(shape))
    size = max(1, SEGMENT // (4 * width))
    for start in range(0, len(missing), size):
        some = missing[start : start + size]
        facts, rows = np.empty((len(some), 3)), np.empty((len(some), width), np.float32)

        def measure(place: int) -> None:
            index = some[place]  # noqa: B023 - the pool has finished before the next segment
            image = checked(images[index], shape, records[index])
            of = moments(flatten(image), f"Real image {records[index].id}")
            facts[place] = of.mean, of.norm, write_thumbnail(image, of, rows[place])  # noqa: B023
            forget(image)

        for first in range(0, len(some), 16):
            list(pool.map(measure, range(first, min(first + 16, len(some)))))
            done = start + min(first + 16, len(some))
            yield Progress(done, len(missing), "Indexing the real images, once")
        table.add([names[index] for index in some], facts, rows)


def _basis(
    files: Indexes, key: str, table: Table, places: np.ndarray, names: Sequence[bytes]
) -> Steps[tuple[np.ndarray, Table]]:
    """The basis that knows most of the images, and the coefficients in it; a new one where none knows half."""
    best: tuple[int, np.ndarray, Table] | None = None
    for name, arrays in files.all(f"{key}/bases").items():
        store = Table(files, f"{key}/coefficients-{name[:16]}", 1, padded(len(arrays[0])))
        lacking = len(store.missing(names))
        better = 2 * lacking < len(set(names)) and (best is None or lacking < best[0])
        if better and arrays[0].shape[1:] == (table.width,) and is_orthonormal(arrays[0]):
            best = lacking, np.array(arrays[0]), store
    if best is not None:
        return best[1], best[2]
    order = np.argsort(np.array(names, "S32"), kind="stable")
    chosen = np.random.default_rng(SEED).permutation(order)[: max(2, BASIS // (4 * table.width))]
    rows = table.take(2, places[np.sort(chosen)], np.empty((len(chosen), table.width), np.float32))
    basis = yield from fit_basis(rows, max(1, min(COEFFICIENTS, len(rows) // 2, BASIS // (8 * table.width))))
    name = hash_array(basis)
    files.put(f"{key}/bases", name, (basis,))
    return basis, Table(files, f"{key}/coefficients-{name[:16]}", 1, padded(len(basis)))


def _add_coefficients(
    store: Table, table: Table, places: np.ndarray, names: Sequence[bytes], basis: np.ndarray
) -> Steps[None]:
    missing = store.missing(names)
    most = max(1, min(MOST, ROOM_FOR_ROWS // (4 * table.width)))
    room = np.empty((most, table.width), np.float32)
    size = max(most, SEGMENT // (4 * store.width))
    for start in range(0, len(missing), size):
        some = missing[start : start + size]
        rows, rests = np.empty((len(some), store.width), np.float32), np.empty((len(some), 1))
        for first in range(0, len(some), most):
            block = slice(first, min(first + most, len(some)))
            rows[block], rests[block, 0] = coefficients(table.take(2, places[some[block]], room), basis)
            yield Progress(start + block.stop, len(missing), "Indexing what the images have in common, once")
        store.add([names[index] for index in some], rests, rows)
