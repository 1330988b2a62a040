"""A folder of images before it is imported: by patient, study and series, with pictures, and what is not read and why.

Patients are numbered in the order in which they are met. No identifier, date or description leaves this module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.core.windows import first_window
from medsynth_desktop.formats.base import Found, Skipped, refusing
from medsynth_desktop.formats.read import read_volume, search_volumes

NOBODY = "Patient not told by the files"
SIDE = 96
"""Pixels of a thumbnail's longer side, at most twice."""


@dataclass(frozen=True)
class Series:
    """One image of a patient that can be read.

    Attributes
    ----------
    number
        From 0, in the order shown.
    patient, study
        ``Patient 1``, ``Study 2``; the study is "" where the file tells none.
    words
        Modality, size and spacing.
    paths
        Its files.
    found
        Reads it.
    """

    number: int
    patient: str
    study: str
    words: str
    paths: tuple[Path, ...]
    found: Found = field(repr=False)


@dataclass(frozen=True)
class Browsed:
    """What a folder holds: what can be read, and every other file with its reason."""

    series: tuple[Series, ...]
    skipped: tuple[Skipped, ...]

    @property
    def reasons(self) -> list[tuple[str, list[Path]]]:
        """Files that are not read by their reason, the commonest first."""
        counted = Counter(s.reason for s in self.skipped)
        return [
            (reason, [s.path for s in self.skipped if s.reason == reason])
            for reason, _ in counted.most_common()
        ]

    def sentence(self) -> str:
        """Say how much of what there is."""
        patients = len({s.patient for s in self.series if s.patient != NOBODY})
        told = (
            f"{len(self.series)} images of {patients} patients" if patients else f"{len(self.series)} images"
        )
        return f"{told}; {len(self.skipped)} files are not read." if self.skipped else f"{told}."


def browse(paths: Sequence[Path]) -> Steps[Browsed]:
    """Look through ``paths``, reading headers only."""
    found: list[Found] = []
    skipped: list[Skipped] = []
    for finding in search_volumes(list(paths)):
        if isinstance(finding, Progress):
            yield finding
        elif isinstance(finding, Skipped):
            skipped.append(finding)
        else:
            found.append(finding)
            yield Progress(0, 0, f"Searching: {len(found)} images")
    return Browsed(_sorted(found), tuple(skipped))


def pictures(series: Sequence[Series]) -> Steps[None]:
    """Yield a thumbnail of each as ``item`` (number, uint8 picture or None where its pixels cannot be read)."""
    for done, one in enumerate(series, start=1):
        picture: np.ndarray | None
        try:
            picture = thumbnail(one.found)
        except InputRefused:
            picture = None
        yield Progress(done, len(series), f"Pictures: {done} of {len(series)}", item=(one.number, picture))


def thumbnail(found: Found) -> np.ndarray:
    """Return the middle slice (rows, columns) as uint8 grey levels, in its first window.

    Of a series in many files only the middle one is read.

    Raises
    ------
    InputRefused
        When its pixels cannot be read.
    """
    volume = read_volume(found.paths[len(found.paths) // 2]) if len(found.paths) > 1 else found.load()
    picture = _film(volume)
    low, high = first_window(volume).limits
    grey = (np.nan_to_num(picture.astype(np.float32), nan=low) - low) * (255 / (high - low))
    step = max(1, max(picture.shape) // (2 * SIDE))
    return np.ascontiguousarray(np.clip(grey, 0, 255).astype(np.uint8)[::step, ::step])


def _film(volume: Volume) -> np.ndarray:
    """The middle slice across the thinnest axis, as it is viewed: patient's right on the left, front or head on top."""
    array = volume.canonical().array[::-1, ::-1, ::-1]
    across = int(np.argmin(array.shape))
    return np.asarray(np.take(array, array.shape[across] // 2, across)).T


def _sorted(found: Sequence[Found]) -> tuple[Series, ...]:
    """By patient as met, study by time, series by number."""
    known: dict[str, int] = {}
    rows = []
    for one in found:
        patient = known.setdefault(one.patient, len(known) + 1) if one.patient else 0
        study, when, number = _place(one)
        rows.append((patient or len(found) + 1, when, study, number, one))
    rows.sort(key=lambda row: row[:4])
    studies: dict[tuple[int, str], int] = {}
    counted: Counter[int] = Counter()
    made = []
    for count, (patient, _, study, _, one) in enumerate(rows):
        if study and (patient, study) not in studies:
            counted[patient] += 1
            studies[patient, study] = counted[patient]
        who = f"Patient {patient}" if patient <= len(found) else NOBODY
        which = f"Study {studies[patient, study]}" if study else ""
        made.append(Series(count, who, which, one.label, one.paths, one))
    return tuple(made)


def _place(found: Found) -> tuple[str, str, int]:
    """Study, time and series number of an image; empty where it is no DICOM or its header has none."""
    from medsynth_desktop.formats.dicom_study import study_place

    if found.format != "dicom":
        return "", "", 0
    with refusing(found.paths[0].name):
        place = study_place(found.paths[0])
        return place.study, place.when, place.series
