"""Reading without a window: answers from a table, and the image of the case at hand as a file without a name."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.formats.write import write_volume
from medsynth_desktop.studies.questions import Question
from medsynth_desktop.studies.reading import Reading
from medsynth_desktop.studies.typed import read_answer

IMAGE = "case.nii"
"""The one name under which every case is written in its turn; not compressed, so that all are of one size."""
COLUMNS = {"case", "question", "answer"}


@dataclass(frozen=True)
class Row:
    """One row of a table of answers; ``case`` counts from 1 in the reader's own order."""

    case: int
    question: str
    answer: str
    seconds: float | None


def now() -> str:
    """UTC time of an answer, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def read_rows(path: Path) -> list[Row]:
    """Read a CSV table with the columns case, question, answer and, where they were measured, seconds.

    Raises
    ------
    InputRefused
        When it cannot be read, lacks a column or holds no number where one is due.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
            fields = set(rows[0]) if rows else COLUMNS
    except (OSError, UnicodeDecodeError, csv.Error):
        raise InputRefused(
            f"{path.name} cannot be read as a table of answers (CSV). Check the file."
        ) from None
    if lacking := sorted(COLUMNS - fields):
        raise InputRefused(f"{path.name} has no column {lacking[0]}; expected case, question and answer.")
    return [_row(path.name, number, row) for number, row in enumerate(rows, 2)]


def _row(name: str, line: int, row: dict[str, str]) -> Row:
    try:
        seconds = (row.get("seconds") or "").strip()
        told = float(seconds) if seconds else None
        if told is not None and not 0 <= told < 1e7:
            raise ValueError
        return Row(int(row["case"]), row["question"].strip(), row["answer"] or "", told)
    except (ValueError, TypeError, AttributeError):
        raise InputRefused(
            f"Line {line} of {name}: case is a whole number from 1 and seconds, where given, a number from 0; got "
            f"{row.get('case')!r} and {row.get('seconds')!r}."
        ) from None


def answer_all(reading: Reading, rows: Sequence[Row]) -> Steps[int]:
    """Give the answers of ``rows`` in their order and return how many were new.

    Rows that are answered so already are passed over, so that a table can be given again after a kill.

    Raises
    ------
    InputRefused
        At the first row that is no answer, or not to be answered now; those before it are kept.
    """
    questions = {q.id: q for q in reading.questions}
    new = 0
    for number, row in enumerate(rows):
        yield Progress(number, len(rows), f"Case {row.case} of {len(reading)}")
        asked = questions.get(row.question)
        if asked is None:
            known = ", ".join(questions)
            raise InputRefused(f"The study has no question {row.question!r}; its questions are {known}.")
        value = read_answer(asked, row.answer)
        if not reading.stands(row.case - 1, row.question, value):
            reading.answer(row.case - 1, row.question, value, now(), row.seconds)
            new += 1
    return new


def show_case(reading: Reading, showing: int, folder: Path) -> Path:
    """Write the image of a showing into ``folder``, in place of the one before, and return its path.

    Raises
    ------
    InputRefused
        When the folder does not take it.
    """
    target, unfinished = folder / IMAGE, folder / f".part-{IMAGE}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_volume(reading.volume(showing), unfinished)
        os.replace(unfinished, target)
    except OSError as error:
        raise InputRefused(
            f"The image cannot be written ({error.strerror}); choose another folder."
        ) from None
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def next_question(reading: Reading, showing: int) -> Question | None:
    """First open question of a showing; None when all are answered."""
    return next(iter(reading.open_questions(showing)), None)
