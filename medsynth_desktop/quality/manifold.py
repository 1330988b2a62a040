"""Precision and recall of synthetic images: how many look real, and how much of what is real they cover.

Source: Kynkaanniemi et al. 2019 (arXiv:1904.06991). The manifold of a set of features is the union of balls around its
rows, each reaching to the row's k-th nearest neighbour (k = 3 there). Precision: the share of synthetic rows within
the manifold of the real ones; recall: the share of real rows within that of the synthetic ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medsynth_desktop.core.wilson import wilson_interval
from medsynth_desktop.guard.bootstrap import patient_draws, percentile_ends

NEIGHBOURS = 3
RESAMPLES = 1000
AT_A_TIME = 256
"""Rows whose distances to all others are held at once."""


def within_manifold(
    points: np.ndarray, manifold: np.ndarray, owners: Sequence[str], k: int = NEIGHBOURS
) -> np.ndarray:
    """(n,) bool: which of (n, L) ``points`` lie in a ball of (m, L) ``manifold``, edges included.

    Parameters
    ----------
    owners
        Whose each row of ``manifold`` is. A ball reaches to the k-th nearest row of ANOTHER patient: repeat scans of
        one patient would shrink it to nothing.

    Raises
    ------
    ValueError
        When a row has fewer than k rows of other patients.
    """
    from scipy.spatial.distance import cdist  # here, for the window reads this room before it is drawn

    names = np.asarray(owners)
    inside = np.zeros(len(points), bool)
    for start in range(0, len(manifold), AT_A_TIME):
        some = slice(start, start + AT_A_TIME)
        apart = cdist(manifold[some], manifold)
        apart[names[some, None] == names] = np.inf
        if k > apart.shape[1]:
            raise ValueError(f"the manifold needs more than {k} rows; got {apart.shape[1]}")
        radii = np.partition(apart, k - 1, axis=1)[:, k - 1]
        if not np.isfinite(radii).all():
            raise ValueError(f"every row needs {k} rows of other patients; some has fewer")
        inside |= (cdist(manifold[some], points) <= radii[:, None]).any(axis=0)
    return inside


def share_within(
    inside: np.ndarray, owners: Sequence[str], generator: np.random.Generator, resamples: int = RESAMPLES
) -> tuple[float, tuple[float, float]]:
    """Return the share of True and its 95% interval.

    The manifold is held fixed: a resample of it repeats rows, whose balls would shrink to nothing. The interval is the
    bootstrap's over whole patients (``owners`` of the points), widened to Wilson's of as many patients, because
    resamples of few, or of all alike, cannot show how few they are.
    """
    share = float(inside.mean())
    draws = patient_draws(owners, resamples, generator)
    low, high = percentile_ends(draws @ inside / draws.sum(axis=1))
    patients = len(set(owners))
    least, most = wilson_interval(share * patients, patients)
    return share, (min(low, least), max(high, most))
