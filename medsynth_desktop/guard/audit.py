"""The audit of a batch: a verdict for each image, and what the batch as a whole says of memorisation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np

from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import ImageRecord, Policy, Verdict
from medsynth_desktop.guard.calibration import Calibration
from medsynth_desktop.guard.divergence import Divergence, measure_divergence
from medsynth_desktop.guard.matched import preparation_facts
from medsynth_desktop.guard.unlike import unlike_words
from medsynth_desktop.guard.verdicts import VERDICTS, is_copy, judge, risk
from medsynth_desktop.similarity.base import Search
from medsynth_desktop.similarity.search import NearestSearch, Query

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What the guard found in a batch.

    Attributes
    ----------
    verdicts
        In the order of the batch; sort by `medsynth_desktop.guard.verdicts.risk` to have the riskiest first.
    js_hcc, js_lowe
        Divergence from the unseen patients of the highest correlations and of Lowe's ratios.
    duplicates
        Pairs of ids of the batch that are copies of each other.
    patients_hit
        Different real patients that are somebody's most similar one.
    policy, calibration
        What it was judged by.
    """

    verdicts: tuple[Verdict, ...]
    js_hcc: Divergence
    js_lowe: Divergence
    duplicates: tuple[tuple[str, str], ...]
    patients_hit: int
    policy: Policy
    calibration: Calibration

    @property
    def counts(self) -> dict[str, int]:
        """How many pass, need a review, are blocked."""
        names = [verdict.verdict for verdict in self.verdicts]
        return {name: names.count(name) for name in VERDICTS}

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences to show with the verdicts: of the calibration, and of images that resemble nothing."""
        unseen = np.array(self.calibration.values.get("correlation", ()))
        found = unlike_words(_values(self.verdicts, "correlation"), unseen)
        return (*self.calibration.warnings, *filter(None, [found]))

    def to_json(self) -> dict[str, Any]:
        """Return the document of the command line; numbers that are not defined are None."""
        verdicts = [
            {
                "id": verdict.id,
                "verdict": verdict.verdict,
                "reasons": list(verdict.reasons),
                "metrics": {key: _number(value) for key, value in verdict.metrics.items()},
            }
            for verdict in sorted(self.verdicts, key=risk)
        ]
        return {
            "counts": self.counts,
            "verdicts": verdicts,
            "js_hcc": _number(self.js_hcc.value),
            "js_lowe": _number(self.js_lowe.value),
            "js_expected": {"hcc": _number(self.js_hcc.expected), "lowe": _number(self.js_lowe.expected)},
            "duplicates": [list(pair) for pair in self.duplicates],
            "patients_hit": self.patients_hit,
            "thresholds": [asdict(threshold) for threshold in self.policy.thresholds],
            "warnings": list(self.warnings),
            "softness": preparation_facts(self.calibration),
            "policy": self.policy.hash,
        }


def audit_queries(
    search: Search,
    queries: Sequence[Query],
    policy: Policy,
    calibration: Calibration,
    *,
    seed: int = 0,
) -> Steps[AuditResult]:
    """Judge every image of a batch and measure the batch as a whole.

    Parameters
    ----------
    search
        Over the training split.
    queries
        Pairs of an id, different for each, and an array on the cohort's grid.
    policy, calibration
        The thresholds in force and the unseen patients to compare distributions with.
    seed
        Of the permutations behind the expected divergence.
    """
    found = yield from search.query(queries)
    verdicts = tuple(judge(nearest, policy) for nearest in found)
    duplicates = yield from find_duplicates(queries)
    generator = np.random.default_rng(seed)
    hcc, lowe = (
        measure_divergence(_values(verdicts, key), np.array(calibration.values[key]), generator)
        for key in ("correlation", "lowe_ratio")
    )
    hit = {nearest.neighbours[0].patient for nearest in found}
    return AuditResult(verdicts, hcc, lowe, duplicates, len(hit), policy, calibration)


def find_duplicates(queries: Sequence[Query]) -> Steps[tuple[tuple[str, str], ...]]:
    """Find images of a batch that are copies of each other: pairs of ids, each id with its nearest other image."""
    if len(queries) < 2:
        return ()
    records = [ImageRecord(id_, id_, "train", "") for id_, _ in queries]
    search = NearestSearch([array for _, array in queries], records)
    found = yield from search.query(queries, k=1, exclude={id_: id_ for id_, _ in queries})
    pairs: set[tuple[str, str]] = set()
    for nearest in found:
        other = nearest.neighbours[0].image
        if is_copy(nearest.metrics["rmse"], nearest.metrics["correlation"]):
            pairs.add((min(nearest.id, other), max(nearest.id, other)))
    return tuple(sorted(pairs))


def passing(verdicts: Sequence[Verdict], items: Sequence[T]) -> list[T]:
    """Return those of ``items`` (one for each verdict, in order) that pass: what a filter keeps."""
    return [item for verdict, item in zip(verdicts, items, strict=True) if verdict.verdict == "pass"]


def _values(verdicts: Sequence[Verdict], key: str) -> np.ndarray:
    return np.array([verdict.metrics[key] for verdict in verdicts])


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
