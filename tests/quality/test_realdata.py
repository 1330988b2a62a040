"""Real chest X-rays through VGG16: real images are like real ones, spoilt ones are not, and repeats are too alike."""

from __future__ import annotations

from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
from skimage.transform import resize

from medsynth_desktop.core.progress import drain
from medsynth_desktop.quality.measure import Side, measure_quality
from medsynth_desktop.quality.record import Network, Quality
from medsynth_desktop.similarity.features.rows import unit_rows
from medsynth_desktop.similarity.features.vgg16 import VGG16
from medsynth_desktop.similarity.features.vgg16_weights import installed_weights
from medsynth_desktop.similarity.features.weights import read_kernels

pytestmark = pytest.mark.realdata
SIZE = (64, 64)


@pytest.fixture(scope="module")
def vgg16() -> VGG16:
    path = installed_weights()
    if path is None:
        pytest.skip("no package that holds VGG16 weights is installed (medsynth features list names one)")
    pytest.importorskip("onnx")
    return VGG16(read_kernels(path), "caffe")


@pytest.fixture(scope="module")
def x_rays(shared_data: Path) -> list[np.ndarray]:
    """75 healthy patients, one picture each, in [-1, 1]."""
    first = {}
    for path in sorted((shared_data / "cxr-paediatric" / "test" / "NORMAL").glob("*.jpeg")):
        patient = path.stem.rsplit("-", 1)[0]
        first.setdefault(patient, path)
    order = np.random.default_rng(0).permutation(len(first))[:75]  # files stand in order of the machine
    pictures = [imageio.imread(list(first.values())[index]) for index in order]
    grey = [p if p.ndim == 2 else p[..., :3].mean(axis=2) for p in pictures]
    shrunk = [resize(p.astype(float), SIZE, anti_aliasing=True) for p in grey]
    return [np.asarray(2 * (p - p.min()) / np.ptp(p) - 1, np.float32) for p in shrunk]


def measure(vgg16: VGG16, batch: list[np.ndarray], x_rays: list[np.ndarray]) -> Quality:
    sides = {}
    for name, images in (("synthetic", batch), ("train", x_rays[25:55]), ("calibration", x_rays[55:75])):
        owners = tuple(f"{name}{number}" for number in range(len(images)))
        sides[name] = Side(images, owners, unit_rows(vgg16(images), vgg16.name))
    network = Network("vgg16", vgg16.name, vgg16.fingerprint, 1000)
    return drain(measure_quality(sides, network, pairs=200, seed=0))


def test_real_patients_pass_for_real_and_noise_does_not(vgg16: VGG16, x_rays: list[np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    others = measure(vgg16, x_rays[:25], x_rays)
    noisy = [np.clip(x + rng.normal(0, 0.2, SIZE), -1, 1).astype(np.float32) for x in x_rays[:25]]
    spoilt = measure(vgg16, noisy, x_rays)
    low, high = others.kid["train"].interval
    least, most = others.kid["floor"].interval
    assert max(low, least) < min(high, most)
    assert spoilt.kid["train"].interval[0] > most
    ratio = others.fid["train_equal"].value / others.fid["floor_equal"].value
    assert 0.6 < ratio < 1.7
    assert spoilt.fid["train_equal"].value > 2 * others.fid["train_equal"].value
    assert others.precision["train"].value > 0.7
    assert spoilt.precision["train"].value < 0.3


def test_a_model_that_repeats_a_few_images_is_precise_covers_little_and_is_too_alike(
    vgg16: VGG16, x_rays: list[np.ndarray]
) -> None:
    rng = np.random.default_rng(1)
    three = [x_rays[25 + number % 3] for number in range(25)]
    repeated = [np.clip(x + rng.normal(0, 0.002, SIZE), -1, 1).astype(np.float32) for x in three]
    found = measure(vgg16, repeated, x_rays)
    assert found.precision["train"].value == 1
    assert found.recall["train"].value < 0.3
    assert found.recall["floor"].value > 0.6
    assert found.ms_ssim["synthetic"].interval[0] > found.ms_ssim["train"].interval[1]
