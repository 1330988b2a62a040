"""The area under the empirical ROC curve of one reader, with its interval."""

from __future__ import annotations

import math

import numpy as np

from medsynth_desktop.studies.statistics.estimate import (
    NO_SPREAD,
    Estimate,
    not_defined,
    on_scale,
    t_quantile,
)

ONE_KIND = "cases of only one kind were answered"


def wins(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """(n, m): 1 where one of ``above`` (n,) exceeds one of ``below`` (m,), 0.5 where they tie, else 0.

    NaN where either is.
    """
    apart = np.sign(np.subtract.outer(np.asarray(above, float), np.asarray(below, float)))
    return np.asarray((apart + 1) / 2)


def empirical_auc(positive: np.ndarray, negative: np.ndarray) -> Estimate:
    """Return the probability that a score of ``positive`` (n,) exceeds one of ``negative`` (m,), ties counting half.

    It is the area under the empirical ROC curve, and Mann and Whitney's U over n m. NaN scores take no part.

    Notes
    -----
    Standard error of DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837; the interval is symmetric on the logit
    scale (Pepe 2003, The statistical evaluation of medical tests, section 5.2.5). Where the two kinds do not overlap at
    all that error is 0, and the interval is Newcombe's (`newcombe_interval`).
    """
    positive, negative = _answered(positive), _answered(negative)
    n, m = len(positive), len(negative)
    if not n or not m:
        return not_defined(ONE_KIND, n + m)
    won = wins(positive, negative)
    value = float(won.mean())
    if min(n, m) < 2:
        return Estimate(value, cases=n + m, undefined="a single case of one kind shows no spread")
    error = math.sqrt(won.mean(axis=1).var(ddof=1) / n + won.mean(axis=0).var(ddof=1) / m)
    if error <= NO_SPREAD or value in (0.0, 1.0):
        low, high = newcombe_interval(value, n, m)
        return Estimate(
            value, low, high, "Newcombe's interval of an area", n + m, error=hanley_mcneil(value, n, m)
        )
    return on_scale(value, error, math.inf, "standard error of DeLong, on the logit scale", n + m, "logit")


def hanley_mcneil(area: float, n: int, m: int) -> float:
    """Return the standard error of an area between n positive and m negative scores, were they exponential.

    Hanley and McNeil 1982, Radiology 143:29: sqrt((A (1 - A) + (n - 1) (Q1 - A^2) + (m - 1) (Q2 - A^2)) / (n m)) with
    Q1 = A / (2 - A) and Q2 = 2 A^2 / (1 + A).
    """
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    total = area * (1 - area) + (n - 1) * (first - area**2) + (m - 1) * (second - area**2)
    return math.sqrt(max(total, 0.0) / (n * m))


def newcombe_interval(area: float, n: int, m: int) -> tuple[float, float]:
    """Return the score interval of an area: all A with |area - A| <= z SE(A).

    Newcombe 2006, Statistics in Medicine 25:559, method 5: `hanley_mcneil` with both numbers replaced by their mean
    inside the bracket. Like Wilson's interval it is honest at 1.
    """
    from scipy import optimize  # slow to read: not when the window starts

    z, middle = t_quantile(math.inf), (n + m) / 2

    def beyond(at: float) -> float:
        spread = at * (1 - at) * (1 + (middle - 1) * ((1 - at) / (2 - at) + at / (1 + at)))
        return (area - at) ** 2 - z * z * spread / (n * m)

    # at 0 and 1 the area itself is a root, which is not the one that is sought
    low = 0.0 if area <= 0 else float(optimize.brentq(beyond, 0.0, min(area, 1 - 1e-9)))
    high = 1.0 if area >= 1 else float(optimize.brentq(beyond, max(area, 1e-9), 1.0))
    return low, high


def _answered(scores: np.ndarray) -> np.ndarray:
    """Those that are not NaN."""
    scores = np.asarray(scores, float)
    return np.asarray(scores[~np.isnan(scores)])
