"""The real images brought onto their frame and cut into blocks: made once, kept by the hashes of their arrays."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.hashing import hash_bytes, hash_json
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.similarity.bounds import one_thread_each
from medsynth_desktop.similarity.disguised import alignment, structure, votes
from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.blocks import cut, norms_of
from medsynth_desktop.similarity.disguised.frame import LEARNT_FROM, PLACING, ROUNDS, Frame, make_mean
from medsynth_desktop.similarity.disguised.structure import BLOCK, Structure
from medsynth_desktop.similarity.index import Shelf
from medsynth_desktop.similarity.table import Table

SETTINGS = (
    1, structure.COARSE, structure.MIDDLE, structure.BLOCK, structure.REACH, structure.FLOOR, structure.MOST,
    votes.STRIDE, votes.WIDTH, votes.PLACES, votes.LEAST, votes.WINDOW, votes.FRIENDS, votes.AGREED,
    alignment.ROUNDS, alignment.TOLERANCE, alignment.STIFF, alignment.LOOSE, alignment.POINTS, alignment.STEPS,
    alignment.STILL, LEARNT_FROM, ROUNDS, PLACING,
)  # fmt: skip
"""What decides the numbers kept: with other settings they are made anew. The first counts changes of the code."""
USUAL = 0.2
"""Share of the real images that lie on the frame less alike than is usual."""
SEGMENT = 256
"""Images in a file of the shelf, at most."""


@dataclass(frozen=True)
class Placed:
    """N real images on their frame: maps from its voxels to theirs, and (b, N, cells) blocks of unit norm or less.

    ``unmoved`` are those of the images as they are: where a copy kept its place, no frame needs to be found. On the
    frame most real images are as alike as ``usual``.
    """

    frame: Frame
    usual: float
    maps: list[Affine]
    blocks: np.ndarray
    unmoved: np.ndarray


def open_placed(
    images: Sequence[np.ndarray] | np.ndarray,
    records: Sequence[ImageRecord],
    shelf: Shelf | None,
    pool: Executor,
) -> Steps[Placed]:
    """Bring the images onto the frame that their hashes choose; what the shelf holds is read from it.

    Raises
    ------
    StoreFailed
        Where it cannot be kept: disk full or folder read-only.
    """
    names = [_name(record, index) for index, record in enumerate(records)]
    chosen = sorted(range(len(names)), key=names.__getitem__)[:LEARNT_FROM]
    own = hash_bytes(b"".join(names[i] for i in chosen))
    key = f"{shelf.key}-disguised-{hash_json(SETTINGS)[:16]}" if shelf is not None else ""
    kept = shelf.files.all(f"{key}/frames").get(own) if shelf is not None else None
    if not kept:
        mean = yield from make_mean([images[i] for i in chosen], pool)
        if shelf is not None:
            shelf.files.put(f"{key}/frames", own, (mean,))
    else:
        mean = np.array(kept[0])
    frame = Frame(mean, len(chosen))
    dims = mean.ndim
    width = 2 * cut(frame.structure.band).size
    table = Table(shelf.files, f"{key}/placed-{own[:16]}", width) if shelf is not None else None
    missing = table.missing(names) if table is not None else list(range(len(names)))
    facts = np.empty((len(names), dims * dims + dims + 1))
    rows = np.empty((len(names), width), np.float32)

    def place(index: int) -> None:
        image = np.asarray(images[index], np.float32)
        placed, alike = frame.place(image)
        facts[index] = np.concatenate([placed.matrix.ravel(), placed.offset, [alike]])
        still = structure.structure_of(image, structure.MIDDLE)
        rows[index] = np.stack([cut(strong(s)) for s in (frame.canonical(image, placed), still)]).ravel()

    for start in range(0, len(missing), SEGMENT):
        some = missing[start : start + SEGMENT]
        for first in range(0, len(some), 8):
            with one_thread_each():
                list(pool.map(place, some[first : first + 8]))
            done = start + min(first + 8, len(some))
            yield Progress(done, len(missing), "Bringing the real images into one pose, once")
        if table is not None:
            table.add([names[i] for i in some], facts[some], rows[some])
    if table is not None:
        places = table.places(names)
        facts, rows = table.take(1, places, facts), table.take(2, places, rows)
    maps = [Affine(f[: dims * dims].reshape(dims, dims), f[dims * dims : -1]) for f in facts]
    size = BLOCK[dims] ** dims
    both = rows.reshape(len(names), 2, -1, size).transpose(1, 2, 0, 3)
    moved, unmoved = (part / norms_of(part)[:, :, None] for part in both)
    return Placed(frame, float(np.quantile(facts[:, -1], USUAL)), maps, moved, unmoved)


def strong(of: Structure) -> np.ndarray:
    """The band where it rises above noise."""
    return np.asarray(of.band * of.weight)


def _name(record: ImageRecord, index: int) -> bytes:
    """32 bytes that stand for an image: its hash, or where a test has none its id."""
    if len(record.array_hash) == 64:
        return bytes.fromhex(record.array_hash)
    return bytes.fromhex(hash_bytes(f"{record.id}-{index}".encode()))
