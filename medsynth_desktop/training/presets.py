"""Settings of both networks by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from medsynth_desktop.bundles.schedule import Schedule
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.records import Condition
from medsynth_desktop.networks.architecture import AnyUNetShape, AutoencoderShape, QuantisedShape, UNetShape
from medsynth_desktop.networks.factorised import FactorisedShape
from medsynth_desktop.training.adversarial import CriticSettings
from medsynth_desktop.training.autoencoder import AnySettings, AutoencoderSettings
from medsynth_desktop.training.diffusion import DiffusionSettings
from medsynth_desktop.training.quantised import QuantisedSettings
from medsynth_desktop.training.stopping import EarlyStop


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings that fit each other; ``about`` says what for."""

    key: str
    about: str
    autoencoder: AnySettings
    diffusion: DiffusionSettings
    pictures: bool = False
    """Whether it is for 2D alone: in 3D its networks would not fit into any memory."""


_TINY_AE = AutoencoderShape(3, (8, 16), (1, 1), latent_channels=2, norm_groups=4)
_TINY_UNET = UNetShape(3, 2, (16, 32), (1, 1), (False, False), head_channels=16, norm_groups=8, fold=1)
_LARGE_AE = AutoencoderShape(
    3, (32, 64, 128), (2, 2, 2), latent_channels=8, norm_groups=8, transposed=False, fold=1
)
_LARGE_UNET = UNetShape(
    3, 8, (128, 256, 384), (2, 2, 2), (False, True, True), head_channels=64, norm_groups=32, fold=1
)
# Those of two cores see patches, voxels folded, as "small" does; 1,024 codes are as many as a patch has cells.
_SMALL_CODES = QuantisedShape(3, (32, 64), (1, 2), 1, codes=1024, latent_channels=4, fold=2)
_SMALL_CRITICS = CriticSettings(0.1, 0.1, 0.4, after=0.3, channels=16, layers=2, rate=3e-4)
_SMALL_VQ = QuantisedSettings(
    _SMALL_CODES, steps=1500, patch=32, rate=1e-3, l1=1.0, perceptual=0.2, restart=0.05
)
# The published ones: Shi et al. (2D KL), Khader et al. (3D VQ-GAN), Melacini (3D VQ-VAE), Packhaeuser et al. (2D
# VQ-VAE). Of the first the networks are those of latent diffusion with factor 8 (Rombach et al. 2022), which it is
# built on; the loss is the likelihood of a Laplace distribution, which is L1, and KL with the weight given there.
_KL_2D = AutoencoderShape(
    2, (128, 256, 512, 512), (2, 2, 2, 2), 4, norm_groups=32, transposed=False, fold=1, encoder_attention=True,
    decoder_attention=True,
)  # fmt: skip
_KL_2D_UNET = UNetShape(2, 4, (192, 384, 768), (2, 2, 2), (True, True, True), 32, norm_groups=32, fold=1)
_3D_UNET = UNetShape(
    3, 8, (64, 128, 256, 512), (2, 2, 2, 2), (False, False, True, True), 64, norm_groups=32, fold=1
)
_PLANES = FactorisedShape()
_SMALL_PLANES = FactorisedShape(3, 4, (64, 128), (1, 1), (True, True))
_2D_UNET = UNetShape(2, 3, (32, 128, 256), (2, 2, 2), (False, True, True), 32, norm_groups=32, fold=1)
_2D_CODES = QuantisedShape(2, (32, 64, 128), (1, 2, 2), 2, codes=8192, latent_channels=3)
_300 = Schedule("cosine", steps=300, prediction="epsilon")
_1000 = Schedule("scaled_linear", steps=1000, prediction="epsilon")

PRESETS: dict[str, Preset] = {
    p.key: p
    for p in (
        Preset(
            "tiny", "a minute or two on a processor; for trying the commands, not for looking at",
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
        Preset(
            "small-vqvae", "a codebook in place of the KL autoencoder, sized as small: an hour on two cores",
            _SMALL_VQ, DiffusionSettings(),
        ),
        Preset(
            "small-vqgan", "the same with critics of slice and volume; planes, then depth: two hours on two cores",
            replace(_SMALL_VQ, critics=_SMALL_CRITICS), DiffusionSettings(_SMALL_PLANES),
        ),
        Preset(
            "kl-2d", "2D KL of 512 x 512 or 256 x 256 pictures as published by Shi et al.; for a GPU and days",
            AutoencoderSettings(
                _KL_2D, steps=200_000, batch=4, patch=512, final_share=0.0, rate=1e-4, noise=0.0, edge=0.0,
                stop=EarlyStop(),
            ),
            DiffusionSettings(_KL_2D_UNET, _1000, steps=100_000, batch=16, rate=1e-4, ema=0.9999, skew=1.0),
            pictures=True,
        ),
        Preset(
            "vqgan", "3D VQ-GAN as published by Khader et al. 2023; for a GPU and days",
            QuantisedSettings(critics=CriticSettings(), steps=150_000),
            DiffusionSettings(
                _PLANES, _300, steps=150_000, batch=10, rate=1e-4, ema=0.995, skew=1.0, loss="l1"
            ),
        ),
        Preset(
            "vqvae", "3D VQ-VAE as published by Melacini; for a GPU and days",
            QuantisedSettings(l1=1.0, perceptual=1.0),
            DiffusionSettings(
                _3D_UNET, _300, steps=100_000, batch=10, rate=1e-4, ema=0.995, skew=1.0, loss="l1"
            ),
        ),
        Preset(
            "vqvae-2d", "2D VQ-VAE of 256 x 256 pictures as published by Packhaeuser et al. 2022; for a GPU and days",
            QuantisedSettings(
                _2D_CODES, batch=8, patch=256, rate=4.5e-6, l1=1.0, perceptual=1.0,
                critics=CriticSettings(0.1, 0.0, 0.0, rate=4.5e-6),
            ),
            DiffusionSettings(
                _2D_UNET, _1000, steps=100_000, batch=16, rate=1e-6, ema=0.9999, skew=1.0, loss="l1"
            ),
            pictures=True,
        ),
    )
}  # fmt: skip


def conditioned(settings: DiffusionSettings, conditions: Sequence[Condition]) -> DiffusionSettings:
    """``settings`` with a network that takes ``conditions``."""
    return replace(
        settings, shape=replace(settings.shape, conditions=tuple(len(c.classes) for c in conditions))
    )


def preset_for(
    key: str,
    spatial_dims: int = 3,
    seed: int = 0,
    max_steps: int | None = None,
    early_stop: bool | None = None,
) -> Preset:
    """Return a preset for images of that many dimensions; ``max_steps`` cuts both trainings.

    ``early_stop`` lets both stop early, or neither; None leaves it to the preset.

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
    if found.pictures and spatial_dims != 2:
        raise InputRefused(
            f"The preset {key} is for 2D pictures; this cohort has {spatial_dims}D volumes. Choose another."
        )
    first, second = found.autoencoder, found.diffusion
    shape: Any = replace(first.shape, spatial_dims=spatial_dims)
    return replace(
        found,
        autoencoder=replace(
            first,
            shape=shape,
            seed=seed,
            steps=max_steps or first.steps,
            stop=_stop(first.stop, early_stop),
        ),
        diffusion=replace(
            second,
            shape=_in_dimensions(second.shape, spatial_dims),
            seed=seed,
            steps=max_steps or second.steps,
            stop=_stop(second.stop, early_stop),
        ),
    )


def _stop(own: EarlyStop | None, wanted: bool | None) -> EarlyStop | None:
    return own if wanted is None else (own or EarlyStop()) if wanted else None


def _in_dimensions(shape: AnyUNetShape, spatial_dims: int) -> AnyUNetShape:
    """``shape`` for so many dimensions; in two of them planes without a depth are MONAI's UNet."""
    if spatial_dims == 2 and isinstance(shape, FactorisedShape):
        return UNetShape(
            2, shape.latent_channels, shape.channels, shape.res_blocks, shape.attention, shape.head_channels,
            shape.norm_groups, fold=1,
        )  # fmt: skip
    return replace(shape, spatial_dims=spatial_dims)
