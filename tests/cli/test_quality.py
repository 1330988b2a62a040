"""`medsynth quality` and `audit --quality` on a small workspace with a tiny real model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.errors import Cancelled
from medsynth_desktop.core.progress import CancelToken, drain
from medsynth_desktop.similarity.features import SOURCES, vgg16_weights
from medsynth_desktop.similarity.features.base import Source
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.measuring import measure_batch, stored_quality
from tests.cli.conftest import Cli
from tests.workbench.small import open_small


class Means:
    """Means over rows and over columns: a small honest extractor."""

    name = "Means"
    fingerprint = "cd" * 32
    calls = 0

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        Means.calls += len(images)
        return np.stack([np.concatenate([image.mean(axis) for axis in (0, 1)]) for image in images])


@pytest.fixture
def place(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a cohort, a tiny model, five samples in the batch ``b``, and no VGG16 weights."""
    with Workspace.open(tmp_path / "workspace") as workspace:
        open_small(workspace, tmp_path)
    words = ("-n", 5, "--steps", 2, "--batch-name", "b", "--device", "cpu")
    done = cli("sample", "--bundle", "tiny", *words, "--workspace", tmp_path / "workspace")
    assert done.code == 0, done.err
    monkeypatch.setattr(vgg16_weights, "PACKAGES", {"no-such-package-at-all": "vgg.onnx"})
    source = Source("means", "Means", "Means.", lambda w, c, choice: "", lambda w, c, choice: Means())
    monkeypatch.setitem(SOURCES._load(), "means", source)
    return tmp_path


def words(place: Path, *more: object) -> tuple[object, ...]:
    return ("quality", "--cohort", "real", *more, "--device", "cpu", "--workspace", place / "workspace")


def test_every_number_with_interval_count_and_how_it_was_made(place: Path, cli: Cli) -> None:
    report = place / "quality.html"
    done = cli(*words(place, "--batch", "b", "--features", "means", "--report", report, "--json"))
    assert done.code == 0, done.err
    found = done.json
    assert (found["batch"], found["cohort"]) == ("b", "real")
    assert found["images"] == {"synthetic": 5, "train": 6, "calibration": 4}
    assert found["network"]["name"] == "Means"
    assert found["network"]["length"] == 16 + 24
    assert set(found["fid"]) == {"train", "calibration", "floor", "train_equal", "floor_equal"}
    for kind in ("fid", "kid", "precision", "recall", "ms_ssim"):
        for key, one in found[kind].items():
            assert one["value"] is not None
            assert key.endswith("_equal") or one["interval"][0] <= one["value"] <= one["interval"][1]
    assert found["ms_ssim"]["synthetic"]["counts"] == [5, 10]
    assert (found["scales"]["kernel"], len(found["scales"]["weights"])) == (4, 3)
    assert "biased upwards" in done.err
    page = report.read_text("utf-8")
    assert "Quality of the images" in page
    assert "<script" not in page
    told = cli(*words(place, "--batch", "b", "--features", "means")).out
    assert "FID by Means, to the training images: " in told
    assert "window of 4 voxels" in told


def test_without_a_trained_network_nothing_stands_in_for_it(place: Path, cli: Cli) -> None:
    done = cli(*words(place, "--batch", "b", "--json"))
    assert done.code == 0
    assert (done.json["fid"], done.json["network"]["length"]) == ({}, 0)
    assert set(done.json["ms_ssim"]) == {"synthetic", "train", "calibration"}
    assert "were not computed" in done.err
    assert "medsynth train identity" in done.err
    asked = cli(*words(place, "--batch", "b", "--features", "vgg16"))
    assert (asked.code, asked.out) == (1, "")
    assert "none are ever downloaded" in asked.err
    assert cli(*words(place, "--batch", "b", "--features", "resnet")).code == 1
    assert "--features none" in cli(*words(place, "--batch", "b", "--features", "none")).err


def test_a_second_measurement_describes_no_image_anew(place: Path, cli: Cli) -> None:
    command = words(place, "--batch", "b", "--features", "means", "--json")
    first = cli(*command).json
    Means.calls = 0
    second = cli(*command).json
    assert Means.calls <= 1  # to learn how long a row is
    for document in (first, second):
        document.pop("seconds")
    assert first == second


def test_the_audit_shows_what_was_measured_until_the_batch_changes(place: Path, cli: Cli) -> None:
    workspace = ("--workspace", place / "workspace")
    audit = ("audit", "--batch", "b", "--cohort", "real", *workspace, "--no-pictures")
    report = place / "audit.html"
    assert cli(*audit, "--json").json["quality"] is None
    asked = cli(*audit, "--quality", "--report", report, "--json")
    assert asked.code in (0, 3), asked.err
    assert asked.json["quality"]["images"]["synthetic"] == 5
    assert "Quality of the images" in report.read_text("utf-8")
    assert cli(*audit, "--json").json["quality"] == asked.json["quality"]
    sample = ("sample", "--bundle", "tiny", "-n", 6, "--steps", 2, "--batch-name", "b", "--device", "cpu")
    cli(*sample, *workspace)
    assert cli(*audit, "--report", report, "--json").json["quality"] is None
    assert "Quality of the images" not in report.read_text("utf-8")
    loose = cli("audit", "--cohort", "real", place / "x.npy", "--quality", *workspace)
    assert loose.code == 1
    assert "Give --batch" in loose.err


def test_a_model_gives_images_back(place: Path, cli: Cli) -> None:
    done = cli(*words(place, "--bundle", "tiny", "--images", 5, "--json"))
    assert done.code == 0, done.err
    assert done.json["psnr"]["train"]["counts"] == [5]
    assert done.json["ssim"]["calibration"]["counts"] == [4]
    low, high = done.json["psnr"]["calibration"]["interval"]
    assert low <= done.json["psnr"]["calibration"]["value"] <= high
    assert "PSNR dB, unseen patients" in cli(*words(place, "--bundle", "tiny")).out


def test_wrong_usage_and_batches_too_small_are_refused(place: Path, cli: Cli) -> None:
    assert cli(*words(place)).code == 2
    assert cli(*words(place, "--batch", "b", "--bundle", "tiny")).code == 2
    assert cli(*words(place, "--bundle", "tiny", "--report", place / "x.html")).code == 2
    assert cli(*words(place, "--batch", "nothing")).code == 1
    alone = ("-n", 1, "--steps", 2, "--batch-name", "one", "--device", "cpu")
    cli("sample", "--bundle", "tiny", *alone, "--workspace", place / "workspace")
    assert "a matter of many images" in cli(*words(place, "--batch", "one")).err


def test_cancelled_it_stops_at_the_next_step_and_stores_nothing(place: Path) -> None:
    token = CancelToken()
    with Workspace.open(place / "workspace") as workspace:
        cohort = workspace.cohorts.get("real")
        steps = measure_batch(workspace, cohort, "b", features="means", device="cpu")
        with pytest.raises(Cancelled):
            drain(steps, lambda progress: token.cancel(), token)
        assert stored_quality(workspace, cohort, "b") is None
