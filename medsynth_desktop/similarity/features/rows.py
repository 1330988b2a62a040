"""Images as unit rows of features, made once for each image and kept in the workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.similarity.features.base import Extractor
from medsynth_desktop.similarity.index import Shelf
from medsynth_desktop.similarity.table import Table

AT_A_TIME = 8
"""Images between two steps: progress and cancel go by these."""
SEGMENT = 256
"""Images in a file of the shelf, at most."""
DAMAGE = 1e-12
"""A kept vector whose length differs by more from the length written beside it is not what was written."""


def describe_images(extractor: Extractor, images: Sequence[np.ndarray], message: str) -> Steps[np.ndarray]:
    """(n, L) float32 rows of length 1 of n ``images``.

    Raises
    ------
    InputRefused
        Where the extractor finds nothing in an image, or numbers that are not finite.
    """
    parts = []
    for start in range(0, len(images), AT_A_TIME):
        some = range(start, min(start + AT_A_TIME, len(images)))
        parts.append(_describe(extractor, [images[i] for i in some]))
        yield Progress(some.stop, len(images), message)
    return np.concatenate(parts)


def kept_rows(
    extractor: Extractor,
    images: Sequence[np.ndarray] | np.ndarray,
    names: Sequence[bytes],
    shelf: Shelf | None,
    key: str,
    message: str,
    length: int = 0,
) -> Steps[np.ndarray]:
    """(n, L) float32 rows of length 1 of n ``images``: those that the shelf holds are read, the others made and kept.

    Parameters
    ----------
    extractor
        From images to vectors.
    images, names
        Arrays, read one by one, and for each the 32 bytes that stand for it
        (`medsynth_desktop.similarity.table.names_of`).
    shelf, key
        Where rows are kept (None: nowhere), and under which key: it stands for the extractor's fingerprint.
    message
        What is told while rows are made.
    length
        L where it is known; 0: the first image is described to learn it.

    Raises
    ------
    InputRefused
        Where the extractor finds nothing in an image, or numbers that are not finite.
    """
    length = length or _describe(extractor, [images[0]]).shape[1]
    rows = np.empty((len(names), length), np.float32)
    table = Table(shelf.files, f"{shelf.key}-{key}", 1, length) if shelf is not None else None
    missing = _read(table, names, rows) if table is not None else list(range(len(names)))
    for start in range(0, len(missing), SEGMENT):
        some = missing[start : start + SEGMENT]
        for first in range(0, len(some), AT_A_TIME):
            few = some[first : first + AT_A_TIME]
            rows[few] = _describe(extractor, [images[i] for i in few])
            yield Progress(start + first + len(few), len(missing), message)
        if table is not None:
            table = _keep(table, {names[i]: i for i in some}, rows)
    return rows


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


def _describe(extractor: Extractor, images: Sequence[np.ndarray]) -> np.ndarray:
    return unit_rows(extractor([np.asarray(image) for image in images]), extractor.name)


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
