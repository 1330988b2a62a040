"""The search for copies in disguise: bring all onto one frame, compare block by block, lay the best over the query.

The frame makes turns, shifts, scales and crops of a copy undo themselves; borders without their contrast undo gain,
gamma and inversion; blocks find parts. What a query costs beyond one product of matrices does not grow with the cohort.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_json
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import Disguise, ImageRecord, Nearest
from medsynth_desktop.similarity.bounds import one_thread_each
from medsynth_desktop.similarity.disguised import alignment, flow, overlay
from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.alignment import refine
from medsynth_desktop.similarity.disguised.blocks import AROUND, QUARTER, Blocks, spread
from medsynth_desktop.similarity.disguised.found import disguise_of, measures
from medsynth_desktop.similarity.disguised.frame import CROPPED, FEW
from medsynth_desktop.similarity.disguised.overlay import Overlay, compare
from medsynth_desktop.similarity.disguised.placed import SETTINGS, Placed, open_placed, strong
from medsynth_desktop.similarity.disguised.shelved import Known
from medsynth_desktop.similarity.disguised.sight import Share, Sight
from medsynth_desktop.similarity.disguised.structure import (
    EDGE,
    FINE,
    MIDDLE,
    Structure,
    shrink,
    structure_of,
    within,
)
from medsynth_desktop.similarity.disguised.waiting import each
from medsynth_desktop.similarity.index import Shelf

Query = tuple[str, np.ndarray]

CANDIDATES = 4
"""Real images, mirrored or not, that are laid over a query, at most."""
LEAST = 0.7
"""Share of the likeliest one's score below which no other is laid over a query."""
REMEMBERED = 32
"""Structures of real images that are held: both sides of a query ask for them, often the next query too."""
FOCUS = 4
"""Power of a block's likeness with which it decides where an overlay is refined."""
FAINT = 1e-3
"""What every other place counts in a refinement."""
TURNED = {2: (-5.0, 5.0), 3: ()}
"""Degrees by which a query is also turned: a part that was turned first is not on its frame."""
POSES = ("frame", "unmoved", "turned", "shrunken")
MESSAGE = "Looking for copies in disguise"
OWN = (
    5, EDGE, LEAST, AROUND, QUARTER, TURNED, FOCUS, FAINT,
    alignment.CLOSE_POINTS, flow.WINDOW, flow.STEPS, flow.STILL, flow.MOST, flow.SMOOTH, overlay.PART, overlay.ENOUGH,
)  # fmt: skip
"""What decides the values besides the settings of what is kept. The first counts changes of the code."""


@dataclass(frozen=True, slots=True)
class _Start:
    """A real image that a query may show: where both were compared (maps to their voxels), and by which blocks."""

    index: int
    score: float
    sight: Sight
    move: Affine
    real: Affine
    agreeing: Callable[[], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, slots=True)
class _Pose:
    """How a query is compared: the map to its voxels, its own structure there, and blocks of the real ones."""

    move: Affine
    band: Callable[[], Structure]
    known: Known
    framed: bool


@dataclass(frozen=True, slots=True)
class _Laid:
    """A real image laid roughly over a query: its index, the query's side, where to look."""

    index: int
    sight: Sight
    near: np.ndarray
    rough: Overlay


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
        self._rank = np.argsort(
            np.argsort([record.id for record in self._records])
        )  # among equals the first id
        self._placed: Placed | None = None
        self._real = lru_cache(REMEMBERED)(self._structure)

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
        pool = ThreadPoolExecutor(self._threads + 1)  # a lone query waits in one for what it shares out
        try:
            if self._placed is None and queries:
                self._placed = yield from self._open(pool)
            for start in range(0, count, self._threads):
                some = [image for _, image in queries[start : start + self._threads]]
                share = map if len(some) > 1 else pool.map
                with one_thread_each():
                    found += yield from each(
                        pool, partial(self._disguises, share), some, start, count, MESSAGE
                    )
        finally:  # a user who cancels does not wait for what runs: it only reads
            pool.shutdown(wait=False, cancel_futures=True)
        return found

    def _open(self, pool: Executor) -> Steps[Placed]:
        return (yield from open_placed(self._images, self._records, self._shelf, pool))

    def _disguises(self, share: Share, image: np.ndarray) -> tuple[Disguise, ...]:
        """The likeliest disguises of ``image``; ``share`` is `map`, or one that lets others help."""
        assert self._placed is not None
        image, frame = np.asarray(image, np.float32), self._placed.frame
        if image.shape != frame.shape:
            raise InputRefused(
                f"An image has shape {image.shape}, the cohort's have {frame.shape}; conform it first."
            )
        starts = self._likeliest(share, image)[: self._candidates]
        laid = list(share(self._lay, starts))
        chosen = {
            max(range(len(laid)), key=lambda i: getattr(laid[i].rough, what)) for what in ("whole", "part")
        }
        made = self._finest(share, [laid[i] for i in sorted(chosen)])
        return tuple(sorted(made, key=lambda d: -max(d.whole, d.part)))

    def _likeliest(self, share: Share, image: np.ndarray) -> list[_Start]:
        """The likeliest real images, from either side, best first; none much less likely than the first."""
        ranked = sorted(
            self._starts(share, image), key=lambda s: (-s.score, self._rank[s.index], -s.sight.side)
        )
        best = ranked[0].score
        return [start for start in ranked if start.score >= best - (1 - LEAST) * abs(best)]

    def _starts(self, share: Share, image: np.ndarray) -> list[_Start]:
        """The likeliest real images by their blocks, from either side in the pose in which each is likest."""
        assert self._placed is not None
        frame, usual = self._placed.frame, self._placed.usual
        sights = list(share(lambda side: Sight(image, side, frame, usual), (1, -1)))
        poses = [partial(self._starts_in, sight, pose) for sight in sights for pose in self._poses_of(sight)]
        made = list(
            share(_do, [*poses, *(partial(sight.at, MIDDLE) for sight in sights)])
        )  # overlays ask for that
        found: dict[tuple[int, int], _Start] = {}
        for start in chain.from_iterable(made[: len(poses)]):
            key = start.index, start.sight.side
            if key not in found or start.score > found[key].score:
                found[key] = start
        return list(found.values())

    def _starts_in(self, sight: Sight, pose: _Pose) -> list[_Start]:
        """The likeliest real images by their blocks, from one side in one pose."""
        assert self._placed is not None
        blocks = Blocks.of(strong(pose.band()))
        scores, ways, signs = blocks.scores(pose.known)
        if len(scores) >= FEW:  # poses differ in what is usual; of one or two images nothing is
            scores -= np.median(scores)
        found = []
        for i in np.lexsort((self._rank, -scores))[: self._candidates].tolist():
            agreeing = partial(blocks.agreeing, pose.known, i, ways[i], signs[i])
            real = self._placed.maps[i] if pose.framed else Affine.none(sight.image.ndim)
            found.append(_Start(i, float(scores[i]), sight, pose.move, real, agreeing))
        return found

    def _poses_of(self, sight: Sight) -> Iterator[_Pose]:
        """How a query is compared with the real images."""
        assert self._placed is not None
        image, placed, frame = sight.image, sight.placed, self._placed.frame
        still, moves = Affine.none(image.ndim), []
        if "unmoved" in self._poses:
            moves.append(still)
        for degrees in TURNED[image.ndim] if "turned" in self._poses else ():
            turn = np.deg2rad(degrees)
            matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            moves.append(Affine.about(matrix, image.shape))
        if "shrunken" in self._poses and sight.cut:  # where it lay, should it have been cut and enlarged
            moves.append(Affine.about(np.eye(image.ndim) / CROPPED, image.shape))

        def band(move: Affine) -> Structure:
            seen = sight.middle if move is still else frame.moved(shrink(image, frame.step), move)
            return frame.own(seen, move, placed)

        if "frame" in self._poses:
            yield _Pose(placed, partial(band, placed), self._placed.blocks, True)
        for move in moves:
            yield _Pose(move, partial(band, move), self._placed.unmoved, False)

    def _lay(self, start: _Start) -> _Laid:
        """Lay a real image over a query roughly, beginning with what its likest blocks say."""
        assert self._placed is not None
        frame = self._placed.frame
        alike, way = start.agreeing()
        weight = np.maximum(alike, 0) ** FOCUS
        shift = (weight @ way) / max(float(weight.sum()), 1e-9) * frame.step
        there = start.move.inverse()
        map_ = there.then(Affine(np.eye(len(shift)), shift)).then(start.real)
        cells = tuple(n // frame.step for n in frame.shape)
        near = there.in_cells(frame.step).pull(spread(weight, cells), cells, order=0)
        near = near + FAINT * max(float(near.max()), 1e-9)
        moved = self._moved(start.sight, start.index, map_, near, MIDDLE)
        rough = compare(start.sight.at(MIDDLE), self._real(start.index, False), *moved)
        return _Laid(start.index, start.sight, near, rough)

    def _finest(self, share: Share, laid: Sequence[_Laid]) -> list[Disguise]:
        """What each shows at full detail; a lone one is worked on in as many pieces as others can take."""
        sights = list({one.sight.side: one.sight for one in laid}.values())
        structures = [partial(sight.structure, FINE) for sight in sights]
        list(share(_do, [*structures, *(partial(self._real, one.index, True) for one in laid)]))
        means = [partial(sight.mean, FINE) for sight in sights]
        moves = [partial(self._moved, one.sight, one.index, one.rough.map, one.near, FINE) for one in laid]
        moved = list(share(_do, [*moves, *means]))
        found = []
        for one, (map_, sign) in zip(laid, moved, strict=False):
            made = compare(one.sight.at(FINE, share), self._real(one.index, True), map_, sign, share)
            found.append(disguise_of(self._records[one.index], made, one.sight.side, one.sight.image.shape))
        return found

    def _structure(self, index: int, fine: bool) -> Structure:
        image = np.asarray(self._images[index], np.float32)
        return within(structure_of(image, FINE if fine else MIDDLE))

    def _moved(
        self, sight: Sight, index: int, start: Affine, near: np.ndarray, cells: dict[int, int]
    ) -> tuple[Affine, int]:
        """The map from a query to a real image, refined where both are ``near`` alike, and -1 for a negative."""
        assert self._placed is not None
        structure, real = sight.structure(cells), self._real(index, cells is FINE)
        for axis, n in enumerate(structure.band.shape):  # from the frame's cells to this overlay's
            cell = ((np.arange(n) + 0.5) * structure.step / self._placed.frame.step).astype(int)
            near = near.take(cell, axis=axis, mode="clip")
        made, correlation = refine(structure, real, start, near, close=cells is FINE)
        return made, 1 if correlation >= 0 else -1


def _do(work: Callable[[], Any]) -> Any:
    return work()
