"""Krippendorff's alpha: disagreement seen over disagreement by chance, of any number of readers with gaps."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np

from medsynth_desktop.studies.statistics.estimate import (
    NO_SPREAD,
    Estimate,
    jackknife,
    not_defined,
    without_spread,
)
from medsynth_desktop.studies.statistics.ratings import check_ratings, option_counts

Level = Literal["nominal", "ordinal", "interval"]


def krippendorff_alpha(ratings: np.ndarray, options: int, level: Level = "ordinal") -> Estimate:
    """Return alpha = 1 - Do / De of (readers, cases) ``ratings`` from 1 to ``options``, NaN where missing.

    Only cases that two or more readers rated take part. Not defined where all of those answers are alike: without any
    variation nothing shows whether readers can tell cases apart.

    Notes
    -----
    Krippendorff 2011, Computing Krippendorff's alpha-reliability: coincidences of values within cases, and the squared
    difference of values c and k, which is 1 (nominal), (c - k)^2 (interval), or (sum of n_g for g from c to k -
    (n_c + n_k) / 2)^2 with the frequencies n_g of the values (ordinal). Interval: the delete-one-case jackknife with
    Student's t, readers held fixed; it takes in that ordinal differences are themselves estimated. Of 40 cases its
    standard error is some per cent above Gwet's linearised one.

    Raises
    ------
    ValueError
        For a level of another name.
    """
    if level not in get_args(Level):
        raise ValueError(f"level must be one of {', '.join(get_args(Level))}; got {level!r}")
    table = check_ratings(ratings, options)
    counts = option_counts(table, options)
    counts = counts[counts.sum(axis=1) >= 2]
    cases = len(counts)
    if not cases:
        return not_defined(
            "one reader alone cannot agree" if len(table) < 2 else "no case was rated by two readers"
        )
    readers = counts.sum(axis=1)
    # coincidences of each case: ordered pairs of different readers, each case weighing as many values as it has
    seen = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(options)
    seen /= (readers - 1)[:, None, None]
    total = seen.sum(axis=0)
    value = float(_alphas(total[None], level)[0])
    if not math.isfinite(value):
        return not_defined("all readers gave the same option to every case, so there is no variation", cases)
    left_out = _alphas(total - seen, level) if cases > 1 else np.full(1, np.nan)
    if np.isfinite(left_out).all() and np.ptp(left_out) <= NO_SPREAD:
        return without_spread(value, float((total.sum(axis=0) ** 2).sum() / total.sum() ** 2), cases)
    return jackknife(value, left_out, "delete-one-case jackknife")


def _alphas(coincidences: np.ndarray, level: Level) -> np.ndarray:
    """(n,) alphas of (n, options, options) coincidence matrices; NaN where there is no variation."""
    values = coincidences.sum(axis=2)
    total = values.sum(axis=1)
    apart = _differences(values, level)
    observed = (coincidences * apart).sum(axis=(1, 2))
    expected = np.einsum("ni,nij,nj->n", values, apart, values) / (total - 1)
    some = expected > 1e-9
    return np.asarray(np.where(some, 1 - observed / np.where(some, expected, 1.0), np.nan))


def _differences(values: np.ndarray, level: Level) -> np.ndarray:
    """(n, options, options) squared differences of options with the frequencies ``values`` (n, options)."""
    number = np.arange(values.shape[1])
    match level:
        case "nominal":
            return np.broadcast_to(1.0 - np.eye(len(number)), (len(values), len(number), len(number)))
        case "interval":
            return np.broadcast_to(
                np.subtract.outer(number, number) ** 2.0, (len(values), len(number), len(number))
            )
    middle = values.cumsum(axis=1) - values / 2  # so many values lie below the middle of each option
    return np.asarray((middle[:, :, None] - middle[:, None, :]) ** 2)
