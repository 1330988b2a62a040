"""What a MONAI bundle says of its images: grid, spacing, range of values, licence; the rest is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from medsynth_desktop.bundles.foreign.config import Config
from medsynth_desktop.cohorts.conform import PERCENTILES
from medsynth_desktop.core.errors import BundleRefused
from medsynth_desktop.core.records import MODEL_NAME, Recipe

RANGES = {"0,1": True, "-1,1": False}
"""Values of images as they are asked for, and whether that is the unit range."""
NOISE = re.compile(r"\$torch\.randn\(\(1((?:, ?\d{1,4}){3,4})\)\)(?:\.to\(@device\))?")
"""A latent shape spelt out in the one form that is understood, by its letters; it is not run."""
VOXEL = re.compile(r"(\d{1,3}(?:\.\d{1,4})?)((?:x\d{1,3}(?:\.\d{1,4})?){1,2}) ?mm")
LONGEST_TEXT, LARGEST_VOXEL = 200, 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user says of a bundle: it wins over what the bundle says. None: nothing.

    ``values`` is ``0,1`` or ``-1,1``, ``spacing`` in mm; ``latent_scale`` is what latents are multiplied by.
    """

    grid: tuple[int, ...] | None = None
    spacing: float | None = None
    values: str | None = None
    latent_scale: float | None = None


def is_unit_range(metadata: Config, asked: Asked) -> bool:
    """Whether images are in [0, 1], else in [-1, 1].

    Raises
    ------
    BundleRefused
        When nobody says, or another range is said.
    """
    if asked.values is not None:
        if asked.values not in RANGES:
            raise BundleRefused(f"Values of images are 0,1 or -1,1; got {asked.values[:20]!r}.")
        return RANGES[asked.values]
    for part, output in _outputs(metadata):
        if output.get("type") == "image" and "value_range" in output:
            key = f"{part}#outputs#pred#value_range"
            said = metadata.literal(key, output["value_range"])
            if said not in ([0, 1], [-1, 1]):
                raise metadata.refusal(key, f"must be [0, 1] or [-1, 1]; got {str(said)[:40]}")
            return said == [0, 1]
    raise BundleRefused(
        f"{metadata.file} does not say which values the images have; give --values 0,1 or --values=-1,1."
    )


def image_recipe(
    config: Config, metadata: Config, asked: Asked, dims: int, channels: int, factor: int
) -> Recipe:
    """Return the recipe of images whose latents have ``channels`` and a cell for ``factor`` voxels along each axis.

    Raises
    ------
    BundleRefused
        When grid or spacing is neither said nor asked.
    """
    grid = asked.grid or _latent_grid(config, channels, factor) or _whole_grid(metadata)
    if grid is None:
        raise BundleRefused(f"{config.file} has no literal latent_shape; give the images' --grid.")
    if len(grid) != dims:
        raise BundleRefused(f"The grid must have {dims} axes, as the networks have; got {grid}.")
    classes = _text(metadata, "image_classes")
    spacing = asked.spacing if asked.spacing is not None else _spacing(classes)
    if spacing is None:
        raise BundleRefused(f"{metadata.file} does not say the voxel size; give --spacing in mm.")
    if not 0 < spacing <= LARGEST_VOXEL:
        raise BundleRefused(f"A voxel measures above 0 to {LARGEST_VOXEL} mm; got {spacing:g}.")
    words = set(re.findall(r"[A-Za-z]+", classes))
    modality = "MR" if words & {"MR", "MRI"} else "CT" if "CT" in words else "OT"
    return Recipe(tuple(grid), float(spacing), "percentile", *PERCENTILES, modality)


def _latent_grid(config: Config, channels: int, factor: int) -> tuple[int, ...] | None:
    if "latent_shape" in config.document:
        key, said = "latent_shape", config.literal("latent_shape", config.document["latent_shape"])
    else:
        noise = config.document.get("noise")
        fits = NOISE.fullmatch(noise) if isinstance(noise, str) else None
        if fits is None:
            return None
        key, said = "noise", [int(n) for n in fits[1].split(",")[1:]]
    if not isinstance(said, list) or not all(type(n) is int and 0 < n < 4096 for n in said):
        raise config.refusal(key, f"must be channels and cells in whole numbers; got {str(said)[:60]}")
    if said[0] != channels:
        raise config.refusal(key, f"must begin with the {channels} channels of the latents; got {said[0]}")
    return tuple(n * factor for n in said[1:] if type(n) is int)


def _whole_grid(metadata: Config) -> tuple[int, ...] | None:
    """The shape of whole images; that of a patch says nothing."""
    for part, output in _outputs(metadata):
        if output.get("type") == "image" and output.get("is_patch_data") is False:
            said = metadata.literal(f"{part}#outputs#pred#spatial_shape", output.get("spatial_shape"))
            if isinstance(said, list):
                return tuple(n for n in said if type(n) is int)
    return None


def _outputs(metadata: Config) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for part in ("autoencoder_data_format", "network_data_format"):
        node: Any = metadata.document.get(part)
        for key in ("outputs", "pred"):
            node = node.get(key) if isinstance(node, dict) else None
        if isinstance(node, dict):
            found.append((part, node))
    return found


def _spacing(text: str) -> float | None:
    """1.1 of ``... 1.1x1.1x1.1 mm voxel size``; nothing where the axes differ."""
    fits = VOXEL.search(text)
    if fits is None:
        return None
    sizes = {float(size) for size in (fits[1] + fits[2]).split("x")}
    return sizes.pop() if len(sizes) == 1 else None


def _text(metadata: Config, key: str) -> str:
    """A line of text of the metadata, "" where there is none."""
    said = metadata.literal(key, metadata.document.get(key, ""))
    line = said if isinstance(said, str) else ""
    return "".join(c if c.isprintable() else " " for c in line)[:LONGEST_TEXT].strip()


def bundle_name(metadata: Config, folder: str) -> str:
    """Return what the model calls itself, else its folder's name, in letters that a name may have."""
    for said in (_text(metadata, "name"), folder):
        plain = re.sub(r"[^\w .()+-]", "", said)[:80].strip()
        if MODEL_NAME.fullmatch(plain):
            return plain
    return "imported model"


def licence_of(metadata: Config, text: str) -> str:
    """Return the licence that the metadata name, else the one whose ``text`` lies beside, else ""."""
    for key in ("license", "licence"):
        if said := _text(metadata, key):
            return said
    if "Apache License" in text and "Version 2.0" in text:
        return "Apache-2.0"
    return "see LICENSE" if text else ""


def origin(metadata: Config) -> dict[str, str]:
    """Return what is worth keeping of who made the model and what for."""
    keys = ("version", "task", "copyright", "data_source", "intended_use")
    return {key: said for key in keys if (said := _text(metadata, key))}
