"""Search, calibration and verdicts on real MRI: hippocampus crops and whole heads."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medsynth_desktop.cohorts.conform import Extent, conform, propose_recipe
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord, Recipe, Split
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.guard.audit import audit_queries
from medsynth_desktop.guard.calibration import calibrate
from medsynth_desktop.similarity.search import NearestSearch

pytestmark = pytest.mark.realdata


def read(path: Path) -> Volume:
    image = nib.load(path)
    return Volume(np.asarray(image.dataobj, np.float32), np.asarray(image.affine, float), "MR")


def conformed(paths: list[Path], grid: tuple[int, int, int]) -> np.ndarray:
    volumes = [read(path) for path in paths]
    recipe: Recipe = propose_recipe([Extent.of(volume) for volume in volumes], grid=grid)
    return np.stack([conform(volume, recipe) for volume in volumes])


def records_of(count: int, first: int, split: Split) -> list[ImageRecord]:
    return [ImageRecord(f"P-{first + i:04d}-1", f"P-{first + i:04d}", split, "") for i in range(count)]


@pytest.fixture(scope="module")
def hippocampi(shared_data: Path) -> np.ndarray:
    paths = sorted((shared_data / "mr-hippocampus" / "images").glob("*.nii*"))
    return conformed(paths, (32, 48, 32))


@pytest.fixture(scope="module")
def heads(shared_data: Path) -> np.ndarray:
    paths = sorted((shared_data / "ixi-t1-2mm" / "t1").glob("*.nii*"))[:40]
    return conformed(paths, (48, 56, 48))


@pytest.mark.parametrize("which", ["hippocampi", "heads"])
def test_equals_numpy_on_real_images(which: str, request: pytest.FixtureRequest) -> None:
    images: np.ndarray = request.getfixturevalue(which)
    real, queries = images[8:], images[:8].copy()
    queries[0] = real[5]
    queries[1] = real[5] + np.float32(1e-4) * np.random.default_rng(0).standard_normal(real[5].shape)
    records = records_of(len(real), 9, "train")
    found = drain(NearestSearch(real, records).query([(f"q{i}", q) for i, q in enumerate(queries)], 3))
    flat = real.reshape(len(real), -1).astype(np.float64)
    for nearest, query in zip(found, queries.reshape(8, -1).astype(np.float64), strict=True):
        correlation = np.array([np.corrcoef(query, row)[0, 1] for row in flat])
        rmse = np.sqrt(((flat - query) ** 2).mean(axis=1))
        order = np.argsort(-correlation)
        assert [n.image for n in nearest.neighbours] == [records[i].id for i in order[:3]]
        assert [n.correlation for n in nearest.neighbours] == pytest.approx(correlation[order[:3]], abs=1e-12)
        assert [n.rmse for n in nearest.neighbours] == pytest.approx(rmse[order[:3]], abs=1e-12)
        assert nearest.metrics["rmse"] == pytest.approx(rmse.min(), abs=1e-12)
        assert nearest.lowe_ratio == pytest.approx(correlation[order[1]] / correlation[order[0]], abs=1e-12)
    assert (found[0].neighbours[0].rmse, found[0].neighbours[0].correlation) == (0.0, 1.0)
    assert found[1].neighbours[0].rmse == pytest.approx(1e-4, rel=0.02)


@pytest.mark.parametrize("which", ["hippocampi", "heads"])
def test_real_copies_are_blocked_and_most_strangers_are_not(
    which: str, request: pytest.FixtureRequest
) -> None:
    images: np.ndarray = request.getfixturevalue(which)
    half, last = len(images) // 2, len(images) - len(images) // 5
    train, unseen, strangers = images[:half], images[half:last], images[last:]
    made = drain(
        calibrate(
            NearestSearch(train, records_of(half, 1, "train")),
            unseen,
            records_of(len(unseen), 500, "calibration"),
            resamples=200,
        )
    )
    noise = np.random.default_rng(0).standard_normal(train[0].shape).astype(np.float32)
    copies = [train[0], train[half - 1], train[3] + np.float32(1e-4) * noise, train[4] * np.float32(0.8)]
    faint = [train[5] + np.float32(0.03) * noise]
    queries = [(f"S-{i}", np.asarray(image)) for i, image in enumerate([*copies, *faint, *strangers])]
    search = NearestSearch(train, records_of(half, 1, "train"))
    result = drain(audit_queries(search, queries, made.policy("c"), made))
    for verdict, name in zip(
        result.verdicts, ("P-0001-1", f"P-{half:04d}-1", "P-0004-1", "P-0005-1"), strict=False
    ):
        assert verdict.verdict == "block"
        assert f"It is a copy of {name} (" in verdict.reasons[0]
    assert result.verdicts[4].verdict == "block", "a noisy copy, caught by the calibrated limits"
    assert sum(v.verdict == "block" for v in result.verdicts[5:]) <= len(strangers) // 2
