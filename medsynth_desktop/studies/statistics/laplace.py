"""The likelihood of a cumulative logit model with crossed random intercepts, by Laplace's approximation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import expit, log_expit

STEPS = 60
"""Newton steps for the random intercepts; a concave problem takes fewer than ten."""
ENOUGH = 1e-11


class LaplaceLikelihood:
    """-log L of thresholds, coefficients and standard deviations, given ordinal scores.

    P(score <= j) = logistic(a_j - x b - sum over groups of s_g u_g), u standard normal. With the mode û of the joint
    density in u and its Hessian H there, log L is about l(û) - |û|^2 / 2 - log|H| / 2 (Tierney and Kadane 1986, Journal
    of the American Statistical Association 81:82; for this model Hedeker and Gibbons 1994, Biometrics 50:933, and
    Christensen's R package ordinal, whose numbers it reproduces).

    The likelihood is even in each s, so that 0, no spread at all, is no end of its range.
    """

    def __init__(
        self, score: np.ndarray, levels: int, fixed: np.ndarray, groups: Sequence[np.ndarray]
    ) -> None:
        self.score, self.levels, self.fixed = score, levels, fixed
        # the group of most members first: its block of the Hessian is diagonal, so that eliminating it costs nothing
        self.order = sorted(range(len(groups)), key=lambda g: -int(groups[g].max()))
        self.groups = [groups[g] for g in self.order]
        self.sizes = [int(group.max()) + 1 for group in self.groups]
        self.mode = np.zeros(sum(self.sizes))

    def start(self) -> np.ndarray:
        """Where to begin: the thresholds of all scores together, no effect, a spread of 1 of each group."""
        counts = np.bincount(self.score, minlength=self.levels)
        below = counts.cumsum()[:-1] / counts.sum()
        cuts = np.log(below / (1 - below))
        return np.concatenate(
            [cuts[:1], np.log(np.diff(cuts)), np.zeros(self.fixed.shape[1]), np.ones(len(self.groups))]
        )

    def thresholds(self, parameters: np.ndarray) -> np.ndarray:
        """(levels - 1,) in rising order: the parameters are the first and the logs of the steps between them."""
        steps = np.exp(np.clip(parameters[1 : self.levels - 1], -30, 30))
        return np.asarray(parameters[0] + np.concatenate([[0.0], steps.cumsum()]))

    def coefficients(self, parameters: np.ndarray) -> np.ndarray:
        """(fixed effects,) of the parameters."""
        return np.asarray(parameters[self.levels - 1 : self.levels - 1 + self.fixed.shape[1]])

    def deviations(self, parameters: np.ndarray) -> np.ndarray:
        """(groups,) standard deviations in the order that the groups were given in."""
        made = np.zeros(len(self.groups))
        made[self.order] = np.abs(parameters[self.levels - 1 + self.fixed.shape[1] :])
        return made

    def __call__(self, parameters: np.ndarray) -> float:
        """Return -log L; the mode found is where the next call begins."""
        cuts = np.concatenate([[-np.inf], self.thresholds(parameters), [np.inf]])
        upper, lower = cuts[self.score + 1], cuts[self.score]
        centre = self.fixed @ self.coefficients(parameters)
        scales = parameters[self.levels - 1 + self.fixed.shape[1] :]
        inside = _log_gap(upper, lower)
        u = self.mode
        value = self._joint(u, scales, upper - centre, lower - centre, inside)
        for _ in range(STEPS):
            shift = self._linear(u, scales)
            above, below = expit(upper - centre - shift), expit(lower - centre - shift)
            slope = self._summed((above + below - 1), scales) - u
            step = self._solve(self._curvature(above, below), scales, slope)[0]
            length, there = 1.0, -math.inf
            while length > 1e-6:
                there = self._joint(u + length * step, scales, upper - centre, lower - centre, inside)
                if there >= value - 1e-12:
                    break
                length /= 2
            u, value = u + length * step, there
            if (
                float(np.abs(slope).max(initial=0.0)) < ENOUGH
                or float(np.abs(step).max(initial=0.0)) < ENOUGH
            ):
                break
        self.mode = u if np.isfinite(u).all() else np.zeros_like(u)
        shift = self._linear(u, scales)
        curved = self._curvature(expit(upper - centre - shift), expit(lower - centre - shift))
        return -(value - self._solve(curved, scales, np.zeros_like(u))[1] / 2)

    def _joint(
        self, u: np.ndarray, scales: np.ndarray, upper: np.ndarray, lower: np.ndarray, inside: np.ndarray
    ) -> float:
        """Log density of scores and random intercepts: F(a) - F(b) = F(a) (1 - F(b)) (1 - exp(b - a))."""
        shift = self._linear(u, scales)
        return float((log_expit(upper - shift) + log_expit(shift - lower) + inside).sum() - u @ u / 2)

    def _curvature(self, above: np.ndarray, below: np.ndarray) -> np.ndarray:
        """(n,) minus the second derivatives of the log probabilities."""
        return np.asarray(above * (1 - above) + below * (1 - below))

    def _parts(self, u: np.ndarray) -> list[np.ndarray]:
        """The random intercepts group by group."""
        return np.split(u, np.cumsum(self.sizes)[:-1]) if self.sizes else []

    def _linear(self, u: np.ndarray, scales: np.ndarray) -> np.ndarray:
        """(n,) what the random intercepts add to each score."""
        parts = zip(self._parts(u), self.groups, scales, strict=True)
        return np.asarray(sum((s * part[group] for part, group, s in parts), np.zeros(len(self.score))))

    def _summed(self, values: np.ndarray, scales: np.ndarray) -> np.ndarray:
        """Values of the scores summed for each random intercept."""
        members = zip(self.groups, self.sizes, scales, strict=True)
        made = [s * np.bincount(group, values, size) for group, size, s in members]
        return np.concatenate(made) if made else np.zeros(0)

    def _solve(self, curved: np.ndarray, scales: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, float]:
        """Return H^-1 ``right`` and log|H| for H = I + Z'DZ, by the Schur complement of the first group's block."""
        if not self.groups:
            return right, 0.0
        first, size = self.groups[0], self.sizes[0]
        corner = 1 + scales[0] ** 2 * np.bincount(first, curved, size)
        rest = [
            s * (group[:, None] == np.arange(m))
            for group, m, s in zip(self.groups[1:], self.sizes[1:], scales[1:], strict=True)
        ]
        others = np.concatenate(rest, axis=1) if rest else np.zeros((len(self.score), 0))
        weighted = others * curved[:, None]
        cross = np.zeros((size, others.shape[1]))
        np.add.at(cross, first, scales[0] * weighted)
        small = np.eye(others.shape[1]) + others.T @ weighted - cross.T @ (cross / corner[:, None])
        tail = np.linalg.solve(small, right[size:] - cross.T @ (right[:size] / corner))
        head = (right[:size] - cross @ tail) / corner
        return np.concatenate([head, tail]), float(np.log(corner).sum() + np.linalg.slogdet(small)[1])


def _log_gap(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """(n,) log(1 - exp(lower - upper)), 0 at an open end."""
    return np.asarray(np.log(-np.expm1(lower - upper)))
