"""A number with its interval, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from medsynth_desktop.core.wilson import CONFIDENCE, wilson_interval

NO_SPREAD = 1e-10
"""A standard error below this is rounding."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number of a study.

    Attributes
    ----------
    value, low, high
        The number and the ends of its 95% interval; NaN where they are not defined.
    method
        How the interval was made, as a methods paragraph would say it.
    cases
        Cases, or answers, that it rests on.
    undefined
        Why there is no value, or no interval; "" where there is.
    error
        Standard error on the scale of ``value``; NaN where the interval does not come from one.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    method: str = ""
    cases: int = 0
    undefined: str = ""
    error: float = math.nan

    @property
    def defined(self) -> bool:
        """Whether there is a value."""
        return math.isfinite(self.value)

    def words(self, digits: int = 2) -> str:
        """Return "0.86 (0.80 to 0.92)", or "not defined: " and the reason."""
        if not self.defined:
            return f"not defined: {self.undefined}"
        if not math.isfinite(self.low + self.high):
            return f"{self.value:.{digits}f} (no interval: {self.undefined})"
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"

    def facts(self) -> dict[str, Any]:
        """The same for a program to read; what is not defined is None."""
        numbers = {"value": self.value, "low": self.low, "high": self.high, "error": self.error}
        known = {key: number if math.isfinite(number) else None for key, number in numbers.items()}
        return {**known, "method": self.method, "cases": self.cases, "undefined": self.undefined}


def not_defined(reason: str, cases: int = 0) -> Estimate:
    """Return an estimate without a value."""
    return Estimate(math.nan, cases=cases, undefined=reason)


def around(
    value: float,
    error: float,
    freedom: float,
    method: str,
    cases: int,
    least: float = -1.0,
    most: float = 1.0,
) -> Estimate:
    """Return ``value`` +- t x ``error``, cut to where the number can lie.

    ``freedom`` are the degrees of freedom of Student's t; infinite for the normal distribution.
    """
    reach = t_quantile(freedom) * error
    return Estimate(value, max(least, value - reach), min(most, value + reach), method, cases, error=error)


def on_scale(
    value: float, error: float, freedom: float, method: str, cases: int, scale: Literal["z", "logit"]
) -> Estimate:
    """Return the interval of ``value`` that is symmetric on Fisher's z or on the logit scale.

    Such an interval stays where the number can lie, reaches further towards the middle, and holds small samples of
    agreement and of areas under a curve better than the plain one: `tests/benchmarks/bench_reader_studies.py` measures
    it. ``freedom`` as in `around`. A value at the end of the scale has no such interval.
    """
    ends = (-1.0, 1.0) if scale == "z" else (0.0, 1.0)
    if not ends[0] < value < ends[1]:
        return Estimate(value, cases=cases, undefined="it lies at the end of its scale")
    reach = t_quantile(freedom) * error
    if scale == "z":
        middle, reach = math.atanh(value), reach / (1 - value**2)
        low, high = math.tanh(middle - reach), math.tanh(middle + reach)
    else:
        middle, reach = math.log(value / (1 - value)), reach / (value * (1 - value))
        low, high = _logistic(middle - reach), _logistic(middle + reach)
    return Estimate(value, low, high, method, cases, error=error)


def jackknife(value: float, left_out: np.ndarray, method: str) -> Estimate:
    """Return ``value`` with the interval of the values (cases,) that come out when each case is left out in turn.

    Efron and Stein 1981, Annals of Statistics 9:586; with Student's t of `satterthwaite`'s degrees of freedom.
    """
    cases = len(left_out)
    if cases < 2 or not np.isfinite(left_out).all():
        return Estimate(value, cases=cases, undefined="it rests on too few cases, or on a single one of them")
    apart = left_out - left_out.mean()
    error = math.sqrt((cases - 1) / cases * float((apart**2).sum()))
    return on_scale(value, error, satterthwaite(apart), f"{method}, Student's t on Fisher's z", cases, "z")


def satterthwaite(apart: np.ndarray) -> float:
    """Return the degrees of freedom that the variance of (n,) deviations from their mean has: n - 1 or fewer.

    2 n / (b - 1) with the kurtosis b, for the variance of a variance is s^4 (b - 1) / n (Satterthwaite 1946, Biometrics
    Bulletin 2:110). Where a few odd cases make nearly all of the spread, as in top-heavy ratings, that is far less than
    n - 1: with it quadratic kappa of 40 cases and three readers held its true value in 93% of studies, without in 91%.
    """
    squares = apart**2
    kurtosis = len(apart) * float((squares**2).sum()) / float(squares.sum()) ** 2
    return min(len(apart) - 1.0, 2 * len(apart) / (kurtosis - 1)) if kurtosis > 1 else len(apart) - 1.0


def without_spread(value: float, chance: float, cases: int) -> Estimate:
    """Return the interval of a chance-corrected coefficient whose cases all agree alike, so that no spread is seen.

    An interval from the standard error, which is 0, would claim certainty. Where all agree completely the lower end is
    what Wilson's bound of ``cases`` of as many leaves of it at the same agreement by ``chance``; else there is none.
    """
    if not math.isclose(value, 1.0, abs_tol=1e-9) or not cases:
        return Estimate(
            value, cases=cases, undefined="every case agrees alike, so their spread cannot be seen"
        )
    low = (wilson_interval(cases, cases)[0] - chance) / (1 - chance)
    return Estimate(value, max(-1.0, low), 1.0, "Wilson bound of complete agreement", cases)


def t_quantile(freedom: float) -> float:
    """The quantile of Student's t that leaves half of what `CONFIDENCE` leaves above it."""
    from scipy.special import ndtri, stdtrit

    upper = (1 + CONFIDENCE) / 2
    return float(ndtri(upper) if math.isinf(freedom) else stdtrit(freedom, upper))


def _logistic(number: float) -> float:
    """The inverse of the logit."""
    return 1 / (1 + math.exp(-number)) if number > -700 else 0.0
