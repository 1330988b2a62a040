"""AUC, precision and intervals against tables that can be checked by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.core.wilson import wilson_interval
from medsynth_desktop.training.disguises import Disguises
from medsynth_desktop.training.recognition import COPIES, REPEATS, auc_of, recognise

NOTHING = Disguises(shift=0, turn=0, scale=0, blur=0, noise=0, gain=1, gamma=1, crop=1, part=0)


@pytest.mark.parametrize(
    ("same", "other", "auc"),
    [
        ([0.9, 0.8], [0.1, 0.2], 1.0),
        ([0.1], [0.9], 0.0),
        ([0.5], [0.5], 0.5),
        ([0.9, 0.3], [0.5], 0.5),
        ([0.9, 0.5], [0.5, 0.1], 0.875),
        ([], [0.5], math.nan),
    ],
)
def test_area_under_the_curve(same: list[float], other: list[float], auc: float) -> None:
    values = np.array([*same, *other])
    kind = np.arange(len(values)) < len(same)
    assert auc_of(values, kind) == pytest.approx(auc, nan_ok=True)


def test_a_weight_is_a_pair_so_many_times() -> None:
    values, kind, weights = (
        np.array([0.9, 0.2, 0.5, 0.1]),
        np.array([1, 1, 0, 0], bool),
        np.array([1, 3, 2, 1.0]),
    )
    many = np.repeat(np.arange(4), weights.astype(int))
    assert auc_of(values, kind, weights) == pytest.approx(auc_of(values[many], kind[many]))


class Corner:
    """Embeds an image by its first two voxels, signs apart; knows a pair by its cosine."""

    features = 2

    def embed(self, images: Sequence[np.ndarray]) -> np.ndarray:
        rows = np.array([np.abs(np.asarray(i)[i.shape[0] // 2, :2]) for i in images], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def same(self, query: np.ndarray, others: np.ndarray) -> np.ndarray:
        return (1 + others @ query.astype(np.float64)) / 2


def cohort(*rows: tuple[str, float, float]) -> tuple[np.ndarray, list[ImageRecord]]:
    """One image for each (patient, first voxel, second voxel), the same in every row of the image."""
    images = np.full((len(rows), 5, 5), 0.25, np.float32)
    for image, (_, one, two) in zip(images, rows, strict=True):
        image[:, :2] = one, two
    return images, [ImageRecord(f"{p}-{i}", p, "calibration", "") for i, (p, _, _) in enumerate(rows)]


def test_by_hand() -> None:
    """A and B have two images each; one of B's looks like C, and C has one image only."""
    rows = [("A", 1, 0.0), ("A", 1, 0.1), ("B", 0.0, 1), ("B", 0.9, 0.5), ("C", 0.9, 0.52)]
    again, copies = drain(recognise(Corner(), *cohort(*rows), NOTHING))  # type: ignore[arg-type]
    assert again.pairs == REPEATS
    assert (again.patients, again.asked, again.images) == (3, 2, 5)
    assert again.precision == pytest.approx(0.5 * (1 + 0))  # both of A's find A; both of B's find another
    assert again.precision_interval == pytest.approx(wilson_interval(1, 2))
    pairs = [(a, b) for a in range(5) for b in range(a + 1, 5)]
    cosine = {
        p: float(np.dot(*(np.array(rows[i][1:]) / np.linalg.norm(rows[i][1:]) for i in p))) for p in pairs
    }
    same = [p for p in pairs if rows[p[0]][0] == rows[p[1]][0]]
    wins = [cosine[s] > cosine[o] for s in same for o in pairs if o not in same]
    assert again.auc == again.retrieval_auc == pytest.approx(np.mean(wins))
    assert copies.pairs == COPIES
    assert copies.asked == 3
    assert copies.precision == 1.0
    low, high = again.auc_interval
    assert 0 <= low <= again.auc <= high <= 1


def test_one_image_each_is_measured_by_copies_alone() -> None:
    (only,) = drain(recognise(Corner(), *cohort(("A", 1, 0.0), ("B", 0.0, 1)), NOTHING))  # type: ignore[arg-type]
    assert (only.pairs, only.auc, only.precision) == (COPIES, 1.0, 1.0)
    assert only.precision_interval == pytest.approx((0.342380, 1.0), abs=1e-6)


def test_one_patient_says_nothing() -> None:
    assert drain(recognise(Corner(), *cohort(("A", 1, 0.0), ("A", 0.9, 0.0)), NOTHING)) == ()  # type: ignore[arg-type]
