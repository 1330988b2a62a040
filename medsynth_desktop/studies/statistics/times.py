"""How long readers took for a case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from medsynth_desktop.core.wilson import CONFIDENCE
from medsynth_desktop.studies.statistics.estimate import Estimate, not_defined


@dataclass(frozen=True)
class CaseTimes:
    """Seconds for each case.

    Attributes
    ----------
    median
        With its interval.
    lower_quartile, upper_quartile
        Linear between two cases, as numpy and R (type 7) have them; NaN without a case.
    total
        Of all cases.
    """

    median: Estimate
    lower_quartile: float
    upper_quartile: float
    total: float


def case_times(seconds: np.ndarray) -> CaseTimes:
    """Return the median and quartiles of (cases,) ``seconds``; NaN take no part.

    Notes
    -----
    The median's interval needs no distribution: between the order statistics l and n + 1 - l with the largest l for
    which the binomial distribution of n and 1/2 puts at most half of 5% below l (Conover 1999, Practical Nonparametric
    Statistics, section 3.2). With fewer than six cases there is none.
    """
    known = np.sort(np.asarray(seconds, float)[~np.isnan(np.asarray(seconds, float))])
    n = len(known)
    if not n:
        return CaseTimes(not_defined("no case was timed"), float("nan"), float("nan"), 0.0)
    lower, middle, upper = (float(q) for q in np.quantile(known, [0.25, 0.5, 0.75]))
    below = int(stats.binom.ppf((1 - CONFIDENCE) / 2, n, 0.5))  # P(X <= below - 1) < 2.5%
    if below < 1:
        median = Estimate(middle, cases=n, undefined="fewer than six cases bound no median")
    else:
        median = Estimate(middle, float(known[below - 1]), float(known[n - below]), "order statistics", n)
    return CaseTimes(median, lower, upper, float(known.sum()))


def reader_times(seconds: np.ndarray) -> tuple[CaseTimes, ...]:
    """Return each reader's `CaseTimes` of (readers, cases) ``seconds``."""
    return tuple(case_times(row) for row in np.atleast_2d(seconds))
