"""Each kind of autoencoder with a codebook, made small, learns a few real images by heart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import imageio.v3 as iio
import nibabel
import numpy as np
import pytest
import torch

from medsynth_desktop.core.progress import drain
from medsynth_desktop.networks.architecture import AutoencoderShape, QuantisedShape, UNetShape
from medsynth_desktop.networks.factorised import FactorisedShape
from medsynth_desktop.training.adversarial import CriticSettings
from medsynth_desktop.training.autoencoder import AutoencoderSettings, train_autoencoder
from medsynth_desktop.training.diffusion import encode_images, train_diffusion
from medsynth_desktop.training.presets import preset_for
from medsynth_desktop.training.quantised import QuantisedSettings

pytestmark = pytest.mark.realdata
VOLUME = QuantisedShape(3, (32, 64), (1, 2), 1, codes=256, latent_channels=4, fold=2)
PICTURE = QuantisedShape(2, (16, 32, 64), (1, 2, 2), 1, codes=256, latent_channels=3)
SMALL = QuantisedSettings(VOLUME, steps=130, patch=24, rate=2e-3, l1=1.0, perceptual=0.0, decay=0.9)
CRITICS = CriticSettings(0.02, 0.02, 0.1, after=0.3, channels=8, layers=2)
KINDS = {
    "vqvae": SMALL,
    "vqgan": replace(SMALL, critics=CRITICS),
    "vqvae-2d": replace(SMALL, shape=PICTURE, patch=64, batch=4, critics=CRITICS),
}
KL = preset_for("kl-2d", 2).autoencoder
assert isinstance(KL, AutoencoderSettings)
STEPS = 200
NARROW = replace(KL.shape, channels=(16, 32, 32, 32), res_blocks=(1, 1, 1, 1), norm_groups=8)
# Each preset's own settings hold for its diffusion, but for the widths, the number of steps and their size.
DIFFUSION = {
    "kl-2d": UNetShape(2, 4, (24, 48), (1, 1), (True, True), 8, 8, fold=1),
    "vqgan": FactorisedShape(3, 4, (24, 48), (1, 1), (True, True), 8, 8),
    "vqvae": UNetShape(3, 4, (24, 48), (1, 1), (False, True), 8, 8, fold=1),
    "vqvae-2d": UNetShape(2, 4, (24, 48), (1, 1), (False, True), 8, 8, fold=1, conditions=(4,)),
}


def real_images(shared_data: Path, dims: int) -> np.ndarray:
    """Four volumes (24, 32, 24) of hippocampi, or four chest X-rays (64, 64), each in [-1, 1]."""
    if dims == 3:
        paths = sorted((shared_data / "mr-hippocampus" / "images").rglob("*.nii*"))
        found = [np.asarray(nibabel.load(p).dataobj, np.float32) for p in paths[:40]]
        found = [
            a[4:28, 8:40, 4:28]
            for a in found
            if all(n >= m for n, m in zip(a.shape, (28, 40, 28), strict=True))
        ]
    else:
        paths = sorted((shared_data / "cxr-paediatric").rglob("*.jp*g"))
        found = [iio.imread(p, mode="L").astype(np.float32)[16:208:3, 16:208:3] for p in paths[:4]]
    images = []
    for image in found[:4]:
        low, high = np.percentile(image, [1, 99])
        images.append(np.clip((image - low) / (high - low) * 2 - 1, -1, 1))
    return np.stack(images).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_real_images_are_learnt_by_heart(kind: str, shared_data: Path, tmp_path: Path) -> None:
    settings = KINDS[kind]
    images = real_images(shared_data, settings.shape.spatial_dims)
    assert images.std() > 0.3
    trained = drain(train_autoencoder(images, settings, tmp_path, "x"))
    batch = torch.from_numpy(images)[:, None]
    with torch.inference_mode():
        latents = trained.network.encode(batch)[0]
        restored = trained.network.decode(latents)
        _, index = trained.network.codebook.quantise(trained.network.features(batch))
    error = float((restored - batch).abs().mean())
    grey = float((batch - batch.mean()).abs().mean())
    # A clearly lower error than at the start, and than an image of one grey.
    assert error < 0.5 * min(trained.summary.curve[0], grey)
    distance = (restored[:, None] - batch[None]).abs().flatten(2).mean(2)
    assert distance.argmin(1).tolist() == [0, 1, 2, 3]
    # Codes live, and latents lie where the codes do: within the range that diffusion is told.
    assert len(index.unique()) > 64
    assert float((latents.abs() < 1.2).float().mean()) > 0.99


def test_the_published_kl_autoencoder_learns_a_few_images_by_heart(shared_data: Path, tmp_path: Path) -> None:
    """Factor 8, four channels, attention in the middle, L1 and KL; only the widths are smaller."""
    assert isinstance(KL, AutoencoderSettings)
    images = real_images(shared_data, 2)
    settings = replace(KL, shape=NARROW, steps=150, rate=3e-3)
    assert (KL.shape.factor, KL.shape.latent_channels, KL.batch) == (8, 4, 4)
    trained = drain(train_autoencoder(images, settings, tmp_path, "x", unseen=images))
    batch = torch.from_numpy(images)[:, None]
    with torch.inference_mode():
        restored = trained.network.decode(trained.network.encode(batch)[0])
    grey = float((batch - batch.mean()).abs().mean())
    assert float((restored - batch).abs().mean()) < 0.5 * min(trained.summary.curve[0], grey)
    distance = (restored[:, None] - batch[None]).abs().flatten(2).mean(2)
    assert distance.argmin(1).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("key", DIFFUSION)
def test_diffusion_learns_a_few_real_images_by_heart(key: str, shared_data: Path, tmp_path: Path) -> None:
    """Under as much noise as there is image each is restored as itself, and nearer than the mean of all is."""
    shape = DIFFUSION[key]
    images = real_images(shared_data, shape.spatial_dims)
    torch.manual_seed(0)
    widths = (8, 16, 16, 16) if shape.spatial_dims == 2 else (8, 16, 16)
    autoencoder = (
        AutoencoderShape(shape.spatial_dims, widths, (1,) * len(widths), 4, 4, fold=1).build().eval()
    )
    settings = replace(preset_for(key, shape.spatial_dims).diffusion, shape=shape)
    settings = replace(settings, steps=STEPS, batch=8, rate=5e-3, ema=0.95)
    given = torch.arange(4.0)[:, None] if shape.conditions else None
    trained = drain(train_diffusion(autoencoder, images, settings, tmp_path, "x", given=given))
    latents = drain(encode_images(autoencoder, images)) * trained.latent_scale  # each and its mirror
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))

    told = given.repeat_interleave(2, 0) if given is not None else None

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return trained.network(x, t, told)

    with torch.inference_mode():
        found = settings.schedule.denoiser(network)(latents + noise, 1.0)
    distance = (found[:, None] - latents[None]).square().flatten(2).mean(2)
    assert float(distance.diagonal().mean()) < 0.9 * float(latents.var(0, unbiased=False).mean())
    assert distance.argmin(1).tolist() == list(range(8))
