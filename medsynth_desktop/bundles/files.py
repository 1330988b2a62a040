"""A bundle's folder: which files it holds, how they are read, hashed and written."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as tensors_to_bytes

from medsynth_desktop.bundles.bundle import Bundle
from medsynth_desktop.bundles.plain import read_plain as _read
from medsynth_desktop.bundles.schema import (
    FORMAT,
    MAX_JSON_BYTES,
    VERSION,
    BundleFacts,
    parse_facts,
    part_document,
)
from medsynth_desktop.bundles.weights import empty_network, fill_network, max_file_bytes, parameters
from medsynth_desktop.core.errors import BundleRefused, StoreFailed
from medsynth_desktop.core.hashing import hash_bytes, hash_json
from medsynth_desktop.core.records import BundleRecord
from medsynth_desktop.networks.architecture import Autoencoder, DiffusionNetwork

FACTS, AUTOENCODER, DIFFUSION = "bundle.json", "autoencoder.safetensors", "diffusion.safetensors"
TEXTS = ("README.md", "LICENSE", "LICENSE.txt")
EXECUTABLE = {
    ".pt",
    ".pth",
    ".ckpt",
    ".bin",
    ".pkl",
    ".pickle",
    ".joblib",
    ".npy",
    ".npz",
    ".py",
    ".so",
    ".h5",
}
"""Kinds of file that can carry code (most are pickles): a bundle that has one is refused whole."""


def read_bundle(path: Path) -> Bundle:
    """Read a bundle folder, trusting nothing in it and executing nothing of it.

    Every file is read once; what is hashed is what is used.

    Raises
    ------
    BundleRefused
        When anything is missing, superfluous, damaged, dangerous or does not fit.
    """
    names = _list_files(path)
    facts_bytes = _read(path, FACTS, MAX_JSON_BYTES)
    facts = parse_facts(facts_bytes)
    build: Callable[[], Autoencoder] = facts.autoencoder.build
    autoencoder = empty_network("autoencoder", build)
    build_unet: Callable[[], DiffusionNetwork] = facts.unet.build
    unet = empty_network("unet", build_unet)
    contents = {
        FACTS: facts_bytes,
        AUTOENCODER: _read(path, AUTOENCODER, max_file_bytes(autoencoder)),
        DIFFUSION: _read(path, DIFFUSION, max_file_bytes(unet)),
        **{name: _read(path, name, MAX_JSON_BYTES) for name in TEXTS if name in names},
    }
    record = BundleRecord(
        hash_json({name: hash_bytes(data) for name, data in contents.items()}),
        facts.name, str(path), facts.cohort_hash, facts.recipe, facts.conditions, facts.licence,
        facts.privacy,
    )  # fmt: skip
    return Bundle(
        record,
        fill_network(AUTOENCODER, autoencoder, contents[AUTOENCODER]),
        fill_network(DIFFUSION, unet, contents[DIFFUSION]),
        facts.autoencoder, facts.unet, facts.schedule, facts.latent_scale,
    )  # fmt: skip


def describe_bundle(path: Path) -> dict[str, Any]:
    """What a bundle is, for a person: the checked `bundle.json`, its hash and sizes. Raises like `read_bundle`."""
    bundle = read_bundle(path)
    facts = parse_facts(_read(path, FACTS, MAX_JSON_BYTES))
    return {
        "name": facts.name,
        "hash": bundle.record.hash,
        "licence": facts.licence,
        "cohort_hash": facts.cohort_hash,
        "recipe": asdict(facts.recipe),
        "conditions": [asdict(c) for c in facts.conditions],
        "autoencoder": {
            **part_document("autoencoder", facts.autoencoder),
            "parameters": parameters(bundle.autoencoder),
        },
        "unet": {**part_document("unet", facts.unet), "parameters": parameters(bundle.unet)},
        "schedule": asdict(facts.schedule),
        "latent_shape": list(bundle.latent_shape),
        "latent_scale": facts.latent_scale,
        "training": facts.training,
        "privacy": asdict(facts.privacy) if facts.privacy else None,
    }


def write_bundle(
    path: Path,
    facts: BundleFacts,
    autoencoder: torch.nn.Module,
    unet: torch.nn.Module,
    dtype: torch.dtype = torch.float16,
    texts: dict[str, str] | None = None,
) -> BundleRecord:
    """Write a bundle folder, whole or not at all, and read it back.

    Parameters
    ----------
    path
        Folder to create; it must not exist.
    dtype
        Of the stored weights: float16 halves the files and changes samples by less than a grey level.
    texts
        Contents of ``README.md``, ``LICENSE`` or ``LICENSE.txt``.

    Raises
    ------
    StoreFailed
        When ``path`` exists or cannot be written.
    """
    if path.exists():
        raise StoreFailed(f"The folder {path.name} exists already; choose another name for the bundle.")
    document = {"format": FORMAT, "version": VERSION, **asdict(facts)}
    document |= {part: part_document(part, getattr(facts, part)) for part in ("autoencoder", "unet")}
    if facts.privacy is None:  # older programs read it too
        del document["privacy"]
    contents = {
        FACTS: json.dumps(document, indent=1, sort_keys=True, allow_nan=False).encode(),
        AUTOENCODER: _to_bytes(autoencoder, dtype),
        DIFFUSION: _to_bytes(unet, dtype),
        **{name: text.encode() for name, text in (texts or {}).items()},
    }
    part = path.with_name(path.name + ".part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for name, data in contents.items():
            with (part / name).open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        read_bundle(part)
        part.rename(path)
    except OSError as error:
        raise StoreFailed(f"The bundle {path.name} could not be written: {error.strerror}.") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return read_bundle(path).record


def _to_bytes(network: torch.nn.Module, dtype: torch.dtype) -> bytes:
    state = {key: value.detach().to("cpu", dtype).contiguous() for key, value in network.state_dict().items()}
    return bytes(tensors_to_bytes(state))


def _list_files(path: Path) -> set[str]:
    """Names in the folder, each a plain file that a bundle may have."""
    try:
        entries = list(os.scandir(path))
    except OSError:
        raise BundleRefused(
            "A model is a folder with bundle.json in it; no such folder could be read."
        ) from None
    names = {entry.name for entry in entries}
    if FACTS not in names:
        raise BundleRefused(f"This folder is no model: it has no {FACTS}; give the folder of a bundle.")
    allowed = {FACTS, AUTOENCODER, DIFFUSION, *TEXTS}
    for entry in entries:
        shown = entry.name[:40]
        if Path(entry.name).suffix.lower() in EXECUTABLE:
            raise BundleRefused(
                f"The bundle holds {shown!r}, a kind of file that can run code; do not trust it."
            )
        if entry.name not in allowed:
            raise BundleRefused(f"The bundle holds {shown!r}, which no bundle has; get the model anew.")
        if not entry.is_file(follow_symlinks=False):
            raise BundleRefused(
                f"{shown} must be a plain file, no link, folder or device; get the model anew."
            )
    if missing := sorted({FACTS, AUTOENCODER, DIFFUSION} - names):
        raise BundleRefused(f"The bundle lacks {missing[0]}; get the model anew.")
    return names
