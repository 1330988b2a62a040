"""Cohen's kappa, weighted or not, of two readers, and its mean over the pairs of more."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

from medsynth_desktop.studies.statistics.estimate import (
    NO_SPREAD,
    Estimate,
    around,
    jackknife,
    not_defined,
    without_spread,
)
from medsynth_desktop.studies.statistics.ratings import check_ratings
from medsynth_desktop.studies.statistics.weights import Weighting, agreement_weights

ALL_ALIKE = "both readers gave the same option to every case, so agreement by chance is complete"


def kappa_of_table(table: np.ndarray, weights: np.ndarray) -> Estimate:
    """Return weighted kappa of a contingency table with the large-sample standard error.

    Parameters
    ----------
    table
        (options, options) how many cases got option i by the first reader and j by the second.
    weights
        (options, options) agreement weights, 1 on the diagonal (`weights.agreement_weights`).

    Notes
    -----
    kappa = (po - pe) / (1 - pe) with po = sum w_ij p_ij and pe = sum w_ij p_i. p_.j (Cohen 1968, Psychological Bulletin
    70:213). Standard error: Fleiss, Cohen and Everitt 1969, Psychological Bulletin 72:323, the one for an interval;
    theirs for a test against 0 is another. Not defined where pe is 1.
    """
    total = float(table.sum())
    if not total:
        return not_defined("no case was rated by both readers")
    p = table / total
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, chance = float((weights * p).sum()), float(rows @ weights @ columns)
    if math.isclose(chance, 1.0, abs_tol=1e-12):
        return not_defined(ALL_ALIKE, int(total))
    value = (observed - chance) / (1 - chance)
    margins = (weights @ columns)[:, None] + (rows @ weights)[None, :]
    spread = (p * (weights - margins * (1 - value)) ** 2).sum() - (value - chance * (1 - value)) ** 2
    error = math.sqrt(max(float(spread), 0.0) / total) / (1 - chance)
    method = "large-sample standard error of Fleiss, Cohen and Everitt"
    made = around(value, error, math.inf, method, int(total))
    return made if error > NO_SPREAD else without_spread(value, chance, int(total))


def contingency(first: np.ndarray, second: np.ndarray, options: int) -> np.ndarray:
    """(options, options) counts of cases by the options of two readers; cases that one of them left out are none."""
    both = ~(np.isnan(first) | np.isnan(second))
    table = np.zeros((options, options))
    np.add.at(table, (first[both].astype(int) - 1, second[both].astype(int) - 1), 1)
    return table


def weighted_kappa(ratings: np.ndarray, options: int, weighting: Weighting = "quadratic") -> Estimate:
    """Return Cohen's weighted kappa of two readers, or the mean of all pairs of more (Light 1971).

    Parameters
    ----------
    ratings
        (readers, cases) from 1 to ``options``, NaN where missing; of each pair those cases count that both rated.
    weighting
        "identity" for the unweighted kappa, "linear", "quadratic" or "ordinal".

    Notes
    -----
    Light 1971, Psychological Bulletin 76:365, for the mean of pairs. Interval: the delete-one-case jackknife, readers
    held fixed (`estimate.jackknife`), for two readers as well: with 40 cases and top-heavy answers the large-sample
    interval of `kappa_of_table` held the true value in 85% of studies instead of 95%.
    """
    table = check_ratings(ratings, options)
    weights = agreement_weights(options, weighting)
    if len(table) < 2:
        return not_defined("one reader alone cannot agree")
    return _mean_of_pairs(table, options, weights)


def pairwise_kappa(
    ratings: np.ndarray, options: int, weighting: Weighting = "quadratic"
) -> dict[tuple[int, int], Estimate]:
    """Return weighted kappa of every pair of readers, by their rows in ``ratings`` (readers, cases)."""
    table = check_ratings(ratings, options)
    weights = agreement_weights(options, weighting)
    return {
        (i, j): _mean_of_pairs(table[[i, j]], options, weights) for i, j in combinations(range(len(table)), 2)
    }


def _mean_of_pairs(table: np.ndarray, options: int, weights: np.ndarray) -> Estimate:
    """Light's mean of pairs with its jackknife interval."""
    table = table[:, (~np.isnan(table)).sum(axis=0) >= 2]
    cases = table.shape[1]
    whole, left_out, chance = np.zeros(1), np.zeros(cases), 0.0
    pairs = list(combinations(range(len(table)), 2))
    for i, j in pairs:
        counts = contingency(table[i], table[j], options)
        both = np.flatnonzero(~(np.isnan(table[i]) | np.isnan(table[j])))
        without = np.broadcast_to(counts, (cases, options, options)).copy()
        without[both, table[i, both].astype(int) - 1, table[j, both].astype(int) - 1] -= 1
        whole += _kappas(counts[None], weights)
        left_out += _kappas(without, weights)
        chance += _by_chance(counts, weights)
    value = float(whole[0] / len(pairs))
    if not math.isfinite(value):
        lost = ALL_ALIKE if cases else "no case was rated by two readers"
        return not_defined(lost if len(pairs) == 1 else f"of some pair of readers: {lost}", cases)
    if np.ptp(left_out) > NO_SPREAD:
        return jackknife(value, left_out / len(pairs), "delete-one-case jackknife")
    return without_spread(value, chance / len(pairs), cases)


def _by_chance(counts: np.ndarray, weights: np.ndarray) -> float:
    """Weighted agreement by chance of one table of counts; NaN where it is empty."""
    total = float(counts.sum())
    return float(counts.sum(axis=1) @ weights @ counts.sum(axis=0)) / total**2 if total else math.nan


def _kappas(tables: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(n,) weighted kappas of (n, options, options) counts; NaN where not defined."""
    total = tables.sum(axis=(1, 2))
    p = tables / np.where(total > 0, total, np.nan)[:, None, None]
    observed = (p * weights).sum(axis=(1, 2))
    chance = np.einsum("ni,ij,nj->n", p.sum(axis=2), weights, p.sum(axis=1))
    free = np.where(np.isclose(chance, 1.0, rtol=0, atol=1e-12), np.nan, 1 - chance)
    return np.asarray((observed - chance) / free)
