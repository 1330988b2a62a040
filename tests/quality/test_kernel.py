"""KID against the sums written out, its lack of bias, and its interval."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from medsynth_desktop.quality.kernel import kernel_distance


def unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def names(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


def measured(a: np.ndarray, b: np.ndarray, seed: int = 0) -> tuple[float, tuple[float, float]]:
    return kernel_distance(a, b, (names(len(a)), names(len(b))), np.random.default_rng(seed))


def test_two_points_by_hand() -> None:
    # k(x, y) = (x.y + 1)^3: within either set the two points are at right angles (1), across alike (8) or not (1)
    a = np.eye(2)
    assert measured(a, a)[0] == pytest.approx(1 + 1 - 2 * (8 + 1 + 1 + 8) / 4)
    assert measured(a, -a)[0] == pytest.approx(1 + 1 - 2 * (0 + 1 + 1 + 0) / 4)


def test_is_the_sum_over_pairs() -> None:
    rng = np.random.default_rng(1)
    a, b = unit(rng.normal(size=(7, 5))), unit(rng.normal(0.5, 1, (9, 5)))

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y + 1) ** 3)

    within = [np.mean([k(x, y) for x, y in itertools.permutations(side, 2)]) for side in (a, b)]
    across = np.mean([k(x, y) for x, y in itertools.product(a, b)])
    assert measured(a, b)[0] == pytest.approx(sum(within) - 2 * across)


def test_is_zero_on_average_for_one_distribution_however_few() -> None:
    rng = np.random.default_rng(2)
    found = [measured(unit(rng.normal(size=(5, 8))), unit(rng.normal(size=(6, 8))))[0] for _ in range(400)]
    assert abs(np.mean(found)) < 4 * np.std(found) / math.sqrt(len(found))
    assert min(found) < 0


def test_repeats_of_a_patient_add_no_bias_and_one_patient_is_not_enough() -> None:
    rng = np.random.default_rng(3)
    a, b = unit(rng.normal(size=(8, 4))), unit(rng.normal(size=(9, 4)))
    owners = tuple(np.repeat(names(8), 3)), names(9)
    repeated = kernel_distance(np.repeat(a, 3, axis=0), b, owners, rng)[0]
    assert repeated == pytest.approx(measured(a, b)[0])
    assert math.isnan(kernel_distance(a, b, (("p",) * 8, names(9)), rng)[0])


def test_the_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(4)

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        return unit(rng.normal(size=(count, 6))), unit(rng.normal(0.6, 1, (count, 6)))

    truth = measured(*draw(1500))[0]
    held = sum(low <= truth <= high for low, high in (measured(*draw(30))[1] for _ in range(60)))
    assert held >= 51
