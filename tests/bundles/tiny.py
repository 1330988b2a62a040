"""A real bundle that is small enough to make in each test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from medsynth_desktop.bundles import BundleFacts, write_bundle
from medsynth_desktop.bundles.schedule import Schedule
from medsynth_desktop.core.records import BundleRecord, Recipe
from medsynth_desktop.networks.architecture import AutoencoderShape, QuantisedShape, UNetShape
from medsynth_desktop.networks.factorised import FactorisedShape

QUANTISED = QuantisedShape(3, (8, 16), (1, 2), 1, codes=32, latent_channels=2, fold=2)


def facts(dims: int = 3) -> BundleFacts:
    """What the tiny bundle says of itself."""
    return BundleFacts(
        name="tiny",
        licence="CC0-1.0",
        recipe=Recipe((16, 24, 32)[:dims], 4.0, "percentile", 0.1, 99.9, "MR"),
        cohort_hash="ab" * 32,
        conditions=(),
        autoencoder=AutoencoderShape(dims, (8, 16), (1, 1), 2, 4),
        unet=UNetShape(dims, 2, (16, 32), (1, 1), (False, True), 16, 8, fold=1),
        schedule=Schedule(),
        latent_scale=0.9,
        training={"images": 3},
    )


def quantised_facts(dims: int = 3) -> BundleFacts:
    """The same with an autoencoder that has a codebook."""
    return replace(facts(dims), autoencoder=replace(QUANTISED, spatial_dims=dims), latent_scale=1.0)


def factorised_facts() -> BundleFacts:
    """The same with a UNet that works in planes, then along the depth."""
    shape = FactorisedShape(3, 2, (16, 32), (1, 1), (False, True), 16, 8)
    return replace(facts(), unet=shape)


def make(
    path: Path, dims: int = 3, dtype: torch.dtype = torch.float16, about: BundleFacts | None = None
) -> BundleRecord:
    """Write the tiny bundle, or one of other facts, with weights from a fixed seed."""
    about = about or facts(dims)
    torch.manual_seed(0)
    unet = about.unet.build()
    last = unet.out[2]  # which starts at zero
    torch.nn.init.normal_((last.conv if isinstance(about.unet, UNetShape) else last).weight, std=0.05)
    autoencoder = about.autoencoder.build()
    if isinstance(about.autoencoder, QuantisedShape):
        torch.nn.init.normal_(autoencoder.codebook.codes)
    return write_bundle(path, about, autoencoder, unet, dtype, {"README.md": "A bundle for tests."})
