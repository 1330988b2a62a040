"""Whose image it is: from the table of participants, a pattern, the header, or names (see `names`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medsynth_desktop.cohorts.names import guess_patient
from medsynth_desktop.cohorts.participants import Participants
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.formats.read import Found

MAX_PATTERN = 200
_NESTED = re.compile(r"\((?:[^()\\]|\\.)*[+*](?:[^()\\]|\\.)*\)[+*{]")
"""A repeated group that holds a repetition, as in (a+)+: may take exponential time."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A patient's identifier, in memory only, attributes from the table of participants, and what told it."""

    identifier: str
    attributes: dict[str, Any]
    told_by: str


class Owners:
    """Finds the patient of each image; what the user said goes before what files say of themselves.

    Parameters
    ----------
    participants
        Table of participants, or None.
    pattern
        Regular expression; its first group (or all of it) in the name of file or folder is the patient.
    roots
        Files and folders that are imported: folders above them say nothing about patients.
    """

    def __init__(
        self,
        participants: Participants | None = None,
        pattern: str | None = None,
        roots: Sequence[Path] = (),
    ) -> None:
        self._roots = {Path(r).absolute() for r in roots}
        self._participants = participants
        self._pattern = None if pattern is None else compile_pattern(pattern)
        self._seen = 0
        self._matched = 0

    def of(self, found: Found) -> Owner:
        """Tell the patient of ``found``."""
        path = found.paths[0].absolute()
        names = self._names(path)
        row = self._participants.find(path, names, found.patient) if self._participants else None
        by_pattern = self._by_pattern(names)
        self._seen += 1
        self._matched += row is not None or by_pattern is not None
        if row is not None:
            return Owner(row.identifier, row.attributes, "the list of participants")
        if by_pattern:
            return Owner(by_pattern, {}, "the pattern")
        if header := (found.patient or "").strip():
            return Owner(header, {}, "what the files say of themselves")
        identifier, told_by = guess_patient(names, found.format.startswith("dicom"))
        return Owner(identifier, {}, told_by)

    def check_used(self) -> None:
        """Refuse a table or pattern that fits no image: the split would not be what the user meant.

        Raises
        ------
        InputRefused
            When images were seen and none fitted.
        """
        if (self._participants or self._pattern) and self._seen and not self._matched:
            what = "The list of participants" if self._participants else "The patient pattern"
            raise InputRefused(
                f"{what} fits none of the {self._seen} images found; "
                "compare it with the names of the files, or leave it out."
            )

    def _names(self, path: Path) -> list[str]:
        """Names of the file and of its folders, nearest first, up to what the user gave."""
        names = [path.name]
        for folder in path.parents:
            if path in self._roots and len(names) > 1:
                break
            names.append(folder.name)
            if folder in self._roots:
                break
        return [n for n in names if n]

    def _by_pattern(self, names: Sequence[str]) -> str | None:
        if self._pattern is None:
            return None
        for name in names:
            match = self._pattern.search(name)
            if match:
                return (match.group(1) if self._pattern.groups else match.group()) or None
        return None


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile the user's pattern.

    Raises
    ------
    InputRefused
        No regular expression, longer than 200 characters, or one that may never end.
    """
    if len(pattern) > MAX_PATTERN or _NESTED.search(pattern):
        raise InputRefused(
            "The patient pattern is too complicated (over 200 characters, or a repetition within a "
            "repetition); a simple one such as (sub-\\d+) does."
        )
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise InputRefused(
            f"The patient pattern is no regular expression ({error}); a simple one such as (sub-\\d+) does."
        ) from error
