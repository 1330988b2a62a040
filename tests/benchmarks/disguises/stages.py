"""Where a copy that was missed got lost: not among the candidates, laid wrongly, or laid rightly and under the limits.

Looks inside `medsynth_desktop.similarity.disguised.search`, as a development tool may.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.placed import strong
from medsynth_desktop.similarity.disguised.search import CANDIDATES, DisguisedSearch, _Start
from medsynth_desktop.similarity.disguised.structure import MIDDLE, structure_of
from tests.benchmarks.disguises.patients import Patients
from tests.benchmarks.disguises.planting import Query, way_of


@dataclass(frozen=True)
class Trace:
    """What became of the copied image in the search.

    Attributes
    ----------
    rank
        Its place among all candidates (0 the best), whatever pose and side it was compared in.
    score, last
        Its score, and that of the last candidate that is laid over the query.
    pose, side
        In which it scored best: ``frame`` or ``unmoved``, 1 or -1.
    whole, part
        The highest values of its overlays when all four of its starts are laid finely.
    missed_by
        Mean distance, in voxels, of the overlay with the highest part from the truth; None where it is not known.
    framed
        Mean distance between where the frame says a query's voxel lies in the real image, and where it does.
    """

    rank: int
    score: float
    last: float
    pose: str
    side: int
    whole: float
    part: float
    missed_by: float | None
    framed: float | None

    def sentence(self, limits: dict[str, float]) -> str:
        """Which stage lost it, in words."""
        compared = f"score {self.score:.3f}, {self.pose}, side {self.side}; the last laid {self.last:.3f}"
        told = f"rank {self.rank} ({compared})"
        laid = f"laid: whole {self.whole:.3f}, part {self.part:.3f}"
        away = "" if self.missed_by is None else f", {self.missed_by:.1f} voxels off"
        frame = "" if self.framed is None else f"; by the frame alone {self.framed:.1f} voxels off"
        within = self.whole <= limits["aligned"] and self.part <= limits["part"]
        stage = "NO CANDIDATE" if self.rank >= CANDIDATES else "candidate"
        if within:
            stage += ", LAID WRONGLY" if (self.missed_by or 0) > 2 else ", UNDER THE LIMITS"
        return f"{stage}: {told}; {laid}{away}{frame}"


def trace(search: DisguisedSearch, patients: Patients, query: Query) -> Trace:
    """Follow the copied image of ``query`` through the search, which has been asked before."""
    placed, image, truth = search._placed, query.image(patients), query.source
    assert placed is not None
    scored, starts = [], []
    still = Affine(np.eye(image.ndim), np.zeros(image.ndim))
    for side in (1, -1):
        seen = image[::side]
        move = placed.frame.place_any(seen)
        for pose, known, band in (
            ("frame", placed.blocks, placed.frame.canonical(seen, move)),
            ("unmoved", placed.unmoved, structure_of(seen, MIDDLE)),
        ):
            scores, alike, way = search._compare(known, strong(band))
            best = np.argsort(-scores, kind="stable")[:CANDIDATES]
            scored += [(float(scores[i]), int(i)) for i in {*best.tolist(), truth}]
            there = (move, placed.maps[truth]) if pose == "frame" else (still, still)
            start = _Start(truth, side, *there, move, alike[:, truth], way[:, truth])
            starts.append((float(scores[truth]), pose, start))
    scored.sort(key=lambda s: -s[0])
    score, pose, first = max(starts, key=lambda s: s[0])
    laid = [search._finest(image, search._lay(image, start)) for _, _, start in starts]
    likest = max(laid, key=lambda d: d.part)
    framed = min(starts[:3:2], key=lambda s: -s[0])[2]
    mirror = Affine(np.eye(image.ndim), np.zeros(image.ndim))
    if framed.side < 0:
        flip = np.eye(image.ndim)
        flip[0, 0] = -1
        mirror = Affine.about(flip, image.shape)
    by_frame = mirror.then(framed.move.inverse()).then(framed.real)
    return Trace(
        next(n for n, (_, i) in enumerate(scored) if i == truth),
        score,
        scored[CANDIDATES - 1][0],
        pose,
        first.side,
        max(d.whole for d in laid),
        likest.part,
        _error(Affine(np.array(likest.matrix), np.array(likest.offset)), query, patients),
        _error(by_frame, query, patients),
    )


def _error(map_: Affine, query: Query, patients: Patients) -> float | None:
    truth = way_of(query, patients)
    if truth is None or not truth[1].any():
        return None
    places, inside = truth
    return float(np.linalg.norm(map_(np.argwhere(inside)) - places[:, inside].T, axis=1).mean())
