"""Verbs of the Guard panel: nearest real images and verdicts (calibration and thresholds: `limits`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from medsynth_desktop.cohorts.access import conform_query
from medsynth_desktop.core.errors import InputRefused, NotFound
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import (
    BatchRecord,
    CohortRecord,
    ImageRecord,
    Nearest,
    Policy,
    Threshold,
    Verdict,
)
from medsynth_desktop.guard.audit import AuditResult, audit_queries
from medsynth_desktop.guard.calibration import QUANTILE as PUBLISHED
from medsynth_desktop.guard.calibration import Calibration
from medsynth_desktop.guard.of_unseen import tell_unseen
from medsynth_desktop.guard.order import riskiest_first
from medsynth_desktop.guard.policy import out_of_reach, with_threshold
from medsynth_desktop.guard.significance import FDR, Significance, check_fdr, measure_significance
from medsynth_desktop.guard.unlike import apart_from_disguised, only_standing_out, unlike_words
from medsynth_desktop.guard.verdicts import VERDICTS, judge, judge_many, metrics_table
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.similarity.search import Query
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import limits
from medsynth_desktop.workbench.lineage import cohort_of_hash, other_grid, same_spacing, unknown_training
from medsynth_desktop.workbench.scopes import calibration_behind, policy_in_force, scope_of
from medsynth_desktop.workbench.searching import evidence_with_unseen, training_evidence

QUANTILE = PUBLISHED
"""The published quantile of unseen patients (methods.md, Guards 6)."""


@dataclass(frozen=True)
class GuardState:
    """Evidence of the open batch and the thresholds now shown; `moved` makes the next state while dragging.

    ``ids`` orders ``metrics`` (metric key to (n,) float64) and ``codes`` ((n,) 0 pass, 1 review, 2 block).
    ``unseen`` holds the same metrics of the calibration patients. ``caution`` is said where nobody knows whom the model
    learnt from; ``unseen_images`` are the calibration patients', whose own a sample may then be.
    """

    policy: Policy | None = None
    calibration: Calibration | None = None
    nearest: dict[str, Nearest] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    metrics: dict[str, np.ndarray] = field(default_factory=dict)
    codes: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int8))
    caution: str = ""
    unseen_images: tuple[ImageRecord, ...] = ()

    @classmethod
    def of(cls, workspace: Workspace, cohort: CohortRecord | None, batch: BatchRecord | None) -> GuardState:
        """Read the stored evidence of ``batch`` against ``cohort``."""
        if cohort is None:
            return cls()
        scope = scope_of(workspace, cohort, batch)
        policy = workspace.policies.current(cohort.hash, scope)
        calibration = calibration_behind(workspace, cohort, batch)
        stored = workspace.verdicts.get(batch.name) if batch is not None else {}
        known = {h.hash for h in workspace.policies.of(cohort.hash, scope)} if stored else set()
        nearest = {s: v.nearest for s, v in stored.items() if v.policy_hash in known}
        state = cls.build(policy, calibration, nearest)
        caution = unknown_training(workspace, batch.bundle_hash, cohort) if batch else ""
        unseen = tuple(cohort.split("calibration")) if caution else ()
        return replace(state, caution=caution, unseen_images=unseen)

    @classmethod
    def build(
        cls, policy: Policy | None, calibration: Calibration | None, nearest: dict[str, Nearest]
    ) -> GuardState:
        """Compute the metric columns and the verdict codes."""
        ids = tuple(nearest)
        nothing = {metric.key: np.full(len(ids), np.nan) for metric in METRICS}
        metrics = nothing | metrics_table(list(nearest.values()))
        codes = judge_many(metrics, policy) if policy and ids else np.zeros(len(ids), np.int8)
        return cls(policy, calibration, nearest, ids, metrics, codes)

    @cached_property
    def significance(self) -> Significance:
        """What chance among unseen patients explains of the samples, in the order of ``ids``; no limit moves it."""
        patients = self.calibration.patients if self.calibration is not None else ()
        return measure_significance(self.metrics, self.unseen, patients)

    @property
    def p_values(self) -> np.ndarray:
        """(n,) in the order of ``ids``, over all metrics together; NaN without unseen patients."""
        return self.significance.p_values

    @property
    def q_values(self) -> np.ndarray:
        """(n,) in the order of ``ids``: the smallest false-discovery rate at which each would be discovered."""
        return self.significance.q_values

    def moved(self, metric: str, review: float, block: float) -> GuardState:
        """The state with one threshold elsewhere; vectorised, so 10,000 samples follow a drag."""
        if self.policy is None:
            return self
        policy = with_threshold(self.policy, metric, review, block, who="", why="")
        made = replace(self, policy=policy, codes=judge_many(self.metrics, policy))
        if "significance" in self.__dict__:  # limits do not move it: a drag need not measure it anew
            made.__dict__["significance"] = self.significance
        return made

    @property
    def unseen(self) -> dict[str, np.ndarray]:
        """Metric values of the calibration patients."""
        if self.calibration is None:
            return {}
        return {k: np.asarray(v, np.float64) for k, v in self.calibration.values.items()}

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Sentences to show beside the thresholds: of the calibration, and of samples that resemble nothing."""
        if self.calibration is None:
            return ()
        told = out_of_reach(self.policy) if self.policy is not None else []
        return tuple(filter(None, [self.caution, *self.calibration.warnings, *told, self.unlike]))

    @cached_property
    def unlike(self) -> str:
        """A sentence on samples that resemble nothing; empty where none does."""
        unseen = self.unseen.get("correlation", np.zeros(0))
        strays = 0
        if self.policy is not None:
            strays = int(only_standing_out(self.metrics, self.policy, unseen).sum())
        return unlike_words(apart_from_disguised(self.metrics, self.policy), unseen, strays)

    @property
    def thresholds(self) -> dict[str, Threshold]:
        """Thresholds now shown, by metric."""
        return {t.metric: t for t in self.policy.thresholds} if self.policy else {}

    @property
    def counts(self) -> dict[str, int]:
        """How many samples pass, need a review, are blocked."""
        return {name: int((self.codes == code).sum()) for code, name in enumerate(VERDICTS)}

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """Verdicts with reasons by sample id, riskiest first (block, review, pass; then by correlation)."""
        if self.policy is None:
            return {}
        judged = [
            tell_unseen(judge(nearest, self.policy), self.unseen_images) for nearest in self.nearest.values()
        ]
        return {judged[i].id: judged[i] for i in riskiest_first(judged)}


def resolve_cohort(workspace: Workspace, name: str | None, bundle_hash: str | None = None) -> CohortRecord:
    """Find the cohort: by name, else the one the model was trained on, else the only one.

    Raises
    ------
    NotFound
        When none or several fit.
    """
    if name is not None:
        return workspace.cohorts.get(name)
    if bundle_hash is not None:
        trained = cohort_of_hash(workspace, workspace.bundles.get(bundle_hash).cohort_hash)
        if trained is not None:
            return trained
    names = workspace.cohorts.names()
    if len(names) == 1:
        return workspace.cohorts.get(names[0])
    held = ", ".join(names) or "none"
    raise NotFound(f"Say which cohort to check against with --cohort; the workspace holds: {held}.")


def checked_against(workspace: Workspace, batch_name: str, name: str | None = None) -> CohortRecord:
    """The cohort that the verdicts of a batch speak of; where it was not checked, as `resolve_cohort`.

    Raises
    ------
    NotFound
        As `resolve_cohort`.
    """
    verdict = next(iter(workspace.verdicts.get(batch_name).values()), None)
    if name is None and verdict is not None:
        held = cohort_of_hash(workspace, workspace.policies.get(verdict.policy_hash).cohort_hash)
        if held is not None:
            return held
    return resolve_cohort(workspace, name, workspace.batches.get(batch_name).bundle_hash)


def path_queries(cohort: CohortRecord, paths: Sequence[Path]) -> Steps[list[tuple[str, np.ndarray]]]:
    """Read and conform the images under ``paths``; the id is the path, with ``#row`` for rows of a NumPy stack.

    Raises
    ------
    InputRefused
        For the first image that cannot be read or does not fit the cohort.
    """
    queries: list[tuple[str, np.ndarray]] = []
    for path in paths:
        for label, array in conform_query(path, cohort.recipe):
            queries.append((label, array))
            yield Progress(len(queries), 0, f"Read {len(queries)} images")
    if not queries:
        raise InputRefused("No image to check was found under the paths given.")
    return queries


def batch_queries(
    workspace: Workspace, batch: BatchRecord, cohort: CohortRecord
) -> list[tuple[str, np.ndarray]]:
    """Arrays of a batch, read from disk as they are needed.

    Raises
    ------
    InputRefused
        When the samples lie on another grid than the cohort.
    """
    model = workspace.bundles.get(batch.bundle_hash)
    if model.recipe.grid != cohort.recipe.grid or not same_spacing(model.recipe, cohort.recipe):
        raise InputRefused(other_grid(workspace, model, cohort))
    return [(s.id, workspace.arrays.get(s.array_hash)) for s in batch.samples]


def audit_batch(
    workspace: Workspace,
    batch_name: str,
    cohort_name: str,
    policy: Policy | None = None,
    quantile: float = QUANTILE,
    fdr: float = FDR,
) -> Steps[AuditResult]:
    """Judge every sample of a batch; evidence and verdicts are stored, and ``policy`` (if given) is put in force.

    The limits are those of the batch's scope: from unseen patients made as soft as this model's samples. ``policy``
    holds for the batch's model alone.

    Raises
    ------
    InputRefused
        When the batch is empty or lies on another grid than the cohort, or ``fdr`` is no rate.
    """
    check_fdr(fdr)
    batch, cohort = workspace.batches.get(batch_name), workspace.cohorts.get(cohort_name)
    if not batch.samples:
        raise InputRefused(f"The batch {batch_name} holds no finished sample yet; draw some first.")
    queries = batch_queries(workspace, batch, cohort)
    evidence = training_evidence(workspace, cohort)
    caution = unknown_training(workspace, batch.bundle_hash, cohort)
    calibration = yield from limits.calibrate_model(workspace, cohort, batch, queries, quantile, evidence)
    scope = batch.bundle_hash if policy is not None else scope_of(workspace, cohort, batch)
    policy = limits.in_scope(cohort, policy, scope, calibration) if policy is not None else None
    in_force = policy or policy_in_force(workspace, cohort, batch) or calibration.policy(cohort.hash, scope)
    # Whom such a model learnt from nobody here knows: it may be the patients that limits are calibrated on.
    searched = evidence_with_unseen(workspace, cohort, evidence) if caution else evidence
    result = yield from audit_queries(searched, queries, in_force, calibration, fdr=fdr)
    result = replace(result, verdicts=told_of_unseen(result.verdicts, cohort))
    if policy is not None:
        limits.apply_policy(workspace, cohort, policy, policy.thresholds[0].who)
    workspace.verdicts.put(batch_name, list(result.verdicts))
    return replace(result, caution=caution)


def audit_images(
    workspace: Workspace,
    cohort: CohortRecord,
    queries: Sequence[Query],
    policy: Policy | None = None,
    quantile: float = QUANTILE,
    fdr: float = FDR,
) -> Steps[AuditResult]:
    """Judge images already on the cohort's grid by the limits of the cohort at large; nothing is stored of them.

    They may be anybody's, so that they are compared with the unseen patients too (`medsynth_desktop.guard.of_unseen`).
    """
    check_fdr(fdr)
    evidence = training_evidence(workspace, cohort)
    calibration = yield from limits.calibrate_cohort(workspace, cohort.name, quantile, evidence)
    in_force = policy or workspace.policies.current(cohort.hash) or calibration.policy(cohort.hash)
    everybody = evidence_with_unseen(workspace, cohort, evidence)
    result = yield from audit_queries(everybody, queries, in_force, calibration, fdr=fdr)
    return replace(result, drawn=False, verdicts=told_of_unseen(result.verdicts, cohort))


def told_of_unseen(verdicts: Iterable[Verdict], cohort: CohortRecord) -> tuple[Verdict, ...]:
    """``verdicts``, of which those on images that are an unseen patient's say so (`tell_unseen`)."""
    unseen = cohort.split("calibration")
    return tuple(tell_unseen(verdict, unseen) for verdict in verdicts)
