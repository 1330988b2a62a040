"""What the readers chose: how often each option, and how often one of the better ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsynth_desktop.studies.statistics.estimate import Estimate
from medsynth_desktop.studies.statistics.ratings import check_ratings
from medsynth_desktop.studies.statistics.shares import clustered_share, share


@dataclass(frozen=True, slots=True)
class Distribution:
    """How one reader answered one question.

    Attributes
    ----------
    counts
        By option, from the worst, how many cases got it.
    missing
        Cases without an answer.
    """

    counts: tuple[int, ...]
    missing: int = 0

    @property
    def answered(self) -> int:
        """Cases with an answer."""
        return sum(self.counts)

    @property
    def shares(self) -> tuple[Estimate, ...]:
        """The share of each option with Wilson's interval, each for itself."""
        return tuple(share(count, self.answered) for count in self.counts)

    def at_least(self, option: int) -> Estimate:
        """The share of cases at ``option`` or better, counted from 1: C or better of A to D is 3."""
        return share(self.count_at_least(option), self.answered)

    def count_at_least(self, option: int) -> int:
        """How many cases got ``option``, counted from 1, or better.

        Raises
        ------
        ValueError
            When there is no such option.
        """
        if not 1 <= option <= len(self.counts):
            raise ValueError(f"option must lie from 1 to {len(self.counts)}; got {option}")
        return sum(self.counts[option - 1 :])

    @property
    def median(self) -> float:
        """The median option, counted from 1; half between two where it lies there; NaN without an answer."""
        chosen = np.repeat(np.arange(1, len(self.counts) + 1), self.counts)
        return float(np.median(chosen)) if chosen.size else float("nan")


def distributions(ratings: np.ndarray, options: int) -> tuple[Distribution, ...]:
    """Return each reader's distribution of (readers, cases) ``ratings`` from 1 to ``options``, NaN where missing."""
    table = check_ratings(ratings, options)
    return tuple(
        Distribution(
            tuple(int((row == option).sum()) for option in range(1, options + 1)), int(np.isnan(row).sum())
        )
        for row in table
    )


def at_least_by_all(ratings: np.ndarray, options: int, option: int) -> Estimate:
    """Return the share of all readers' answers at ``option`` or better; the interval is clustered on cases.

    It speaks of these readers and of other cases.
    """
    table = check_ratings(ratings, options)
    return clustered_share((table >= option).sum(axis=0), (~np.isnan(table)).sum(axis=0))
