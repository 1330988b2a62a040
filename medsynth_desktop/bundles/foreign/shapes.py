"""From the arguments of MONAI's networks to the numbers that describe ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from medsynth_desktop.bundles.foreign.config import Config
from medsynth_desktop.bundles.foreign.targets import AUTOENCODER, UNET, Described, find
from medsynth_desktop.core.errors import BundleRefused
from medsynth_desktop.networks.architecture import AutoencoderShape, UNetShape

BOTH = {
    "spatial_dims", "in_channels", "out_channels", "num_res_blocks", "channels", "num_channels", "attention_levels",
    "norm_num_groups", "norm_eps", "include_fc", "use_combined_linear",
}  # fmt: skip
OF_AUTOENCODER = BOTH | {
    "latent_channels", "with_encoder_nonlocal_attn", "with_decoder_nonlocal_attn", "use_convtranspose",
}  # fmt: skip
OF_UNET = BOTH | {
    "resblock_updown", "num_head_channels", "with_conditioning", "transformer_num_layers", "cross_attention_dim",
    "num_class_embeds",
}  # fmt: skip
INERT = {"use_checkpoint", "use_checkpointing", "use_flash_attention", "upcast_attention", "dropout_cattn"}
"""How to compute, and what only training does: the same numbers come out."""
CHANNELS, ATTENTION, GROUPS = (32, 64, 64, 64), (False, False, True, True), 32
"""MONAI's defaults."""
S = TypeVar("S")


def autoencoder_shape(config: Config, unit_range: bool) -> AutoencoderShape:
    """Read the autoencoder, of one image channel, with images in [0, 1] (``unit_range``) or [-1, 1].

    Raises
    ------
    BundleRefused
        When there is none on the allow-list, or it is one that cannot be described.
    """
    about = find(config, AUTOENCODER, OF_AUTOENCODER, INERT)
    for name in ("in_channels", "out_channels"):
        _demand(about, name, 1, 1)
    channels = _common(about)
    return _built(
        about,
        lambda: AutoencoderShape(
            spatial_dims=about.get("spatial_dims", None),
            channels=channels,
            res_blocks=_each(about, "num_res_blocks", 2, len(channels)),
            latent_channels=about.get("latent_channels", 3),
            norm_groups=about.get("norm_num_groups", GROUPS),
            transposed=about.get("use_convtranspose", False),
            fold=1,
            attention=_each(about, "attention_levels", list(ATTENTION), len(channels)),
            encoder_attention=about.get("with_encoder_nonlocal_attn", True),
            decoder_attention=about.get("with_decoder_nonlocal_attn", True),
            projected=about.get("include_fc", not about.legacy),
            unit_range=unit_range,
        ),
    )


def unet_shape(
    config: Config, latent_channels: int, unasked: tuple[float, ...]
) -> tuple[UNetShape, Described]:
    """Read the UNet over latents of ``latent_channels``; ``unasked`` has a number for each condition.

    The attention of the older package had a last linear layer that it never used, as that of MONAI has not where
    ``include_fc`` is false; its cross-attention used it.

    Raises
    ------
    BundleRefused
        As `autoencoder_shape`, or when it takes conditions in a way that is not known here.
    """
    about = find(config, UNET, OF_UNET, INERT)
    _demand(about, "out_channels", latent_channels, None)
    _demand(about, "num_class_embeds", None, None)
    conditioned = about.get("with_conditioning", False)
    if conditioned is not bool(unasked):
        raise about.refusal("with_conditioning", "does not go with the conditioning that the file describes")
    if unasked:
        _demand(about, "cross_attention_dim", len(unasked), None)
    concatenated = bool(unasked) and about.get("in_channels", None) == latent_channels + len(unasked)
    if not concatenated:
        _demand(about, "in_channels", latent_channels, None)
    channels = _common(about)
    shape = _built(
        about,
        lambda: UNetShape(
            spatial_dims=about.get("spatial_dims", None),
            latent_channels=latent_channels,
            channels=channels,
            res_blocks=_each(about, "num_res_blocks", 2, len(channels)),
            attention=_each(about, "attention_levels", list(ATTENTION), len(channels)),
            norm_groups=about.get("norm_num_groups", GROUPS),
            fold=1,
            conditions=(0,) * len(unasked),
            level_heads=_each(about, "num_head_channels", 8, len(channels)),
            residual_resampling=about.get("resblock_updown", False),
            projected=about.get("include_fc", not about.legacy or bool(unasked)),
            transformer_layers=about.get("transformer_num_layers", 1),
            unasked=unasked,
            concatenated=concatenated,
        ),
    )
    return shape, about


def _common(about: Described) -> tuple[Any, ...]:
    """Check what both networks share, and return the channels of the levels."""
    _demand(about, "use_combined_linear", False, False)
    _demand(about, "norm_eps", 1e-6, 1e-6)
    name = "num_channels" if "num_channels" in about.arguments else "channels"
    channels = about.get(name, list(CHANNELS))
    if not isinstance(channels, list):
        raise about.refusal(name, "must be a list of whole numbers")
    return tuple(channels)


def _demand(about: Described, name: str, wanted: Any, default: Any) -> None:
    got = about.get(name, default)
    if got != wanted or isinstance(got, bool) is not isinstance(wanted, bool):
        raise about.refusal(name, f"must be {wanted} to be read here; got {str(got)[:40]}")


def _each(about: Described, name: str, default: Any, levels: int) -> tuple[Any, ...]:
    value = about.get(name, default)
    return tuple(value) if isinstance(value, list) else (value,) * min(levels, 64)


def _built(about: Described, build: Callable[[], S]) -> S:
    try:
        return build()
    except (ValueError, TypeError) as error:
        raise BundleRefused(f"{about.config.file}: {about.key}: {str(error)[:160]}.") from None
