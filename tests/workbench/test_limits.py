"""Whose limits judge whose samples: a soft model has limits of its own, everything else the cohort's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import CohortRecord, Decision, Verdict
from medsynth_desktop.guard.matched import AS_THEY_ARE, preparation_words
from medsynth_desktop.guard.sharpness import Blur
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import auditing, guarding, limits, releasing, scopes
from tests.gui.judged_workspace import BATCH, COHORT, GRID_3D, anatomy
from tests.workbench.scoped import COPY, SIGMA, SOFT, at_large, audit, draw, let_through


def approve(workspace: Workspace, *samples: str) -> list[Decision]:
    return releasing.approve(workspace, COHORT, samples, "Officer", "seen")


def test_a_soft_model_gets_limits_of_its_own(workspace: Workspace, cohort: CohortRecord, soft: str) -> None:
    verdicts = audit(workspace, SOFT)
    made = scopes.stored_calibration(workspace, cohort, soft)
    assert made is not None
    assert made.sigma == pytest.approx(SIGMA, rel=0.35)
    assert (made.copies, made.caught) == (14, 14)
    policy = workspace.policies.current(cohort.hash, soft)
    assert policy is not None
    assert policy.thresholds == made.thresholds
    assert at_large(workspace, cohort) is None, "nothing is calibrated twice"
    assert limits.only_models_have_limits(workspace, cohort)
    assert {v.policy_hash for v in verdicts.values()} == {policy.hash}
    assert verdicts[COPY].verdict == "block"
    assert verdicts[COPY].reasons[0].startswith("It is a copy of ")
    state = guarding.GuardState.of(workspace, cohort, workspace.batches.get(SOFT))
    assert (state.policy, state.calibration) == (policy, made)


def test_loose_images_are_judged_by_the_cohorts_limits(
    workspace: Workspace, cohort: CohortRecord, soft: str
) -> None:
    audit(workspace, SOFT)
    queries = [(s.id, workspace.arrays.get(s.array_hash)) for s in workspace.batches.get(SOFT).samples]
    plain = drain(guarding.audit_images(workspace, cohort, queries))
    assert plain.calibration.through == ""
    assert plain.policy == at_large(workspace, cohort)
    assert not limits.only_models_have_limits(workspace, cohort)
    policy = scopes.policy_in_force(workspace, cohort, workspace.batches.get(SOFT))
    assert policy is not None
    assert policy.thresholds != plain.policy.thresholds


def test_a_sharp_model_is_judged_by_the_cohorts_limits(workspace: Workspace, cohort: CohortRecord) -> None:
    sharp = workspace.batches.get(BATCH).bundle_hash
    images = {
        f"S-{n}": np.asarray(workspace.arrays.get(cohort.split("calibration")[n].array_hash))
        for n in range(10)
    }
    draw(workspace, "sharp", sharp, images)
    audit(workspace, "sharp")
    assert workspace.policies.scopes(cohort.hash) == [""]
    assert scopes.scope_of(workspace, cohort, workspace.batches.get("sharp")) == ""
    made = scopes.stored_calibration(workspace, cohort)
    assert made is not None
    assert (made.through, made.sigma) == ("", 0)
    assert scopes.stored_calibration(workspace, cohort, sharp) is None
    told = guarding.GuardState.of(workspace, cohort, workspace.batches.get("sharp")).calibration
    assert preparation_words(told) == AS_THEY_ARE
    assert preparation_words(made) == ""


def test_softness_is_the_models_and_measured_once(
    workspace: Workspace, cohort: CohortRecord, soft: str
) -> None:
    first = audit(workspace, SOFT)
    same = np.asarray(workspace.arrays.get(workspace.batches.get(SOFT).samples[0].array_hash))
    sharp = {f"S-late-{n}": anatomy(GRID_3D, 300 + n) for n in range(6)}
    draw(workspace, "soft-2", soft, {"S-again": same, **sharp})
    later = audit(workspace, "soft-2")
    one, two = first["S-soft-0"], later["S-again"]
    assert (one.verdict, one.reasons, one.policy_hash) == (two.verdict, two.reasons, two.policy_hash)


def test_the_first_check_brings_other_batches_and_typed_limits_along(
    workspace: Workspace, cohort: CohortRecord, soft: str
) -> None:
    """A workspace of before: a batch of the model was judged, and approved, under the cohort's limits."""
    draw(workspace, "old", soft, {"S-old": Blur(SIGMA)(anatomy(GRID_3D, 400))})
    scopes.keep_as_sharp(workspace, cohort, soft)
    audit(workspace, "old")
    let_through(workspace, None)
    approve(workspace, "S-old")
    workspace.settings.set(f"calibration:{cohort.hash}:{soft}", None)
    audit(workspace, SOFT)
    policy = workspace.policies.current(cohort.hash, soft)
    assert policy is not None
    assert {t.who for t in policy.thresholds} == {"Officer"}, "what a person typed for the cohort stands"
    assert workspace.verdicts.get("old")["S-old"].policy_hash == policy.hash
    assert workspace.decisions.current("S-old").status == "approved"  # type: ignore[union-attr]
    limits.reset_thresholds(workspace, COHORT, who="Officer", why="x", batch=SOFT)
    assert {t.origin for t in workspace.policies.current(cohort.hash, soft).thresholds} == {"calibrated"}  # type: ignore[union-attr]
    assert {t.origin for t in at_large(workspace, cohort).thresholds} == {"typed"}  # type: ignore[union-attr]


def test_a_limit_typed_for_a_batch_is_its_models_alone(
    workspace: Workspace, cohort: CohortRecord, both_sharp: dict[str, Verdict]
) -> None:
    whole, model = at_large(workspace, cohort), workspace.batches.get(BATCH).bundle_hash
    limits.set_threshold(workspace, COHORT, "rmse", 10, 9, who="Officer", why="stricter", batch=BATCH)
    assert at_large(workspace, cohort) == whole
    assert workspace.verdicts.get(SOFT) == both_sharp
    own = workspace.policies.current(cohort.hash, model)
    assert own is not None
    assert whole is not None
    kept = [[t for t in policy.thresholds if t.metric != "rmse"] for policy in (own, whole)]
    assert kept[0] == kept[1]
    state = guarding.GuardState.of(workspace, cohort, workspace.batches.get(BATCH))
    assert state.counts["block"] == len(state.ids) > 0
    assert state.calibration is not None
    assert {v.policy_hash for v in audit(workspace, BATCH).values()} == {own.hash}, "it stands"


def test_a_sharp_models_own_limits_follow_the_quantile_but_for_typed_ones(
    workspace: Workspace, cohort: CohortRecord, both_sharp: dict[str, Verdict]
) -> None:
    limits.set_threshold(workspace, COHORT, "rmse", 0.02, 0.01, who="Officer", why="x", batch=BATCH)
    drain(guarding.audit_batch(workspace, BATCH, COHORT, quantile=0.9))
    own = scopes.policy_in_force(workspace, cohort, workspace.batches.get(BATCH))
    assert own is not None
    quantiles = {t.metric: t.quantile for t in own.thresholds}
    assert quantiles | {"rmse": None} == quantiles
    assert {quantiles["correlation"], quantiles["lowe_ratio"]} == {0.9}


def test_a_limit_typed_before_the_first_check_stands_after_it(
    workspace: Workspace, cohort: CohortRecord, soft: str
) -> None:
    drain(limits.calibrate_cohort(workspace, COHORT))
    limits.set_threshold(workspace, COHORT, "rmse", 0.02, 0.01, who="Officer", why="early", batch=SOFT)
    audit(workspace, SOFT)
    assert scopes.is_soft(workspace, cohort, soft)
    own = workspace.policies.current(cohort.hash, soft)
    assert {t.metric: t.who for t in own.thresholds if t.who} == {"rmse": "Officer"}  # type: ignore[union-attr]


def test_a_policy_file_leaves_the_cohort_and_other_models_alone(
    workspace: Workspace, cohort: CohortRecord, both_sharp: dict[str, Verdict], tmp_path: Path
) -> None:
    whole, file = at_large(workspace, cohort), tmp_path / "policy.json"
    file.write_text(json.dumps({"rmse": {"review": 10, "block": 9}}))
    result = drain(auditing.audit(workspace, cohort, BATCH, [], file, guarding.QUANTILE))
    assert result.counts["block"] == len(result.verdicts)
    assert at_large(workspace, cohort) == whole
    assert workspace.verdicts.get(SOFT) == both_sharp


def test_the_scope_of_a_limit_is_said(workspace: Workspace, cohort: CohortRecord) -> None:
    batch = workspace.batches.get(BATCH)
    one, whole = (scopes.scope_facts(workspace, cohort, b) for b in (batch, None))
    assert (one["cohort"], one["model"], one["bundle"]) == (COHORT, "tiny", batch.bundle_hash)
    assert one["sentence"].startswith("for the model tiny (")
    assert (whole["model"], whole["sentence"]) == (None, f"for the cohort {COHORT} and all its models")


@pytest.mark.parametrize(
    ("batch", "reopened"), [(SOFT, {"S-soft-0"}), (BATCH, {"other"}), (None, {"S-soft-0", "other"})]
)
def test_a_typed_limit_reopens_within_its_scope(
    workspace: Workspace, cohort: CohortRecord, soft: str, batch: str | None, reopened: set[str]
) -> None:
    workspace.settings.set(
        f"calibration:{cohort.hash}:{workspace.batches.get(BATCH).bundle_hash}", {"sigma": 0.0}
    )
    other = workspace.batches.get(BATCH).samples[1].id
    for name in (SOFT, BATCH):
        audit(workspace, name)
        let_through(workspace, name)
    approve(workspace, "S-soft-0", other)
    made = limits.set_threshold(workspace, COHORT, "rmse", 10, 9, who="Officer", why="stricter", batch=batch)
    assert {d.sample for d in made} == {other if s == "other" else s for s in reopened}


def test_a_policy_file_holds_for_the_batchs_model(
    workspace: Workspace, cohort: CohortRecord, soft: str, tmp_path: Path
) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"rmse": {"review": 0.002, "block": 0.001}}))
    result = drain(auditing.audit(workspace, cohort, SOFT, [], file, guarding.QUANTILE))
    assert result.policy == workspace.policies.current(cohort.hash, soft)
    assert result.policy.bundle_hash == soft
    assert at_large(workspace, cohort) is None
    assert result.counts == {"pass": 8, "review": 0, "block": 1}


def test_nothing_passes_where_copies_as_soft_slip(
    workspace: Workspace, cohort: CohortRecord, soft: str
) -> None:
    workspace.settings.set(f"calibration:{cohort.hash}:{soft}", {"sigma": 8.0})
    verdicts = audit(workspace, SOFT)
    made = scopes.stored_calibration(workspace, cohort, soft)
    assert made is not None
    assert made.doubt in made.warnings
    assert {v.verdict for v in verdicts.values()} <= {"review", "block"}
    assert verdicts[COPY].verdict == "block"
    let_through(workspace, SOFT)
    assert workspace.verdicts.get(SOFT)["S-soft-0"].verdict == "review", "whatever is typed"
    assert workspace.verdicts.get(SOFT)["S-soft-0"].reasons == (made.doubt,)


def test_the_manifest_says_what_was_done(
    workspace: Workspace, cohort: CohortRecord, soft: str, tmp_path: Path
) -> None:
    audit(workspace, SOFT)
    let_through(workspace, SOFT)
    approve(workspace, "S-soft-0")
    drain(releasing.export(workspace, SOFT, COHORT, tmp_path / "package", ("nifti",)))
    manifest = json.loads((tmp_path / "package" / "manifest.json").read_text())
    told = manifest["calibration"]["preparation"]
    assert told.startswith("Unseen images were first blurred by ")
    assert told.endswith("copies as soft as they: 14 of 14 beyond a limit.")
    assert manifest["policy"]["bundle_hash"] == soft
