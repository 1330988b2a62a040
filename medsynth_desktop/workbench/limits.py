"""Limits and who set them: calibrated on unseen patients or typed, for a cohort at large or for one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from medsynth_desktop.cohorts.access import map_arrays
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import BatchRecord, CohortRecord, Decision, Policy, Threshold
from medsynth_desktop.guard.calibration import QUANTILE, Calibration, calibrate
from medsynth_desktop.guard.matched import calibrate_matched
from medsynth_desktop.guard.policy import make_policy, with_threshold
from medsynth_desktop.guard.sharpness import LEAST_BLUR, softness_steps
from medsynth_desktop.guard.verdicts import judge
from medsynth_desktop.similarity.evidence import Evidence
from medsynth_desktop.similarity.search import Query
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import releasing
from medsynth_desktop.workbench.scopes import (
    calibration_behind,
    keep_as_sharp,
    keep_calibration,
    measured_blur,
    policy_in_force,
    scope_of,
    stored_calibration,
)
from medsynth_desktop.workbench.searching import training_evidence

PROGRAM = "MedSynth Desktop"
"""Who re-opens approvals when a model's first check, not a person, brings it limits of its own."""


def calibrate_cohort(
    workspace: Workspace, cohort_name: str, quantile: float = QUANTILE, evidence: Evidence | None = None
) -> Steps[Calibration]:
    """Propose thresholds from the cohort's calibration patients, as they are, and put them in force.

    ``evidence`` is the cohort's, where the caller asks it too: it is opened once.

    Raises
    ------
    InputRefused
        When the cohort has no calibration patients, or the quantile makes no sense.
    """
    cohort = workspace.cohorts.get(cohort_name)
    kept, search = stored_calibration(workspace, cohort), evidence or training_evidence(workspace, cohort)
    if kept is None or (kept.quantile, kept.evidence) != (quantile, search.fingerprint):
        unseen = map_arrays(workspace, cohort, "calibration")
        kept = yield from calibrate(search, *unseen, quantile=quantile, seed=0)
        keep_calibration(workspace, cohort, kept)
        typed = workspace.policies.current(cohort.hash)  # what a person typed is lifted by a person alone
        apply_policy(workspace, cohort, _with_typed(kept.policy(cohort.hash), typed), PROGRAM)
    elif workspace.policies.current(cohort.hash) is None:
        workspace.policies.put(kept.policy(cohort.hash))
    return kept


def calibrate_model(
    workspace: Workspace,
    cohort: CohortRecord,
    batch: BatchRecord,
    queries: Sequence[Query],
    quantile: float = QUANTILE,
    evidence: Evidence | None = None,
) -> Steps[Calibration]:
    """Calibrate for the model that drew ``batch``, on unseen patients made as soft as its samples.

    How soft they are is measured once for each model, from ``queries``, the samples of the first batch that is
    checked: a later batch is judged by the same limits, and no sample's verdict depends on its neighbours. A model
    as sharp as the cohort is judged by the cohort's limits, unless a person set some for it alone. ``evidence`` is the
    cohort's, where the caller asks it too: it is opened once.

    Raises
    ------
    InputRefused
        As `calibrate_cohort`.
    """
    model = batch.bundle_hash
    blur = measured_blur(workspace, cohort, model)
    if blur is None:
        unseen, _ = map_arrays(workspace, cohort, "calibration")
        blur = yield from softness_steps([array for _, array in queries], unseen)
    if blur.sigma < LEAST_BLUR:
        made = yield from calibrate_cohort(workspace, cohort.name, quantile, evidence)
        keep_as_sharp(workspace, cohort, model)
        _renew_own(workspace, cohort, made, model)
        return replace(made, no_softer=True)
    kept = stored_calibration(workspace, cohort, model)
    search = evidence or training_evidence(workspace, cohort)
    if kept is None or (kept.quantile, kept.evidence) != (quantile, search.fingerprint):
        patients = map_arrays(workspace, cohort, "calibration")
        kept = yield from calibrate_matched(search, *patients, blur, quantile=quantile, seed=0)
        keep_calibration(workspace, cohort, kept, model)
        apply_policy(workspace, cohort, _proposed(workspace, cohort, kept, model), PROGRAM)
    elif workspace.policies.current(cohort.hash, model) is None:
        apply_policy(workspace, cohort, _proposed(workspace, cohort, kept, model), PROGRAM)
    return kept


def _proposed(workspace: Workspace, cohort: CohortRecord, made: Calibration, model: str) -> Policy:
    """The calibrated policy of a model with what a person typed for it; at its first check, for the whole cohort."""
    own = workspace.policies.current(cohort.hash, model)
    typed = own if own is not None else workspace.policies.current(cohort.hash)
    return _with_typed(made.policy(cohort.hash, model), typed)


def _renew_own(workspace: Workspace, cohort: CohortRecord, made: Calibration, model: str) -> None:
    """Bring the calibrated part of a sharp model's own limits to the quantile now asked; typed ones stand."""
    own = workspace.policies.current(cohort.hash, model)
    if own is None:
        return
    asked = {t.metric: t.quantile for t in made.thresholds}
    others = any(
        t.origin == "calibrated" and t.quantile != asked.get(t.metric, t.quantile) for t in own.thresholds
    )
    lacking = {t.metric for t in made.thresholds} - {t.metric for t in own.thresholds}
    if others or lacking:
        apply_policy(workspace, cohort, _with_typed(made.policy(cohort.hash, model), own), PROGRAM)


def _with_typed(policy: Policy, other: Policy | None) -> Policy:
    """``policy`` with the typed limits of ``other``."""
    for t in other.thresholds if other is not None else ():
        if t.origin == "typed":
            policy = with_threshold(policy, t.metric, t.review, t.block, who=t.who, why=t.why)
    return policy


def only_models_have_limits(workspace: Workspace, cohort: CohortRecord) -> bool:
    """Whether the cohort at large was never calibrated, while a model was checked against it."""
    return bool(workspace.policies.scopes(cohort.hash)) and workspace.policies.current(cohort.hash) is None


def left_words(workspace: Workspace, cohort: CohortRecord) -> str:
    """Say which models keep limits of their own when the cohort at large is calibrated; empty where none has any."""
    told = []
    for scope in filter(None, workspace.policies.scopes(cohort.hash)):
        policy, model = workspace.policies.current(cohort.hash, scope), workspace.bundles.get(scope)
        typed = sum(t.origin == "typed" for t in policy.thresholds) if policy is not None else 0
        told.append(f"{model.name} ({model.hash[:12]}{f', {typed} typed' if typed else ''})")
    if not told:
        return ""
    return f"Limits of their own, which this leaves as they are, have: {', '.join(told)}; calibrate --batch sets those."


def set_threshold(
    workspace: Workspace,
    cohort_name: str,
    metric: str,
    review: float,
    block: float,
    *,
    who: str,
    why: str,
    batch: str | None = None,
) -> list[Decision]:
    """Put a typed threshold in force and judge every batch in its scope anew; return the approvals re-opened.

    Parameters
    ----------
    batch
        The model that drew it is meant, and it alone: where it had no limits of its own it gets some, which start from
        those in force for it. None means all: the cohort at large and every model with limits of its own.

    Raises
    ------
    InputRefused
        Without who or why, or when the cohort has no thresholds yet.
    """
    if not who.strip() or not why.strip():
        raise InputRefused(
            "A typed threshold is recorded with who set it and why; sign in and give a reason."
        )
    cohort = workspace.cohorts.get(cohort_name)
    current = _own(workspace, cohort, batch) if batch is not None else _all(workspace, cohort)
    if not current:
        raise InputRefused(f"The cohort {cohort_name} has no thresholds yet; calibrate it first.")
    changed = [with_threshold(p, metric, review, block, who=who, why=why) for p in current]
    return [d for policy in changed for d in apply_policy(workspace, cohort, policy, who)]


def _all(workspace: Workspace, cohort: CohortRecord) -> list[Policy]:
    scopes = workspace.policies.scopes(cohort.hash)
    return [p for s in scopes if (p := workspace.policies.current(cohort.hash, s)) is not None]


def _own(workspace: Workspace, cohort: CohortRecord, batch: str) -> list[Policy]:
    """What is in force for the model of ``batch``, as its own."""
    record = workspace.batches.get(batch)
    policy = policy_in_force(workspace, cohort, record)
    if policy is None:
        return []
    return [make_policy(cohort.hash, policy.thresholds, record.bundle_hash, policy.doubt)]


def typed_in_force(workspace: Workspace, cohort: CohortRecord, batch: BatchRecord | None) -> list[Threshold]:
    """Limits that a person typed and that judge ``batch`` now (None: the cohort at large)."""
    policy = policy_in_force(workspace, cohort, batch)
    return [t for t in policy.thresholds if t.origin == "typed"] if policy is not None else []


def reset_thresholds(
    workspace: Workspace, cohort_name: str, *, who: str, why: str, batch: str | None = None
) -> list[Decision]:
    """Put calibrated thresholds back in force; return the approvals re-opened.

    With ``batch`` for its model: where that had no limits of its own and others are typed for the whole cohort, these
    stand, and the model gets the calibrated ones as its own. Without it, what was typed for the whole cohort is lifted
    from its models too; what was typed for one model stands. A limit in place of a typed one keeps who lifted that and
    why, as a typed one keeps who set it.

    Raises
    ------
    InputRefused
        Before the first calibration, or without who or why where a typed limit is lifted.
    """
    cohort = workspace.cohorts.get(cohort_name)
    record = workspace.batches.get(batch) if batch is not None else None
    calibration = calibration_behind(workspace, cohort, record)
    if calibration is None:
        raise InputRefused(f"The cohort {cohort_name} has no calibrated thresholds yet; calibrate it first.")
    if typed_in_force(workspace, cohort, record) and not (who.strip() and why.strip()):
        raise InputRefused(
            "Lifting a typed threshold is recorded with who lifted it and why; sign in and give a reason."
        )
    before, at_large = policy_in_force(workspace, cohort, record), workspace.policies.current(cohort.hash)
    limits = _put_back(calibration.thresholds, before, who, why)
    scope = scope_of(workspace, cohort, record)
    policy = make_policy(cohort.hash, limits, scope, calibration.doubt)
    if record is not None and not scope and at_large is not None and at_large.hash != policy.hash:
        policy = make_policy(cohort.hash, limits, record.bundle_hash, calibration.doubt)
    reopened = apply_policy(workspace, cohort, policy, who)
    if record is None and before is not None:
        reopened += _lift_from_models(workspace, cohort, before, who, why)
    return reopened


def _lift_from_models(
    workspace: Workspace, cohort: CohortRecord, before: Policy, who: str, why: str
) -> list[Decision]:
    """Lift the typed limits of ``before``, the cohort's, where they were put in force for every model with it."""
    typed = {_typed(t) for t in before.thresholds if t.origin == "typed"}
    reopened: list[Decision] = []
    for model in filter(None, workspace.policies.scopes(cohort.hash)):
        own = workspace.policies.current(cohort.hash, model)
        made = stored_calibration(workspace, cohort, model) or stored_calibration(workspace, cohort)
        same = {t.metric for t in own.thresholds if _typed(t) in typed} if own is not None else set()
        if own is None or made is None or not same:
            continue
        back = {t.metric: t for t in _put_back(made.thresholds, own, who, why) if t.metric in same}
        limits = [back.get(t.metric, t) for t in own.thresholds]
        reopened += apply_policy(workspace, cohort, make_policy(cohort.hash, limits, model, own.doubt), who)
    return reopened


def _typed(limit: Threshold) -> tuple[object, ...]:
    return limit.metric, limit.review, limit.block, limit.who, limit.why


def _put_back(calibrated: Sequence[Threshold], before: Policy | None, who: str, why: str) -> list[Threshold]:
    """The calibrated limits; one in place of a typed one says who lifted that and why, also if it is put back again."""
    held = {t.metric: t for t in before.thresholds} if before is not None else {}
    made = []
    for limit in calibrated:
        old = held.get(limit.metric, limit)
        if old.origin == "typed":
            made.append(replace(limit, who=who.strip(), why=why.strip()))
        else:
            made.append(old if replace(old, who="", why="") == limit else limit)
    return made


def in_scope(cohort: CohortRecord, policy: Policy, scope: str, calibration: Calibration) -> Policy:
    """The same numbers for ``scope``, with the doubt of its calibration."""
    return make_policy(cohort.hash, policy.thresholds, scope, calibration.doubt)


def apply_policy(workspace: Workspace, cohort: CohortRecord, policy: Policy, who: str) -> list[Decision]:
    """Judge every batch audited in the policy's scope anew, store it, re-open what it affects.

    Batches that the cohort at large judged before the model had limits of its own come with it.
    """
    before = {p.hash for s in {"", policy.bundle_hash} for p in workspace.policies.of(cohort.hash, s)}
    workspace.policies.put(policy)
    reopened: list[Decision] = []
    for name in workspace.batches.names():
        if scope_of(workspace, cohort, workspace.batches.get(name)) != policy.bundle_hash:
            continue
        old = {s: v for s, v in workspace.verdicts.get(name).items() if v.policy_hash in before}
        if not old:
            continue
        new = {s: judge(v.nearest, policy) for s, v in old.items()}
        workspace.verdicts.put(name, list(new.values()))
        reopened += releasing.reopen_affected(workspace, old, new, policy, who)
    return reopened
