"""A model that learnt two classes draws the one that is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from medsynth_desktop.bundles.asking import given_rows, learn_conditions
from medsynth_desktop.bundles.bundle import Bundle
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Steps, drain
from medsynth_desktop.core.records import BundleRecord, Recipe, SampleSettings
from medsynth_desktop.networks.architecture import AutoencoderShape, UNetShape
from medsynth_desktop.samplers.sampling import draw_latents
from medsynth_desktop.training.diffusion import DiffusionSettings, TrainedDiffusion, train_diffusion
from medsynth_desktop.training.presets import conditioned

AE = AutoencoderShape(2, (8, 16), (1, 1), 2, 4)
UNET = UNetShape(2, 2, (16, 32), (1, 1), (False, True), 16, 8, fold=1, condition_width=16)
SETTINGS = DiffusionSettings(UNET, steps=120, batch=4, rate=4e-3, drop=0.2)
LABELS = [{"label": "disc"}, {"label": "bar"}]
GRID = (16, 16)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """A disc and a bar, each the same as its mirror, (2, 16, 16)."""
    x, y = np.mgrid[:16, :16] - 7.5
    disc, bar = np.hypot(x, y) < 5, np.abs(y - 4) < 2
    return np.where(np.stack([disc, bar]), 1.0, -1.0).astype(np.float32)


@pytest.fixture(scope="module")
def autoencoder() -> torch.nn.Module:
    """Not trained: its latents tell the two images apart all the same."""
    torch.manual_seed(1)
    return AE.build().eval()


def learn(
    autoencoder: torch.nn.Module, images: np.ndarray, out: Path, settings: DiffusionSettings = SETTINGS
) -> Steps[TrainedDiffusion]:
    conditions = learn_conditions(["label"], LABELS)
    given = given_rows(conditions, LABELS)
    return train_diffusion(autoencoder, images, conditioned(settings, conditions), out, "x", given=given)


@pytest.fixture(scope="module")
def bundle(
    autoencoder: torch.nn.Module, images: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Bundle:
    """The trained model as sampling sees it."""
    trained = drain(learn(autoencoder, images, tmp_path_factory.mktemp("learnt")))
    record = BundleRecord(
        "ab" * 32,
        "two",
        "",
        "cd" * 32,
        Recipe(GRID, 1.0, "percentile", 0, 100),
        learn_conditions(["label"], LABELS),
    )
    return Bundle(
        record, autoencoder, trained.network, AE, trained.shape, trained.schedule, trained.latent_scale
    )


def drawn(bundle: Bundle, conditions: dict[str, float | str], guidance: float = 1.0) -> torch.Tensor:
    settings = SampleSettings("dpm-solver++2m", 15, conditions, guidance=guidance)
    return drain(draw_latents(bundle, [1, 2, 3, 4], settings, "cpu"))


def distances(bundle: Bundle, images: np.ndarray, latents: torch.Tensor) -> torch.Tensor:
    """(samples, images) of RMS differences."""
    return (latents[:, None] - bundle.encode(images)[None]).square().flatten(2).mean(2).sqrt()


@pytest.mark.parametrize("guidance", [1.0, 2.0])
@pytest.mark.parametrize(("label", "index"), [("disc", 0), ("bar", 1)])
def test_each_class_is_drawn_when_it_is_asked_for(
    bundle: Bundle, images: np.ndarray, label: str, index: int, guidance: float
) -> None:
    found = distances(bundle, images, drawn(bundle, {"label": label}, guidance))
    assert (found.argmin(1) == index).all()


def test_guidance_0_asks_for_nothing(bundle: Bundle) -> None:
    torch.testing.assert_close(drawn(bundle, {"label": "disc"}, 0.0), drawn(bundle, {}), atol=1e-4, rtol=1e-4)


def test_a_class_that_was_not_learnt_is_refused(bundle: Bundle) -> None:
    with pytest.raises(InputRefused, match="bar, disc"):
        drawn(bundle, {"label": "ring"})
    with pytest.raises(InputRefused, match="Guidance"):
        drawn(bundle, {"label": "disc"}, -1.0)


def test_a_run_that_stopped_ends_as_one_that_did_not(
    autoencoder: torch.nn.Module, images: np.ndarray, tmp_path: Path
) -> None:
    few = replace(SETTINGS, steps=8)
    whole = drain(learn(autoencoder, images, tmp_path / "whole", few))
    run = learn(autoencoder, images, tmp_path / "parts", few)
    for progress in run:
        if "Training" in progress.message and progress.done == 3:
            break
    run.close()
    again = drain(learn(autoencoder, images, tmp_path / "parts", few))
    for name, value in whole.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], value), name
