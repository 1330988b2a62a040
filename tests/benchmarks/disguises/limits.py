"""The rule that all ways are judged by: block one per cent of the calibration patients' innocent images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

ALLOWED = 0.01
"""Share of innocent images of the calibration patients that may be blocked."""

Values = Mapping[str, np.ndarray]
"""By column (n,) values, turned so that high is risky; NaN is never risky."""


@dataclass(frozen=True)
class Rule:
    """An image is blocked where, by any column, at most ``rank`` calibration innocents lie at its value or beyond.

    One rank for all columns: each has its limit at the same quantile, the highest limits being the most extreme
    innocent values. ``rank`` is the largest with which all columns together block at most `ALLOWED` of the calibration
    innocents when each is judged by those made of other images: limits judge too mildly the images that they hang on.
    With 0 an image is blocked that lies beyond all of them.
    """

    innocent: dict[str, np.ndarray]
    rank: int

    @classmethod
    def of(cls, innocent: Values, columns: Sequence[str], owners: Sequence[int] | None = None) -> Rule:
        """The rule for ``columns``, from the values of calibration innocents; ``owners``: what each was made of."""
        kept = {c: np.sort(_risky(innocent[c])) for c in columns if np.isfinite(innocent[c]).any()}
        count = len(next(iter(innocent.values())))
        others = cls(kept, 0).ranks(innocent)
        for owner in np.unique(made_of := np.asarray(range(count) if owners is None else owners)):
            own = np.flatnonzero(made_of == owner)
            for place, column in enumerate(kept):
                values = _risky(innocent[column][own])
                others[own, place] -= (values[None] >= values[:, None]).sum(axis=1)
        least, most, rank = others.min(axis=1), math.floor(ALLOWED * count), 0
        while rank < most and (least <= rank + 1).sum() <= most:
            rank += 1
        return cls(kept, rank)

    def ranks(self, values: Values) -> np.ndarray:
        """(n, columns) calibration innocents at each value or beyond."""
        found = [
            len(known) - np.searchsorted(known, _risky(values[column]), side="left")
            for column, known in self.innocent.items()
        ]
        return np.stack(found, axis=1) if found else np.full((len(next(iter(values.values()))), 1), 1 << 30)

    def blocked(self, values: Values) -> np.ndarray:
        """(n,) whether each is blocked; a value equal to the ``rank + 1``-th innocent one is not."""
        return np.asarray(self.ranks(values).min(axis=1) <= self.rank)

    def limits(self) -> dict[str, float]:
        """By column the value beyond which an image is blocked."""
        return {column: float(known[len(known) - 1 - self.rank]) for column, known in self.innocent.items()}


def _risky(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, -np.inf)
