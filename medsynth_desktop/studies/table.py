"""From answers to the (readers, cases) tables that the statistics take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.studies.answers import AnswerLog
from medsynth_desktop.studies.study import Study


@dataclass(frozen=True, slots=True)
class RatingTable:
    """Answers to one Likert question, training left out; NaN where there is none.

    ``ratings``, ``repeats`` and ``seconds`` are (readers, cases), options counted from 1; ``synthetic`` is (cases,).
    """

    cases: tuple[str, ...]
    synthetic: np.ndarray
    ratings: np.ndarray
    repeats: np.ndarray
    seconds: np.ndarray


def rating_table(study: Study, logs: Mapping[str, AnswerLog], question: str) -> RatingTable:
    """Lay the standing answers to a Likert question out by reader and case.

    Raises
    ------
    InputRefused
        When the design has no such Likert question.
    """
    design = study.design
    if question not in {q.id for q in design.questions if q.form == "likert"}:
        raise InputRefused(f"The study has no Likert question {question!r}. Give one of its questions.")
    counted = [c for c in design.cases if not c.training]
    column = {case.id: number for number, case in enumerate(counted)}
    first, again, seconds = (np.full((len(design.readers), len(counted)), np.nan) for _ in range(3))
    for row, reader in enumerate(design.readers):
        standing = logs[reader].standing() if reader in logs else {}
        for number, showing in enumerate(study.orders[reader]):
            given = standing.get((number, question))
            if given is None or showing.training:
                continue
            at = row, column[showing.case]
            (again if showing.repeat else first)[at] = given.value
            if not showing.repeat:
                seconds[at] = np.nan if given.seconds is None else given.seconds
    truth = np.array([c.synthetic for c in counted])
    return RatingTable(tuple(column), truth, first, again, seconds)
