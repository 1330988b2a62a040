"""FID: the Frechet distance of two sets of features, each taken as a normal distribution.

Source: Heusel et al. 2017 (arXiv:1706.08500): d^2 = |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)).

MONAI's `get_fid_score` is the same formula through `scipy.linalg.sqrtm` of S_a S_b. With fewer images than features,
which is the rule here, that product is singular: its root then carries errors, prints to stdout, or is refused for an
imaginary part. Where S = R'R, tr (S_a S_b)^(1/2) is the sum of the singular values of R_a R_b', which needs no root of
a matrix, is exact at any rank, and is as small as the smaller set.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.guard.bootstrap import patient_draws, percentile_ends

RESAMPLES = 200
"""Draws behind an interval: each is a decomposition, so fewer than where a draw is a mean."""
SUBSETS = 50
"""Random subsets behind a distance at a smaller number of images."""


def frechet_distance(
    a: np.ndarray, b: np.ndarray, weights: tuple[np.ndarray | None, np.ndarray | None] = (None, None)
) -> float:
    """Return the squared Frechet distance of two sets of rows, as FID is told.

    Parameters
    ----------
    a, b
        (n, L) and (m, L) features.
    weights
        (n,) and (m,): how often each row counts; None: once.

    Returns
    -------
    float
        At least 0. NaN where a side counts fewer than two rows, which have no covariance.
    """
    sides = [_moments(rows, weight) for rows, weight in zip((a, b), weights, strict=True)]
    if any(side is None for side in sides):
        return float("nan")
    (mean_a, root_a), (mean_b, root_b) = (side for side in sides if side is not None)
    spread = np.square(root_a).sum() + np.square(root_b).sum()
    common = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    return max(0.0, float(np.square(mean_a - mean_b).sum() + spread - 2 * common))


def _moments(rows: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Mean (L,) and R (at most L, L) with R'R the covariance, by the count less one; None for fewer than two."""
    rows = np.asarray(rows, np.float64)
    counts = np.ones(len(rows)) if weight is None else np.asarray(weight, np.float64)
    there = counts > 0
    rows, counts = rows[there], counts[there]
    total = counts.sum()
    if total < 2:
        return None
    mean = counts @ rows / total
    root = (rows - mean) * np.sqrt(counts / (total - 1))[:, None]
    return mean, root if len(root) <= rows.shape[1] else np.asarray(np.linalg.qr(root, mode="r"))


def frechet_interval(
    a: np.ndarray,
    b: np.ndarray,
    owners: tuple[Sequence[str], Sequence[str]],
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
    message: str = "FID",
) -> Steps[tuple[float, float]]:
    """95% bootstrap interval of `frechet_distance`: where other images and patients would put it.

    Parameters
    ----------
    owners
        Whose each row is: whole patients are drawn again on either side.

    Notes
    -----
    A resample repeats rows, so its covariances have less rank than the sample's, and its distance is larger by about
    as much as the sample's own is too large. The interval is therefore the spread of the resamples around their own
    mean, laid around the value: it tells how far the number scatters at these counts, not what infinitely many images
    would give.
    """
    value = frechet_distance(a, b)
    draws = [patient_draws(names, resamples, generator) for names in owners]
    found = []
    for number, weights in enumerate(zip(*draws, strict=True), 1):
        found.append(frechet_distance(a, b, weights))
        yield Progress(number, resamples, f"Resampling {message}")
    around = np.array(found)[np.isfinite(found)]
    if not around.size or not np.isfinite(value):
        return float("nan"), float("nan")
    low, high = percentile_ends(around - around.mean())
    return max(0.0, value + low), value + high


def frechet_at(
    count: int, a: np.ndarray, b: np.ndarray, generator: np.random.Generator, subsets: int = SUBSETS
) -> float:
    """Mean distance to ``b`` of random subsets of ``count`` rows of ``a``: FID falls as images are added.

    Two distances can be compared only at equal counts (Chong and Forsyth 2020, arXiv:1911.07023: the bias depends on
    the count and on the network).
    """
    if len(a) <= count:
        return frechet_distance(a, b)
    drawn = (generator.permutation(len(a))[:count] for _ in range(subsets))
    return float(np.mean([frechet_distance(a[some], b) for some in drawn]))
