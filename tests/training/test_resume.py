from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Steps, drain
from medsynth_desktop.networks.architecture import AutoencoderShape, UNetShape
from medsynth_desktop.training.autoencoder import AutoencoderSettings, train_autoencoder
from medsynth_desktop.training.checkpoint import cosine_rate, load_checkpoint, save_checkpoint
from medsynth_desktop.training.diffusion import DiffusionSettings, train_diffusion
from medsynth_desktop.training.presets import PRESETS, preset_for

AE = AutoencoderSettings(
    AutoencoderShape(3, (8, 16), (1, 1), 2, 4), steps=8, batch=2, patch=8, final_patch=16, final_share=0.3
)
UNET = DiffusionSettings(UNetShape(3, 2, (16, 32), (1, 1), (False, True), 16, 8, fold=1), steps=8, batch=2)


@pytest.fixture
def images() -> np.ndarray:
    """Three balls of different sizes and brightness, (3, 16, 16, 16)."""
    axes = np.mgrid[:16, :16, :16] - 7.5
    distance = np.sqrt((axes**2).sum(0))
    return np.stack([np.where(distance < r, v, -1.0) for r, v in ((3, 0.0), (5, 0.5), (7, 1.0))]).astype(
        np.float32
    )


def run_autoencoder(
    images: np.ndarray, out: Path, settings: AutoencoderSettings = AE, data: str = "x"
) -> Steps[Any]:
    return train_autoencoder(images, settings, out, data)


def run_diffusion(images: np.ndarray, out: Path) -> Steps[Any]:
    torch.manual_seed(3)
    return train_diffusion(AE.shape.build().eval(), images, UNET, out, "x")


def interrupt(steps: Steps[Any], at: int) -> None:
    for progress in steps:
        if "Training" in progress.message and progress.done == at:
            break
    steps.close()


@pytest.mark.parametrize("run", [run_autoencoder, run_diffusion])
@pytest.mark.parametrize("at", [1, 5])
def test_an_interrupted_run_ends_exactly_as_one_that_was_not(
    images: np.ndarray, tmp_path: Path, run: Callable[..., Steps[Any]], at: int
) -> None:
    whole = drain(run(images, tmp_path / "whole"))
    interrupt(run(images, tmp_path / "parts"), at)
    torch.manual_seed(99)  # whatever else drew random numbers meanwhile
    resumed = drain(run(images, tmp_path / "parts"))
    assert resumed.summary.curve == whole.summary.curve
    assert resumed.summary.steps == 8
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


@pytest.mark.parametrize("run", [run_autoencoder, run_diffusion])
def test_a_finished_run_is_not_trained_further(
    images: np.ndarray, tmp_path: Path, run: Callable[..., Steps[Any]]
) -> None:
    first = drain(run(images, tmp_path))
    reports: list[str] = []
    again = drain(run(images, tmp_path), lambda p: reports.append(p.message))
    assert not [m for m in reports if "Training" in m]
    assert again.summary.curve == first.summary.curve


def test_a_checkpoint_of_other_data_or_settings_is_refused(images: np.ndarray, tmp_path: Path) -> None:
    interrupt(run_autoencoder(images, tmp_path), 2)
    with pytest.raises(InputRefused, match="other settings or other data"):
        drain(run_autoencoder(images, tmp_path, data="y"))
    with pytest.raises(InputRefused, match="other settings or other data"):
        drain(run_autoencoder(images, tmp_path, replace(AE, seed=5)))


def test_a_damaged_checkpoint_is_refused(images: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "autoencoder.ckpt").write_bytes(b"not a checkpoint")
    with pytest.raises(InputRefused, match="damaged"):
        drain(run_autoencoder(images, tmp_path))


def test_a_checkpoint_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    save_checkpoint(path, {"fingerprint": "f", "value": 1})
    with pytest.raises(Exception, match="pickle"):
        save_checkpoint(path, {"fingerprint": "f", "value": lambda: 0})
    kept = load_checkpoint(path, "f")
    assert kept is not None
    assert kept["value"] == 1


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (open, (str(tmp_path / "exploded"), "w"))

    torch.save({"fingerprint": Bomb()}, tmp_path / "a.ckpt")
    with pytest.raises(InputRefused, match="damaged"):
        load_checkpoint(tmp_path / "a.ckpt", "f")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("shape", "words"),
    [((0, 16, 16, 16), "no training image"), ((2, 15, 16, 16), "divide"), ((2, 16, 16), "3D")],
)
def test_images_that_do_not_fit_are_refused(tmp_path: Path, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(InputRefused, match=words):
        drain(run_autoencoder(np.zeros(shape, np.float32), tmp_path))


def test_the_autoencoder_learns_a_few_images_by_heart(images: np.ndarray, tmp_path: Path) -> None:
    shape = AutoencoderShape(3, (16, 32), (1, 1), 4, 4)
    settings = replace(AE, shape=shape, steps=300, patch=16, rate=3e-3)
    trained = drain(run_autoencoder(images, tmp_path, settings))
    assert trained.summary.curve[0] > 0.3
    assert trained.summary.loss < 0.2
    with torch.inference_mode():
        batch = torch.from_numpy(images)[:, None]
        restored = trained.network.decode(trained.network.encode(batch)[0])
    # Which of the three it was must be seen: each restored image is nearest to its own.
    distance = (restored[:, None] - batch[None]).abs().flatten(2).mean(2)
    assert distance.argmin(1).tolist() == [0, 1, 2]


def test_diffusion_learns_one_latent_by_heart(tmp_path: Path) -> None:
    image = np.zeros((1, 16, 16, 16), np.float32)
    image[:, 4:12, 4:12, 4:12] = 1  # symmetric: its mirror is itself
    torch.manual_seed(3)
    autoencoder = AE.shape.build().eval()
    settings = replace(UNET, steps=150, batch=4, rate=3e-3, ema=0.95)
    trained = drain(train_diffusion(autoencoder, image, settings, tmp_path, "x"))
    assert trained.summary.loss < 0.5 * trained.summary.curve[0]
    with torch.inference_mode():
        latent = autoencoder.encode(torch.from_numpy(image)[:, None])[0] * trained.latent_scale
        noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(0))
        sigma = 1.0
        denoised = settings.schedule.denoiser(trained.network)(latent + sigma * noise, sigma)
    assert (denoised - latent).square().mean() < 0.5 * sigma**2  # it takes away more noise than it leaves


def test_latents_are_brought_to_unit_variance(images: np.ndarray, tmp_path: Path) -> None:
    from medsynth_desktop.training.diffusion import encode_images

    torch.manual_seed(3)
    autoencoder = AE.shape.build().eval()
    latents = drain(encode_images(autoencoder, images))
    assert latents.shape == (6, 2, 4, 4, 4)  # every image and its mirror
    alone = drain(encode_images(autoencoder, images, mirrored=False))
    assert torch.allclose(alone, latents[::2], atol=1e-5)
    trained = drain(train_diffusion(autoencoder, images, UNET, tmp_path, "x"))
    assert float((latents * trained.latent_scale).std()) == pytest.approx(1, rel=1e-4)


def test_the_rate_rises_and_falls() -> None:
    rates = [cosine_rate(i, 1000, 1.0) for i in range(1000)]
    assert rates[0] < rates[20] < rates[49] == pytest.approx(1, abs=0.01)
    assert all(a >= b for a, b in zip(rates[50:], rates[51:], strict=False))
    assert rates[-1] == pytest.approx(0.02, abs=1e-3)


@pytest.mark.parametrize("key", PRESETS)
@pytest.mark.parametrize("dims", [2, 3])
def test_presets_fit_each_other(key: str, dims: int) -> None:
    if PRESETS[key].pictures and dims == 3:
        with pytest.raises(InputRefused, match="is for 2D pictures"):
            preset_for(key, dims)
        return
    preset = preset_for(key, dims, seed=4, max_steps=3)
    assert preset.autoencoder.shape.latent_channels == preset.diffusion.shape.latent_channels
    assert preset.autoencoder.shape.spatial_dims == preset.diffusion.shape.spatial_dims == dims
    assert (preset.autoencoder.steps, preset.diffusion.steps, preset.autoencoder.seed) == (3, 3, 4)
    with torch.device("meta"):
        preset.autoencoder.shape.build()
        preset.diffusion.shape.build()


def test_unknown_presets_are_refused() -> None:
    with pytest.raises(InputRefused, match="tiny"):
        preset_for("huge")
