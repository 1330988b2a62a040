"""A query from one side: the likeliest real images by their blocks, then these laid over it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Protocol

import numpy as np

from medsynth_desktop.core.records import Disguise, ImageRecord
from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.alignment import refine
from medsynth_desktop.similarity.disguised.blocks import Blocks, spread
from medsynth_desktop.similarity.disguised.found import disguise_of
from medsynth_desktop.similarity.disguised.frame import CROPPED, FEW
from medsynth_desktop.similarity.disguised.interpolation import pulled
from medsynth_desktop.similarity.disguised.overlay import Overlay, compare
from medsynth_desktop.similarity.disguised.placed import Placed, strong
from medsynth_desktop.similarity.disguised.shelved import Known
from medsynth_desktop.similarity.disguised.sight import Sight
from medsynth_desktop.similarity.disguised.structure import (
    FINE,
    MIDDLE,
    Structure,
    shrink,
    structure_of,
    within,
)

CANDIDATES = 4
"""Real images, mirrored or not, that are laid over a query, at most."""
LEAST = 0.7
"""Share of the likeliest one's score below which no other is laid over a query."""
REMEMBERED = {False: 128, True: 24}
"""Structures of real images that are held, in middle cells and in fine ones (at most 1 and 7 MB each): both sides of a
query ask for them, and images that one query is like are often those of the next."""
FOCUS = 4
"""Power of a block's likeness with which it decides where an overlay is refined."""
FAINT = 1e-3
"""What every other place counts in a refinement."""
TURNED = {2: (-5.0, 5.0), 3: ()}
"""Degrees by which a query is also turned: a part that was turned first is not on its frame."""
POSES = ("frame", "unmoved", "turned", "shrunken")


@dataclass(frozen=True, slots=True)
class _Start:
    """A real image that a query may show: where both were compared (maps to their voxels), and by which blocks."""

    index: int
    score: float
    move: Affine
    real: Affine
    agreeing: Callable[[], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, slots=True)
class Pose:
    """How a query is compared: the map to its voxels, its own structure there, and blocks of the real ones."""

    move: Affine
    band: Structure
    known: Known
    framed: bool


@dataclass(frozen=True, slots=True)
class _Laid:
    """A real image laid roughly over a query: its index, where to look, and how alike they are."""

    index: int
    near: np.ndarray
    rough: Overlay


class Real:
    """The real images, as a query's sides need them.

    Parameters
    ----------
    placed
        What is known of all.
    images, records
        As `medsynth_desktop.similarity.disguised.search.DisguisedSearch` has them; so have ``candidates`` and
        ``poses``.
    """

    def __init__(
        self,
        placed: Placed,
        images: Sequence[np.ndarray] | np.ndarray,
        records: Sequence[ImageRecord],
        candidates: int,
        poses: tuple[str, ...],
    ) -> None:
        self.placed, self.images, self.records = placed, images, records
        self.candidates, self.poses = candidates, poses
        self.pool = ThreadPoolExecutor(min(max(os.cpu_count() or 1, 2), 8))
        self.rank = np.argsort(np.argsort([record.id for record in records]))  # among equals the first id
        self._held = {
            fine: lru_cache(count)(partial(self._structure, fine)) for fine, count in REMEMBERED.items()
        }

    def structure(self, index: int, fine: bool) -> Structure:
        """Structure of a real image, in fine cells or in middle ones."""
        return self._held[fine](index)

    def _structure(self, fine: bool, index: int) -> Structure:
        image = np.asarray(self.images[index], np.float32)
        return within(structure_of(image, FINE if fine else MIDDLE))


class Looking(Protocol):
    """One side of the queries, here or in another process; asked for one query after the other."""

    def starts(self, image: np.ndarray) -> list[tuple[float, int]]:
        """Score and index of the likeliest real images of the next query."""

    def lay(self, which: Sequence[int]) -> list[tuple[float, float]]:
        """How alike, as a whole and in part, some of ``starts`` are when they are laid roughly over the query."""

    def finest(self, which: Sequence[int]) -> list[Disguise]:
        """What some of those laid show at full detail."""


class Side:
    """As `Looking`: the queries as they are (``side`` 1), or mirrored (-1)."""

    def __init__(self, real: Real, side: int) -> None:
        self._all, self._side = real, side
        self._starts: list[_Start] = []
        self._laid: list[_Laid] = []
        self.sight: Sight

    def see(self, image: np.ndarray) -> None:
        """Look at another query."""
        placed = self._all.placed
        self.sight = Sight(image, self._side, placed.frame, placed.usual)

    def starts(self, image: np.ndarray) -> list[tuple[float, int]]:
        """Score and index of the likeliest real images by their blocks, in the pose in which each is likest."""
        self.see(image)
        found: dict[int, _Start] = {}
        for pose in self.poses():
            for start in self._starts_in(pose):
                if start.index not in found or start.score > found[start.index].score:
                    found[start.index] = start
        self._starts = list(found.values())
        return [(start.score, start.index) for start in self._starts]

    def _starts_in(self, pose: Pose) -> Iterator[_Start]:
        """The likeliest real images by their blocks in one pose."""
        blocks, real = Blocks.of(strong(pose.band)), self._all
        scores, ways, signs = blocks.scores(pose.known)
        if len(scores) >= FEW:  # poses differ in what is usual; of one or two images nothing is
            scores -= np.median(scores)
        for i in np.lexsort((real.rank, -scores))[: real.candidates].tolist():
            agreeing = partial(blocks.agreeing, pose.known, i, ways[i], signs[i])
            there = real.placed.maps[i] if pose.framed else Affine.none(len(real.placed.frame.shape))
            yield _Start(i, float(scores[i]), pose.move, there, agreeing)

    def poses(self) -> Iterator[Pose]:
        """How the query is compared with the real images."""
        sight, wanted, all_ = self.sight, self._all.poses, self._all.placed
        image, placed, frame = sight.image, sight.placed, all_.frame
        small = shrink(image, frame.step)
        still, moves = Affine.none(image.ndim), []
        if "unmoved" in wanted:
            moves.append(still)
        for degrees in TURNED[image.ndim] if "turned" in wanted else ():
            turn = np.deg2rad(degrees)
            matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            moves.append(Affine.about(matrix, image.shape))
        if "shrunken" in wanted and sight.cut:  # where it lay, should it have been cut and enlarged
            moves.append(Affine.about(np.eye(image.ndim) / CROPPED, image.shape))
        if "frame" in wanted:
            own = frame.own(frame.moved(small, placed), placed, placed)
            yield Pose(placed, own, all_.blocks, True)
        for move in moves:
            seen = sight.middle if move is still else frame.moved(small, move)
            yield Pose(move, frame.own(seen, move, placed), all_.unmoved, False)

    def lay(self, which: Sequence[int]) -> list[tuple[float, float]]:
        """Lay real images over the query roughly, beginning with what their likest blocks say."""
        self._laid = [self._lay(self._starts[k]) for k in which]
        return [(laid.rough.whole, laid.rough.part) for laid in self._laid]

    def _lay(self, start: _Start) -> _Laid:
        frame = self._all.placed.frame
        alike, way = start.agreeing()
        weight = np.maximum(alike, 0) ** FOCUS
        shift = (weight @ way) / max(float(weight.sum()), 1e-9) * frame.step
        there = start.move.inverse()
        map_ = there.then(Affine(np.eye(len(shift)), shift)).then(start.real)
        cells = tuple(n // frame.step for n in frame.shape)
        near = pulled(there.in_cells(frame.step), spread(weight, cells), cells, order=0)
        near = near + FAINT * max(float(near.max()), 1e-9)
        moved = self._moved(start.index, map_, near, MIDDLE)
        rough = compare(self.sight.at(MIDDLE), self._all.structure(start.index, False), *moved)
        return _Laid(start.index, near, rough)

    def finest(self, which: Sequence[int]) -> list[Disguise]:
        """What some of those laid show at full detail; several threads share it, for the other side often has none."""
        sight, real, wanted = self.sight, self._all, [self._laid[k] for k in which]
        common = real.pool.submit(sight.common, FINE)
        sight.structure(FINE)
        others = [
            real.structure(one.index, True) for one in wanted
        ]  # here: a helper may have to ask for them

        def moved(one: _Laid) -> tuple[Affine, int]:
            return self._moved(one.index, one.rough.map, one.near, FINE)

        def compared(other: Structure, at: tuple[Affine, int]) -> Overlay:
            return compare(seen, other, *at)

        each = map if len(wanted) == 1 else real.pool.map  # a thread of its own is for more than one
        places = list(each(moved, wanted))
        common.result()
        seen = sight.at(FINE, real.pool)
        made = each(compared, others, places)
        return [
            disguise_of(real.records[one.index], overlay, self._side, sight.image.shape)
            for one, overlay in zip(wanted, made, strict=True)
        ]

    def _moved(
        self, index: int, start: Affine, near: np.ndarray, cells: dict[int, int]
    ) -> tuple[Affine, int]:
        """The map from the query to a real image, refined where both are ``near`` alike, and -1 for a negative."""
        structure, real = self.sight.structure(cells), self._all.structure(index, cells is FINE)
        for axis, n in enumerate(structure.band.shape):  # from the frame's cells to this overlay's
            cell = ((np.arange(n) + 0.5) * structure.step / self._all.placed.frame.step).astype(int)
            near = near.take(cell, axis=axis, mode="clip")
        made, correlation = refine(structure, real, start, near, close=cells is FINE)
        return made, 1 if correlation >= 0 else -1


def in_turn(name: str, sides: Sequence[Looking], *columns: Sequence[Any]) -> list[Any]:
    """What each of ``sides`` says when it is asked by method ``name``, with arguments from its place in ``columns``."""
    return [getattr(side, name)(*rest) for side, *rest in zip(sides, *columns, strict=True)]


Share = Callable[..., Sequence[Any]]
"""`in_turn`, or what asks all sides at once."""


def disguises(
    real: Real, sides: tuple[Looking, Looking], image: np.ndarray, share: Share = in_turn
) -> tuple[Disguise, ...]:
    """The likeliest disguises of ``image``, best first, looked for from both ``sides``."""
    found = share("starts", sides, [image] * len(sides))
    ranked = sorted(
        (-score, real.rank[index], number, k)
        for number, some in enumerate(found)
        for k, (score, index) in enumerate(some)
    )
    best = -ranked[0][0]
    likely = [r for r in ranked if -r[0] >= best - (1 - LEAST) * abs(best)][: real.candidates]
    chosen = [[k for _, _, number, k in likely if number == one] for one in range(len(sides))]
    rough = share("lay", sides, chosen)
    laid = [(number, place, *alike) for number, some in enumerate(rough) for place, alike in enumerate(some)]
    wanted = {max(laid, key=lambda one: one[what])[:2] for what in (2, 3)}
    places = [sorted(place for number, place in wanted if number == one) for one in range(len(sides))]
    busy = [number for number, some in enumerate(places) if some]
    made = share("finest", [sides[n] for n in busy], [places[n] for n in busy])
    return tuple(sorted((d for some in made for d in some), key=lambda d: -max(d.whole, d.part)))
