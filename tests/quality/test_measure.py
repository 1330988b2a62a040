"""A batch measured as a whole: which sides are compared, what is said of it, and that it is stored as it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import drain
from medsynth_desktop.quality.frechet import frechet_distance
from medsynth_desktop.quality.measure import Side, measure_quality, measure_reconstruction
from medsynth_desktop.quality.record import Network, Quality, Reconstruction
from medsynth_desktop.quality.words import card_rows, method, quality_rows, quality_section, warnings

MEANS = Network("means", "Means <of rows>", "ab" * 32, 32)


def pictures(seed: int, count: int, common: float) -> list[np.ndarray]:
    """Smooth pictures (16, 16) in [-1, 1] that share ``common`` of what they show."""
    rng = np.random.default_rng(seed)
    shared = np.random.default_rng(99).normal(size=(16, 16))
    fields = [
        ndimage.gaussian_filter(common * shared + (1 - common) * rng.normal(size=(16, 16)), 2)
        for _ in range(count)
    ]
    return [np.tanh(field / field.std()).astype(np.float32) for field in fields]


def rows(images: Sequence[np.ndarray]) -> np.ndarray:
    found = np.stack([np.concatenate([image.mean(0), image.mean(1)]) for image in images]) + 1
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def side(seed: int, count: int, common: float, prefix: str) -> Side:
    images = pictures(seed, count, common)
    return Side(images, tuple(f"{prefix}{n}" for n in range(count)), rows(images))


def sides(common: float = 0.5, count: int = 25) -> dict[str, Side]:
    return {
        "synthetic": side(1, count, common, "S"),
        "train": side(2, 40, 0.5, "P"),
        "calibration": side(3, 22, 0.5, "U"),
    }


def measure(given: dict[str, Side], seed: int = 0, network: Network = MEANS) -> Quality:
    return drain(measure_quality(given, network, pairs=60, seed=seed))


def test_each_number_compares_what_it_says() -> None:
    given = sides()
    found = measure(given)
    synthetic, train, unseen = (given[k].rows for k in ("synthetic", "train", "calibration"))
    assert synthetic is not None
    assert train is not None
    assert unseen is not None
    assert found.fid["train"].value == frechet_distance(synthetic, train)
    assert found.fid["calibration"].value == frechet_distance(synthetic, unseen)
    assert found.fid["floor"].value == frechet_distance(unseen, train)
    assert found.fid["floor_equal"].value == found.fid["floor"].value  # 22 is the smaller number
    assert found.fid["train_equal"].value > found.fid["train"].value
    assert [found.fid[k].counts for k in ("train", "floor", "train_equal")] == [(25, 40), (22, 40), (22, 40)]
    assert {k: e.counts for k, e in found.ms_ssim.items()} == {
        "synthetic": (25, 60), "train": (40, 60), "calibration": (22, 60),
    }  # fmt: skip
    assert (found.images, found.patients) == (
        {"synthetic": 25, "train": 40, "calibration": 22},
        {"train": 40, "calibration": 22},
    )
    for kind in (found.fid, found.kid, found.precision, found.recall, found.ms_ssim):
        for key, one in kind.items():
            assert key.endswith("_equal") or one.interval[0] <= one.value <= one.interval[1]


def test_the_seed_decides_and_nothing_else() -> None:
    assert measure(sides()) == measure(sides())
    assert measure(sides(), seed=1).ms_ssim != measure(sides()).ms_ssim


def test_good_collapsed_and_alien_batches_are_told_apart() -> None:
    good, collapsed = measure(sides(0.5)), measure(sides(0.97))
    alien = sides(0.5)
    turned = [-image[::-1] for image in pictures(7, 25, 0.5)]
    alien["synthetic"] = replace(alien["synthetic"], images=turned, rows=rows(turned))
    strange = measure(alien)
    assert good.fid["train"].value < collapsed.fid["train"].value < strange.fid["train"].value
    assert good.kid["train"].interval[0] < good.kid["floor"].interval[1]
    assert strange.kid["train"].interval[0] > good.kid["floor"].interval[1]
    low, high = good.ms_ssim["train"].interval
    least, most = good.ms_ssim["synthetic"].interval
    assert max(low, least) < min(high, most)
    assert collapsed.ms_ssim["synthetic"].interval[0] > high
    assert collapsed.precision["train"].value > 0.9
    assert collapsed.recall["train"].value < good.recall["train"].value / 2
    assert strange.precision["train"].value < 0.2


def test_without_features_only_what_needs_none_is_told_with_the_reason() -> None:
    given = {key: replace(one, rows=None) for key, one in sides().items()}
    found = measure(given, network=Network(lacking="no network is here; bring one."))
    assert not any((found.fid, found.kid, found.precision, found.recall))
    assert [row.name for row in quality_rows(found)] == ["MS-SSIM of pairs"]
    assert "were not computed: no network is here; bring one." in warnings(found)[0]
    assert not any("Features" in sentence for sentence in method(found))


def test_few_images_and_singular_covariances_are_said() -> None:
    few = warnings(measure(sides(count=3)))
    assert "3 synthetic, 40 training and 22 unseen images of 32 features" in few[0]
    assert "3 synthetic images are few" in few[1]
    network = replace(MEANS, length=10)  # as if of 10 features: 22 images are enough
    assert warnings(replace(measure(sides()), network=network)) == ()


def test_two_images_and_no_unseen_patient_are_measured_as_far_as_they_go() -> None:
    given = sides(count=2)
    given["calibration"] = Side([], (), np.zeros((0, 32), np.float32))
    found = measure(given)
    assert set(found.fid) == {"train"}
    assert not found.precision
    assert set(found.ms_ssim) == {"synthetic", "train"}
    assert all(row.synthetic for row in quality_rows(found))


def test_what_is_stored_is_what_was_measured() -> None:
    found = measure(sides(count=3))
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    again = Quality.from_json(document)
    assert again.to_json() == found.to_json()
    assert quality_rows(again) == quality_rows(found)
    for broken in ({}, {**document, "format": 0}, {**document, "fid": {"train": {}}}):
        with pytest.raises(InputRefused, match="measure it again"):
            Quality.from_json(broken)


class Rounding:
    """A stand-in for an autoencoder that loses a known amount: an error of exactly 0.2 everywhere."""

    def reconstruct(self, image: np.ndarray) -> np.ndarray:
        return image + np.float32(0.2)


def test_reconstruction_is_told_of_either_split_with_the_images_it_rests_on() -> None:
    given = {key: one for key, one in sides().items() if key != "synthetic"}
    found = drain(measure_reconstruction(Rounding(), given, most=30, seed=0))
    # an error of 0.2 in a range of 2 is 20 dB
    assert found.psnr["train"].value == pytest.approx(20, abs=1e-4)
    assert found.psnr["train"].interval == pytest.approx((20, 20), abs=1e-4)
    assert [found.psnr[k].counts for k in ("train", "calibration")] == [(30,), (22,)]
    assert found.ssim["train"].interval[0] < found.ssim["train"].value < 1
    again = Reconstruction.from_json(json.loads(json.dumps(found.to_json())))
    assert again.to_json() == found.to_json()
    names = [name for name, _ in card_rows(measure(sides()), again)]
    assert names[0] == "Reconstruction PSNR dB, unseen patients"
    assert any(name.startswith("FID by Means") for name in names)


def test_the_section_is_escaped_and_holds_every_row() -> None:
    found = measure(sides())
    text = quality_section(found)
    assert "<of rows>" not in text
    assert "Means &lt;of rows&gt;" in text
    assert text.count("<tr>") == 1 + len(quality_rows(found))
    assert card_rows(None, None) == []
