"""Filters of distillation by hand."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.guard.distillation import (
    FilterLimits,
    Likeness,
    choose,
    divergences,
    joined,
    limits_from,
)

DRAWN = Likeness(np.array([0.5, 0.9, 0.7, 0.6, 0.7]), np.array([0.9, 0.4, 0.95, np.nan, 0.95]))
LIMITS = FilterLimits(hcc=0.7, ratio=0.9)


@pytest.mark.parametrize(
    ("key", "count", "kept"),
    [
        ("top-k", 1, [2]),
        ("top-k", 2, [2, 4]),
        ("top-k", 3, [0, 2, 4]),
        ("top-k", 5, [0, 1, 2, 4]),
        ("hcc", 5, [0, 3]),
        ("hcc", 1, [0]),
        ("ratio", 5, [2, 4]),
        ("ratio", 1, [2]),
    ],
)
def test_what_each_filter_keeps(key: str, count: int, kept: list[int]) -> None:
    assert choose(key, DRAWN, LIMITS, count) == kept  # type: ignore[arg-type]


def test_limits_are_the_published_quantiles_of_unseen_patients() -> None:
    values = np.linspace(0, 1, 1001)
    limits = limits_from(Likeness(np.append(values, np.nan), values[::-1]))
    assert limits.hcc == pytest.approx(0.983)
    assert limits.ratio == pytest.approx(0.005)
    with pytest.raises(InputRefused, match="unseen patients"):
        limits_from(Likeness(np.array([0.5]), np.array([np.nan])))


def test_divergence_is_0_for_the_same_and_1_for_disjoint_values() -> None:
    one, other = (
        Likeness(np.linspace(0, 1, 30), np.linspace(0, 1, 30)),
        Likeness(np.full(30, 5.0), np.full(30, 9.0)),
    )
    same, apart = divergences(one, one), divergences(joined([one.take([0]), one.take(range(1, 30))]), other)
    assert (same["js_hcc"], same["js_lowe"], same["images"]) == (0, 0, 30)
    assert (apart["js_hcc"], apart["js_lowe"]) == (1, 1)
    assert same["trusted_hcc"]
