"""Audits of a model that was over-trained on few patients, of one that was stopped early on many, and of one that
repeats its patients: as it is, with latent filtering, and distilled.

Evidence more than a benchmark: it trains the models first, on chest X-rays of 64 x 64 (see `memorised_models`): half an
hour of two cores in all. All go on where they stopped when MEDSYNTH_MEMORISED names a folder to keep them
in. Needs ../shared/data. Judged by the exact search alone (correlation, RMSE, Lowe's ratio), by limits as soft as each
model; the search for disguises only adds to it. Quality is of VGG16 where its weights are at hand.
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
from medsynth_desktop.quality.words import card_rows
from medsynth_desktop.similarity.search import NearestSearch
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.training.denoising import Probe
from medsynth_desktop.workbench.distilling import begun, distill
from medsynth_desktop.workbench.guarding import batch_queries
from medsynth_desktop.workbench.measuring import measure_batch
from medsynth_desktop.workbench.sampling import sample_batch
from medsynth_desktop.workbench.teaching import DistillSettings
from tests.benchmarks.memorised_models import (
    OVER_TRAINED,
    REPEATING,
    STOPPED_EARLY,
    XRAYS,
    make_cohort,
    make_model,
)

SAMPLES = 60
ASKED = 200
DRAWN = SampleSettings("dpm-solver++2m", 20)
REPEATED, FIRST_SEED, CHECKED = 480, 1000, 80
"""Samples of the model that repeats its patients, drawn each way (fewer say little), and looked at by distillation."""
CANDIDATES, STUDENT_STEPS = 5, 2500


def run(samples: int = SAMPLES) -> dict[str, Any]:
    """Audit all models; by name the seconds, and what the audit says. Empty without the X-rays."""
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
        document |= _lessened(workspace, folder)
    return document


def _lessened(workspace: Workspace, folder: Path) -> dict[str, Any]:
    """The model that repeats its patients: as it is, with latent filtering, and its student."""
    cohort = drain(make_cohort(workspace, REPEATING, folder))
    model = drain(make_model(workspace, cohort, REPEATING, folder))
    out = folder / "student"
    settings = DistillSettings("top-k", max_steps=STUDENT_STEPS, autoencoder="teacher", checked=CHECKED)
    drain(distill(workspace, model.hash, cohort.name, out, settings, resume=begun(out), device="cpu"))
    student = next(bundle for bundle in workspace.bundles.list() if bundle.name == out.name)
    filtered = replace(DRAWN, candidates=CANDIDATES, cohort=cohort.hash)
    ways = {"as it is": (model, DRAWN), "latent filtering": (model, filtered), "distilled": (student, DRAWN)}
    document = {}
    for way, (of, drawn) in ways.items():
        result = drain(audit_model(workspace, cohort, of, REPEATED, 0, drawn, FIRST_SEED))
        quality = drain(measure_batch(workspace, cohort, _batch_name(of, REPEATED, drawn)))
        document[f"repeating, {way}"] = {**facts(result), **dict(card_rows(quality, None))}
    return document


def _batch_name(model: BundleRecord, samples: int, drawn: SampleSettings) -> str:
    return f"{model.name}-{samples}-{drawn.candidates}"


def audit_model(
    workspace: Workspace,
    cohort: CohortRecord,
    model: BundleRecord,
    samples: int,
    asked: int = ASKED,
    drawn: SampleSettings = DRAWN,
    seed: int = 0,
) -> Steps[AuditResult]:
    """Draw, judge by the exact search, and ask the model about ``asked`` images of either split at most (0: not)."""
    name = _batch_name(model, samples, drawn)
    batch = yield from sample_batch(workspace, model.hash, samples, drawn, seed, "cpu", name)
    queries = batch_queries(workspace, batch, cohort)
    train, unseen = map_arrays(workspace, cohort, "train"), map_arrays(workspace, cohort, "calibration")
    search = NearestSearch(*train)
    blur = yield from softness_steps([array for _, array in queries], unseen[0])
    if blur.sigma < LEAST_BLUR:
        calibration = yield from calibrate(search, *unseen)
    else:
        calibration = yield from calibrate_matched(search, *unseen, blur)
    result = yield from audit_queries(search, queries, calibration.policy(cohort.hash), calibration)
    if not asked:
        return result
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
