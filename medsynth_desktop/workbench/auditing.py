"""The audit of a batch, or of any images, as one document (JSON and HTML)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from medsynth_desktop import __version__
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import CohortRecord, Policy, Threshold
from medsynth_desktop.guard.audit import AuditResult, assess
from medsynth_desktop.guard.conclusion import memorisation
from medsynth_desktop.guard.policy import make_policy
from medsynth_desktop.guard.report import render_report
from medsynth_desktop.guard.report_pictures import PairPictures
from medsynth_desktop.guard.significance import FDR
from medsynth_desktop.guard.verdicts import judge
from medsynth_desktop.quality.record import Quality
from medsynth_desktop.quality.words import quality_section
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import guarding, measuring, releasing, scopes
from medsynth_desktop.workbench.lineage import unknown_training
from medsynth_desktop.workbench.measuring import stored_quality
from medsynth_desktop.workbench.membership import ask_membership, check_asked, stored_membership
from medsynth_desktop.workbench.pages import write_page
from medsynth_desktop.workbench.reconstructing import stored_reconstruction
from medsynth_desktop.workbench.report_pairs import worst_pairs

MAX_POLICY_BYTES = 1 << 20


def audit(
    workspace: Workspace,
    cohort: CohortRecord,
    batch: str | None,
    paths: Sequence[Path],
    policy_file: Path | None,
    quantile: float,
    membership: int | None = None,
    fdr: float = FDR,
) -> Steps[AuditResult]:
    """Judge every sample of ``batch``, or every image under ``paths``, under the policy in force or of a file.

    A batch's verdicts are stored, and a policy from a file comes into force with them; loose images leave no trace.

    Parameters
    ----------
    workspace, cohort, batch, paths, policy_file, quantile
        What is audited, and by what.
    membership
        Ask the batch's model whether it gives away whom it learnt from, with that many images of either split at most.
        None: what an earlier test of it found, if there was one, goes into the result.

    Raises
    ------
    InputRefused
        For unreadable images, a policy file that makes no sense, or a membership test without a batch or with a cohort
        that its model was not trained on.
    """
    chosen = read_policy(cohort, policy_file) if policy_file is not None else None
    if batch is not None:
        model = workspace.batches.get(batch).bundle_hash
        if membership is not None:
            check_asked(workspace, cohort, model)
        result = yield from guarding.audit_batch(workspace, batch, cohort.name, chosen, quantile, fdr)
        if membership is not None:
            asked = yield from ask_membership(workspace, cohort, model, most=membership)
            return replace(result, membership=asked)
        return replace(result, membership=stored_membership(workspace, cohort, model))
    if membership is not None:
        raise InputRefused(
            "A membership test asks the model that drew a batch; images given by path have no model. Give --batch."
        )
    queries = yield from guarding.path_queries(cohort, paths)
    result = yield from guarding.audit_images(workspace, cohort, queries, chosen, quantile, fdr)
    return result


def check_quality(workspace: Workspace, cohort: CohortRecord, batch: str | None) -> None:
    """Refuse to measure the quality of what has none, before a long audit.

    Raises
    ------
    InputRefused
        For images given by path, or as `measuring.check_measurable`.
    """
    if batch is None:
        raise InputRefused(
            "Quality is that of a batch; images given by path have none. Give --batch, or leave --quality out."
        )
    measuring.check_measurable(workspace, cohort, workspace.batches.get(batch))


def audit_quality(
    workspace: Workspace, cohort: CohortRecord, batch: str | None, *, anew: bool
) -> Steps[Quality | None]:
    """Measure the quality of ``batch`` where it is wanted ``anew``; else what was measured before, or None."""
    if batch is None:
        return None
    if anew:
        return (yield from measuring.measure_batch(workspace, cohort, batch))
    return measuring.stored_quality(workspace, cohort, batch)


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
    except FileNotFoundError:
        raise InputRefused(f"There is no policy file {path.name}; give the path of one.") from None
    except (OSError, UnicodeDecodeError, RecursionError, json.JSONDecodeError) as error:
        raise InputRefused(
            f"The policy file {path.name} cannot be read as JSON ({type(error).__name__})."
        ) from None
    if not isinstance(document, dict):
        raise InputRefused(
            f"The policy file {path.name} must hold an object of metrics; got {type(document).__name__}."
        )
    return policy_from_json(cohort, document.get("thresholds", document), "policy file", path.name)


def describe(result: AuditResult, quality: Quality | None = None) -> dict[str, Any]:
    """The JSON of the contract: counts, verdicts, divergences, and in words what they amount to.

    With what was measured of the batch's ``quality``, or null.
    """
    document = result.to_json()
    nearest = {v.id: v.nearest.neighbours[:1] for v in result.verdicts}
    for verdict in document["verdicts"]:
        verdict["nearest"] = next(iter(nearest[verdict["id"]]), None)
    found = memorisation(result)
    told = {"level": found.level, "sentences": list(found.sentences)}
    measured = measuring.describe(quality) if quality is not None else None
    return {**document, "memorisation": told, "quality": measured}


def stored_audit(workspace: Workspace, cohort: CohortRecord, batch: str) -> Steps[AuditResult]:
    """The audit of a batch that was checked before, from its stored evidence, under the policy in force.

    With the membership test of its model where one was made; nothing is searched or asked anew.

    Raises
    ------
    InputRefused
        When not every sample has been checked, or the calibration belongs to an older version.
    """
    record = workspace.batches.get(batch)
    policy = scopes.policy_in_force(workspace, cohort, record)
    calibration = scopes.calibration_behind(workspace, cohort, record)
    stored = workspace.verdicts.get(batch)
    queries = guarding.batch_queries(workspace, record, cohort)
    if not queries or policy is None or calibration is None or any(id_ not in stored for id_, _ in queries):
        raise InputRefused(f"Not every sample of {batch} has been checked yet; check the batch first.")
    verdicts = guarding.told_of_unseen((judge(stored[id_].nearest, policy) for id_, _ in queries), cohort)
    result = yield from assess(verdicts, queries, policy, calibration)
    return replace(
        result,
        membership=stored_membership(workspace, cohort, record.bundle_hash),
        caution=unknown_training(workspace, record.bundle_hash, cohort),
    )


def save_report(
    workspace: Workspace, cohort: CohortRecord, batch: str, path: Path, who: str, pictures: bool = True
) -> Steps[str]:
    """Write the report of a batch that was checked before; return a sentence that says so.

    Raises
    ------
    InputRefused
        As `stored_audit`.
    StoreFailed
        When the file cannot be written.
    """
    result = yield from stored_audit(workspace, cohort, batch)
    yield Progress(0, 0, "Writing the report")
    write_report(workspace, cohort, batch, result, path, who=who, pictures=pictures)
    private = " It shows patients' images: keep it as you keep those." if pictures else ""
    return f"The report of {batch} is in {path.name}.{private}"


def write_report(
    workspace: Workspace,
    cohort: CohortRecord,
    batch: str | None,
    result: AuditResult,
    path: Path,
    *,
    paths: Sequence[Path] = (),
    who: str | None = None,
    pictures: bool = True,
) -> None:
    """Write the audit as one self-contained HTML file; ``batch`` is None for images given by path.

    Parameters
    ----------
    workspace, cohort, batch, result
        What was audited and what was found.
    path
        Of the file.
    paths
        The images given by path, to be shown.
    who
        Name in the head; by default who is signed in here.
    pictures
        Whether the riskiest pairs are shown, with the real patients' images.

    Raises
    ------
    StoreFailed
        When the file cannot be written; a former one stays whole.
    """
    who = releasing.current_user() if who is None else who
    facts = report_facts(workspace, cohort, batch, result, who=who, when=releasing.now())
    pairs: list[PairPictures] = worst_pairs(workspace, cohort, batch, result, paths) if pictures else []
    text = render_report(result, facts=facts, pairs=pairs, sections=_quality(workspace, cohort, batch))
    write_page(path, text)


def _quality(workspace: Workspace, cohort: CohortRecord, batch: str | None) -> list[str]:
    """HTML of what was measured of the batch and its model (`medsynth quality`), if it was."""
    found = stored_quality(workspace, cohort, batch) if batch is not None else None
    if batch is None or found is None:
        return []
    model = workspace.batches.get(batch).bundle_hash
    return [quality_section(found, stored_reconstruction(workspace, cohort, model))]


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
        if model.privacy is not None:
            checked.append(("Privacy of the model", f"{model.privacy.words}. {model.privacy.details}"))
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
