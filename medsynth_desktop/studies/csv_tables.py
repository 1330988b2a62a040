"""A study's answers and numbers as CSV tables: for a reviewer, for R, and for the programs of MRMC analysis."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from medsynth_desktop.studies.answers import Answer, AnswerLog
from medsynth_desktop.studies.preparing import Preparation
from medsynth_desktop.studies.questions import MARKED
from medsynth_desktop.studies.results import Answered, Results
from medsynth_desktop.studies.study import Study


def tables(results: Results, logs: Mapping[str, AnswerLog]) -> dict[str, str]:
    """Text of every table by the name of its file.

    ``answers.csv`` every entry ever made (marked voxels in patient millimetres, RAS, too, where the study knows them);
    ``numbers.csv`` every number with its interval; ``distributions.csv`` counts of options; ``imrmc.csv`` a data frame
    for R's iMRMC; ``mrmcaov.csv`` one for R's MRMCaov.
    """
    return {
        "answers.csv": _csv(_answers(results.study, logs)),
        "numbers.csv": _csv([line.facts() for line in results.lines]),
        "distributions.csv": _csv(_counts(results)),
        "imrmc.csv": _csv(imrmc_rows(results)),
        "mrmcaov.csv": _csv(mrmcaov_rows(results)),
    }


def _answers(study: Study, logs: Mapping[str, AnswerLog]) -> Iterable[dict[str, Any]]:
    cases = {case.id: case for case in study.design.cases}
    marked = {question.id for question in study.design.questions if question.form in MARKED}
    for reader in study.design.readers:
        if reader not in logs:
            continue
        standing = logs[reader].standing()
        for entry, answer in enumerate(logs[reader].answers, 1):
            showing = study.orders[reader][answer.showing]
            case = cases[showing.case]
            plain = isinstance(answer.value, str | int | float) and not isinstance(answer.value, bool)
            yield {
                "reader": reader,
                "entry": entry,
                "showing": answer.showing + 1,
                "case": case.id,
                "truth": "synthetic" if case.synthetic else "real",
                "group": case.group,
                "training": int(showing.training),
                "repeat": int(showing.repeat),
                "question": answer.question,
                "answer": answer.value if plain else json.dumps(answer.value),
                "answer_mm": _in_mm(study.design.preparation, answer) if answer.question in marked else "",
                "seconds": answer.seconds,
                "time": answer.time,
                "stands": int(standing[answer.showing, answer.question] is answer),
            }


def _in_mm(prepared: Preparation, answer: Answer) -> str:
    """The marked voxels as patient millimetres, RAS; empty where nothing is marked or no size is known."""
    if answer.value is None or not prepared.spaced or not prepared.affine:
        return ""
    voxels = np.asarray(answer.value, float)
    flat = np.zeros((*voxels.shape[:-1], 3))
    flat[..., : voxels.shape[-1]] = voxels
    affine = np.array(prepared.affine, float)
    return json.dumps(np.round(flat @ affine[:3, :3].T + affine[:3, 3], 2).tolist())


def _counts(results: Results) -> Iterable[dict[str, Any]]:
    for known in results.answered:
        for (reader, kind), found in known.counts.items():
            for number, count in enumerate(found.counts, 1):
                text = known.question.options[number - 1]
                row = {"question": known.question.id, "reader": reader, "kind": kind, "option": number}
                yield {**row, "text": text, "count": count, "missing": found.missing}


def _scores(known: Answered) -> np.ndarray | None:
    """(readers, cases) scores that rise with how synthetic a case looked; None where the question gives none."""
    if known.scores is not None:
        return known.scores
    if known.question.form == "likert":
        return np.asarray(len(known.question.options) + 1 - known.table.ratings)
    return None


def _scored(results: Results) -> Iterable[tuple[str, str, str, int, float]]:
    """Question, reader, case, truth (1: synthetic) and score of every answer that has one."""
    for known in results.answered:
        scores = _scores(known)
        if scores is None:
            continue
        for reader, row in zip(results.study.design.readers, scores, strict=True):
            for case, truth, score in zip(known.table.cases, known.table.synthetic, row, strict=True):
                if np.isfinite(score):
                    yield known.question.id, reader, case, int(truth), float(score)


def imrmc_rows(results: Results) -> list[dict[str, Any]]:
    """Rows as R's iMRMC takes them: the truth as reader "truth", then a score each; the question is the modality."""
    scored = list(_scored(results))
    truth = {case: kind for _, _, case, kind, _ in scored}
    rows = [_imrmc("truth", case, "truth", kind) for case, kind in truth.items()]
    return rows + [_imrmc(reader, case, question, score) for question, reader, case, _, score in scored]


def _imrmc(reader: str, case: str, modality: str, score: float) -> dict[str, Any]:
    return {"readerID": reader, "caseID": case, "modalityID": modality, "score": score}


def mrmcaov_rows(results: Results) -> list[dict[str, Any]]:
    """Rows as R's MRMCaov takes them; the question is the treatment."""
    return [
        {"reader": reader, "treatment": question, "case": case, "truth": truth, "rating": score}
        for question, reader, case, truth, score in _scored(results)
    ]


def _csv(rows: Iterable[Mapping[str, Any]]) -> str:
    rows = list(rows)
    stream = io.StringIO()
    names: Sequence[str] = list(rows[0]) if rows else []
    table = csv.DictWriter(stream, names, lineterminator="\n")
    table.writeheader()
    table.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return stream.getvalue()


def _cell(value: Any) -> Any:
    """As it is; but text that a spreadsheet would run as a formula begins with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
