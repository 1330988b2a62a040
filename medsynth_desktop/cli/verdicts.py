"""An audit as text for a terminal: a table, why what does not pass does not, the whole, and the counts last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medsynth_desktop.core.records import Verdict
from medsynth_desktop.guard.audit import AuditResult
from medsynth_desktop.guard.order import riskiest_first
from medsynth_desktop.guard.significance import chance_words
from medsynth_desktop.similarity import METRICS


def audit_lines(result: AuditResult, document: dict[str, Any]) -> list[str]:
    """The lines of an audit, riskiest image first; ``document`` is its JSON."""
    order = riskiest_first(result.verdicts)
    verdicts = [result.verdicts[place] for place in order]
    chance = [float(result.significance.p_values[place]) for place in order]
    said = set(document["warnings"])  # they were said before the table
    whole = [
        document["softness"]["sentence"],
        *(sentence for sentence in document["memorisation"]["sentences"] if sentence not in said),
        document["significance"]["sentence"],
        result.within.sentence() if result.within.duplicates else "",
    ]
    return [
        *_table(verdicts, chance, [limit.metric for limit in result.policy.thresholds]),
        "",
        *(line for verdict in verdicts if verdict.verdict != "pass" for line in _why(verdict)),
        *filter(None, whole),
        "{pass} pass, {review} to review, {block} blocked".format(**document["counts"]),
    ]


def _table(verdicts: Sequence[Verdict], chance: Sequence[float], keys: Sequence[str]) -> list[str]:
    """One row an image: its verdict, the value of every metric that has a limit, how often chance gives as much."""
    metrics = [METRICS[key] for key in keys if key in METRICS]
    rows = [["image", "verdict", *(metric.title for metric in metrics), "p"]]
    for verdict, p_value in zip(verdicts, chance, strict=True):
        values = [metric.format(verdict.metrics.get(metric.key, float("nan"))) for metric in metrics]
        rows.append(
            [verdict.id, verdict.verdict, *values, chance_words(p_value) if p_value == p_value else "-"]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _why(verdict: Verdict) -> list[str]:
    return [f"{verdict.id}: {verdict.verdict}", *(f"    {reason}" for reason in verdict.reasons), ""]
