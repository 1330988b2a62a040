"""A table of participants (CSV or TSV, as BIDS has it): whose images are whose, and what is known of them."""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medsynth_desktop.core.errors import InputRefused

ID_COLUMNS = ("participant_id", "patient_id", "subject_id", "patient", "participant", "subject", "id")
FILE_COLUMNS = ("file", "filename", "file_name", "path", "image")
ATTRIBUTES = ("age", "sex", "label")
"""Kept of each row; other columns might identify."""
MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Participant:
    """One row: the patient's identifier (in memory only) and attributes."""

    identifier: str
    attributes: dict[str, Any] = field(default_factory=dict)


class Participants:
    """Rows by file, or by the identifier with which file and folder names begin."""

    def __init__(self) -> None:
        self._by_id: dict[str, Participant] = {}
        self._by_file: dict[str, list[tuple[tuple[str, ...], Participant]]] = defaultdict(list)

    @classmethod
    def read(cls, path: Path) -> Participants:
        """Read the table at ``path``.

        Raises
        ------
        InputRefused
            Not readable, without rows, or without a column of identifiers.
        """
        name = path.name
        rows = _rows(path)
        header = [(column or "").strip().lower() for column in (rows[0] if rows else [])]
        id_column = next((c for c in ID_COLUMNS if c in header), None)
        if id_column is None:
            raise InputRefused(
                f"{name} needs a column participant_id (or patient_id) in its first line; "
                f"its columns are: {', '.join(header)[:200] or 'none'}."
            )
        file_column = next((c for c in FILE_COLUMNS if c in header), None)
        table = cls()
        for cells in rows[1:]:
            table._add(dict(zip(header, (c.strip() for c in cells), strict=False)), id_column, file_column)
        if not table._by_id:
            raise InputRefused(f"{name} names no participant below its first line; check the file.")
        return table

    def find(self, path: Path, names: Sequence[str], header_id: str | None = None) -> Participant | None:
        """Row of an image: by the file column, the names of file and folders, or the header's identifier.

        Parameters
        ----------
        path
            Of the image, absolute.
        names
            The file's name and those of its folders, nearest first.
        header_id
            The patient's identifier as the file tells it.

        Raises
        ------
        InputRefused
            When the table gives the file to two patients.
        """
        if self._by_file:
            return self._of_file(path)
        for name in names:
            row = self._of_name(name)
            if row is not None:
                return row
        return self._by_id.get(header_id.strip()) if header_id else None

    def _add(self, row: dict[str, str], id_column: str, file_column: str | None) -> None:
        identifier = row.get(id_column, "")
        if not identifier:
            return
        attributes = {a: v for a in ATTRIBUTES if (v := _value(a, row.get(a, ""))) is not None}
        participant = Participant(identifier, attributes)
        self._by_id.setdefault(identifier, participant)
        file = row.get(file_column, "") if file_column else ""
        if file:
            parts = tuple(p for p in file.replace("\\", "/").split("/") if p not in ("", "."))
            self._by_file[parts[-1]].append((parts, participant))

    def _of_file(self, path: Path) -> Participant | None:
        """Row whose file is the longest end of ``path``."""
        fitting = [(len(p), row) for p, row in self._by_file.get(path.name, []) if path.parts[-len(p) :] == p]
        longest = max((n for n, _ in fitting), default=0)
        best = {row.identifier: row for n, row in fitting if n == longest}
        if len(best) > 1:
            raise InputRefused(
                f"The list of participants gives {path.name} to {len(best)} patients; "
                "write the file column with folders, as in images/a.nii.gz."
            )
        return next(iter(best.values()), None)

    def _of_name(self, name: str) -> Participant | None:
        """Row whose identifier is the longest beginning of ``name`` up to a boundary (013 is not 0131)."""
        for end in range(len(name), 0, -1):
            whole = end == len(name) or not (name[end].isalnum() and name[end - 1].isalnum())
            if whole and (row := self._by_id.get(name[:end])) is not None:
                return row
        return None


def _rows(path: Path) -> list[list[str]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputRefused(f"{path.name} is no list of participants: it is larger than 64 MiB.")
        data = path.read_bytes()
    except OSError as error:
        raise InputRefused(
            f"The list of participants {path.name} cannot be read ({error.strerror}); give a CSV file with one row an "
            "image or patient (docs/cli.md tells its columns)."
        ) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    first = text.split("\n", 1)[0]
    delimiter = max("\t;,", key=first.count)
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise InputRefused(
            f"{path.name} is no CSV file ({error}); save it as comma-separated text."
        ) from error


def _value(attribute: str, text: str) -> Any:
    """Age as a number of years; others as text; None where absent (BIDS writes n/a)."""
    if text.lower() in ("", "n/a", "na", "nan", "none"):
        return None
    if attribute != "age":
        return text
    try:
        age = float(text.replace(",", "."))
    except ValueError:
        return None
    return age if math.isfinite(age) else None
