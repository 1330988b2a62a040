"""Reader studies: one folder each, with what anybody may know of it readable and all else sealed.

::

    studies/<hash of the name>/
        study.json         StudyRecord
        study.sealed       the design, the truth and the keys, under the investigator's password
        reader-1.sealed    what a reader who reads on this computer gets, under their password
        reader-1.answers   encrypted answers
        ratings.json       of samples, once the investigator has put them beside the verdicts

The files are the engine's (`medsynth_desktop.studies`); here they have their place.
"""

from __future__ import annotations

import dataclasses
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from medsynth_desktop.core.errors import InputRefused, NotFound, StoreFailed
from medsynth_desktop.core.hashing import hash_bytes
from medsynth_desktop.store.encoding import decode, encode
from medsynth_desktop.store.failures import told_plainly
from medsynth_desktop.store.folders import write_file
from medsynth_desktop.store.missing import not_found

LONGEST_NAME = 80
DAMAGED = "The record of a study is damaged; restore the workspace from a backup."


@dataclass(frozen=True, slots=True)
class StudyRecord:
    """What anybody may know of a study, a reader included.

    Attributes
    ----------
    showings
        Cases that each reader sees, training and repeats included; ``training`` of them are not counted.
    questions
        Ids.
    hash
        Of the design and all orders (salted: it tells nothing of the truth).
    given
        Readers whose file was written for another computer.
    frozen
        When the first reader started, ISO 8601; "" while the design may still change.
    """

    name: str
    id: str
    created: str
    readers: tuple[str, ...]
    cases: int
    training: int
    showings: int
    questions: tuple[str, ...]
    hash: str
    given: tuple[str, ...] = ()
    frozen: str = ""


@dataclass(frozen=True, slots=True)
class SampleRatings:
    """What readers said of samples on the Likert questions of a study, first showings only.

    ``options`` is how many a question has; ``ratings`` are by sample, question and reader, from 1, the worst.
    """

    study: str
    design: str
    options: dict[str, int]
    ratings: dict[str, dict[str, dict[str, int]]]


class Studies:
    """Studies by name."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace

    def names(self) -> list[str]:
        """Names, oldest first."""
        with told_plainly():
            found = [_read(path) for path in self._root.glob("*/study.json")]
        return [record.name for record in sorted(found, key=lambda r: (r.created, r.name))]

    def get(self, name: str) -> StudyRecord:
        """Return the study of that name.

        Raises
        ------
        NotFound
            When there is none.
        StoreFailed
            When its record is damaged.
        """
        path = self.folder(name) / "study.json"
        if not path.is_file():
            raise not_found("study", name, self.names(), "medsynth study create makes one")
        with told_plainly():
            return _read(path)

    def put(self, record: StudyRecord) -> None:
        """Keep a record, in place of an earlier one.

        Raises
        ------
        InputRefused
            When the name is empty, too long or not printable.
        StoreFailed
            Disk full or folder read-only.
        """
        name = record.name
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise InputRefused(
                f"A study's name is one line of 1 to {LONGEST_NAME} characters; choose another name."
            )
        text = encode(record).encode()
        with told_plainly():
            write_file(self._workspace, self.folder(name) / "study.json", partial(_write, text))

    def freeze(self, name: str, when: str) -> StudyRecord:
        """Note that the first reader started at ``when``; a study that is frozen stays as it is."""
        record = self.get(name)
        if not record.frozen:
            record = dataclasses.replace(record, frozen=when)
            self.put(record)
        return record

    def clear(self, name: str) -> None:
        """Remove a study's files.

        Raises
        ------
        InputRefused
            When it is frozen.
        """
        if self.get(name).frozen:
            raise InputRefused(
                f"The study {name!r} is frozen since {self.get(name).frozen}; it is not removed."
            )
        with told_plainly():
            shutil.rmtree(self.folder(name))

    def put_ratings(self, name: str, ratings: SampleRatings) -> None:
        """Keep ratings of samples in the open, in place of earlier ones; raises as `put`."""
        text = encode(ratings).encode()
        with told_plainly():
            write_file(self._workspace, self.folder(name) / "ratings.json", partial(_write, text))

    def ratings(self) -> list[SampleRatings]:
        """What all studies' readers said of samples, as far as it was put in the open.

        Raises
        ------
        StoreFailed
            When a file is damaged.
        """
        with told_plainly():
            texts = [path.read_text("utf-8") for path in sorted(self._root.glob("*/ratings.json"))]
        try:
            return [decode(SampleRatings, text) for text in texts]
        except (ValueError, TypeError, AttributeError):
            raise StoreFailed(DAMAGED) from None

    def folder(self, name: str) -> Path:
        """Where the files of a study lie; it need not exist."""
        return self._root / hash_bytes(name.encode())[:16]

    def sealed(self, name: str) -> Path:
        """The investigator's file."""
        return self.folder(name) / "study.sealed"

    def reader_file(self, name: str, reader: str) -> Path:
        """What a reader reads on this computer; it need not exist.

        Raises
        ------
        NotFound
            When the study has no such reader.
        """
        return self.folder(name) / f"reader-{self._number(name, reader)}.sealed"

    def answers(self, name: str, reader: str) -> Path:
        """A reader's answers; the file need not exist. Raises as `reader_file`."""
        return self.folder(name) / f"reader-{self._number(name, reader)}.answers"

    def _number(self, name: str, reader: str) -> int:
        readers = self.get(name).readers
        if reader not in readers:
            raise NotFound(
                f"The study {name!r} has no reader {reader!r}; its readers are {', '.join(readers)}."
            )
        return readers.index(reader) + 1

    @property
    def _root(self) -> Path:
        return self._workspace / "studies"


def _write(text: bytes, stream: BinaryIO) -> None:
    stream.write(text)


def _read(path: Path) -> StudyRecord:
    try:
        return decode(StudyRecord, path.read_text("utf-8"))
    except (ValueError, TypeError, AttributeError):
        raise StoreFailed(DAMAGED) from None
