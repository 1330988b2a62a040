from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Steps, drain
from medsynth_desktop.networks.architecture import QuantisedShape, UNetShape
from medsynth_desktop.training.adversarial import Critics, CriticSettings
from medsynth_desktop.training.autoencoder import train_autoencoder
from medsynth_desktop.training.diffusion import DiffusionSettings, train_diffusion
from medsynth_desktop.training.machine import Compute, Machine
from medsynth_desktop.training.perceptual import Eye, PerceptualLoss
from medsynth_desktop.training.quantised import LEFT_OUT, QuantisedSettings

SHAPE = QuantisedShape(3, (8, 16), (1, 2), 1, codes=32, latent_channels=2, fold=2)
MACHINE = Machine(Compute())
CRITICS = CriticSettings(after=0.25, channels=4, layers=2)
VQGAN = QuantisedSettings(SHAPE, steps=8, patch=16, rate=1e-3, critics=CRITICS)


@pytest.fixture
def images() -> np.ndarray:
    """Three balls of different sizes and brightness, (3, 16, 16, 16)."""
    axes = np.mgrid[:16, :16, :16] - 7.5
    distance = np.sqrt((axes**2).sum(0))
    return np.stack([np.where(distance < r, v, -1.0) for r, v in ((3, 0.0), (5, 0.5), (7, 1.0))]).astype(
        np.float32
    )


def eye(seed: int = 0) -> Eye:
    """Two blocks of random convolutions: enough to show what the loss does, not to see by."""
    rng = np.random.default_rng(seed)
    sizes = ((3, 4), (4, 8))
    weights = [rng.normal(0, 0.3, (b, a, 3, 3)).astype(np.float32) for a, b in sizes]
    biases = [np.zeros(b, np.float32) for _, b in sizes]
    return Eye("random", f"{seed}" * 64, weights, biases, (0, 1), 1.0, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))


def run(
    images: Sequence[np.ndarray], out: Path, settings: QuantisedSettings = VQGAN, sees: Eye | None = None
) -> Steps[Any]:
    return train_autoencoder(images, settings, out, "x", "cpu", sees)


def interrupt(steps: Steps[Any], at: int) -> None:
    for progress in steps:
        if progress.done == at:
            break
    steps.close()


@pytest.mark.parametrize("sees", [None, eye()], ids=["blind", "seeing"])
@pytest.mark.parametrize("at", [1, 5])
def test_an_interrupted_run_ends_exactly_as_one_that_was_not(
    images: np.ndarray, tmp_path: Path, at: int, sees: Eye | None
) -> None:
    whole = drain(run(images, tmp_path / "whole", sees=sees))
    interrupt(run(images, tmp_path / "parts", sees=sees), at)
    torch.manual_seed(99)  # whatever else drew random numbers meanwhile
    resumed = drain(run(images, tmp_path / "parts", sees=sees))
    assert resumed.summary.curve == whole.summary.curve
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_critics_join_in_after_their_share_of_the_steps(images: np.ndarray, tmp_path: Path) -> None:
    """Until then a VQ-GAN is a VQ-VAE, step for step; afterwards it is not."""
    losses = {}
    for name, critics in (("gan", CRITICS), ("vae", None)):
        losses[name] = drain(run(images, tmp_path / name, replace(VQGAN, critics=critics))).summary.curve
    assert losses["gan"][:3] == losses["vae"][:3]  # the third error is that of the weights after two steps
    assert losses["gan"][3:] != losses["vae"][3:]


def test_critics_learn_to_tell_and_then_push(images: np.ndarray) -> None:
    torch.manual_seed(0)
    critics = Critics(replace(CRITICS, feature_weight=0.0), 3, (16, 16, 16), MACHINE)
    assert sorted(critics.networks) == ["slice", "volume"]
    real = {
        "slice": torch.from_numpy(images[:, :, :, 8])[:, None],
        "volume": torch.from_numpy(images)[:, None],
    }
    fake = {name: x.mean() + 0 * x for name, x in real.items()}
    before = float(critics.displeasure(real, fake).detach())
    for _ in range(30):
        critics.learn(real, fake, 1e-3)
    fake = {name: x.requires_grad_() for name, x in fake.items()}
    after = critics.displeasure(real, fake)
    assert float(after.detach()) > before
    after.backward()
    assert all(float(x.grad.abs().sum()) > 0 for x in fake.values())
    assert all(p.grad is None or p.requires_grad for p in critics.networks.parameters())
    assert float(critics.displeasure(real, real).detach()) < float(after.detach())


def test_two_dimensions_have_no_volume_to_criticise() -> None:
    assert list(Critics(CRITICS, 2, (16, 16), MACHINE).networks) == ["slice"]


def test_patches_too_small_for_the_critics_are_refused(images: np.ndarray, tmp_path: Path) -> None:
    settings = replace(VQGAN, critics=replace(CRITICS, layers=3))
    with pytest.raises(InputRefused, match="24 voxels"):
        drain(run(images, tmp_path, settings))
    smallest = 3 * 2**CRITICS.layers
    Critics(CRITICS, 3, (smallest,) * 3, MACHINE).displeasure(
        *({"slice": torch.rand(1, 1, *(smallest,) * 2), "volume": torch.rand(1, 1, *(smallest,) * 3)},) * 2
    )


def test_without_weights_the_perceptual_loss_is_left_out_and_said(images: np.ndarray, tmp_path: Path) -> None:
    told: list[str] = []
    blind = drain(run(images, tmp_path / "a"), lambda p: told.append(p.message))
    assert blind.summary.notes == (LEFT_OUT,)
    assert LEFT_OUT in told[0]
    seeing = drain(run(images, tmp_path / "b", sees=eye()), lambda p: told.append(p.message))
    assert seeing.summary.notes == ("perceptual loss by random, 000000000000",)
    assert LEFT_OUT not in told[-1]
    assert seeing.summary.curve != blind.summary.curve
    unasked = drain(run(images, tmp_path / "c", replace(VQGAN, perceptual=0.0), eye()))
    assert unasked.summary.notes == ()
    assert unasked.summary.curve == blind.summary.curve


def test_a_run_goes_on_with_the_weights_it_began_with(images: np.ndarray, tmp_path: Path) -> None:
    interrupt(run(images, tmp_path, sees=eye()), 3)
    for other in (None, eye(1)):
        with pytest.raises(InputRefused, match="began with perceptual weights random"):
            drain(run(images, tmp_path, sees=other))
    finished = drain(run(images, tmp_path, sees=eye()))
    later = drain(run(images, tmp_path))  # a finished one is read without
    assert later.summary.notes == finished.summary.notes


def test_perceptual_loss_is_nothing_for_the_same_and_pulls_towards_it() -> None:
    loss = PerceptualLoss(eye())
    real = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert float(loss(real, real)) == 0
    fake = (0.5 * real.flip(-1)).requires_grad_()
    before = loss(real, fake)
    before.backward()
    assert float(loss(real, fake.detach() - 0.1 * fake.grad / fake.grad.abs().max())) < float(before.detach())
    assert torch.isfinite(loss(real[..., :1, :1], real[..., 1:2, 1:2]))


def test_diffusion_learns_latents_as_the_codebook_normalises_them(images: np.ndarray, tmp_path: Path) -> None:
    trained = drain(run(images, tmp_path))
    unet = UNetShape(3, 2, (16, 32), (1, 1), (False, True), 16, 8, fold=1)
    found = {}
    for loss in ("l1", "l2"):
        settings = DiffusionSettings(unet, steps=4, batch=2, loss=loss)
        made = drain(train_diffusion(trained.network, images, settings, tmp_path / loss, "x"))
        assert made.latent_scale == 1
        found[loss] = made.summary.loss
    assert found["l1"] != found["l2"]


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(InputRefused, match="l2, l1"):
        DiffusionSettings(loss="huber")  # type: ignore[arg-type]
