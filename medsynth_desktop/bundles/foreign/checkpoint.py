"""Weights of a MONAI bundle: safetensors, or torch's files read for tensors only; both under bounds."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors

from medsynth_desktop.bundles.foreign.config import Config
from medsynth_desktop.bundles.foreign.folder import MODELS, WEIGHTS
from medsynth_desktop.bundles.plain import read_plain
from medsynth_desktop.bundles.weights import header
from medsynth_desktop.core.errors import BundleRefused
from medsynth_desktop.core.hashing import hash_bytes

PATHS = re.compile(
    r"(?:\$@(?:bundle_root|model_dir|ckpt_dir) ?\+ ?'/(?:models/)?(\w[\w.-]*)'|(?:\./)?models/(\w[\w.-]*))"
)
"""Forms that name a file of ``models/``, understood by their letters; they are not run."""
WRAPPERS = (
    "model", "state_dict", "model_state_dict", "network", "unet_state_dict", "autoencoder_state_dict", "diffusion",
    "autoencoder",
)  # fmt: skip
SLACK = 16 << 20
MOST_PICKLE = 8 << 20
MOST_RECORDS = 20_000


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Tensors by name, as the file holds them, and the factor of latents where the file has one."""

    name: str
    sha256: str
    tensors: dict[str, torch.Tensor]
    scale: float | None = None


def weights_file(config: Config, keys: tuple[str, ...], usual: tuple[str, ...], there: set[str]) -> str:
    """Return the name of a file in ``models/``: the one that the configuration names, else one of the ``usual``.

    Raises
    ------
    BundleRefused
        When it names none that lies there, or in a form that would have to be run.
    """
    names = list(usual)
    for key in keys:
        said = config.document.get(key)
        if said is not None:
            fits = PATHS.fullmatch(said) if isinstance(said, str) else None
            if fits is None:
                raise config.refusal(key, "must name a file of models/ in the model zoo's way")
            names = [fits[1] or fits[2]]
            break
    stems = [Path(n).stem if Path(n).suffix in (*WEIGHTS, ".ts") else n for n in names]
    for name in [*names, *(stem + suffix for stem in stems for suffix in WEIGHTS)]:
        if name in there and Path(name).suffix in WEIGHTS:
            return name
    raise BundleRefused(
        f"The bundle lacks models/{names[0]} (.pt, .pth or .safetensors); give the whole bundle."
    )


def read_checkpoint(path: Path, file: str, most_numbers: int) -> Checkpoint:
    """Read ``models/file``, which may hold about ``most_numbers`` of at most 8 bytes.

    Raises
    ------
    BundleRefused
        When it is too large, damaged, or wants to be more than tensors.
    """
    name = f"{MODELS}/{file}"
    data = read_plain(path, name, 8 * most_numbers + SLACK)
    if Path(file).suffix == ".safetensors":
        header(name, data)
        try:
            return Checkpoint(name, hash_bytes(data), load_tensors(data))
        except (SafetensorError, ValueError, RuntimeError) as error:
            raise BundleRefused(f"{name} is damaged ({str(error)[:80]}); get the model anew.") from None
    _check_archive(name, data)
    return _unwrapped(name, hash_bytes(data), _load(name, data))


def _check_archive(name: str, data: bytes) -> None:
    """Refuse what could unfold to more than it weighs: compressed or overlapping records, or torch's oldest form."""
    if not data.startswith(b"PK\x03\x04"):
        raise BundleRefused(
            f"{name} is no file of torch's present form (a zip archive); save its weights as safetensors."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            records = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError):
        raise BundleRefused(f"{name} is a damaged archive; get the model anew.") from None
    whole = sum(r.file_size for r in records)
    if any(r.compress_type != zipfile.ZIP_STORED for r in records) or whole > len(data):
        raise BundleRefused(f"{name} would unfold to more than it weighs; do not trust it.")
    pickles = [r for r in records if r.filename.endswith(".pkl")]
    if len(records) > MOST_RECORDS or any(r.file_size > MOST_PICKLE for r in pickles):
        raise BundleRefused(f"{name} lists more than any model has; do not trust it.")


def _load(name: str, data: bytes) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # a stranger's bytes make its reader fail in any way: each is a refusal
        asks = re.search(r"GLOBAL ([\w.]{1,60})", str(error))
        why = (
            f"asks for {asks[1]}, which could run code"
            if asks
            else f"cannot be read ({type(error).__name__})"
        )
        raise BundleRefused(
            f"{name} {why}; only tensors are loaded: save its weights as safetensors."
        ) from None


def _unwrapped(name: str, sha256: str, loaded: Any) -> Checkpoint:
    """The tensors of a checkpoint that may hold them beside other things."""
    scale = None
    if type(loaded) is dict:
        held: Any = loaded.get("scale_factor")
        if isinstance(held, torch.Tensor) and held.numel() == 1 and _is_plain(held):
            held = held.item()
        scale = held if type(held) is float else None
        inside = [loaded[key] for key in WRAPPERS if isinstance(loaded.get(key), dict)]
        loaded = inside[0] if len(inside) == 1 else loaded
    if not isinstance(loaded, dict) or not loaded:
        raise BundleRefused(f"{name} holds no table of weights; get the model anew.")
    for key, value in loaded.items():
        if not isinstance(key, str) or not _is_plain(value):
            raise BundleRefused(
                f"{name}: {str(key)[:60]!r} is no plain tensor on the CPU; get the model anew."
            )
    return Checkpoint(name, sha256, dict(loaded), scale)


def _is_plain(value: Any) -> bool:
    return (
        type(value) in (torch.Tensor, torch.nn.Parameter)
        and value.layout is torch.strided
        and value.device.type == "cpu"
        and not value.is_quantized
    )
