"""Verbs of the Release panel: decide, export, verify."""

from __future__ import annotations

import getpass
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medsynth_desktop.core.errors import GuardRefused, InputRefused, NotFound
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import (
    BatchRecord,
    CohortRecord,
    Decision,
    Policy,
    ReleaseRecord,
    Verdict,
)
from medsynth_desktop.guard.matched import preparation_words
from medsynth_desktop.releases import decisions as rules
from medsynth_desktop.releases.export import ReleaseItem, export_release
from medsynth_desktop.releases.verify import VerifyReport, verify_package
from medsynth_desktop.releases.verify import verify_steps as package_steps
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.rated import check_rated, rating_rule, ratings_of, told_of
from medsynth_desktop.workbench.scopes import calibration_behind, policy_in_force


@dataclass(frozen=True)
class Exported:
    """A release that was written and verified."""

    release: ReleaseRecord
    count: int
    report: VerifyReport


def current_user() -> str:
    """Who is signed in to this computer: the default name under which the command line records decisions."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def signing_key(workspace: Workspace) -> bytes:
    """The workspace's Ed25519 private key (32 bytes), derived from its secret; it never leaves the workspace."""
    return hmac.new(workspace.secret(), b"medsynth release signing key 1", hashlib.sha256).digest()


def now() -> str:
    """The time of a decision: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def verdicts_in_force(workspace: Workspace, cohort_name: str, samples: Iterable[str]) -> list[Verdict]:
    """Return the stored verdict of each sample under the thresholds in force; every batch is read once.

    Raises
    ------
    GuardRefused
        When a sample was not checked, or not under the thresholds now in force.
    """
    cohort = workspace.cohorts.get(cohort_name)
    batches: dict[str, tuple[Policy | None, dict[str, Verdict]]] = {}
    found = []
    for sample in samples:
        batch = workspace.samples.get(sample).batch
        if batch not in batches:
            policy = policy_in_force(workspace, cohort, workspace.batches.get(batch))
            batches[batch] = policy, workspace.verdicts.get(batch)
        policy, verdicts = batches[batch]
        verdict = verdicts.get(sample)
        if verdict is None or policy is None or verdict.policy_hash != policy.hash:
            raise GuardRefused(
                f"{sample} has not been checked under the thresholds in force; check its batch first."
            )
        found.append(verdict)
    return found


def approve(
    workspace: Workspace, cohort_name: str, samples: Iterable[str], who: str, reason: str = ""
) -> list[Decision]:
    """Approve samples. All are judged before any is recorded, so a refusal leaves nothing half-done.

    Raises
    ------
    GuardRefused
        When one is blocked, unchecked, or not rated as the release policy asks.
    InputRefused
        Without a name, or without a reason for one under review.
    """
    made = [
        rules.approve(verdict, who=who, reason=reason, when=now())
        for verdict in verdicts_in_force(workspace, cohort_name, samples)
    ]
    check_rated(workspace, [decision.sample for decision in made])
    workspace.decisions.append_all(made)
    return made


def reject(
    workspace: Workspace, cohort_name: str, samples: Iterable[str], who: str, reason: str
) -> list[Decision]:
    """Reject samples, with a reason."""
    made = [
        rules.reject(verdict, who=who, reason=reason, when=now())
        for verdict in verdicts_in_force(workspace, cohort_name, samples)
    ]
    workspace.decisions.append_all(made)
    return made


def reopen_affected(
    workspace: Workspace, old: Mapping[str, Verdict], new: Mapping[str, Verdict], policy: Policy, who: str
) -> list[Decision]:
    """Re-open the approvals whose verdict under ``policy`` is no longer what was approved."""
    standing = {s: d for s in new if (d := workspace.decisions.current(s)) is not None}
    made = rules.reopened(standing, new, policy, who=who, when=now(), before=old)
    workspace.decisions.append_all(made)
    return made


def export(
    workspace: Workspace,
    batch_name: str,
    cohort_name: str,
    out: Path,
    formats: Sequence[str] = ("nifti", "dicom"),
) -> Steps[Exported]:
    """Write the approved samples of a batch into the new folder ``out``, then verify what was written.

    Raises
    ------
    InputRefused
        When nothing is approved or ``out`` is in use.
    GuardRefused
        When what was written does not verify.
    """
    items = approved_items(workspace, batch_name, cohort_name)
    cohort = workspace.cohorts.get(cohort_name)
    batch = workspace.batches.get(batch_name)
    bundle = workspace.bundles.get(batch.bundle_hash)
    policy = policy_in_force(workspace, cohort, batch)
    if policy is None:
        raise NotFound(f"The cohort {cohort_name} has no thresholds; check the batch first.")
    release = yield from export_release(
        items,
        Path(out),
        bundle=bundle,
        policy=policy,
        formats=tuple(formats),
        signing_key=signing_key(workspace),
        calibration=_calibration_told(workspace, cohort, batch),
        rating_rule=rule.words if (rule := rating_rule(workspace)) else "",
    )
    workspace.releases.add(release)
    yield Progress(1, 1, "Verifying what was written")
    report = verify_package(Path(out))
    if not report.ok:
        raise GuardRefused(
            f"The package does not verify: {report.problems[0]}; do not hand it on, export again."
        )
    return Exported(release, len(items), report)


def _calibration_told(
    workspace: Workspace, cohort: CohortRecord, batch: BatchRecord
) -> dict[str, Any] | None:
    """What the manifest says of how the limits of ``batch`` were found, what was done to unseen images in words."""
    kept = calibration_behind(workspace, cohort, batch)
    return {**kept.to_json(), "preparation": preparation_words(kept)} if kept is not None else None


def approved_items(workspace: Workspace, batch_name: str, cohort_name: str) -> list[ReleaseItem]:
    """What may leave: samples whose last decision is an approval under the thresholds in force.

    Raises
    ------
    InputRefused
        When there is none.
    GuardRefused
        When one is not rated as the release policy asks.
    """
    decisions = workspace.decisions.of(batch_name)
    approved = [
        s
        for s in workspace.batches.get(batch_name).samples
        if s.id in decisions and decisions[s.id].status == "approved"
    ]
    if not approved:
        raise InputRefused(f"Nothing in {batch_name} is approved; approve samples before exporting.")
    names = [s.id for s in approved]
    verdicts = verdicts_in_force(workspace, cohort_name, names)
    check_rated(workspace, names)
    ratings = ratings_of(workspace, names)
    return [
        ReleaseItem(
            s, workspace.arrays.get(s.array_hash), verdict, decisions[s.id], ratings=told_of(ratings.of(s.id))
        )
        for s, verdict in zip(approved, verdicts, strict=True)
    ]


def verify_steps(path: Path) -> Steps[tuple[str, VerifyReport]]:
    """Check a package for every byte changed, missing or added; return its name and the report."""
    report = yield from package_steps(path)
    return path.name, report
