"""Networks that recognise a cohort's patients: ``recognisers/<hash>.safetensors`` and ``.json``.

Derived from the training images of one cohort, which the settings name; made again by training. What is named is
complete: both files lie in their place before the cohort points to them.
"""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from medsynth_desktop.core.errors import StoreFailed
from medsynth_desktop.core.hashing import canonical_json, hash_bytes, hash_json
from medsynth_desktop.store.failures import told_plainly
from medsynth_desktop.store.folders import write_file
from medsynth_desktop.store.settings import Settings


class Stored(NamedTuple):
    """Content hash of both files, what is known of the networks, and their weights as safetensors."""

    hash: str
    facts: dict[str, Any]
    weights: bytes


class Recognisers:
    """One pair of networks for each cohort."""

    def __init__(self, workspace: Path, settings: Settings) -> None:
        self._workspace, self._settings = workspace, settings

    def put(self, cohort_hash: str, facts: dict[str, Any], weights: bytes) -> str:
        """Keep networks for exactly these images and splits, in place of earlier ones; return their hash.

        Raises
        ------
        StoreFailed
            Disk full or folder read-only.
        """
        text = canonical_json(facts).encode()
        name = _name(text, weights)
        with told_plainly():
            for end, data in ((".safetensors", weights), (".json", text)):
                write_file(self._workspace, self._file(name, end), partial(_write, data))
        before = self.name(cohort_hash)
        self._settings.set(_key(cohort_hash), {"hash": name})
        if before is not None and before != name:
            for end in (".safetensors", ".json"):
                self._file(before, end).unlink(missing_ok=True)
        return name

    def name(self, cohort_hash: str) -> str | None:
        """Hash of the networks of this cohort, None where none were trained on it as it is now."""
        kept = self._settings.get(_key(cohort_hash))
        return str(kept["hash"]) if isinstance(kept, dict) and "hash" in kept else None

    def get(self, cohort_hash: str) -> Stored | None:
        """The networks of this cohort, None where none were trained.

        Raises
        ------
        StoreFailed
            When their files are missing or damaged.
        """
        name = self.name(cohort_hash)
        if name is None:
            return None
        try:
            text, weights = (self._file(name, end).read_bytes() for end in (".json", ".safetensors"))
        except OSError:
            text = weights = b""
        if _name(text, weights) != name:
            raise StoreFailed(
                "The recognition networks of this cohort are missing or damaged; train them anew with "
                "medsynth train identity."
            )
        return Stored(name, json.loads(text), weights)

    def training_folder(self, cohort_hash: str) -> Path:
        """Where a training on this cohort leaves its checkpoints."""
        return self._workspace / "recognisers" / f"{cohort_hash[:16]}.training"

    def forget_training(self, cohort_hash: str) -> None:
        """Remove the checkpoints of a training."""
        shutil.rmtree(self.training_folder(cohort_hash), ignore_errors=True)

    def _file(self, name: str, end: str) -> Path:
        return self._workspace / "recognisers" / f"{name}{end}"


def _write(data: bytes, stream: BinaryIO) -> None:
    stream.write(data)


def _name(text: bytes, weights: bytes) -> str:
    return hash_json([hash_bytes(text), hash_bytes(weights)])


def _key(cohort_hash: str) -> str:
    return f"recogniser:{cohort_hash}"
