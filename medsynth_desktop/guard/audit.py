"""The audit of a batch: a verdict for each image, and what the batch as a whole says of memorisation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np

from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import Policy, Verdict
from medsynth_desktop.guard.calibration import Calibration
from medsynth_desktop.guard.divergence import Divergence, measure_divergence
from medsynth_desktop.guard.linking import LinkRisk, link_risk
from medsynth_desktop.guard.matched import preparation_facts
from medsynth_desktop.guard.membership import Membership
from medsynth_desktop.guard.order import riskiest_first
from medsynth_desktop.guard.policy import out_of_reach, threshold_of
from medsynth_desktop.guard.significance import FDR, Significance, check_fdr, measure_significance
from medsynth_desktop.guard.unlike import apart_from_disguised, only_standing_out, unlike_words
from medsynth_desktop.guard.verdicts import BLOCK, VERDICTS, judge, judge_many, metrics_table
from medsynth_desktop.guard.within import WithinBatch, compare_within
from medsynth_desktop.similarity.base import Search
from medsynth_desktop.similarity.search import Query

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What the guard found in a batch.

    Attributes
    ----------
    verdicts
        In the order of the batch; `medsynth_desktop.guard.order` has the riskiest first.
    js_hcc, js_lowe
        Divergence from the unseen patients of the highest correlations and of Lowe's ratios.
    within
        How alike the images of the batch are among themselves.
    patients_hit
        Different real patients that are somebody's most similar one.
    policy, calibration
        What it was judged by.
    significance
        p-values and q-values, in the order of the verdicts, and what of the batch chance does not explain.
    membership
        Whether the model that drew the batch gives away whom it learnt from; None where that was not tested.
    drawn
        Whether a model drew the images. Of images given by path nobody knows: they may be real scans.
    caution
        Said where the model does not tell whom it learnt from, else "": then the cohort may be the wrong one.
    """

    verdicts: tuple[Verdict, ...]
    js_hcc: Divergence
    js_lowe: Divergence
    within: WithinBatch
    patients_hit: int
    policy: Policy
    calibration: Calibration
    significance: Significance
    membership: Membership | None = None
    drawn: bool = True
    caution: str = ""

    @property
    def duplicates(self) -> tuple[tuple[str, str], ...]:
        """Pairs of ids of the batch that are copies of each other."""
        return self.within.duplicates

    @property
    def link_risk(self) -> LinkRisk:
        """How many images link to a patient, beside how many of unseen patients the same limits would block."""
        return link_risk(self.verdicts, *innocent_share(self.policy, self.calibration), self._strays)

    @property
    def _strays(self) -> int:
        """Images that resemble nothing and are blocked by Lowe's ratio alone."""
        unseen = np.array(self.calibration.values.get("correlation", ()))
        return int(only_standing_out(self._judged, self.policy, unseen).sum())

    @property
    def _judged(self) -> dict[str, np.ndarray]:
        """(n,) values of all metrics that the policy asks for, by key."""
        keys = {"correlation", "rmse", *(limit.metric for limit in self.policy.thresholds)}
        return {key: _values(self.verdicts, key) for key in keys}

    @property
    def counts(self) -> dict[str, int]:
        """How many pass, need a review, are blocked."""
        names = [verdict.verdict for verdict in self.verdicts]
        return {name: names.count(name) for name in VERDICTS}

    @property
    def undisguised(self) -> np.ndarray:
        """(n,) highest correlations of the images, NaN for those that are copies in disguise."""
        return apart_from_disguised(self._judged, self.policy)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences to show with the verdicts: of the calibration, and of images that resemble nothing."""
        unseen = np.array(self.calibration.values.get("correlation", ()))
        found = unlike_words(self.undisguised, unseen, self._strays)
        said = [self.caution, *self.calibration.warnings, *out_of_reach(self.policy), found]
        return tuple(filter(None, said))

    def to_json(self) -> dict[str, Any]:
        """Return the document of the command line; numbers that are not defined are None."""
        order = riskiest_first(self.verdicts)
        verdicts = [_verdict_facts(self.verdicts[i], self.significance, i) for i in order]
        return {
            "counts": self.counts,
            "verdicts": verdicts,
            "js_hcc": _number(self.js_hcc.value),
            "js_lowe": _number(self.js_lowe.value),
            "js_hcc_interval": [_number(end) for end in self.js_hcc.interval],
            "js_lowe_interval": [_number(end) for end in self.js_lowe.interval],
            "js_expected": {"hcc": _number(self.js_hcc.expected), "lowe": _number(self.js_lowe.expected)},
            "js_trusted": {"hcc": self.js_hcc.trusted, "lowe": self.js_lowe.trusted},
            "duplicates": [list(pair) for pair in self.duplicates],
            "within": self.within.to_json(),
            "link_risk": self.link_risk.to_json(),
            "membership": self.membership.to_json() if self.membership is not None else None,
            "patients_hit": self.patients_hit,
            "significance": self.significance.facts(),
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
    fdr: float = FDR,
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
        Of the permutations and resamples behind the divergences.
    fdr
        False-discovery rate of the batch, see `medsynth_desktop.guard.significance`; no verdict depends on it.
    """
    check_fdr(fdr)
    found = yield from search.query(queries)
    verdicts = [judge(nearest, policy) for nearest in found]
    result = yield from assess(verdicts, queries, policy, calibration, seed=seed, fdr=fdr)
    return result


def assess(
    verdicts: Sequence[Verdict],
    queries: Sequence[Query],
    policy: Policy,
    calibration: Calibration,
    *,
    seed: int = 0,
    fdr: float = FDR,
) -> Steps[AuditResult]:
    """Measure a batch as a whole whose ``verdicts``, one for each of ``queries``, are known; see `audit_queries`."""
    limit = threshold_of(policy, "correlation")
    within = yield from compare_within(queries, limit.block if limit is not None else math.nan)
    generator = np.random.default_rng(seed)
    hcc, lowe = (_divergence(verdicts, calibration, key, generator) for key in ("correlation", "lowe_ratio"))
    hit = {verdict.nearest.neighbours[0].patient for verdict in verdicts}
    table = metrics_table([verdict.nearest for verdict in verdicts])
    chance = measure_significance(table, calibration.values, calibration.patients, fdr)
    return AuditResult(tuple(verdicts), hcc, lowe, within, len(hit), policy, calibration, chance)


def innocent_share(policy: Policy, calibration: Calibration) -> tuple[float, int]:
    """Share of unseen images that ``policy`` would block, and how many images that rests on.

    By limits of the other unseen patients where all are calibrated (see `Calibration.false_blocks`); limits that were
    typed are no quantile of these images, so they judge all of them as they stand.
    """
    count = len(calibration.images)
    if all(threshold.origin == "calibrated" for threshold in policy.thresholds):
        return calibration.false_blocks, count
    table = {key: np.array(values, float) for key, values in calibration.values.items()}
    return float((judge_many(table, policy) == BLOCK).mean()) if count else math.nan, count


def passing(verdicts: Sequence[Verdict], items: Sequence[T]) -> list[T]:
    """Return those of ``items`` (one for each verdict, in order) that pass: what a filter keeps."""
    return [item for verdict, item in zip(verdicts, items, strict=True) if verdict.verdict == "pass"]


def _divergence(
    verdicts: Sequence[Verdict], calibration: Calibration, key: str, generator: np.random.Generator
) -> Divergence:
    unseen = calibration.values.get(key, ())
    owners = calibration.patients[: len(unseen)]
    return measure_divergence(_values(verdicts, key), np.array(unseen, float), generator, patients=owners)


def _verdict_facts(verdict: Verdict, significance: Significance, place: int) -> dict[str, Any]:
    return {
        "id": verdict.id,
        "verdict": verdict.verdict,
        "reasons": list(verdict.reasons),
        "metrics": {key: _number(value) for key, value in verdict.metrics.items()},
        "p_value": _number(float(significance.p_values[place])),
        "q_value": _number(float(significance.q_values[place])),
        "p_values": {key: _number(float(p[place])) for key, p in significance.by_metric.items()},
        "discovered": bool(significance.discovered[place]),
    }


def _values(verdicts: Sequence[Verdict], key: str) -> np.ndarray:
    return np.array([verdict.metrics.get(key, math.nan) for verdict in verdicts])


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
