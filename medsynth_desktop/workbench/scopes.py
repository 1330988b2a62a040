"""Whose limits judge whose samples: the cohort's at large, or one model's own.

A scope is the hash of a model whose samples are softer than the cohort's images, or "" for the cohort at large: for
loose images, for models as sharp as the cohort, and for models that were never checked.
"""

from __future__ import annotations

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.records import BatchRecord, CohortRecord, Policy
from medsynth_desktop.guard.calibration import Calibration
from medsynth_desktop.guard.sharpness import Blur
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
    blur = measured_blur(workspace, cohort, batch.bundle_hash) if batch is not None else None
    return batch.bundle_hash if batch is not None and blur is not None and blur.sigma > 0 else ""


def policy_in_force(workspace: Workspace, cohort: CohortRecord, batch: BatchRecord | None) -> Policy | None:
    """Thresholds that judge ``batch``, None before the first calibration."""
    return workspace.policies.current(cohort.hash, scope_of(workspace, cohort, batch))


def stored_calibration(workspace: Workspace, cohort: CohortRecord, scope: str = "") -> Calibration | None:
    """The calibration last made for exactly these images and splits, or None (also for one of an older version)."""
    kept = workspace.settings.get(_key(cohort, scope))
    try:
        return Calibration.from_json(kept) if kept else None
    except InputRefused:
        return None


def keep_calibration(
    workspace: Workspace, cohort: CohortRecord, calibration: Calibration, scope: str = ""
) -> None:
    """Keep it in place of the scope's former one."""
    workspace.settings.set(_key(cohort, scope), calibration.to_json())


def _key(cohort: CohortRecord, bundle_hash: str) -> str:
    return ":".join(("calibration", cohort.hash, *filter(None, [bundle_hash])))
