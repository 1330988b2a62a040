"""The audit of a batch, or of any images, as one document (JSON and HTML)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medsynth_desktop import __version__
from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import CohortRecord, Policy, Threshold
from medsynth_desktop.guard.audit import AuditResult
from medsynth_desktop.guard.policy import make_policy
from medsynth_desktop.guard.report import render_report
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import guarding, releasing

MAX_POLICY_BYTES = 1 << 20


def audit(
    workspace: Workspace,
    cohort: CohortRecord,
    batch: str | None,
    paths: Sequence[Path],
    policy_file: Path | None,
    quantile: float,
) -> Steps[AuditResult]:
    """Judge every sample of ``batch``, or every image under ``paths``, under the policy in force or of a file.

    A batch's verdicts are stored, and a policy from a file comes into force with them; loose images leave no trace.

    Raises
    ------
    InputRefused
        For unreadable images or a policy file that makes no sense.
    """
    chosen = read_policy(cohort, policy_file) if policy_file is not None else None
    if batch is not None:
        result = yield from guarding.audit_batch(workspace, batch, cohort.name, chosen, quantile)
        return result
    queries = yield from guarding.path_queries(cohort, paths)
    result = yield from guarding.audit_images(workspace, cohort, queries, chosen, quantile)
    return result


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
        raise InputRefused(
            f"The policy file {path.name} cannot be read as JSON ({type(error).__name__})."
        ) from None
    if not isinstance(document, dict):
        raise InputRefused(
            f"The policy file {path.name} must hold an object of metrics; got {type(document).__name__}."
        )
    return policy_from_json(cohort, document.get("thresholds", document), "policy file", path.name)


def describe(result: AuditResult) -> dict[str, Any]:
    """The JSON of the contract: counts, verdicts, divergences."""
    document = result.to_json()
    nearest = {v.id: v.nearest.neighbours[:1] for v in result.verdicts}
    for verdict in document["verdicts"]:
        verdict["nearest"] = next(iter(nearest[verdict["id"]]), None)
    return document


def write_report(
    workspace: Workspace, cohort: CohortRecord, batch: str | None, result: AuditResult, path: Path
) -> None:
    """Write the audit as one self-contained HTML file; ``batch`` is None for images given by path.

    Raises
    ------
    StoreFailed
        When the file cannot be written.
    """
    facts = report_facts(workspace, cohort, batch, result, who=releasing.current_user(), when=releasing.now())
    text = render_report(
        result.verdicts,
        result.policy,
        result.calibration,
        result.js_hcc.value,
        result.js_lowe.value,
        facts=facts,
    )
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreFailed(f"The report {path.name} cannot be written: {error.strerror}.") from None


def report_facts(
    workspace: Workspace,
    cohort: CohortRecord,
    batch: str | None,
    result: AuditResult,
    *,
    who: str,
    when: str,
) -> list[tuple[str, str]]:
    """What was audited against what, when, by whom and with what: the head of a report. No path and no patient."""
    count = len(result.verdicts)
    plural = "" if count == 1 else "s"
    if batch is None:
        checked = [("Images", f"{count} image{plural} given by path"), ("Model", "not known")]
    else:
        model = workspace.bundles.get(workspace.batches.get(batch).bundle_hash)
        checked = [
            ("Batch", f"{batch}, {count} sample{plural}"),
            ("Model", f"{model.name} ({model.hash[:16]})"),
        ]
    return [
        *checked,
        ("Cohort", f"{cohort.name} ({cohort.hash[:16]}), {len(cohort.split('train'))} training images"),
        ("Written", when),
        ("By", who or "nobody signed in"),
        ("Program", f"MedSynth Desktop {__version__}"),
    ]


def policy_from_json(
    cohort: CohortRecord, thresholds: dict[str, dict[str, float]], who: str, why: str
) -> Policy:
    """A policy from a file: ``{metric: {"review": x, "block": y}}``.

    Raises
    ------
    InputRefused
        For unknown metrics, missing or non-numeric limits.
    """
    made = []
    for key, limits in thresholds.items():
        if key not in METRICS:
            raise InputRefused(
                f"The policy names the metric {key!r}; known are: {', '.join(METRICS.keys())}."
            )
        if not isinstance(limits, dict) or not all(
            isinstance(limits.get(n), int | float) for n in ("review", "block")
        ):
            raise InputRefused(
                f"The policy needs numbers 'review' and 'block' for {key}; see docs/quickstart.md."
            )
        made.append(
            Threshold(key, float(limits["review"]), float(limits["block"]), "typed", who=who, why=why)
        )
    if not made:
        raise InputRefused("The policy file holds no threshold; see docs/quickstart.md for its form.")
    return make_policy(cohort.hash, made)
