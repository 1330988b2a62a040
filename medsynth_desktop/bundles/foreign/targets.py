"""The allow-list: which classes a MONAI configuration may name, where, and with which arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from medsynth_desktop.bundles.foreign.config import Config
from medsynth_desktop.core.errors import BundleRefused

SILENT = {"_target_", "_requires_", "_desc_"}
"""What MONAI says of a class beside its arguments, and what is not needed to know the class."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A class that may be named: its spellings, and the keys of the configuration where it is looked for."""

    title: str
    target: re.Pattern[str]
    keys: tuple[str, ...]


AUTOENCODER = Kind(
    "AutoencoderKL",
    re.compile(r"(?:(?P<home>monai|generative)\.networks\.nets\.(?:autoencoderkl\.)?)?AutoencoderKL"),
    ("autoencoder_def", "autoencoder"),
)
UNET = Kind(
    "DiffusionModelUNet",
    re.compile(
        r"(?:(?P<home>monai|generative)\.networks\.nets\.(?:diffusion_model_unet\.)?)?DiffusionModelUNet"
    ),
    ("diffusion_def", "network_def", "diffusion_unet_def", "unet_def", "diffusion", "diffusion_unet", "unet"),
)
SCHEDULER = Kind(
    "DDPM, DDIM or PNDM scheduler",
    re.compile(
        r"(?:(?P<home>monai|generative)\.networks\.schedulers\.(?:ddpm\.|ddim\.|pndm\.)?)?"
        r"(?:DDPM|DDIM|PNDM)Scheduler"
    ),
    ("noise_scheduler", "scheduler"),
)


@dataclass(frozen=True, slots=True)
class Described:
    """An object of the configuration: its key, its literal arguments, whether it is of the older package."""

    config: Config
    key: str
    arguments: dict[str, Any]
    legacy: bool

    def get(self, name: str, default: Any) -> Any:
        """Return the literal argument ``name``."""
        return self.arguments.get(name, default)

    def refusal(self, name: str, why: str) -> BundleRefused:
        """Return the sentence that the argument ``name`` ``why``, to be raised."""
        return self.config.refusal(f"{self.key}#{name}", why)


def find(config: Config, kind: Kind, known: Iterable[str], inert: Iterable[str]) -> Described:
    """Read the object of ``kind``: of its arguments those ``known``, while those ``inert`` change no result.

    Raises
    ------
    BundleRefused
        When there is none, it is of a class that is not on the list, or has an argument that nobody knows.
    """
    for key in kind.keys:
        node = config.document.get(key)
        if isinstance(node, dict):
            target = node.get("_target_")
            fits = kind.target.fullmatch(target) if isinstance(target, str) else None
            if fits is None:
                raise config.refusal(
                    key, f"is {_shown(target)}, where only {kind.title} of MONAI can be read"
                )
            return Described(
                config,
                key,
                _arguments(config, key, node, set(known), set(inert)),
                fits["home"] == "generative",
            )
    texts = [key for key in kind.keys if isinstance(config.document.get(key), str)]
    why = f"{texts[0]} is a text" if texts else f"looked for {', '.join(kind.keys[:3])}"
    raise BundleRefused(
        f"{config.file} describes no {kind.title} that can be read without running anything ({why})."
    )


def _arguments(
    config: Config, key: str, node: dict[str, Any], known: set[str], inert: set[str]
) -> dict[str, Any]:
    found = {}
    for name, value in node.items():
        if name in known:
            found[name] = config.literal(f"{key}#{name}", value)
        elif name not in inert | SILENT:
            raise config.refusal(
                f"{key}#{name}", "is an argument that is not on the list of those known here"
            )
    return found


def _shown(target: Any) -> str:
    return repr(target[:80]) if isinstance(target, str) else "no class by name"
