"""From what every way said to the tables of the page: detection, false blocks, costs, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medsynth_desktop.core.wilson import wilson_interval
from medsynth_desktop.similarity import METRICS
from tests.benchmarks.disguises.asking import Line, risky
from tests.benchmarks.disguises.limits import Rule
from tests.benchmarks.disguises.planting import Query

BESIDE = {
    "correlation alone": "correlation",
    "Lowe's ratio alone": "plain_ratio",
    "VGG16 dictionary": "dictionary",
}
"""Published ways by the one column that each judges by; the ratio as published, whoever's the second image is."""
ADDED = {
    "exact only (correlation, RMSE, ratio)": ("correlation", "rmse", "lowe_ratio"),
    "whole only": ("aligned",),
    "part only": ("part",),
    "whole and part": ("aligned", "part"),
    "exact and whole": ("correlation", "rmse", "lowe_ratio", "aligned"),
    "exact and part": ("correlation", "rmse", "lowe_ratio", "part"),
    "recognition only": ("retrieval", "verification"),
    "all but recognition": ("correlation", "rmse", "lowe_ratio", "aligned", "part"),
}
"""Rules of the ablation by their columns."""

Table = list[dict[str, Any]]


@dataclass(frozen=True)
class Answers:
    """Queries and what was said of them."""

    queries: list[Query]
    lines: list[Line]

    @classmethod
    def of(cls, queries: Sequence[Query], lines: Mapping[str, Line]) -> Answers:
        """Those of ``queries`` that have a line."""
        known = [query for query in queries if query.id in lines]
        return cls(known, [lines[query.id] for query in known])

    def where(self, role: str, kind: str | None = None, strength: str | None = None) -> Answers:
        """Those of a role, and of a disguise."""
        kept = [
            (q, line)
            for q, line in zip(self.queries, self.lines, strict=True)
            if q.role == role and kind in (None, q.kind) and strength in (None, q.strength)
        ]
        return Answers([q for q, _ in kept], [line for _, line in kept])

    def blocked(self, rule: Rule) -> np.ndarray:
        """(n,) whether each is blocked."""
        return rule.blocked(risky(self.lines)) if self.lines else np.zeros(0, bool)

    @property
    def columns(self) -> list[str]:
        """Metrics that were measured."""
        return [
            key for key in METRICS.keys() if any(line["values"].get(key) is not None for line in self.lines)
        ]


def rules(answers: Answers) -> dict[str, Rule]:
    """The rule of ours (every metric but the dictionary), and of every other way that was measured."""
    innocents = answers.where("calibration")
    innocent, made_of = risky(innocents.lines), [query.source for query in innocents.queries]
    ours = [key for key in answers.columns if key != BESIDE["VGG16 dictionary"]]
    made = {"ours": Rule.of(innocent, ours, made_of)}
    for name, column in BESIDE.items():
        if column in innocent and np.isfinite(innocent[column]).any():
            made[name] = Rule.of(innocent, [column], made_of)
    return made


def share(hits: np.ndarray) -> str:
    """``found of asked = share (interval)``."""
    if not len(hits):
        return ""
    low, high = wilson_interval(int(hits.sum()), len(hits))
    return f"{hits.sum()}/{len(hits)} = {100 * hits.mean():.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def detection(answers: Answers, made: Mapping[str, Rule], role: str, title: str) -> Table:
    """A row for each disguise of ``role`` and one for all of them, a column for each way."""
    own = answers.where(role)
    rows = [{"disguise": title, **{way: share(own.blocked(rule)) for way, rule in made.items()}}]
    for kind, strength in dict.fromkeys((q.kind, q.strength) for q in own.queries):
        these = own.where(role, kind, strength)
        name = f"{kind}, {strength}" if strength else kind
        rows.append({"disguise": name, **{way: share(these.blocked(rule)) for way, rule in made.items()}})
    return rows


def false_blocks(answers: Answers, made: Mapping[str, Rule]) -> Table:
    """Innocent images of evaluation patients that are blocked: as they are, in disguises, and by kind of disguise."""
    own = answers.where("evaluation")
    groups = {"all innocents of evaluation patients": own, "as they are": own.where("evaluation", "")}
    groups |= {
        kind: own.where("evaluation", kind) for kind in dict.fromkeys(q.kind for q in own.queries) if kind
    }
    return [
        {"blocked": name, **{way: share(these.blocked(rule)) for way, rule in made.items()}}
        for name, these in groups.items()
    ]


def ablation_row(name: str, answers: Answers, columns: Sequence[str], seconds: float) -> dict[str, Any]:
    """What a rule of ``columns`` finds, blocks falsely, and costs."""
    innocents = answers.where("calibration")
    rule = Rule.of(risky(innocents.lines), columns, [query.source for query in innocents.queries])
    found = {
        role: share(answers.where(role).blocked(rule)) for role in ("whole", "part", "scanned", "evaluation")
    }
    return {
        "what": name,
        "seconds a query": f"{seconds:.3f}",
        "whole found": found["whole"],
        "parts found": found["part"],
        "of patients with several scans": found["scanned"],
        "false blocks": found["evaluation"],
        "rank": rule.rank,
    }


def seconds_of(answers: Answers, searches: Sequence[str]) -> float:
    """Median seconds a query of these searches together."""
    found = [sum(line["seconds"].get(name, 0.0) for name in searches) for line in answers.lines]
    return float(np.median(found)) if found else 0.0


def named_rightly(answers: Answers, rule: Rule, patient_of: Mapping[str, str]) -> str:
    """Of the blocked copies those whose blocking metric speaks of the copied patient."""
    told = []
    for line, ranks in zip(answers.lines, rule.ranks(risky(answers.lines)), strict=True):
        if ranks.min() <= rule.rank:
            speaking = [c for c, rank in zip(rule.innocent, ranks, strict=True) if rank <= rule.rank]
            told.append(any(line["found"].get(c) == patient_of[line["id"]] for c in speaking))
    return share(np.array(told, bool))


def markdown(rows: Table) -> list[str]:
    """``rows`` as a table."""
    if not rows:
        return []
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] * len(head)) + " |"]
    return lines + ["| " + " | ".join(str(row.get(key, "")) for key in head) + " |" for row in rows]
