"""Files of an import that gave no image: told to the user by path, kept in the workspace without names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from medsynth_desktop.cohorts.pseudonyms import Keyed
from medsynth_desktop.core.records import CohortRecord


class SkippedFiles:
    """The list of one import.

    Parameters
    ----------
    keyed
        Hashes of the workspace.
    participants
        The table of participants, which usually lies among the images.
    given
        What the user typed: these paths a refusal may name, for they are already known to who reads it.
    """

    def __init__(self, keyed: Keyed, participants: Path | None = None, given: Sequence[Path] = ()) -> None:
        self._keyed = keyed
        self._given = set(given)
        self._participants = participants.absolute() if participants else None
        self._reasons: dict[Path, list[str]] = {}
        self._resolved: set[str] = set()
        self._names: set[str] = set()

    def add(self, path: Path, reason: str) -> None:
        """Note that ``path`` gave no image."""
        if path.absolute() == self._participants:
            reason = "Read as the list of participants."
        self._reasons.setdefault(path, []).append(reason)
        self._names.add(path.name)

    def resolve(self, path: Path) -> None:
        """Note that ``path`` gave an image, which an earlier import may have passed over."""
        self._resolved.add(self._keyed.label(path))
        self._names.add(path.name)

    def sentence(self) -> str:
        """Why there is nothing to import."""
        if not self._reasons:
            return "No image was found: the folder is empty; give one with NIfTI, DICOM, PNG or JPEG files."
        path, reasons = next(iter(self._reasons.items()))
        typed = path in self._given
        if len(self._reasons) == 1:
            told = f"{path if typed else 'The only file'} could not be imported: {reasons[0]}"
        else:
            which = f"{path}: " if typed else ""
            told = (
                f"None of {len(self._reasons)} files could be imported; the first reason: {which}{reasons[0]}"
            )
        return f"{told.rstrip('.')}. Give a folder with NIfTI, DICOM, PNG, JPEG, TIFF or .npy images."

    def shown_in(self, record: CohortRecord) -> CohortRecord:
        """Put the paths, as the user gave them, in place of the stored labels."""
        shown = tuple((str(path), reason) for path, reasons in self._reasons.items() for reason in reasons)
        return replace(record, skipped=shown)

    def to_store(self, before: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Labels and reasons without names: those of ``before`` that still hold, and this import's."""
        new = [
            (self._keyed.label(path), self._anonymous(reason, path))
            for path, reasons in self._reasons.items()
            for reason in reasons
        ]
        replaced = self._resolved | {label for label, _ in new}
        return [(label, reason) for label, reason in before if label not in replaced] + new

    def _anonymous(self, reason: str, path: Path) -> str:
        """``reason`` without the names of files of this import."""
        spaced = [n for n in self._names if " " in n]
        for name in sorted([path.name, *spaced], key=len, reverse=True):
            reason = reason.replace(name, "the file")
        words = (w if w.rstrip(".,;:") not in self._names else "another file" for w in reason.split(" "))
        return " ".join(words)
