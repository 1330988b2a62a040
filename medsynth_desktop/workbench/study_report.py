"""The report of a reader study: one page that prints, tables for other programs, and the numbers as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import numpy as np

from medsynth_desktop import __version__
from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.core.hashing import canonical_json
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.guard.report import render_facts, render_page
from medsynth_desktop.store.studies import StudyRecord
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.studies.answers import AnswerLog
from medsynth_desktop.studies.csv_tables import tables
from medsynth_desktop.studies.figures import draw_intervals, draw_ratings, draw_roc, draw_times
from medsynth_desktop.studies.methods import methods_words
from medsynth_desktop.studies.questions import Question
from medsynth_desktop.studies.results import ALL, Answered, Line, Results, evaluate, good_option
from medsynth_desktop.studies.statistics.distributions import Distribution
from medsynth_desktop.studies.table import counted_cases, texts
from medsynth_desktop.workbench.pages import write_page
from medsynth_desktop.workbench.studying import answers, investigators

PAGE, NUMBERS = "report.html", "results.json"
FEW = 5
"""With fewer readers nothing can be said of readers at large."""
SHORT = 16
"""Rows of a table that is printed on one page."""


@dataclass(frozen=True)
class Reported:
    """What a report holds: its files, and all that `results.json` says."""

    files: tuple[str, ...]
    document: dict[str, Any]


def report(workspace: Workspace, name: str, out: Path, password: str, seed: int = 0) -> Steps[Reported]:
    """Evaluate a study and write its report into the folder ``out``; ``seed`` is the bootstrap's.

    Raises
    ------
    NotFound
        When there is no such study.
    InputRefused
        When the password is wrong, or nothing was answered yet.
    StoreFailed
        When the folder does not take the files.
    """
    study = investigators(workspace, name, password)
    record = workspace.studies.get(name)
    logs = {reader: answers(workspace, study, reader) for reader in study.design.readers}
    if not any(log.answers for log in logs.values()):
        raise InputRefused(f"Nobody has answered in {name!r} yet; merge the answers first.")
    results = yield from evaluate(study, logs, np.random.default_rng(seed))
    program = f"MedSynth Desktop {__version__}"
    document = _document(results, record, program, seed)
    written = {
        PAGE: study_page(results, record, program, seed, logs),
        NUMBERS: canonical_json(document) + "\n",
        **tables(results, logs),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreFailed(f"The folder {out.name} cannot be made: {error.strerror}.") from None
    for number, (file, text) in enumerate(written.items()):
        yield Progress(number, len(written), f"Writing {file}")
        write_page(out / file, text)
    return Reported(tuple(written), document)


def _document(results: Results, record: StudyRecord, program: str, seed: int) -> dict[str, Any]:
    design = results.study.design
    return {
        "study": record.name,
        "design": results.study.hash,
        "frozen": record.frozen or None,
        "program": program,
        "readers": list(design.readers),
        "cases": {"synthetic": _count(results, True), "real": _count(results, False)},
        "showings": {reader: len(order) for reader, order in results.study.orders.items()},
        "done": results.done,
        "questions": [asdict(question) for question in design.questions],
        "cautions": cautions(results),
        "methods": methods_words(results, record.frozen, program, seed),
        "numbers": [line.facts() for line in results.lines],
    }


def _count(results: Results, synthetic: bool) -> int:
    return sum(case.synthetic is synthetic for case in counted_cases(results.study))


def cautions(results: Results) -> list[str]:
    """What a reader of the report must know before the numbers."""
    said = []
    for reader, done in results.done.items():
        if done < len(results.study.orders[reader]):
            said.append(f"{reader} has read {done} of {len(results.study.orders[reader])} showings.")
    if len(results.done) < FEW:
        said.append(
            f"With {len(results.done)} readers the numbers speak of these readers; intervals that claim to speak of "
            "others rest on few."
        )
    if not _count(results, True) or not _count(results, False):
        said.append("All cases are of one kind: nothing can be compared, and readers may have known it.")
    return said


def study_page(
    results: Results, record: StudyRecord, program: str, seed: int, logs: Mapping[str, AnswerLog]
) -> str:
    """The report as one HTML page that loads nothing."""
    title = f"Reader study {record.name}"
    synthetic, real = _count(results, True), _count(results, False)
    facts = [
        ("Readers", ", ".join(results.study.design.readers)),
        ("Cases", f"{synthetic} synthetic, {real} real"),
        ("Design frozen", record.frozen or "not yet: nobody has started"),
        ("Design", results.study.hash),
        ("Program", program),
    ]
    parts = [f"<h1>{escape(title)}</h1>", render_facts(facts), _list("Cautions", cautions(results))]
    parts.append(_overview(results))
    for known in results.answered:
        parts += _question(results, known)
    parts += _times(results)
    parts += [
        _said(results, logs, q) for q in results.study.design.questions if q.form in ("text", "comment")
    ]
    parts.append(_list("Methods", methods_words(results, record.frozen, program, seed)))
    return render_page(title, parts)


def _overview(results: Results) -> str:
    """Counts of good answers by reader and kind, a column for each Likert question, as they are published."""
    rated = [known for known in results.answered if known.counts]
    if not rated:
        return ""
    rows = []
    for reader, kind in rated[0].counts:
        cells = []
        for known in rated:
            found = known.counts[reader, kind]
            cells.append(f"{found.count_at_least(good_option(known.question))} of {found.answered}")
        rows.append([reader, kind, *cells])
    good = " or ".join(sorted({ascii_uppercase[good_option(known.question) - 1] for known in rated}))
    head = ["Reader", "Cases", *(known.question.text for known in rated)]
    return _table(f"Cases rated {good} or better", head, rows)


def _question(results: Results, known: Answered) -> list[str]:
    key, readers = known.question.id, results.study.design.readers
    parts = [f"<h2>{escape(known.question.text)}</h2>"]
    if known.counts:
        legend = "; ".join(f"{a}: {o}" for a, o in zip(ascii_uppercase, known.question.options, strict=False))
        parts.append(_figure(draw_ratings(known, readers), legend))
        parts.append(_counts(results, known))
    good = results.part("good", key)
    if good:
        caption = f"Share of cases rated {good[0].measure}, with 95% intervals"
        parts.append(_figure(draw_intervals(good), caption))
        parts.append(_lines("The same in numbers", good, "reader", "kind"))
    recognised = results.part("recognition", key)
    if recognised:
        caption = "Recognition of synthetic cases: empirical ROC curves of signed confidence"
        parts.append(_figure(draw_roc(known, readers), caption))
        parts.append(_lines("Recognition", recognised, "reader", "measure"))
    agreement = results.part("agreement", key)
    if agreement:
        caption = "Agreement between readers, with 95% intervals"
        parts.append(_figure(draw_intervals(agreement), caption))
        parts.append(_lines("The same in numbers", agreement, "measure"))
    parts.append(
        _lines("Agreement of readers with themselves", results.part("intra", key), "reader", "measure")
    )
    compared = results.part("comparison", key)
    parts.append(_lines("Synthetic against real", compared, "reader", "measure", tested=True))
    return parts


def _said(results: Results, logs: Mapping[str, AnswerLog], question: Question) -> str:
    """What readers wrote, a row each."""
    rows = [
        [reader, "synthetic" if case.synthetic else "real", case.id, words]
        for reader, case, words in texts(results.study, logs, question.id)
    ]
    if not rows:
        return ""
    return f"<h2>{escape(question.text)}</h2>" + _table(
        "In readers' words", ["Reader", "Kind", "Case", "Words"], rows
    )


def _times(results: Results) -> list[str]:
    truth = np.array([case.synthetic for case in counted_cases(results.study)])
    drawing = draw_times(results.seconds, truth, results.study.design.readers)
    if not drawing:
        return ["<h2>Time for a case</h2><p>No times were measured.</p>"]
    caption = "Seconds for a case: quartiles, median and extremes; first showings only"
    lines = results.part("time")
    return [
        "<h2>Time for a case</h2>",
        _figure(drawing, caption),
        _lines("Seconds, median", lines, "reader", "kind"),
    ]


def _counts(results: Results, known: Answered) -> str:
    letters = ascii_uppercase[: len(known.question.options)]
    good = {(line.reader, line.kind): line for line in results.part("good", known.question.id)}
    measure = next(iter(good.values())).measure
    head = ["Reader", "Cases", *letters, "No answer", "Median", measure]
    rows = []
    for (reader, kind), found in known.counts.items():
        hits = found.count_at_least(good_option(known.question))
        share = f"{hits} of {found.answered}: {good[reader, kind].estimate.words()}"
        rows.append(
            [reader, kind, *map(str, found.counts), str(found.missing), _median(found, letters), share]
        )
    return _table("Answers by option", head, rows)


def _median(found: Distribution, letters: str) -> str:
    """The median option's letter, both where it lies between two."""
    if not math.isfinite(found.median):
        return "-"
    low, high = letters[math.floor(found.median) - 1], letters[math.ceil(found.median) - 1]
    return low if low == high else f"{low} to {high}"


def _lines(caption: str, lines: Sequence[Line], *columns: str, tested: bool = False) -> str:
    """A table of numbers with intervals; remarks say how the interval was made, or why there is none."""
    if not lines:
        return ""
    head = [*(column.capitalize() for column in columns), "Value (95% interval)"]
    head += ["p", "How"] if tested else ["How"]
    rows = []
    for line in lines:
        cells = [str(getattr(line, column)).replace("auc", "AUC") or "all" for column in columns]
        made = "; ".join(filter(None, [line.estimate.method, line.remark.rstrip(".")]))
        p_value = [_p(line.p_value)] if tested else []
        rows.append([*cells, line.estimate.words(), *p_value, made])
    return _table(caption, head, rows)


def _p(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(word)}</th>" for word in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    short = ' class="short"' if len(rows) <= SHORT else ""
    return f'<p class="note head">{escape(caption)}</p><table{short}><thead><tr>{cells}</tr></thead>{body}</table>'


def _figure(drawing: str, caption: str) -> str:
    return f"<figure>{drawing}<figcaption>{escape(caption)}</figcaption></figure>" if drawing else ""


def _list(heading: str, sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    return f"<h2>{escape(heading)}</h2><ul>{''.join(f'<li>{escape(s)}</li>' for s in sentences)}</ul>"


def headline(reported: Reported) -> list[str]:
    """A few lines for the terminal: good shares of all readers, and recognition."""
    said = list(reported.document["cautions"])
    for line in reported.document["numbers"]:
        wanted = line["part"] == "good" or line["measure"] in ("mean auc", "mean accuracy")
        if line["reader"] == ALL and wanted:
            found = (
                f"{line['value']:.2f}" if line["value"] is not None else f"not defined: {line['undefined']}"
            )
            if line["low"] is not None and line["high"] is not None:
                found += f" ({line['low']:.2f} to {line['high']:.2f})"
            said.append(f"{line['question']}, {line['measure']}, {line['kind']} cases: {found}")
    return said
