"""From answers to the (readers, cases) tables that the statistics take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.studies.answers import Answer, AnswerLog
from medsynth_desktop.studies.design import Case
from medsynth_desktop.studies.order import Showing
from medsynth_desktop.studies.statistics.recognition import signed_confidence
from medsynth_desktop.studies.study import Study

UNSURE = 1e-6
"""A confidence of 0 still says which kind was called: it ranks least, not nowhere."""


@dataclass(frozen=True, slots=True)
class RatingTable:
    """Answers to one question as numbers, training left out; NaN where there is none.

    ``ratings`` and ``repeats`` are (readers, cases), options counted from 1, yes 1 and no 0; ``synthetic`` is (cases,).
    """

    cases: tuple[str, ...]
    synthetic: np.ndarray
    ratings: np.ndarray
    repeats: np.ndarray


@dataclass(frozen=True, slots=True)
class Given:
    """A standing answer, and of which showing it is."""

    reader: int
    case: int
    showing: Showing
    answer: Answer


def counted_cases(study: Study) -> list[Case]:
    """All cases but those for training."""
    return [case for case in study.design.cases if not case.training]


def rating_table(study: Study, logs: Mapping[str, AnswerLog], question: str) -> RatingTable:
    """Lay the standing answers to a Likert or yes-no question out by reader and case.

    Raises
    ------
    InputRefused
        When the design has no such question.
    """
    _check_form(study, question, ("likert", "yes-no"))
    return _table(study, logs, question, float)


def recognition_tables(
    study: Study, logs: Mapping[str, AnswerLog], question: str
) -> tuple[RatingTable, np.ndarray]:
    """Answers to a real-or-synthetic question: 1 where called synthetic, and (readers, cases) signed confidence.

    Raises
    ------
    InputRefused
        When the design has no such question.
    """
    _check_form(study, question, ("real-or-synthetic",))
    called = _table(study, logs, question, lambda value: float(value["synthetic"]))
    sure = _table(study, logs, question, lambda value: max(float(value["confidence"]), UNSURE))
    return called, signed_confidence(called.ratings, sure.ratings)


def case_seconds(study: Study, logs: Mapping[str, AnswerLog]) -> np.ndarray:
    """(readers, cases) seconds from showing a case first to its last standing answer; NaN where not measured."""
    seconds = np.full((len(study.design.readers), len(counted_cases(study))), np.nan)
    for question in filter(lambda q: q.asked, study.design.questions):
        for given in _given(study, logs, question.id):
            if not given.showing.repeat and given.answer.seconds is not None:
                at = given.reader, given.case
                seconds[at] = np.fmax(seconds[at], given.answer.seconds)
    return seconds


def texts(study: Study, logs: Mapping[str, AnswerLog], question: str) -> list[tuple[str, Case, str]]:
    """Reader, case and words of every standing answer in words to ``question`` that is not empty."""
    cases = counted_cases(study)
    return [
        (study.design.readers[given.reader], cases[given.case], str(given.answer.value))
        for given in _given(study, logs, question)
        if str(given.answer.value).strip()
    ]


def _table(
    study: Study, logs: Mapping[str, AnswerLog], question: str, number: Callable[[Any], float]
) -> RatingTable:
    cases = counted_cases(study)
    first, again = (np.full((len(study.design.readers), len(cases)), np.nan) for _ in range(2))
    for given in _given(study, logs, question):
        (again if given.showing.repeat else first)[given.reader, given.case] = number(given.answer.value)
    truth = np.array([case.synthetic for case in cases])
    return RatingTable(tuple(case.id for case in cases), truth, first, again)


def _given(study: Study, logs: Mapping[str, AnswerLog], question: str) -> Iterator[Given]:
    """Standing answers of all readers to one question, training left out."""
    column = {case.id: number for number, case in enumerate(counted_cases(study))}
    for row, reader in enumerate(study.design.readers):
        standing = logs[reader].standing() if reader in logs else {}
        for number, showing in enumerate(study.orders[reader]):
            answer = standing.get((number, question))
            if answer is not None and not showing.training:
                yield Given(row, column[showing.case], showing, answer)


def _check_form(study: Study, question: str, forms: tuple[str, ...]) -> None:
    if question not in {q.id for q in study.design.questions if q.form in forms}:
        raise InputRefused(
            f"The study has no {' or '.join(forms)} question {question!r}. Give one of its questions."
        )
