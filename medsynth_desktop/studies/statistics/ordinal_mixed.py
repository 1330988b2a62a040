"""Whether synthetic cases are rated unlike real ones by all readers together: an ordinal mixed model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from medsynth_desktop.studies.statistics.estimate import Estimate, around, not_defined
from medsynth_desktop.studies.statistics.laplace import LaplaceLikelihood
from medsynth_desktop.studies.statistics.ratings import check_ratings, check_truth

LIMITS = (
    "Cumulative logit model (proportional odds) with crossed random intercepts of reader and case, fitted by Laplace's "
    "approximation. It takes the difference between synthetic and real to be the same for every reader and between all "
    "options; with two or three readers their spread is hardly known; with few answers a case the approximation "
    "underestimates the spread of cases."
)
TOO_FAR = 10.0
"""An effect, error or deviation beyond this on the logit scale runs away: there is no finite maximum."""


@dataclass(frozen=True)
class MixedFit:
    """A cumulative logit model fitted.

    Attributes
    ----------
    thresholds
        (levels - 1,) on the logit scale.
    coefficients, errors
        (fixed effects,) log odds ratios of a higher option, and their standard errors.
    deviations
        (groups,) standard deviations of the random intercepts.
    log_likelihood
        By Laplace's approximation.
    converged
        Whether the search ended at a maximum.
    """

    thresholds: np.ndarray
    coefficients: np.ndarray
    errors: np.ndarray
    deviations: np.ndarray
    log_likelihood: float
    converged: bool


def fit_cumulative_logit(
    score: np.ndarray, fixed: np.ndarray, groups: Sequence[np.ndarray], errors: bool = True
) -> MixedFit:
    """Fit P(score <= j) = logistic(a_j - x b - sum of the groups' random intercepts) by maximum likelihood.

    Parameters
    ----------
    score
        (n,) ordinal scores; levels that nobody chose have no threshold.
    fixed
        (n, effects) x.
    groups
        For each random intercept the (n,) labels of its group, crossed or nested; none for a model without.
    errors
        Whether the standard errors are needed: they take most of the time.

    Notes
    -----
    `laplace.LaplaceLikelihood`; standard errors from the observed information, differentiated numerically.

    Raises
    ------
    ValueError
        With fewer than two levels of scores.
    """
    levels, place = np.unique(np.asarray(score), return_inverse=True)
    if len(levels) < 2:
        raise ValueError("a model of ordinal scores needs at least two different scores")
    numbered = [np.unique(np.asarray(group), return_inverse=True)[1] for group in groups]
    likelihood = LaplaceLikelihood(place, len(levels), np.asarray(fixed, float), numbered)
    found = optimize.minimize(
        likelihood, likelihood.start(), method="BFGS", jac="3-point", options={"gtol": 1e-5}
    )
    best = found.x
    covariance = _inverse(_hessian(likelihood, best)) if errors else np.full((len(best),) * 2, np.nan)
    where = slice(len(levels) - 1, len(levels) - 1 + fixed.shape[1])
    return MixedFit(
        likelihood.thresholds(best),
        likelihood.coefficients(best),
        np.sqrt(np.diag(covariance)[where]),
        likelihood.deviations(best),
        -float(found.fun),
        bool(found.success or np.abs(found.jac).max() < 1e-3),
    )


@dataclass(frozen=True)
class OrdinalDifference:
    """Synthetic against real by the ordinal mixed model.

    Attributes
    ----------
    log_odds
        Log odds ratio of a better option for a synthetic case; 0 is no difference, below 0 is worse.
    p_value
        Two-sided, of the likelihood ratio; NaN where not defined.
    reader_deviation, case_deviation
        Standard deviations of the random intercepts on the logit scale; NaN where the model has none.
    limits
        What the model takes for granted, for the methods paragraph.
    """

    log_odds: Estimate
    p_value: float
    reader_deviation: float
    case_deviation: float
    limits: str = LIMITS

    @property
    def odds_ratio(self) -> Estimate:
        """The odds ratio of a better option, with its interval; 1 is no difference."""
        known = self.log_odds
        value, low, high = (math.exp(x) for x in (known.value, known.low, known.high))  # exp(nan) is nan
        return Estimate(value, low, high, known.method, known.cases, known.undefined)


def ordinal_difference(ratings: np.ndarray, options: int, synthetic: np.ndarray) -> OrdinalDifference:
    """Compare the ratings of synthetic and real cases by a cumulative logit model with crossed random intercepts.

    Parameters
    ----------
    ratings
        (readers, cases) from 1, the worst, to ``options``, NaN where missing.
    synthetic
        (cases,) the truth.

    Notes
    -----
    The interval is Wald's with Student's t of cases - 2 degrees of freedom, for it is cases that are compared.
    A single reader leaves a model without random intercepts: one answer a case cannot tell them from chance.
    """
    table = check_ratings(ratings, options)
    truth = check_truth(synthetic, table.shape[1])
    reader, case = np.nonzero(~np.isnan(table))
    score, kind = table[reader, case], truth[case].astype(float)
    cases = len(np.unique(case))
    if not score.size or np.ptp(score) == 0:
        return _nothing("all answers are the same" if score.size else "nothing was answered", cases)
    if np.ptp(kind) == 0:
        return _nothing("cases of only one kind were answered", cases)
    several = len(np.unique(reader)) > 1
    groups = [reader, case] if several else []
    fit = fit_cumulative_logit(score, kind[:, None], groups)
    value, error = float(fit.coefficients[0]), float(fit.errors[0])
    by_reader, by_case = (float(s) for s in fit.deviations) if several else (math.nan, math.nan)
    if (
        not fit.converged
        or not math.isfinite(error)
        or max(error, abs(value), *fit.deviations, 0.0) > TOO_FAR
    ):
        reason = (
            "the model has no finite maximum: the answers to the two kinds do not overlap, or are too few"
        )
        return _nothing(reason, cases)
    without = fit_cumulative_logit(score, np.zeros((len(score), 0)), groups, errors=False)
    ratio = max(0.0, 2 * (fit.log_likelihood - without.log_likelihood))
    method = (
        "cumulative logit mixed model, Laplace approximation, Wald interval"
        if several
        else "cumulative logit model"
    )
    return OrdinalDifference(
        around(value, error, max(cases - 2, 1), method, cases, -math.inf, math.inf),
        float(stats.chi2.sf(ratio, 1)),
        by_reader,
        by_case,
    )


def _nothing(reason: str, cases: int) -> OrdinalDifference:
    return OrdinalDifference(not_defined(reason, cases), math.nan, math.nan, math.nan)


def _hessian(function: LaplaceLikelihood, at: np.ndarray) -> np.ndarray:
    """Second derivatives by central differences."""
    steps = 1e-3 * np.maximum(1.0, np.abs(at))
    made = np.zeros((len(at), len(at)))
    moves = np.diag(steps)
    for i in range(len(at)):
        for j in range(i, len(at)):
            ends = [
                function(at + a * moves[i] + b * moves[j]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))
            ]
            made[i, j] = made[j, i] = (ends[0] - ends[1] - ends[2] + ends[3]) / (4 * steps[i] * steps[j])
    return made


def _inverse(information: np.ndarray) -> np.ndarray:
    """The covariance; NaN where the information is none, for then there is no maximum."""
    lost = np.full(information.shape, np.nan)
    if not np.isfinite(information).all():
        return lost
    values = np.linalg.eigvalsh(information)
    return np.asarray(np.linalg.inv(information)) if values[0] > 1e-8 * values[-1] else lost
