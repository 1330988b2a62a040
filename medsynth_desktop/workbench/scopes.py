"""Whose limits judge whose samples: the cohort's at large, or one model's own.

A scope is the hash of a model that has limits of its own, because its samples are softer than the cohort's images or
because a person set limits for it alone; or "" for the cohort at large: for loose images and for every other model.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.records import BatchRecord, CohortRecord, Policy
from medsynth_desktop.guard.calibration import Calibration
from medsynth_desktop.guard.sharpness import Blur
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.store.workspace import Workspace


def measured_blur(workspace: Workspace, cohort: CohortRecord, bundle_hash: str) -> Blur | None:
    """The blur that makes the cohort as soft as the model's samples, as measured at its first check; None before."""
    kept = workspace.settings.get(_key(cohort, bundle_hash))
    sigma = kept.get("sigma") if isinstance(kept, dict) else None
    return Blur(float(sigma)) if isinstance(sigma, int | float) else None


def keep_as_sharp(workspace: Workspace, cohort: CohortRecord, bundle_hash: str) -> None:
    """Remember that the model's samples are as sharp as the cohort, whose limits then judge them."""
    workspace.settings.set(_key(cohort, bundle_hash), {"sigma": 0.0})


def scope_of(workspace: Workspace, cohort: CohortRecord, batch: BatchRecord | None) -> str:
    """Scope of the samples of ``batch``; without one, the cohort at large."""
    if batch is None:
        return ""
    own = is_soft(workspace, cohort, batch.bundle_hash) or workspace.policies.current(
        cohort.hash, batch.bundle_hash
    )
    return batch.bundle_hash if own else ""


def is_soft(workspace: Workspace, cohort: CohortRecord, bundle_hash: str) -> bool:
    """Whether the model's samples were measured to be softer than the cohort."""
    blur = measured_blur(workspace, cohort, bundle_hash)
    return blur is not None and blur.sigma > 0


def scope_facts(workspace: Workspace, cohort: CohortRecord, batch: BatchRecord | None) -> dict[str, Any]:
    """For whom a limit holds that is typed for ``batch`` (None: for all), for a program and in words."""
    if batch is None:
        words = f"for the cohort {cohort.name} and all its models"
        return {"cohort": cohort.name, "model": None, "bundle": None, "sentence": words}
    model = workspace.bundles.get(batch.bundle_hash)
    words = f"for the model {model.name} ({model.hash[:12]}) alone, against the cohort {cohort.name}"
    return {"cohort": cohort.name, "model": model.name, "bundle": model.hash, "sentence": words}


def policy_in_force(workspace: Workspace, cohort: CohortRecord, batch: BatchRecord | None) -> Policy | None:
    """Thresholds that judge ``batch``, None before the first calibration."""
    return workspace.policies.current(cohort.hash, scope_of(workspace, cohort, batch))


def stored_calibration(workspace: Workspace, cohort: CohortRecord, scope: str = "") -> Calibration | None:
    """The calibration last made for exactly these images and splits, or None (also for one of an older version)."""
    kept = workspace.settings.get(_key(cohort, scope))
    try:
        made = Calibration.from_json(kept) if kept else None
    except InputRefused:
        return None
    needed = {metric.key for metric in METRICS if not metric.optional}
    return made if made is not None and needed <= made.values.keys() else None


def calibration_behind(
    workspace: Workspace, cohort: CohortRecord, batch: BatchRecord | None
) -> Calibration | None:
    """The calibration that the limits of ``batch`` rest on: that of a soft model, else the cohort's.

    It says so where the model was measured and found no softer than the cohort.
    """
    blur = measured_blur(workspace, cohort, batch.bundle_hash) if batch is not None else None
    if batch is not None and blur is not None and blur.sigma > 0:
        return stored_calibration(workspace, cohort, batch.bundle_hash)
    kept = stored_calibration(workspace, cohort)
    return replace(kept, no_softer=True) if kept is not None and blur is not None else kept


def keep_calibration(
    workspace: Workspace, cohort: CohortRecord, calibration: Calibration, scope: str = ""
) -> None:
    """Keep it in place of the scope's former one."""
    workspace.settings.set(_key(cohort, scope), calibration.to_json())


def _key(cohort: CohortRecord, bundle_hash: str) -> str:
    return ":".join(("calibration", cohort.hash, *filter(None, [bundle_hash])))
