"""Everything that a study's report says in numbers, one line for each number with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import numpy as np

from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.studies.answers import AnswerLog
from medsynth_desktop.studies.questions import Question
from medsynth_desktop.studies.statistics.agreement import Agreement, measure_agreement, measure_repeats
from medsynth_desktop.studies.statistics.comparison import compare_kinds
from medsynth_desktop.studies.statistics.distributions import Distribution, at_least_by_all, distributions
from medsynth_desktop.studies.statistics.estimate import Estimate
from medsynth_desktop.studies.statistics.ordinal_mixed import ordinal_difference
from medsynth_desktop.studies.statistics.recognition import MeanOverReaders, measure_recognition
from medsynth_desktop.studies.statistics.shares import clustered_share, share
from medsynth_desktop.studies.statistics.times import reader_times
from medsynth_desktop.studies.study import Study
from medsynth_desktop.studies.table import (
    RatingTable,
    case_seconds,
    counted_cases,
    rating_table,
    recognition_tables,
)

ALL = "all readers"
KINDS = ("synthetic", "real")


@dataclass(frozen=True, slots=True)
class Line:
    """One number.

    Attributes
    ----------
    part
        Of the report: distribution, good, agreement, intra, recognition, comparison or time.
    question, reader, kind
        What it speaks of: a question's id, a reader or `ALL`, synthetic or real ("" for both).
    measure
        Its name.
    p_value
        NaN where there is none.
    remark
        What to think of it.
    """

    part: str
    question: str
    measure: str
    reader: str
    kind: str
    estimate: Estimate
    p_value: float = math.nan
    remark: str = ""

    def facts(self) -> dict[str, Any]:
        """The same for a program; what is not defined is None."""
        named = {
            "part": self.part,
            "question": self.question,
            "measure": self.measure,
            "reader": self.reader,
            "kind": self.kind or "all",
        }
        p_value = self.p_value if math.isfinite(self.p_value) else None
        return {**named, **self.estimate.facts(), "p_value": p_value, "remark": self.remark}


@dataclass(frozen=True, slots=True)
class Answered:
    """One question with its answers as numbers.

    ``counts`` are by reader and kind, the distributions of a Likert question's options; ``scores`` (readers, cases) how
    surely a case was called synthetic, None but for a real-or-synthetic question.
    """

    question: Question
    table: RatingTable
    counts: dict[tuple[str, str], Distribution]
    scores: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """All numbers of a study, and the answers that they come from."""

    study: Study
    lines: tuple[Line, ...]
    answered: tuple[Answered, ...]
    seconds: np.ndarray
    done: dict[str, int]

    def part(self, name: str, question: str = "") -> list[Line]:
        """Lines of one part of the report, of one question where given."""
        return [line for line in self.lines if line.part == name and question in ("", line.question)]


def evaluate(study: Study, logs: Mapping[str, AnswerLog], generator: np.random.Generator) -> Steps[Results]:
    """Compute all numbers of a study from its answers; ``generator`` is the bootstrap's."""
    lines: list[Line] = []
    answered: list[Answered] = []
    questions = study.design.questions
    for number, question in enumerate(questions):
        yield Progress(number, len(questions) + 1, f"Evaluating {question.id}")
        if question.form == "likert":
            known = _likert(study, rating_table(study, logs, question.id), question)
            lines += _likert_lines(study, known, generator)
        elif question.form == "yes-no":
            known = Answered(question, rating_table(study, logs, question.id), {})
            lines += _yes_lines(study, known)
        elif question.form == "real-or-synthetic":
            called, scores = recognition_tables(study, logs, question.id)
            known = Answered(question, called, {}, scores)
            lines += _recognition_lines(study, known, generator)
        else:
            continue
        answered.append(known)
    seconds = case_seconds(study, logs)
    lines += _time_lines(study, seconds)
    yield Progress(len(questions), len(questions) + 1, "Writing the numbers down")
    return Results(study, tuple(lines), tuple(answered), seconds, _done(study, logs))


def good_option(question: Question) -> int:
    """The option from which on an answer counts as good: C of A to D, the last but one."""
    return max(1, len(question.options) - 1)


def _done(study: Study, logs: Mapping[str, AnswerLog]) -> dict[str, int]:
    """By reader, showings with every question answered."""
    done = {}
    for reader in study.design.readers:
        standing = logs[reader].standing() if reader in logs else {}
        places = range(len(study.orders[reader]))
        done[reader] = sum(
            all((n, q.id) in standing for q in study.design.questions if q.asked) for n in places
        )
    return done


def _of_kind(table: RatingTable, kind: str) -> np.ndarray:
    return table.ratings[:, table.synthetic == (kind == "synthetic")]


def _likert(study: Study, table: RatingTable, question: Question) -> Answered:
    counts = {
        (reader, kind): found
        for kind in KINDS
        for reader, found in zip(
            study.design.readers, distributions(_of_kind(table, kind), len(question.options)), strict=True
        )
    }
    return Answered(question, table, counts)


def _likert_lines(study: Study, known: Answered, generator: np.random.Generator) -> Iterator[Line]:
    question, table = known.question, known.table
    options, key = len(question.options), question.id
    good = good_option(question)
    name = f"{ascii_uppercase[good - 1]} or better"
    for (reader, kind), found in known.counts.items():
        for letter, estimate in zip(ascii_uppercase, found.shares, strict=False):
            yield Line("distribution", key, letter, reader, kind, estimate)
        yield Line("good", key, name, reader, kind, found.at_least(good))
    for kind in KINDS:
        ratings = _of_kind(table, kind)
        yield Line("good", key, name, ALL, kind, at_least_by_all(ratings, options, good))
    yield from _agreement_lines("agreement", key, ALL, measure_agreement(table.ratings, options))
    again = measure_repeats(table.ratings, table.repeats, options)
    for reader, own in zip(study.design.readers, again.readers, strict=True):
        yield Line("intra", key, "raw agreement", reader, "", own.raw)
        yield Line("intra", key, "weighted kappa (quadratic)", reader, "", own.kappa_quadratic)
    yield Line("intra", key, "raw agreement", ALL, "", again.raw)
    yield Line("intra", key, "Gwet's AC2 (quadratic)", ALL, "", again.ac2)
    yield from _comparison_lines(study, known, generator)


def _agreement_lines(part: str, key: str, reader: str, found: Agreement) -> Iterator[Line]:
    named = {
        "raw agreement": found.raw,
        "weighted kappa (linear)": found.kappa_linear,
        "weighted kappa (quadratic)": found.kappa_quadratic,
        "Krippendorff's alpha (ordinal)": found.alpha,
        "Gwet's AC1": found.ac1,
        "Gwet's AC2 (quadratic)": found.ac2,
        **{str(form): estimate for form, estimate in found.intraclass.items()},
    }
    for name, estimate in named.items():
        yield Line(part, key, name, reader, "", estimate)


def _comparison_lines(study: Study, known: Answered, generator: np.random.Generator) -> Iterator[Line]:
    table, key = known.table, known.question.id
    if table.synthetic.all() or not table.synthetic.any():
        return
    found = compare_kinds(table.ratings, table.synthetic, generator)
    name = "P(synthetic rated above real)"
    for reader, one in zip(study.design.readers, found.readers, strict=True):
        words = f"Mann-Whitney U {one.u:g}, {one.synthetic} against {one.real}"
        yield Line("comparison", key, name, reader, "", one.superiority, one.p_value, words)
    yield from _mean_lines("comparison", key, name, found.superiority)
    model = ordinal_difference(table.ratings, len(known.question.options), table.synthetic)
    yield Line("comparison", key, "odds ratio of a better option", ALL, "", model.odds_ratio, model.p_value)


def _mean_lines(part: str, key: str, name: str, mean: MeanOverReaders) -> Iterator[Line]:
    yield Line(part, key, f"mean {name}", ALL, "", mean.analytic)
    yield Line(part, key, f"mean {name}, bootstrap", ALL, "", mean.bootstrap, remark=mean.caution)


def _yes_lines(study: Study, known: Answered) -> Iterator[Line]:
    key = known.question.id
    for kind in KINDS:
        answers = _of_kind(known.table, kind)
        for reader, row in zip(study.design.readers, answers, strict=True):
            found = share(int(np.nansum(row)), int(np.isfinite(row).sum()))
            yield Line("good", key, "yes", reader, kind, found)
        together = clustered_share(np.nansum(answers, axis=0), np.isfinite(answers).sum(axis=0))
        yield Line("good", key, "yes", ALL, kind, together)
    yield from _agreement_lines("agreement", key, ALL, measure_agreement(known.table.ratings + 1, 2))


def _recognition_lines(study: Study, known: Answered, generator: np.random.Generator) -> Iterator[Line]:
    if known.scores is None:
        return
    key = known.question.id
    found = measure_recognition(known.table.ratings, known.scores, known.table.synthetic, generator)
    for reader, one in zip(study.design.readers, found.readers, strict=True):
        named = {
            "accuracy": one.accuracy,
            "sensitivity": one.sensitivity,
            "specificity": one.specificity,
            "auc": one.auc,
        }
        for name, estimate in named.items():
            yield Line("recognition", key, name, reader, "", estimate)
    for name, mean in found.means.items():
        yield from _mean_lines("recognition", key, name, mean)


def _time_lines(study: Study, seconds: np.ndarray) -> Iterator[Line]:
    truth = np.array([case.synthetic for case in counted_cases(study)])
    for kind in ("", *KINDS):
        chosen = seconds if not kind else seconds[:, truth == (kind == "synthetic")]
        for reader, found in zip(study.design.readers, reader_times(chosen), strict=True):
            words = (
                f"quartiles {found.lower_quartile:.1f} and {found.upper_quartile:.1f}"
                if found.median.defined
                else ""
            )
            yield Line("time", "", "median seconds for a case", reader, kind, found.median, remark=words)
