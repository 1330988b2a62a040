"""Raw agreement and Gwet's AC1 and AC2, which stay sane where nearly all answers are alike."""

from __future__ import annotations

import math

import numpy as np

from medsynth_desktop.studies.statistics.estimate import (
    NO_SPREAD,
    Estimate,
    not_defined,
    on_scale,
    satterthwaite,
    without_spread,
)
from medsynth_desktop.studies.statistics.ratings import check_ratings, option_counts
from medsynth_desktop.studies.statistics.shares import clustered_share
from medsynth_desktop.studies.statistics.weights import Weighting, agreement_weights

NOBODY = "no case was rated by two readers"


def raw_agreement(ratings: np.ndarray, options: int) -> Estimate:
    """Return the share of pairs of readers who chose the same option, averaged over the cases that two or more rated.

    ``ratings`` is (readers, cases) from 1 to ``options``, NaN where missing. The interval is that of
    `shares.clustered_share`, readers held fixed; of two readers it is Wilson's.
    """
    counts = option_counts(check_ratings(ratings, options), options)
    agreed = _pairs(counts, np.eye(options))
    paired = np.isfinite(agreed)
    readers = counts[paired].sum(axis=1)
    if not paired.any():
        return not_defined("one reader alone cannot agree" if len(ratings) < 2 else NOBODY)
    return clustered_share(agreed[paired], np.ones(len(readers)), float((readers * (readers - 1) / 2).sum()))


def gwet_ac(
    ratings: np.ndarray, options: int, weighting: Weighting = "quadratic", clusters: np.ndarray | None = None
) -> Estimate:
    """Return Gwet's AC1 ("identity") or AC2 (another weighting) of any number of readers, answers may be missing.

    Parameters
    ----------
    ratings
        (readers, cases) from 1 to ``options``, NaN where missing. Options that nobody chose count as well.
    clusters
        (cases,) labels of cases that belong together, such as one image rated by several; each case is its own without.

    Notes
    -----
    (pa - pe) / (1 - pe), pe = sum(w) / (q (q - 1)) x sum_k pi_k (1 - pi_k), pi_k the mean share of option k. Linearised
    standard error, readers held fixed: Gwet 2008, British Journal of Mathematical and Statistical Psychology 61:29;
    with missing answers Gwet 2014, Handbook of Inter-Rater Reliability, 4th edition, chapters 2 and 5. He takes a plain
    interval with n - 1 degrees of freedom; here it is one on Fisher's z with those of `estimate.satterthwaite`.
    Defined, unlike kappa, where all answers are alike: it is 1 then.
    """
    table = check_ratings(ratings, options)
    rated = (~np.isnan(table)).any(axis=0)
    counts = option_counts(table[:, rated], options)
    weights = agreement_weights(options, weighting)
    agreed = _pairs(counts, weights)
    paired = np.isfinite(agreed)
    if not paired.any():
        return not_defined("one reader alone cannot agree" if len(table) < 2 else NOBODY)
    cases, readers = len(counts), counts.sum(axis=1, keepdims=True)
    prevalence = (counts / readers).mean(axis=0)
    scale = weights.sum() / (options * (options - 1))
    chance = float(scale * (prevalence * (1 - prevalence)).sum())
    value = (float(agreed[paired].mean()) - chance) / (1 - chance)
    own = np.where(paired, np.nan_to_num(agreed) - chance, 0.0) * cases / paired.sum() / (1 - chance)
    by_chance = scale * ((counts / readers) @ (1 - prevalence))
    influence = own - 2 * (1 - value) * (by_chance - chance) / (1 - chance) - value
    labels = (
        np.arange(cases)
        if clusters is None
        else np.unique(np.asarray(clusters)[rated], return_inverse=True)[1]
    )
    summed = np.bincount(labels, influence)
    groups = len(summed)
    if groups < 2:
        return Estimate(value, cases=cases, undefined="it rests on a single case")
    error = math.sqrt(groups / (groups - 1) * float((summed**2).sum())) / cases
    if error <= NO_SPREAD:
        return without_spread(value, chance, groups)
    method = "linearised standard error of Gwet, Student's t on Fisher's z"
    return on_scale(value, error, satterthwaite(summed), method, cases, "z")


def _pairs(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(cases,) weighted agreement of the pairs of readers of each case; NaN where there is no pair."""
    readers = counts.sum(axis=1)
    agreed = (counts * (counts @ weights - 1)).sum(axis=1)
    return np.asarray(
        np.divide(agreed, readers * (readers - 1), out=np.full(len(counts), np.nan), where=readers >= 2)
    )
