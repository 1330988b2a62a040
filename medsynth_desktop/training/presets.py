"""Settings of both networks by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.records import Condition
from medsynth_desktop.networks.architecture import AutoencoderShape, UNetShape
from medsynth_desktop.training.autoencoder import AutoencoderSettings
from medsynth_desktop.training.diffusion import DiffusionSettings


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings that fit each other; ``about`` says what for."""

    key: str
    about: str
    autoencoder: AutoencoderSettings
    diffusion: DiffusionSettings


_TINY_AE = AutoencoderShape(3, (8, 16), (1, 1), latent_channels=2, norm_groups=4)
_TINY_UNET = UNetShape(3, 2, (16, 32), (1, 1), (False, False), head_channels=16, norm_groups=8, fold=1)
_LARGE_AE = AutoencoderShape(
    3, (32, 64, 128), (2, 2, 2), latent_channels=8, norm_groups=8, transposed=False, fold=1
)
_LARGE_UNET = UNetShape(
    3, 8, (128, 256, 384), (2, 2, 2), (False, True, True), head_channels=64, norm_groups=32, fold=1
)

PRESETS: dict[str, Preset] = {
    p.key: p
    for p in (
        Preset(
            "tiny", "seconds on a processor; for trying the commands, not for looking at",
            AutoencoderSettings(_TINY_AE, steps=30, patch=8, final_patch=16),
            DiffusionSettings(_TINY_UNET, steps=30),
        ),
        Preset("small", "the networks of the demo's teacher: half an hour on an idle processor of two cores",
            AutoencoderSettings(), DiffusionSettings()),
        Preset(
            "medium", "the same networks trained ten times longer: a night on a processor, minutes on a GPU",
            AutoencoderSettings(steps=12_000), DiffusionSettings(steps=20_000, batch=8, rate=1e-3, ema=0.999),
        ),
        Preset(
            "large", "for a GPU of 16 GB and hours",
            AutoencoderSettings(_LARGE_AE, steps=40_000, patch=32, final_patch=96, rate=5e-4),
            DiffusionSettings(_LARGE_UNET, steps=100_000, batch=16, rate=2e-4, ema=0.9999),
        ),
    )
}  # fmt: skip


def conditioned(settings: DiffusionSettings, conditions: Sequence[Condition]) -> DiffusionSettings:
    """``settings`` with a network that takes ``conditions``."""
    return replace(
        settings, shape=replace(settings.shape, conditions=tuple(len(c.classes) for c in conditions))
    )


def preset_for(key: str, spatial_dims: int = 3, seed: int = 0, max_steps: int | None = None) -> Preset:
    """Return a preset for images of that many dimensions; ``max_steps`` cuts both trainings.

    Raises
    ------
    InputRefused
        An unknown name, or fewer than one step.
    """
    if key not in PRESETS:
        raise InputRefused(f"The preset must be one of {', '.join(PRESETS)}; got {key!r}.")
    if max_steps is not None and max_steps < 1:
        raise InputRefused(f"Training takes at least one step; got {max_steps}.")
    found = PRESETS[key]
    first, second = found.autoencoder, found.diffusion
    return replace(
        found,
        autoencoder=replace(
            first,
            shape=replace(first.shape, spatial_dims=spatial_dims),
            seed=seed,
            steps=max_steps or first.steps,
        ),
        diffusion=replace(
            second,
            shape=replace(second.shape, spatial_dims=spatial_dims),
            seed=seed,
            steps=max_steps or second.steps,
        ),
    )
