"""FID against closed forms, a plain float64 evaluation, and MONAI's formula where that is defined."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy import linalg

from medsynth_desktop.core.progress import drain
from medsynth_desktop.quality.frechet import frechet_at, frechet_distance, frechet_interval


def with_moments(count: int, mean: np.ndarray, covariance: np.ndarray, seed: int) -> np.ndarray:
    """Rows whose sample mean and covariance are exactly these."""
    rows = np.random.default_rng(seed).normal(size=(count, len(mean)))
    rows -= rows.mean(axis=0)
    rows = rows @ np.linalg.inv(np.linalg.cholesky(np.atleast_2d(np.cov(rows, rowvar=False)))).T
    return np.asarray(rows @ np.linalg.cholesky(covariance).T + mean)


def by_root(a: np.ndarray, b: np.ndarray) -> float:
    """The formula as it is written, through the root of a matrix."""
    one, two = (np.cov(side, rowvar=False) for side in (a, b))
    half = linalg.sqrtm(one)
    common = linalg.sqrtm(half @ two @ half)
    return float(
        np.square(a.mean(0) - b.mean(0)).sum() + np.trace(one) + np.trace(two) - 2 * np.trace(common).real
    )


def test_one_dimension_is_the_closed_form() -> None:
    # (m1 - m2)^2 + (s1 - s2)^2 = 9 + 4
    a = with_moments(20, np.array([1.0]), np.array([[1.0]]), 0)
    b = with_moments(30, np.array([4.0]), np.array([[9.0]]), 1)
    assert frechet_distance(a, b) == pytest.approx(13)


def test_commuting_covariances_are_the_closed_form() -> None:
    # |m|^2 + sum of (sqrt(l1) - sqrt(l2))^2, in whatever frame the axes lie
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    a = with_moments(12, np.zeros(3), turn @ np.diag([1.0, 4.0, 9.0]) @ turn.T, 3)
    b = with_moments(17, np.array([1.0, 2.0, 2.0]), turn @ np.diag([4.0, 4.0, 1.0]) @ turn.T, 4)
    assert frechet_distance(a, b) == pytest.approx(9 + 1 + 0 + 4)


@pytest.mark.parametrize("counts", [(40, 60), (200, 9), (9, 9)])
def test_is_the_formula_as_it_is_written_where_that_has_a_root(counts: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(counts[0], 6)), 0.5 + rng.normal(size=(counts[1], 6)) @ rng.normal(size=(6, 6))
    assert frechet_distance(a, b) == pytest.approx(by_root(a, b), rel=1e-9)


def test_is_monais_where_covariances_have_full_rank() -> None:
    import torch
    from monai.metrics.fid import get_fid_score

    rng = np.random.default_rng(6)
    a, b = rng.normal(size=(50, 8)), rng.normal(1, 2, (70, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # SciPy's, of MONAI's call
        theirs = float(get_fid_score(torch.from_numpy(a), torch.from_numpy(b)))
    assert frechet_distance(a, b) == pytest.approx(theirs, rel=1e-9)


def test_fewer_images_than_features_are_measured_in_the_space_they_span() -> None:
    rng = np.random.default_rng(7)
    small_a, small_b = rng.normal(size=(10, 4)), rng.normal(1, 1, (12, 4))
    into = np.linalg.qr(rng.normal(size=(50, 4)))[0].T  # an isometry into 50 features
    assert frechet_distance(small_a @ into, small_b @ into) == pytest.approx(by_root(small_a, small_b))


def test_the_same_set_is_at_zero_and_too_few_are_not_defined() -> None:
    rows = np.random.default_rng(8).normal(size=(6, 100))
    assert frechet_distance(rows, rows[::-1]) == pytest.approx(0, abs=1e-10)
    assert math.isnan(frechet_distance(rows[:1], rows))


def test_a_weight_is_a_repeat() -> None:
    rng = np.random.default_rng(9)
    a, b = rng.normal(size=(7, 3)), rng.normal(size=(9, 3))
    weights = np.array([2, 0, 1, 3, 0, 1, 1.0])
    repeated = np.repeat(a, weights.astype(int), axis=0)
    assert frechet_distance(a, b, (weights, None)) == pytest.approx(frechet_distance(repeated, b))


def test_at_equal_counts_the_bias_of_few_is_gone() -> None:
    rng = np.random.default_rng(10)
    many, few, train = (rng.normal(size=(n, 20)) for n in (200, 15, 300))
    plain = frechet_distance(few, train), frechet_distance(many, train)
    assert plain[0] > 3 * plain[1]
    equal = frechet_at(15, many, train, np.random.default_rng(0))
    assert equal == pytest.approx(frechet_distance(few, train), rel=0.35)
    assert frechet_at(15, few, train, np.random.default_rng(0)) == plain[0]


def test_the_interval_covers_what_other_images_give() -> None:
    """95% intervals of 60 draws hold the expected distance at these counts in most draws."""
    rng = np.random.default_rng(11)

    def draw() -> tuple[np.ndarray, np.ndarray]:
        return rng.normal(size=(30, 5)), rng.normal(0.7, 1, (40, 5))

    expected = np.mean([frechet_distance(*draw()) for _ in range(1500)])
    held = 0
    for _ in range(60):
        a, b = draw()
        whose = tuple(map(str, range(30))), tuple(map(str, range(40)))
        low, high = drain(frechet_interval(a, b, whose, rng))
        assert low <= frechet_distance(a, b) <= high or low == 0
        held += low <= expected <= high
    assert held >= 51  # of 60 at 95%: fewer than 52 happens once in 200


def test_repeats_of_a_patient_do_not_narrow_the_interval() -> None:
    rng = np.random.default_rng(12)
    a, b = rng.normal(size=(20, 4)), rng.normal(size=(30, 4))
    whose = tuple(map(str, range(20))), tuple(map(str, range(30)))
    once = drain(frechet_interval(a, b, whose, np.random.default_rng(0)))
    twice = drain(
        frechet_interval(
            np.repeat(a, 4, axis=0),
            np.repeat(b, 4, axis=0),
            tuple(tuple(np.repeat(names, 4)) for names in whose),  # type: ignore[arg-type]
            np.random.default_rng(0),
        )
    )
    assert twice[1] - twice[0] == pytest.approx(once[1] - once[0], rel=0.3)
