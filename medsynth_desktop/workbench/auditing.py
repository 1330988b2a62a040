"""The audit of a batch, or of any images, as one document (JSON and HTML)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import CohortRecord, Policy, Verdict
from medsynth_desktop.guard.calibration import Calibration
from medsynth_desktop.guard.divergence import js_divergence
from medsynth_desktop.guard.report import render_report
from medsynth_desktop.guard.verdicts import judge
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import guarding

MAX_POLICY_BYTES = 1 << 20


@dataclass(frozen=True)
class Audit:
    """Verdicts, riskiest first, and how far the batch's distributions lie from those of unseen patients."""

    cohort: str
    verdicts: tuple[Verdict, ...]
    policy: Policy
    calibration: Calibration
    js_hcc: float
    js_lowe: float


def audit(
    workspace: Workspace,
    cohort: CohortRecord,
    batch: str | None,
    paths: Sequence[Path],
    policy_file: Path | None,
    quantile: float,
) -> Steps[Audit]:
    """Judge every sample of ``batch``, or every image under ``paths``, under the policy in force or of a file.

    A batch's verdicts are stored; those of loose images are not. A policy from a file is used for this audit of
    images only once for a batch: it becomes the policy in force.

    Raises
    ------
    InputRefused
        For unreadable images or a policy file that makes no sense.
    """
    chosen = read_policy(cohort, policy_file) if policy_file is not None else None
    if batch is not None:
        result = yield from guarding.audit_batch(workspace, batch, cohort.name, chosen, quantile)
        return _summary(cohort, result.verdicts, result.policy, result.calibration)
    queries = yield from guarding.path_queries(cohort, paths)
    calibration = yield from guarding.calibrate_cohort(workspace, cohort.name, quantile)
    policy = chosen or workspace.policies.current(cohort.hash) or calibration.policy(cohort.hash)
    found = yield from guarding.nearest_real(workspace, cohort, queries)
    return _summary(cohort, tuple(judge(n, policy) for n in found), policy, calibration)


def read_policy(cohort: CohortRecord, path: Path) -> Policy:
    """Read thresholds from a JSON file (at most 1 MiB).

    Raises
    ------
    InputRefused
        When it cannot be read or is no such JSON.
    """
    try:
        if path.stat().st_size > MAX_POLICY_BYTES:
            raise InputRefused(f"The policy file {path.name} is over 1 MiB; a policy is a few lines of JSON.")
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, RecursionError, json.JSONDecodeError) as error:
        raise InputRefused(f"The policy file {path.name} cannot be read as JSON ({type(error).__name__}).") from None
    if not isinstance(document, dict):
        raise InputRefused(f"The policy file {path.name} must hold an object of metrics; got {type(document).__name__}.")
    return guarding.policy_from_json(cohort, document.get("thresholds", document), "policy file", path.name)


def describe(result: Audit) -> dict[str, Any]:
    """The JSON of the contract: counts, verdicts, divergences."""
    names = [v.verdict for v in result.verdicts]
    return {
        "cohort": result.cohort,
        "counts": {name: names.count(name) for name in ("pass", "review", "block")},
        "verdicts": [
            {
                "id": v.id,
                "verdict": v.verdict,
                "reasons": list(v.reasons),
                "metrics": v.metrics,
                "nearest": v.nearest.neighbours[0] if v.nearest.neighbours else None,
            }
            for v in result.verdicts
        ],
        "thresholds": {t.metric: t for t in result.policy.thresholds},
        "policy": result.policy.hash,
        "warnings": list(result.calibration.warnings),
        "js_hcc": result.js_hcc,
        "js_lowe": result.js_lowe,
    }


def write_report(result: Audit, path: Path) -> None:
    """Write the audit as one self-contained HTML file.

    Raises
    ------
    StoreFailed
        When the file cannot be written.
    """
    text = render_report(result.verdicts, result.policy, result.calibration, result.js_hcc, result.js_lowe)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreFailed(f"The report {path.name} cannot be written: {error.strerror}.") from None


def _summary(
    cohort: CohortRecord, verdicts: tuple[Verdict, ...], policy: Policy, calibration: Calibration
) -> Audit:
    def divergence(metric: str) -> float:
        batch = np.array([v.metrics[metric] for v in verdicts], np.float64)
        return js_divergence(batch, np.asarray(calibration.values[metric], np.float64))

    order = {"block": 0, "review": 1, "pass": 2}
    ranked = sorted(verdicts, key=lambda v: (order[v.verdict], -v.metrics.get("correlation", 2.0)))
    return Audit(
        cohort.name, tuple(ranked), policy, calibration, divergence("correlation"), divergence("lowe_ratio")
    )
