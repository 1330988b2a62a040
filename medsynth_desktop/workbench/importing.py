"""Verbs of the Cohort panel: open images to look at, import cohorts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medsynth_desktop.cohorts import importing as cohort_importing
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import CohortRecord
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats.read import Skipped, search_volumes
from medsynth_desktop.store.workspace import Workspace

MAX_OPENED = 20
"""More volumes than this at once would fill the memory of a workstation; import them as a cohort instead."""


@dataclass(frozen=True)
class Opened:
    """What was read to be looked at: volumes with a display name, and what was not read with its reason."""

    volumes: tuple[tuple[Volume, str], ...]
    skipped: tuple[Skipped, ...]


def open_volumes(paths: Sequence[Path]) -> Steps[Opened]:
    """Read the images under ``paths`` (at most `MAX_OPENED`) to be shown.

    Raises
    ------
    InputRefused
        When nothing could be read; the message gives the first reason.
    """
    volumes: list[tuple[Volume, str]] = []
    skipped: list[Skipped] = []
    for found in search_volumes(paths):
        if isinstance(found, Progress):
            yield found
            continue
        if isinstance(found, Skipped):
            skipped.append(found)
            continue
        if len(volumes) == MAX_OPENED:
            skipped.extend(
                Skipped(p, f"only {MAX_OPENED} images are opened at once; import a cohort for more")
                for p in found.paths[:1]
            )
            continue
        try:
            volume = found.load()
        except InputRefused as refusal:
            skipped.append(Skipped(found.paths[0], str(refusal)))
            continue
        volumes.append((volume, f"{_kind(volume)} {len(volumes) + 1}"))
        yield Progress(len(volumes), 0, f"Read {len(volumes)} images")
    if not volumes:
        reason = skipped[0].reason if skipped else "the folder is empty"
        raise InputRefused(f"No image could be read: {reason}")
    return Opened(tuple(volumes), tuple(skipped))


def describe_skipped(skipped: Sequence[Skipped], most: int = 3) -> str:
    """One sentence: how many files were not read, and the commonest reasons."""
    reasons = Counter(s.reason for s in skipped).most_common(most)
    told = "; ".join(f"{count} because {reason}" if count > 1 else reason for reason, count in reasons)
    files = "1 file was" if len(skipped) == 1 else f"{len(skipped):,} files were"
    return f"{files} not read: {told}"


def _kind(volume: Volume) -> str:
    """How an image is called beside its number: its modality, or Image where the file names none."""
    return volume.modality if volume.modality not in ("", "OT") else "Image"


def import_cohort(
    workspace: Workspace, name: str, paths: Sequence[Path], **options: Any
) -> Steps[CohortRecord]:
    """Import every image under ``paths`` into the cohort ``name`` (see `cohorts.importing.import_cohort`)."""
    return cohort_importing.import_cohort(workspace, name, paths, **options)
