"""Where a copy that was missed got lost: not among the candidates, laid wrongly, or laid rightly and under the limits.

Looks inside `medsynth_desktop.similarity.disguised.search`, as a development tool may.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.progress import drain
from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.sides import CANDIDATES, Side
from tests.benchmarks.disguises.patients import Patients
from tests.benchmarks.disguises.planting import Query, way_of
from tests.benchmarks.disguises.searches import block_scores, disguised


@dataclass(frozen=True)
class Trace:
    """What became of the copied image in the search.

    Attributes
    ----------
    rank
        How many real images have a higher score of their blocks.
    score, last
        Its score, and that of the last image that the search lays over a query.
    laid
        Of each of its starts side, whole, part, and mean distance in voxels of the overlay from the truth (None where
        the truth is not known).
    """

    rank: int
    score: float
    last: float
    laid: list[tuple[int, float, float, float | None]]

    def sentence(self, limits: dict[str, float]) -> str:
        """Which stage lost it, in words."""
        best = max(self.laid, key=lambda one: one[2])
        over = [one for one in self.laid if one[1] > limits["aligned"] or one[2] > limits["part"]]
        stage = "candidate" if self.rank < CANDIDATES else "NO CANDIDATE"
        if not over:
            stage += ", LAID WRONGLY" if (best[3] or 0) > 2 else ", UNDER THE LIMITS"
        starts = "; ".join(
            f"side {side}: whole {whole:.3f}, part {part:.3f}"
            + ("" if away is None else f", {away:.1f} voxels off")
            for side, whole, part, away in self.laid
        )
        return f"{stage}: rank {self.rank}, score {self.score:.3f}, the last laid {self.last:.3f}; laid from {starts}"


class Tracing:
    """The search with no end to its candidates."""

    def __init__(self, patients: Patients) -> None:
        self._patients, self._search = patients, disguised(patients, candidates=1 << 30)
        with ThreadPoolExecutor(2) as pool:
            self._opened = self._search._real = drain(self._search._open(pool))

    def trace(self, query: Query) -> Trace:
        """Follow the copied image of ``query``."""
        image = np.asarray(query.image(self._patients), np.float32)
        scores = block_scores(self._search, image)
        laid = []
        for number in (1, -1):
            side = Side(self._opened, number)
            own = [k for k, (_, index) in enumerate(side.starts(image)) if index == query.source]
            side.lay(own)
            for made in side.finest(range(len(own))):
                away = _error(Affine(np.array(made.matrix), np.array(made.offset)), query, self._patients)
                laid.append((number, made.whole, made.part, away))
        own_score, last = float(scores[query.source]), float(np.sort(scores)[-min(CANDIDATES, len(scores))])
        return Trace(int((scores > own_score).sum()), own_score, last, laid)


def _error(map_: Affine, query: Query, patients: Patients) -> float | None:
    truth = way_of(query, patients)
    if truth is None or not truth[1].any():
        return None
    places, inside = truth
    return float(np.linalg.norm(map_(np.argwhere(inside)) - places[:, inside].T, axis=1).mean())
