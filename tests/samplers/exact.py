"""Every method in exact arithmetic on data whose perfect denoiser is known: a Gaussian of mean 0.

All methods are linear in x, so a state is one number (the gain of the first noise), and fresh noise adds variance.
Written from the papers in their notation, ``x_t = a x0 + s noise`` in float64, not from `medsynth_desktop.samplers`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Times = tuple[np.ndarray, np.ndarray]
"""``a`` and ``s`` of each time, the last 1 and 0."""


def deviation(key: str, sigmas: list[float], data: float) -> float:
    """Standard deviation of samples of N(0, data^2) by the method ``key``."""
    sigma = np.array(sigmas)
    a = 1 / (1 + sigma) if key == "rectified-flow" else 1 / np.sqrt(1 + sigma**2)
    return METHODS[key](
        (a, sigma * a), lambda i, x: a[i] * data**2 / (a[i] ** 2 * data**2 + (sigma[i] * a[i]) ** 2) * x
    )


X0 = Callable[[int, float], float]
"""The expected x0 of a state at time ``i``."""


def ddim(times: Times, x0: X0) -> float:
    """Song et al., equation 12 without noise."""
    a, s = times
    x = s[0]
    for i in range(len(a) - 1):
        clean = x0(i, x)
        x = a[i + 1] * clean + s[i + 1] * (x - a[i] * clean) / s[i]
    return float(x)


def ddpm(times: Times, x0: X0) -> float:
    """Ho et al., equation 7, with beta of the step that is really taken: 1 - (a / a')^2 of consecutive times."""
    a, s = times
    gain, variance = s[0], 0.0
    for i in range(len(a) - 1):
        kept, kept_next = a[i] ** 2, a[i + 1] ** 2
        beta = 1 - kept / kept_next
        to_clean = math.sqrt(kept_next) * beta / (1 - kept)
        to_state = math.sqrt(1 - beta) * (1 - kept_next) / (1 - kept)
        factor = to_clean * x0(i, 1.0) + to_state
        gain, variance = factor * gain, factor**2 * variance + (1 - kept_next) / (1 - kept) * beta
    return math.sqrt(gain**2 + variance)


def dpmpp_2m(times: Times, x0: X0) -> float:
    """Lu et al., algorithm 2, first order at the last step."""
    a, s = times
    x, before, h_before = s[0], 0.0, 0.0
    for i in range(len(a) - 2):
        clean = x0(i, x)
        h = math.log(a[i + 1] / s[i + 1]) - math.log(a[i] / s[i])
        r = h_before / h
        d = clean if i == 0 else (1 + 1 / (2 * r)) * clean - before / (2 * r)
        x = s[i + 1] / s[i] * x - a[i + 1] * (math.exp(-h) - 1) * d
        before, h_before = clean, h
    return float(x0(len(a) - 2, x))


def unipc(times: Times, x0: X0) -> float:
    """Zhao et al., algorithms 5 and 6 (x0, B2) by general linear systems of the orders 1 and 2."""
    a, s = times
    lam = np.log(a[:-1] / s[:-1])
    x, clean = s[0], [x0(0, s[0])]
    for i in range(len(a) - 2):
        order = min(2, i + 1)
        h = lam[i + 1] - lam[i]
        r = [(lam[i - k] - lam[i]) / h for k in range(1, order)] + [1.0]
        ago = [(clean[i - k] - clean[i]) / r[k - 1] for k in range(1, order)]
        base = s[i + 1] / s[i] * x - a[i + 1] * math.expm1(-h) * clean[i]
        big = math.expm1(-h)
        system = np.array([[rk**p for rk in r] for p in range(order)])
        phi, right, factorial = math.expm1(-h) / -h - 1, [], 1
        for p in range(order):
            right.append(phi * factorial / big)
            factorial *= p + 2
            phi = phi / -h - 1 / factorial
        ahead = base - a[i + 1] * big * (0.5 * ago[0] if order == 2 else 0.0)
        clean.append(x0(i + 1, ahead))
        weights = np.linalg.solve(system, right) if order == 2 else np.array([0.5])
        x = base - a[i + 1] * big * float(weights @ np.array([*ago, clean[-1] - clean[i]]))
    return float(clean[-1])


def pndm(times: Times, x0: X0) -> float:
    """Liu et al., equations 11 and 12; the first step the mean of two slopes, then Adams-Bashforth of rising order."""
    a, s = times

    def noise(i: int, x: float) -> float:
        return (x - a[i] * x0(i, x)) / s[i]

    def transfer(i: int, x: float, e: float) -> float:
        return a[i + 1] * (x - s[i] * e) / a[i] + s[i + 1] * e

    x, e = s[0], [noise(0, s[0])]
    if len(a) > 2:
        x = transfer(0, x, (e[0] + noise(1, transfer(0, x, e[0]))) / 2)
    else:
        x = transfer(0, x, e[0])
    for i in range(1, len(a) - 1):
        e.append(noise(i, x))
        if len(e) == 2:
            combined = (3 * e[-1] - e[-2]) / 2
        elif len(e) == 3:
            combined = (23 * e[-1] - 16 * e[-2] + 5 * e[-3]) / 12
        else:
            combined = (55 * e[-1] - 59 * e[-2] + 37 * e[-3] - 9 * e[-4]) / 24
        x = transfer(i, x, combined)
    return float(x)


def rectified_flow(times: Times, x0: X0) -> float:
    """Liu et al., z' = z + (t' - t) v, in z = (1 - t) x0 + t noise."""
    t = times[1]
    z = t[0]
    for i in range(len(t) - 1):
        z += (t[i + 1] - t[i]) * (z - x0(i, z)) / t[i]
    return float(z)


METHODS = {
    "ddim": ddim,
    "ddpm": ddpm,
    "dpm-solver++2m": dpmpp_2m,
    "unipc": unipc,
    "pndm": pndm,
    "rectified-flow": rectified_flow,
}
