"""Precision and recall on points whose neighbours can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_desktop.core.wilson import wilson_interval
from medsynth_desktop.quality.manifold import share_within, within_manifold

LINE = np.array([[0.0], [1.0], [3.0], [7.0]])
OWNERS = ("a", "b", "c", "d")


def test_balls_reach_to_the_kth_neighbour_edges_included() -> None:
    # nearest neighbours at 1, 1, 2, 4: balls [-1, 1], [0, 2], [1, 5], [3, 11]
    points = np.array([[-1.1], [-1.0], [2.0], [5.0], [11.0], [11.1]])
    assert within_manifold(points, LINE, OWNERS, 1).tolist() == [False, True, True, True, True, False]
    # second neighbours at 3, 2, 3, 6: the leftmost ball is now [-3, 3]
    assert within_manifold(np.array([[-3.0], [-3.1], [13.0], [13.1]]), LINE, OWNERS, 2).tolist() == [
        True, False, True, False,
    ]  # fmt: skip


def test_a_scan_of_the_same_patient_is_no_neighbour() -> None:
    twice = np.concatenate([LINE, LINE + 1e-6])
    points = np.array([[0.9], [5.5], [-0.5], [20.0]])
    alone = within_manifold(points, LINE, OWNERS, 1)
    assert within_manifold(points, twice, (*OWNERS, *OWNERS), 1).tolist() == alone.tolist()


def test_blocks_of_a_long_manifold_give_what_one_table_gives() -> None:
    rng = np.random.default_rng(0)
    real, points = rng.normal(size=(600, 3)), 1.5 * rng.normal(size=(200, 3))
    apart = np.linalg.norm(real[:, None] - real, axis=2)
    radii = np.sort(apart, axis=1)[:, 3]  # the first is the point itself
    truth = (np.linalg.norm(real[:, None] - points, axis=2) <= radii[:, None]).any(axis=0)
    assert (within_manifold(points, real, tuple(map(str, range(600)))) == truth).all()
    assert 0 < truth.mean() < 1


def test_too_few_neighbours_are_refused() -> None:
    with pytest.raises(ValueError, match="other patients"):
        within_manifold(LINE, LINE, ("a", "a", "a", "b"), 2)


def test_a_collapsed_set_is_precise_and_covers_little_and_a_wild_one_the_other_way() -> None:
    rng = np.random.default_rng(1)
    real = rng.normal(size=(300, 2))
    owners = tuple(map(str, range(300)))
    collapsed, wild = 0.01 * rng.normal(size=(300, 2)), 6 * rng.normal(size=(300, 2))

    def shares(drawn: np.ndarray) -> tuple[float, float]:
        return within_manifold(drawn, real, owners).mean(), within_manifold(real, drawn, owners).mean()

    precision, recall = shares(collapsed)
    assert precision > 0.95
    assert recall < 0.05
    precision, recall = shares(wild)
    assert precision < 0.4
    assert recall > 0.6


def test_an_interval_never_claims_more_than_so_few_patients_can_show() -> None:
    rng = np.random.default_rng(2)
    share, interval = share_within(np.ones(8, bool), tuple("abcdefgh"), rng)
    assert share == 1
    assert interval == pytest.approx(wilson_interval(8, 8))
    few = share_within(np.ones(8, bool), tuple("aabbccdd"), rng)[1]
    assert few[0] < interval[0]


def test_the_interval_of_a_share_covers_it() -> None:
    rng = np.random.default_rng(3)
    owners = tuple(map(str, range(40)))
    found = [share_within(rng.random(40) < 0.8, owners, rng)[1] for _ in range(100)]
    assert sum(low <= 0.8 <= high for low, high in found) >= 90


def test_how_many_rows_a_manifold_has_hardly_matters() -> None:
    """A new point lies in about k balls however many there are: so recalls of sets of other sizes compare."""
    rng = np.random.default_rng(4)

    def share(count: int) -> float:
        made, real = rng.normal(size=(count, 4)), rng.normal(size=(400, 4))
        return float(within_manifold(real, made, tuple(map(str, range(count)))).mean())

    few, many = (np.mean([share(count) for _ in range(10)]) for count in (25, 400))
    assert few == pytest.approx(many, abs=0.08)
