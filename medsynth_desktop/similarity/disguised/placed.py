"""The real images brought onto their frame and cut into blocks: made once, kept by the hashes of their arrays."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.errors import StoreFailed
from medsynth_desktop.core.hashing import hash_bytes, hash_json
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.similarity.bounds import one_thread_each
from medsynth_desktop.similarity.disguised import alignment, descent, structure, votes
from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.blocks import cut, norms_of
from medsynth_desktop.similarity.disguised.frame import LEARNT_FROM, PLACING, ROUNDS, Frame, make_mean
from medsynth_desktop.similarity.disguised.shelved import Known, quantised
from medsynth_desktop.similarity.disguised.structure import Structure
from medsynth_desktop.similarity.disguised.waiting import each
from medsynth_desktop.similarity.index import Shelf
from medsynth_desktop.similarity.table import Table, names_of
from medsynth_desktop.store.indexes import Indexes

SETTINGS = (
    7, structure.COARSE, structure.MIDDLE, structure.BLOCK, structure.REACH, structure.FLOOR, structure.MOST,
    structure.LOCAL, structure.REST,
    votes.STRIDE, votes.WIDTH, votes.PLACES, votes.LEAST, votes.WINDOW, votes.FRIENDS, votes.AGREED,
    alignment.ROUNDS, alignment.TOLERANCE, alignment.STIFF, alignment.LOOSE, alignment.POINTS,
    alignment.BLUR, alignment.STEPS, descent.STILL, descent.MOST, descent.HELD, LEARNT_FROM, ROUNDS, PLACING,
)  # fmt: skip
"""What decides the numbers kept: with other settings they are made anew. The first counts changes of the code."""
USUAL = 0.1
"""Share of the real images that lie on the frame less alike than is usual."""
MESSAGE = "Bringing the real images into one pose, once"
SEGMENT = 256
"""Images in a file of the shelf, at most."""


@dataclass(frozen=True)
class Placed:
    """N real images on their frame: maps from its voxels to theirs, and their blocks there and ``unmoved``.

    Where a copy kept its place, no frame needs to be found: so the unmoved. On the frame most real images are as alike
    as ``usual``.
    """

    frame: Frame
    usual: float
    maps: list[Affine]
    blocks: Known
    unmoved: Known

    @property
    def nbytes(self) -> int:
        """Of what grows with the real images."""
        return self.blocks.nbytes + self.unmoved.nbytes


def open_placed(
    images: Sequence[np.ndarray] | np.ndarray,
    records: Sequence[ImageRecord],
    shelf: Shelf | None,
    pool: Executor,
) -> Steps[Placed]:
    """Bring the images onto the frame that their hashes choose; what the shelf holds is read from it.

    Where nothing can be kept (disk full, folder read-only) they are held in memory.
    """
    names = names_of(images, records)
    chosen = sorted(range(len(names)), key=names.__getitem__)[:LEARNT_FROM]
    own = hash_bytes(b"".join(names[i] for i in chosen))
    files, key = (shelf.files, f"{shelf.key}-disguised-{hash_json(SETTINGS)[:16]}") if shelf else (None, "")
    frame = yield from _frame([images[i] for i in chosen], files, f"{key}/frames", own, pool)
    dims, (blocks, cells) = len(frame.shape), cut(frame.structure.band).shape
    size = dims * dims + dims + 1
    table = Table(files, f"{key}/placed-{own[:16]}", size + 2 * blocks, 2 * blocks * cells, np.int8)
    yield from _place(table, frame, images, names, pool)
    places = table.places(names)
    known = table.take(1, places, np.empty((len(names), size + 2 * blocks)))
    maps = [Affine(f[: dims * dims].reshape(dims, dims), f[dims * dims : size - 1]) for f in known]
    scales = known[:, size:].astype(np.float32).reshape(-1, 2, blocks)
    usual = float(np.quantile(known[:, size - 1], USUAL))
    moved, unmoved = (Known(scales[:, s].T.copy(), table, places, s * blocks * cells, cells) for s in (0, 1))
    return Placed(frame, usual, maps, moved, unmoved)


def _frame(
    images: Sequence[np.ndarray], files: Indexes | None, key: str, own: str, pool: Executor
) -> Steps[Frame]:
    kept = files.all(key).get(own) if files is not None else None
    if kept:
        return Frame(np.array(kept[0]), len(images))
    mean = yield from make_mean(images, pool)
    if files is not None:
        with suppress(StoreFailed):
            files.put(key, own, (mean,))
    return Frame(mean, len(images))


def _place(
    table: Table,
    frame: Frame,
    images: Sequence[np.ndarray] | np.ndarray,
    names: Sequence[bytes],
    pool: Executor,
) -> Steps[None]:
    missing = table.missing(names)

    def place(index: int) -> tuple[np.ndarray, np.ndarray]:
        image = np.asarray(images[index], np.float32)
        middle = structure.structure_of(image, structure.MIDDLE)
        placed, alike = frame.place(image, middle)
        seen = (
            (frame.moved(structure.shrink(image, frame.step), placed), placed),
            (middle, Affine.none(image.ndim)),
        )
        both = [cut(strong(frame.own(one, move, placed))) for one, move in seen]
        rows, scales = quantised(np.stack([b / norms_of(b[:, None]) for b in both]))
        return np.concatenate([placed.matrix.ravel(), placed.offset, [alike], scales.ravel()]), rows.ravel()

    for start in range(0, len(missing), SEGMENT):
        some = missing[start : start + SEGMENT]
        made: list[tuple[np.ndarray, np.ndarray]] = []
        for first in range(0, len(some), 8):
            with one_thread_each():
                few = some[first : first + 8]
                made += yield from each(pool, place, few, start + len(made), len(missing), MESSAGE)
        facts, rows = (np.stack(column) for column in zip(*made, strict=True))
        try:
            table.add([names[i] for i in some], facts, rows)
        except StoreFailed:  # it is only faster when kept
            table.hold([names[i] for i in some], facts, rows)


def strong(of: Structure) -> np.ndarray:
    """The band where it rises above noise."""
    return np.asarray(of.band * of.weight)
