"""A MONAI bundle, read and written as one of our own; from there on nothing knows where it came from but its facts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from medsynth_desktop.bundles.files import write_bundle
from medsynth_desktop.bundles.foreign.asking import plain_conditions
from medsynth_desktop.bundles.foreign.checkpoint import read_checkpoint, weights_file
from medsynth_desktop.bundles.foreign.config import Config
from medsynth_desktop.bundles.foreign.folder import INFERENCE, LICENCE, METADATA, check_folder, read_text
from medsynth_desktop.bundles.foreign.images import (
    Asked,
    bundle_name,
    image_recipe,
    is_unit_range,
    licence_of,
    origin,
)
from medsynth_desktop.bundles.foreign.names import fill_foreign
from medsynth_desktop.bundles.foreign.noise import noise_schedule
from medsynth_desktop.bundles.foreign.shapes import autoencoder_shape, unet_shape
from medsynth_desktop.bundles.schema import FORMAT, VERSION, BundleFacts, parse_facts
from medsynth_desktop.bundles.weights import empty_network, parameters
from medsynth_desktop.core.errors import BundleRefused
from medsynth_desktop.core.records import BundleRecord

AUTOENCODER_FILE = ("load_autoencoder_path", "trained_autoencoder_path"), ("model_autoencoder", "autoencoder")
DIFFUSION_FILE = (
    ("load_diffusion_path", "trained_diffusion_path"),
    ("model", "diffusion", "model_diffusion", "model_ldm"),
)
LEAST_SCALE, LARGEST_SCALE = 1e-6, 1e6
NO_SCALE = (
    "The bundle holds no scale of latents and its own run uses none, so 1 is taken; where the training printed one, "
    "give it with --latent-scale."
)


@dataclass(frozen=True, slots=True)
class _Files:
    config: Config
    metadata: Config
    licence: str
    weights: tuple[str, str]


def convert_bundle(source: Path, target: Path, asked: Asked) -> BundleRecord:
    """Read the MONAI bundle ``source``, executing nothing of it, and write it to ``target`` as a bundle of ours.

    Weights become float32 safetensors. The training cohort is written as unknown.

    Raises
    ------
    BundleRefused
        When anything of it is dangerous, damaged, not on the allow-list, or neither said nor ``asked``.
    """
    files = _read_files(source)
    facts = _checked(_facts(files, asked, source.name))
    autoencoder = empty_network("autoencoder", facts.autoencoder.build)
    unet = empty_network("unet", facts.unet.build)
    images = read_checkpoint(source, files.weights[0], parameters(autoencoder))
    filled = fill_foreign(autoencoder, images)
    noise = read_checkpoint(source, files.weights[1], parameters(unet))
    scale, notes = _latent_scale(files.config, asked, noise.scale)
    if not LEAST_SCALE <= scale <= LARGEST_SCALE:
        raise BundleRefused(
            f"The scale of latents must lie from {LEAST_SCALE:g} to {LARGEST_SCALE:g}; got {scale:g}."
        )
    told: dict[str, Any] = {
        "imported": {
            "layout": "MONAI bundle",
            **origin(files.metadata),
            "files": {c.name: c.sha256 for c in (images, noise)},
            "notes": [*facts.training["notes"], *notes],
        }
    }
    facts = _checked(replace(facts, latent_scale=scale, training=told))
    texts = {LICENCE: files.licence} if files.licence else {}
    return write_bundle(target, facts, filled, fill_foreign(unet, noise), torch.float32, texts)


def _read_files(source: Path) -> _Files:
    there = check_folder(source)
    inference = read_text(source, INFERENCE)
    if inference is None:
        raise BundleRefused(
            f"A MONAI bundle is read from {INFERENCE}, which is not there (YAML is not read); save it as JSON."
        )
    config = Config.parse(INFERENCE, inference)
    metadata = Config.parse(METADATA, read_text(source, METADATA) or b"{}")
    licence = (read_text(source, LICENCE) or b"").decode("utf-8", "replace")
    weights = (weights_file(config, *AUTOENCODER_FILE, there), weights_file(config, *DIFFUSION_FILE, there))
    return _Files(config, metadata, licence, weights)


def _facts(files: _Files, asked: Asked, folder: str) -> BundleFacts:
    """What the bundle is, as far as it can be known before its weights are read."""
    config, metadata = files.config, files.metadata
    autoencoder = autoencoder_shape(config, is_unit_range(metadata, asked))
    conditions, unasked = plain_conditions(config)
    unet, _ = unet_shape(config, autoencoder.latent_channels, unasked)
    recipe = image_recipe(
        config, metadata, asked, autoencoder.spatial_dims, autoencoder.latent_channels, autoencoder.factor
    )
    notes = []
    if conditions:
        taken = ", ".join(f"{c.name}={u:g}" for c, u in zip(conditions, unasked, strict=True))
        notes.append(f"A condition that is not asked for is what the bundle's own run takes: {taken}.")
    return BundleFacts(
        name=bundle_name(metadata, folder),
        licence=licence_of(metadata, files.licence),
        recipe=recipe,
        cohort_hash="",
        conditions=conditions,
        autoencoder=autoencoder,
        unet=unet,
        schedule=noise_schedule(config),
        latent_scale=1.0,
        training={"notes": notes},
    )


def _checked(facts: BundleFacts) -> BundleFacts:
    """Put the facts under all that a bundle of ours must keep, before anything is allocated."""
    document = {"format": FORMAT, "version": VERSION, **asdict(facts)}
    return parse_facts(json.dumps(document).encode())


def _latent_scale(config: Config, asked: Asked, held: float | None) -> tuple[float, list[str]]:
    """What latents are multiplied by: asked for, literal in the file, or beside the weights; else 1, and it is said."""
    if asked.latent_scale is not None:
        return asked.latent_scale, []
    said = config.document.get("scale_factor")
    if said is not None and not (isinstance(said, str) and said.startswith("$")):
        return config.number("scale_factor", said), []
    if held is not None:
        return held, []
    if said is not None:
        raise config.refusal(
            "scale_factor",
            "is computed when the bundle runs, and nothing is run; give it with --latent-scale",
        )
    return 1.0, [NO_SCALE]
