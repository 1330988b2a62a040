"""Whether synthetic cases were rated unlike real ones: Mann and Whitney's test, with the size of the difference."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from scipy import stats

from medsynth_desktop.studies.statistics.estimate import Estimate
from medsynth_desktop.studies.statistics.multireader import RESAMPLES
from medsynth_desktop.studies.statistics.ratings import check_truth
from medsynth_desktop.studies.statistics.recognition import MeanOverReaders, area_by_reader, mean_over_readers
from medsynth_desktop.studies.statistics.roc import empirical_auc


@dataclass(frozen=True)
class MannWhitney:
    """Two groups of scores compared.

    Attributes
    ----------
    u
        Pairs in which the synthetic case was rated higher, ties counting half, of ``synthetic`` x ``real``.
    p_value
        Two-sided; NaN where it is not defined.
    exact
        Whether it comes from the permutations themselves (small groups without ties), not from the normal distribution.
    superiority
        u over all pairs: the probability that a synthetic case is rated above a real one. 0.5 is no difference.
    synthetic, real
        How many scores of each.
    """

    u: float
    p_value: float
    exact: bool
    superiority: Estimate
    synthetic: int
    real: int

    @property
    def cliffs_delta(self) -> Estimate:
        """2 x superiority - 1 (Cliff 1993), also the rank-biserial correlation: from -1 to 1, 0 is no difference."""
        known = self.superiority
        return Estimate(
            2 * known.value - 1, 2 * known.low - 1, 2 * known.high - 1, known.method, known.cases, known.undefined,
            2 * known.error,
        )  # fmt: skip


def mann_whitney(synthetic: np.ndarray, real: np.ndarray) -> MannWhitney:
    """Compare (n,) scores of synthetic cases with (m,) of real ones; NaN take no part.

    Notes
    -----
    Mann and Whitney 1947, Annals of Mathematical Statistics 18:50, through scipy: exact for groups of which one has at
    most 8 scores when there are no ties, else normal with corrections for ties and continuity. One reader's scores of
    different cases are independent; several readers' of one case are not, so pool none of them (`compare_kinds`).
    """
    synthetic, real = (np.asarray(x, float)[~np.isnan(np.asarray(x, float))] for x in (synthetic, real))
    n, m = len(synthetic), len(real)
    area = empirical_auc(synthetic, real)
    both = np.concatenate([synthetic, real])
    if not n or not m or np.ptp(both) == 0:
        return MannWhitney(area.value * n * m, math.nan, False, area, n, m)
    exact = min(n, m) <= 8 and len(np.unique(both)) == n + m
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # scipy tells of a p-value that cannot be trusted by a warning only
        made = stats.mannwhitneyu(synthetic, real, method="exact" if exact else "asymptotic")
    return MannWhitney(float(made.statistic), float(made.pvalue), exact, area, n, m)


@dataclass(frozen=True)
class Comparison:
    """Synthetic against real cases.

    Attributes
    ----------
    readers
        Each reader's.
    cases
        Of each case's mean over its readers: one score for each case, so nothing is counted twice.
    superiority
        The readers' superiorities' mean; its intervals speak of other readers and other cases.
    """

    readers: tuple[MannWhitney, ...]
    cases: MannWhitney
    superiority: MeanOverReaders


def compare_kinds(
    ratings: np.ndarray, synthetic: np.ndarray, generator: np.random.Generator, resamples: int = RESAMPLES
) -> Comparison:
    """Compare the ratings of synthetic and real cases.

    ``ratings`` is (readers, cases), NaN where missing, and ``synthetic`` (cases,) the truth; ``generator`` and
    ``resamples`` are the bootstrap's.
    """
    table = np.asarray(ratings, float)
    truth = check_truth(synthetic, table.shape[1])
    given = ~np.isnan(table)
    count = given.sum(axis=0)
    mean = np.divide(np.nansum(table, axis=0), count, out=np.full(len(truth), np.nan), where=count > 0)
    return Comparison(
        tuple(mann_whitney(row[truth], row[~truth]) for row in table),
        mann_whitney(mean[truth], mean[~truth]),
        mean_over_readers(area_by_reader(table, truth), truth, generator, resamples),
    )
