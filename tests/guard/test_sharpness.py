from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.guard.audit import audit_queries
from medsynth_desktop.guard.calibration import Calibration, calibrate
from medsynth_desktop.guard.sharpness import LEAST_BLUR, Blur, match_softness, roughness
from medsynth_desktop.similarity.search import NearestSearch
from tests.guard.test_realdata import conformed, records_of


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal((10, 24, 24, 24))
    return ndimage.gaussian_filter(noise, (0, 1, 1, 1)).astype(np.float32)


def test_roughness_by_hand() -> None:
    stripes = np.array([[1, -1, 1, -1]] * 4, float)
    assert roughness(stripes) == 4.0
    assert roughness(stripes * 0.25 + 7) == 4.0
    assert roughness(stripes.T) == 4.0


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_finds_the_blur(images: np.ndarray, sigma: float) -> None:
    soft = [Blur(sigma)(image) for image in images[:5]]
    assert match_softness(soft, images[5:]).sigma == pytest.approx(sigma, rel=0.1)


def test_sharper_batches_and_no_unseen_images_need_none(images: np.ndarray) -> None:
    assert match_softness(images[:5], [Blur(1)(image) for image in images[5:]]).sigma == 0
    assert match_softness(images[:5], []).sigma == 0
    assert np.array_equal(Blur(0)(images[0]), images[0])


def test_images_without_contrast_are_neither_soft_nor_sharp(images: np.ndarray) -> None:
    flat = np.zeros_like(images[0])
    assert np.isnan(roughness(flat))
    assert match_softness([flat], images).sigma == 0
    soft = [Blur(1)(image) for image in images[:5]]
    assert match_softness([*soft, flat, flat], images[5:]).sigma == match_softness(soft, images[5:]).sigma


def test_less_than_the_least_blur_does_nothing(images: np.ndarray) -> None:
    assert np.abs(Blur(LEAST_BLUR)(images[0]) - images[0]).max() < 1e-4
    assert np.abs(Blur(2 * LEAST_BLUR)(images[0]) - images[0]).max() > 1e-2


def test_calibration_says_what_was_done(images: np.ndarray) -> None:
    records = [ImageRecord(f"P-{i}-1", f"P-{i}", "train", "") for i in range(10)]
    made = drain(
        calibrate(NearestSearch(images[:5], records[:5]), images[5:], records[5:], through=Blur(0.5))
    )
    assert made.through == "blurred by 0.50 voxels to be as soft as the model's samples"
    assert Calibration.from_json(made.to_json()).through == made.through
    plain = drain(calibrate(NearestSearch(images[:5], records[:5]), images[5:], records[5:]))
    assert plain.through == ""
    assert plain.thresholds != made.thresholds


@pytest.mark.realdata
def test_soft_strangers_pass_and_soft_copies_do_not(shared_data: Path) -> None:
    """What a decoder does to innocent heads must not block them, and must not hide a copy."""
    heads = conformed(sorted((shared_data / "ixi-t1-2mm" / "t1").glob("*.nii*"))[:60], (48, 56, 48))
    heads = heads[np.random.default_rng(0).permutation(60)]
    train, unseen, strangers = heads[:30], heads[30:48], heads[48:]
    known, new = records_of(30, 1, "train"), records_of(18, 500, "calibration")
    search = NearestSearch(train, known)
    batch = [(f"S-{i}", Blur(1)(image)) for i, image in enumerate([*strangers, *train[:10]])]
    blocked = {}
    for name, through in (
        ("sharp", None),
        ("matched", match_softness([image for _, image in batch], unseen)),
    ):
        made = drain(calibrate(NearestSearch(train, known), unseen, new, resamples=100, through=through))
        verdicts = drain(audit_queries(search, batch, made.policy("c"), made)).verdicts
        blocked[name] = [verdict.verdict == "block" for verdict in verdicts]
    assert sum(blocked["matched"][:12]) <= 3
    assert sum(blocked["matched"][:12]) < sum(blocked["sharp"][:12])
    assert all(blocked["matched"][12:])
