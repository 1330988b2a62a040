"""Typed limits go when a person lifts them, who says why; nothing else lifts them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import CohortRecord, Verdict
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import auditing, limits, scopes
from tests.gui.judged_workspace import BATCH, COHORT
from tests.workbench.scoped import SOFT, at_large, audit, let_through


def test_calibrated_limits_come_back_for_a_batchs_model_alone(
    workspace: Workspace, cohort: CohortRecord, both_sharp: dict[str, Verdict]
) -> None:
    calibrated = at_large(workspace, cohort)
    let_through(workspace, None)
    typed = at_large(workspace, cohort)
    with pytest.raises(InputRefused, match="who lifted it and why"):
        limits.reset_thresholds(workspace, COHORT, who="Officer", why=" ", batch=BATCH)
    limits.reset_thresholds(workspace, COHORT, who="Officer", why="seen", batch=BATCH)
    assert at_large(workspace, cohort) == typed
    own = scopes.policy_in_force(workspace, cohort, workspace.batches.get(BATCH))
    assert {(t.who, t.why) for t in own.thresholds} == {("Officer", "seen")}  # type: ignore[union-attr]
    numbers = tuple(replace(t, who="", why="") for t in own.thresholds)  # type: ignore[union-attr]
    assert numbers == calibrated.thresholds  # type: ignore[union-attr]
    limits.reset_thresholds(workspace, COHORT, who="Other", why="again", batch=BATCH)
    again = scopes.policy_in_force(workspace, cohort, workspace.batches.get(BATCH))
    assert again == own, "who lifted a limit stays where there is none to lift"
    assert scopes.policy_in_force(workspace, cohort, workspace.batches.get(SOFT)) == typed


def test_calibrating_the_cohort_says_which_models_keep_limits_of_their_own(
    workspace: Workspace, cohort: CohortRecord, both_sharp: dict[str, Verdict]
) -> None:
    assert limits.left_words(workspace, cohort) == ""
    limits.set_threshold(workspace, COHORT, "rmse", 0.02, 0.01, who="Officer", why="x")
    limits.set_threshold(workspace, COHORT, "rmse", 0.03, 0.01, who="Officer", why="its own", batch=SOFT)
    limits.reset_thresholds(workspace, COHORT, who="Officer", why="x")
    model = workspace.batches.get(SOFT).bundle_hash
    assert f"have: soft ({model[:12]}, 1 typed); calibrate --batch" in limits.left_words(workspace, cohort)
    limits.reset_thresholds(workspace, COHORT, who="Officer", why="x", batch=SOFT)
    assert f"have: soft ({model[:12]});" in limits.left_words(workspace, cohort)


def test_what_was_typed_for_all_is_lifted_from_all(
    workspace: Workspace, cohort: CohortRecord, both_sharp: dict[str, Verdict]
) -> None:
    limits.set_threshold(workspace, COHORT, "correlation", 0.5, 0.6, who="Officer", why="its own", batch=SOFT)
    limits.set_threshold(workspace, COHORT, "rmse", 0.02, 0.01, who="Officer", why="for all")
    model = workspace.batches.get(SOFT).bundle_hash

    def typed() -> set[str]:
        held = workspace.policies.current(cohort.hash, model)
        return {t.metric for t in held.thresholds if t.origin == "typed"}  # type: ignore[union-attr]

    assert typed() == {"correlation", "rmse"}
    limits.reset_thresholds(workspace, COHORT, who="Other", why="seen")
    assert typed() == {"correlation"}, "its own stands, that for all is gone"
    back = {t.metric: t for t in workspace.policies.current(cohort.hash, model).thresholds}["rmse"]  # type: ignore[union-attr]
    assert (back.origin, back.who, back.why) == ("calibrated", "Other", "seen")


@pytest.mark.parametrize("batch", [None, SOFT])
def test_another_quantile_lifts_no_typed_limit(
    workspace: Workspace, cohort: CohortRecord, soft: str, batch: str | None
) -> None:
    """Neither for the cohort, when loose images are checked by it, nor for a model: only a person lifts one."""
    drain(limits.calibrate_cohort(workspace, COHORT))
    audit(workspace, SOFT)
    limits.set_threshold(workspace, COHORT, "rmse", 0.02, 0.01, who="Officer", why="x", batch=batch)
    drain(auditing.audit(workspace, cohort, SOFT, [], None, 0.9))
    drain(limits.calibrate_cohort(workspace, COHORT, 0.9))
    held = workspace.policies.current(cohort.hash, soft if batch else "")
    assert {t.metric: t.who for t in held.thresholds if t.who} == {"rmse": "Officer"}  # type: ignore[union-attr]
    assert {t.quantile for t in held.thresholds if not t.who} >= {0.9}  # type: ignore[union-attr]
