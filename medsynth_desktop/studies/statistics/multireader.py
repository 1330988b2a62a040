"""The mean of several readers' numbers, with intervals that speak of other readers and other cases."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from medsynth_desktop.guard.bootstrap import percentile_ends
from medsynth_desktop.studies.statistics.estimate import (
    NO_SPREAD,
    Estimate,
    not_defined,
    on_scale,
    t_quantile,
)

RESAMPLES = 2000
BLOCK = 200
"""Resamples held at once."""
FEW_READERS = 5
ALL_ALIKE = "all readers and cases are alike, so no spread can be seen"

ByReader = Callable[[np.ndarray], np.ndarray]
"""From (n, cases) weights of the cases to (n, readers) numbers of each reader, NaN where a reader has none."""


def two_way_bootstrap(
    by_reader: ByReader, kinds: np.ndarray, generator: np.random.Generator, resamples: int = RESAMPLES
) -> Estimate:
    """Return the mean over readers with a percentile interval, readers and cases both drawn again with replacement.

    Parameters
    ----------
    by_reader
        The number of each reader when each case weighs as many times as it was drawn.
    kinds
        (cases,) the kind of each case; as many of each kind are drawn as there are.
    generator, resamples
        Where the draws come from, and how many.

    Notes
    -----
    Owen 2007, Annals of Applied Statistics 1:386 (the pigeonhole bootstrap): conservative for what a case and a reader
    share, but it takes the spread of r readers for (r - 1) / r of what it is, so it is too narrow where readers differ
    and are few; `obuchowski_rockette` is not. A single reader is held fixed, and only cases are drawn.
    """
    values = by_reader(np.ones((1, len(kinds))))[0]
    held = np.flatnonzero(np.isfinite(values))
    if not held.size:
        return not_defined("no reader has such a number", len(kinds))
    drawn = []
    for start in range(0, resamples, BLOCK):
        size = min(BLOCK, resamples - start)
        weights = np.zeros((size, len(kinds)))
        for kind in np.unique(kinds):
            members = np.flatnonzero(kinds == kind)
            weights[:, members] = generator.multinomial(
                len(members), np.full(len(members), 1 / len(members)), size
            )
        readers = generator.multinomial(len(held), np.full(len(held), 1 / len(held)), size)
        numbers = by_reader(weights)[:, held]
        counted = np.where(np.isfinite(numbers), readers, 0)
        total = counted.sum(axis=1)
        means = np.divide(
            (counted * np.nan_to_num(numbers)).sum(axis=1), total, out=np.full(size, np.nan), where=total > 0
        )
        drawn.append(means[np.isfinite(means)])
    value, low, high = float(values[held].mean()), *percentile_ends(np.concatenate(drawn))
    if high - low <= NO_SPREAD:
        return Estimate(value, cases=len(kinds), undefined=ALL_ALIKE)
    which = "cases" if held.size == 1 else "readers and cases"
    return Estimate(value, low, high, f"percentile bootstrap clustered on {which}", len(kinds))


def obuchowski_rockette(by_reader: ByReader, kinds: np.ndarray) -> Estimate:
    """Return the mean over readers of a share or an area with an analysis of variance, readers and cases both random.

    Parameters as of `two_way_bootstrap`.

    Notes
    -----
    `reader_and_case_error` with the covariances of the delete-one-case jackknife. The interval is symmetric on the
    logit scale, and never narrower than with these readers held fixed: two or three that happen to be alike would else
    make it so. Needs two readers.
    """
    cases = len(kinds)
    values = by_reader(np.ones((1, cases)))[0]
    held = np.flatnonzero(np.isfinite(values))
    readers = len(held)
    if not readers:
        return not_defined("no reader has such a number", cases)
    value = float(values[held].mean())
    if readers < 2:
        return Estimate(value, cases=cases, undefined="one reader does not show how readers differ")
    left_out = by_reader(1 - np.eye(cases))[:, held]
    if not np.isfinite(left_out).all():
        return Estimate(value, cases=cases, undefined="some reader's number rests on a single case")
    covariance = np.cov(left_out.T) * (cases - 1) ** 2 / cases
    fixed = float(covariance.mean())
    error, freedom = reader_and_case_error(values[held], covariance)
    if max(error**2, fixed) <= NO_SPREAD**2 or value in (0.0, 1.0):
        return Estimate(value, cases=cases, undefined=ALL_ALIKE)
    if t_quantile(freedom) * error < t_quantile(math.inf) * math.sqrt(fixed):
        freedom, error = math.inf, math.sqrt(fixed)
    method = "Obuchowski-Rockette analysis, readers and cases random, on the logit scale"
    return on_scale(value, error, freedom, method, cases, "logit")


def reader_and_case_error(values: np.ndarray, covariance: np.ndarray) -> tuple[float, float]:
    """Return the standard error of the mean of (readers,) ``values``, and its degrees of freedom, for other readers.

    ``covariance`` (readers, readers) is that of the values over cases, readers fixed.

    Notes
    -----
    Obuchowski and Rockette 1995, Communications in Statistics - Simulation 24:285, for one modality, with the degrees
    of freedom of Hillis 2007, Statistics in Medicine 26:596: (MS(R) + r max(Cov, 0)) / r, MS(R) the variance of the
    values and Cov the mean covariance of two readers; freedom (MS(R) + r max(Cov, 0))^2 / (MS(R)^2 / (r - 1)).
    """
    readers = len(values)
    shared = max(float(covariance[~np.eye(readers, dtype=bool)].mean()), 0.0)
    spread = float(values.var(ddof=1))
    total = spread + readers * shared
    # beyond a million Student's t is normal
    freedom = total**2 / (spread**2 / (readers - 1)) if spread**2 * 1e6 > total**2 else math.inf
    return math.sqrt(total / readers), freedom
