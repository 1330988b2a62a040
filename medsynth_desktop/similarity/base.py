"""What every metric of the guard is: a number of a query's nearest real images, and its risky side."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import Disguise, ImageRecord, Match, Nearest, Neighbour

if TYPE_CHECKING:
    import numpy as np

Direction = Literal["high", "low"]

SMALL_SHARE = 0.1
"""Share of the false blocks that a metric may spend beside the published three: ten of them cost as much as one."""
MOST_DIGITS = 9
"""Digits after the point beyond which two printed values are allowed to look alike."""


def highest_correlation(nearest: Nearest) -> float:
    """Return the highest Pearson correlation with any real image, -1 to 1 (NaN without one).

    The search measures it over the whole split; without its word it is the best of the listed neighbours.
    """
    return nearest.metrics.get(
        "correlation", max((n.correlation for n in nearest.neighbours), default=math.nan)
    )


def most_correlated(nearest: Nearest) -> Neighbour | None:
    """Return the listed neighbour that has the highest correlation, or None where it is not listed."""
    value = highest_correlation(nearest)
    return next((n for n in nearest.neighbours if n.correlation == value), None)


def standing_out(best: float, other: float) -> float:
    """Return the patient-aware Lowe's ratio ``other / best``.

    ``best`` is the highest correlation with any real image, ``other`` the highest with an image of any OTHER
    patient than that image's; low where one patient stands out. Where even the best correlation is negative
    the quotient is at least 1: nothing stands out. It is NaN where ``best`` is exactly 0, or ``other`` is
    NaN because the split holds one patient only.

    Source: Lowe 2004 for the ratio; Melacini, memorization in 3D LDMs of head CT, for its use on
    correlations; taken between patients here, because repeat scans of one patient hide a copy from the plain
    ratio.
    """
    return other / best if best != 0 else math.nan


def nearest_of(id_: str, found: Sequence[Neighbour], k: int, metric: str) -> Nearest:
    """Put the exact values of one query's likeliest real images in order, and say what they say together."""
    by_correlation = sorted(found, key=lambda n: (-n.correlation, n.rmse, n.image))
    by_rmse = sorted(found, key=lambda n: (n.rmse, -n.correlation, n.image))
    best = by_correlation[0]
    other = next((n.correlation for n in by_correlation if n.patient != best.patient), math.nan)
    ratio = standing_out(best.correlation, other)
    order = by_correlation if metric == "correlation" else by_rmse
    metrics = {"correlation": best.correlation, "rmse": by_rmse[0].rmse, "lowe_ratio": ratio}
    return Nearest(id_, tuple(order[:k]), ratio, metrics)


def nothing_more(nearest: Nearest) -> str:
    """Say nothing."""
    return ""


class Witness(Protocol):
    """A search of its own over the real images of a split, which adds to what the exact search found.

    Attributes
    ----------
    keys
        Keys of the metrics whose values it adds to `Nearest.metrics`.
    fingerprint
        What its values depend on besides the images and the query: settings, weights. Limits and stored evidence are
        only good for the fingerprint that they were measured with.
    """

    @property
    def keys(self) -> tuple[str, ...]:
        """See the class."""

    @property
    def fingerprint(self) -> str:
        """See the class."""

    def testify(
        self, queries: Sequence[tuple[str, np.ndarray]], found: Sequence[Nearest]
    ) -> Steps[list[Nearest]]:
        """Return ``found`` (one for each query) with its own values, and whom they speak of, added."""


class Search(Protocol):
    """Real images that can be searched: exactly, or with the evidence of witnesses too."""

    @property
    def records(self) -> tuple[ImageRecord, ...]:
        """Records of the real images."""

    @property
    def fingerprint(self) -> str:
        """What the values depend on besides images and queries; "" for exact values, which depend on nothing else."""

    def image(self, index: int) -> np.ndarray:
        """The real image of ``records[index]``."""

    def query(self, queries: Sequence[tuple[str, np.ndarray]]) -> Steps[list[Nearest]]:
        """What is nearest to each query, with the values of the metrics that this search knows."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One measure of likeness.

    Attributes
    ----------
    key, label, unit
        Name in records and policies, name on the screen, unit ("" where there is none).
    short
        Name where little room is: titles of columns, captions; "" for the first word of the label.
    direction
        The risky side: ``high`` where a large value means a likely copy, ``low`` where a small one does.
    range
        Lowest and highest value of a slider.
    digits
        Digits after the point on the screen.
    description
        One sentence for a clinician.
    function
        From a query's `Nearest` to the value; NaN where it is not defined.
    neighbour
        The real image that the value speaks of, or None where it is not among the listed neighbours.
    undefined
        Why the value can be NaN, as the end of a sentence ("because ...").
    optional
        Whether a search may leave it out: then it has no limit, and nothing is said of it.
    explain
        A sentence that says more of a value beyond its limit, or "".
    share
        Part of the asked share of innocent images that this metric may block: with every metric at the asked quantile
        the false blocks would add up. The published metrics spend all of it, as published.
    """

    key: str
    label: str
    direction: Direction
    range: tuple[float, float]
    description: str
    function: Callable[[Nearest], float]
    unit: str = ""
    digits: int = 3
    neighbour: Callable[[Nearest], Neighbour | Disguise | Match | None] = most_correlated
    undefined: str = ""
    optional: bool = False
    explain: Callable[[Nearest], str] = nothing_more
    share: float = SMALL_SHARE
    short: str = ""

    @property
    def title(self) -> str:
        """Name of a column."""
        return self.short or self.label.split()[0]

    def __call__(self, nearest: Nearest) -> float:
        """Value of ``nearest``."""
        return self.function(nearest)

    def measured(self, nearest: Nearest) -> bool:
        """Whether anything looked for it: an `optional` metric is only spoken of where its search was asked."""
        return not self.optional or self.key in nearest.metrics

    def beyond(self, value: float, limit: float) -> bool:
        """Whether ``value`` lies strictly on the risky side of ``limit``; never for NaN."""
        return value > limit if self.direction == "high" else value < limit

    def quantile(self, asked: float) -> float:
        """Quantile of unseen images at which the block limit lies, where the published metrics' lie at ``asked``."""
        return asked if self.share == 1 else 1 - (1 - asked) * self.share

    def format(self, value: float, *apart_from: float) -> str:
        """Value and unit as text, told apart from ``apart_from`` and from the ends of the range.

        So 0.9999996 is not shown as 1, nor 0.91204 as "beyond 0.912".
        """
        if not math.isfinite(value):
            return "not defined"
        others = [other for other in (*apart_from, *self.range) if other != value]
        for digits in range(self.digits, MOST_DIGITS + 1):
            text = f"{value:.{digits}f}"
            if all(text != f"{o:.{digits}f}" for o in others):
                break
        return f"{text} {self.unit}".strip()
