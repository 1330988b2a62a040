"""`medsynth study rate`: a reader at work on a terminal, or from a table of answers."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from medsynth_desktop.cli.console import WrongUsage, answer, counted, open_workspace, run, say
from medsynth_desktop.cli.passwords import READER, password
from medsynth_desktop.core.errors import InputRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medsynth_desktop.studies.questions import Question
    from medsynth_desktop.studies.reading import Reading

PAUSE, UNDO, COMMENT = "pause", "undo", "comment"


def add_to(group: typer.Typer) -> None:
    """Mount the command."""
    group.command()(rate)


def rate(
    study: Annotated[Optional[str], typer.Option("--study", help="A study of this workspace.")] = None,  # noqa: UP045
    file: Annotated[
        Optional[Path], typer.Option("--file", help="The file that was given to the reader.")  # noqa: UP045
    ] = None,
    reader: Annotated[str, typer.Option("--reader", help="Who reads.")] = "",
    answers: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--answers", help="CSV: case, question, answer, and seconds if known. Default: asked."),
    ] = None,
    images: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--images", help="Folder for the image of the case at hand, always case.nii."),
    ] = None,
    log: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--log", help="With --file: where answers go; default beside it, ending in .answers."),
    ] = None,
    reader_password_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--reader-password-file", help=f"File with the reader's password; else {READER}, else asked."
        ),
    ] = None,
) -> None:
    """Answer case by case; what was answered is kept at once, and the next run goes on at the same case."""
    from medsynth_desktop.workbench.study_rating import answer_all, read_rows

    if (study is None) == (file is None):
        raise WrongUsage("Give either --study NAME or --file FILE, one of the two.")
    if study is not None and not reader:
        raise WrongUsage("Say who reads with --reader NAME.")
    rows = read_rows(answers) if answers is not None else None
    secret = password(f"{reader or 'The reader'}'s", READER, reader_password_file)
    reading = _sign_in(study, file, reader, log, secret)
    say(f"{reading.facts['title']}, {reading.facts['reader']}: {_place(reading)}")
    new = _ask(reading, images) if rows is None else run(answer_all(reading, rows))
    done = reading.done
    answer(
        {
            "study": reading.facts["title"],
            "reader": reading.facts["reader"],
            "new": new,
            "done": done,
            "showings": len(reading),
            "complete": done == len(reading),
            "answers": reading.answers_path.name,
        },
        f"{counted(new, 'answer')} kept, {done} of {len(reading)} cases done"
        + (f"; hand {reading.answers_path.name} back" if file is not None else ""),
    )


def _sign_in(study: str | None, file: Path | None, reader: str, log: Path | None, secret: str) -> Reading:
    from medsynth_desktop.studies.reading import Reading, answers_beside

    if (
        file is not None
    ):  # without what a workspace needs: on a reader's computer it may not even be installed
        reading = Reading(file, secret, log or answers_beside(file))
        if reader and reading.facts["reader"] != reader:
            raise InputRefused(f"{file.name} is not {reader}'s. Ask for the right file.")
        return reading
    from medsynth_desktop.workbench import studying

    with open_workspace() as workspace:
        return studying.sign_in(workspace, str(study), reader, secret)


def _place(reading: Reading) -> str:
    now = reading.current
    if now is None:
        return f"all {len(reading)} cases are done"
    training = reading.facts["training"]
    more = f", the first {training} for training" if training else ""
    return f"case {now + 1} of {len(reading)}{more}"


def _ask(reading: Reading, images: Path | None) -> int:
    """Go through the open cases on the terminal until all are done or the reader pauses; return new answers."""
    from medsynth_desktop.workbench.study_rating import show_case

    new = 0
    lines = iter(sys.stdin.readline, "")
    while (showing := reading.current) is not None:
        more = f"; {COMMENT} WORDS: a comment" if reading.comment else ""
        say(
            f"\nCase {showing + 1} of {len(reading)}   ({UNDO}: the question before; {PAUSE}: stop here{more})"
        )
        if images is not None:
            say(f"image: {show_case(reading, showing, images)}")
        given, onward = _ask_case(reading, showing, lines)
        new += given
        if not onward:
            break
    return new


def _ask_case(reading: Reading, showing: int, lines: Iterator[str]) -> tuple[int, bool]:
    """Ask the questions of one case until it is left; return answers kept, and whether to go on."""
    from medsynth_desktop.studies.typed import read_answer
    from medsynth_desktop.workbench.study_rating import now

    began, new = time.monotonic(), 0
    left = list(reading.open_questions(showing))
    asked = [q for q in reading.questions if q.asked and q not in left]
    while True:
        if left:
            _say_question(left[0])
        else:
            _prompt(f"Enter: next case; {UNDO}: the question before")
        line = next(lines, PAUSE)
        word = line.strip().lower()
        if word == PAUSE:
            return new, False
        if word == UNDO:
            if asked and reading.facts["may_change"]:
                left.insert(0, asked.pop())
            continue
        comment = reading.comment if word.partition(" ")[0] == COMMENT else None
        if not left and comment is None:
            if not word:
                return new, True
            say(f"All of this case is answered; Enter alone shows the next one, {UNDO} takes an answer back.")
            continue
        try:
            if comment is not None:
                words = line.strip()[len(COMMENT) :].strip()
                reading.answer(showing, comment.id, words, now(), round(time.monotonic() - began, 3))
                continue
            value = read_answer(left[0], line)
            reading.answer(showing, left[0].id, value, now(), round(time.monotonic() - began, 3))
        except InputRefused as error:
            say(str(error))
            continue
        asked.append(left.pop(0))
        new += 1


def _say_question(question: Question) -> None:
    from string import ascii_uppercase

    from medsynth_desktop.studies.typed import hint

    say(question.text)
    for letter, option in zip(ascii_uppercase, question.options, strict=False):
        say(f"  {letter}  {option}")
    _prompt(hint(question))


def _prompt(words: str) -> None:
    sys.stderr.write(f"{words}: ")
    sys.stderr.flush()
