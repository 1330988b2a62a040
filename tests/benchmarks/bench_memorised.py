"""An audit of a model that was over-trained on few patients, beside one of a model that was stopped early on many.

Evidence more than a benchmark: it trains both models first, on chest X-rays of 64 x 64 (see `memorised_models`), which
takes about a quarter of an hour of a processor core for the first and five minutes for the second. Both go on where
they stopped when MEDSYNTH_MEMORISED names a folder to keep them in. Needs ../shared/data. Judged by the exact search
alone (correlation, RMSE, Lowe's ratio), by limits as soft as each model; the search for disguises only adds to it.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from medsynth_desktop.bundles import read_bundle
from medsynth_desktop.cohorts.access import map_arrays
from medsynth_desktop.core.progress import Steps, drain
from medsynth_desktop.core.records import BundleRecord, CohortRecord, SampleSettings
from medsynth_desktop.guard.audit import AuditResult, audit_queries
from medsynth_desktop.guard.calibration import calibrate
from medsynth_desktop.guard.conclusion import memorisation
from medsynth_desktop.guard.matched import calibrate_matched
from medsynth_desktop.guard.membership_attacks import attack_membership
from medsynth_desktop.guard.sharpness import LEAST_BLUR, softness_steps
from medsynth_desktop.similarity.search import NearestSearch
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.training.denoising import Probe
from medsynth_desktop.workbench.guarding import batch_queries
from medsynth_desktop.workbench.sampling import sample_batch
from tests.benchmarks.memorised_models import OVER_TRAINED, STOPPED_EARLY, XRAYS, make_cohort, make_model

SAMPLES = 60
ASKED = 200
DRAWN = SampleSettings("dpm-solver++2m", 20)


def run(samples: int = SAMPLES) -> dict[str, Any]:
    """Audit both models; by name the seconds, and what the audit says. Empty without the X-rays."""
    if not XRAYS.is_dir():
        return {"skipped": "the X-rays of ../shared/data are not on this machine"}
    kept = os.environ.get("MEDSYNTH_MEMORISED")
    if kept:
        return _run(Path(kept), samples)
    with tempfile.TemporaryDirectory() as folder:
        return _run(Path(folder), samples)


def _run(folder: Path, samples: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    with Workspace.open(folder / "workspace") as workspace:
        for recipe in (OVER_TRAINED, STOPPED_EARLY):
            began = time.perf_counter()
            cohort = drain(make_cohort(workspace, recipe, folder))
            model = drain(make_model(workspace, cohort, recipe, folder))
            result = drain(audit_model(workspace, cohort, model, samples))
            document[recipe.name] = {"seconds": time.perf_counter() - began, **facts(result)}
    return document


def audit_model(
    workspace: Workspace, cohort: CohortRecord, model: BundleRecord, samples: int, asked: int = ASKED
) -> Steps[AuditResult]:
    """Draw, judge by the exact search, and ask the model about ``asked`` images of either split at most."""
    batch = yield from sample_batch(
        workspace, model.hash, samples, DRAWN, 0, "cpu", f"{model.name}-{samples}"
    )
    queries = batch_queries(workspace, batch, cohort)
    train, unseen = map_arrays(workspace, cohort, "train"), map_arrays(workspace, cohort, "calibration")
    search = NearestSearch(*train)
    blur = yield from softness_steps([array for _, array in queries], unseen[0])
    if blur.sigma < LEAST_BLUR:
        calibration = yield from calibrate(search, *unseen)
    else:
        calibration = yield from calibrate_matched(search, *unseen, blur)
    result = yield from audit_queries(search, queries, calibration.policy(cohort.hash), calibration)
    bundle = read_bundle(Path(model.path))
    membership = yield from attack_membership(bundle, train, unseen, Probe(), most=asked)
    return replace(result, membership=membership)


def facts(result: AuditResult) -> dict[str, Any]:
    """What the audit says, as the columns of a table."""
    found: dict[str, Any] = {"says": memorisation(result).sentences[0], "linked": _linked(result)}
    for key, one in (("HCC", result.js_hcc), ("ratio", result.js_lowe)):
        found[f"JS {key}"] = f"{one.value:.3f} ({one.interval[0]:.3f} to {one.interval[1]:.3f})"
    for attack in result.membership.attacks if result.membership else ():
        low, high = attack.interval
        found[f"AUC {attack.key}"] = f"{attack.auc:.3f} ({low:.3f} to {high:.3f})"
        found[f"at 1% {attack.key}"] = f"{attack.rates[0].hits:.2f}"
    return found


def _linked(result: AuditResult) -> str:
    risk = result.link_risk
    return f"{risk.linked} of {risk.total}; unseen {100 * risk.innocent:.1f}%"
