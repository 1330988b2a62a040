"""A check against other patients than those of the training says so, wherever it is read, with a way on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_bytes
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import BundleRecord, CohortRecord
from medsynth_desktop.guard.conclusion import memorisation
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import auditing, guarding, lineage
from tests.gui.judged_workspace import COHORT, GRID_3D, anatomy
from tests.workbench.scoped import draw
from tests.workbench.small import add_cohort


def model_of(workspace: Workspace, cohort_hash: str, **other: object) -> BundleRecord:
    folder = Path(workspace.path) / f"model-{cohort_hash[:4]}"
    folder.mkdir()
    (folder / "weights").write_bytes(cohort_hash.encode())
    made = {"hash": hash_bytes(cohort_hash.encode()), "name": "other", "cohort_hash": cohort_hash, **other}
    return workspace.bundles.add(replace(workspace.bundles.list()[0], **made), folder)


def test_a_model_of_this_cohort_is_not_warned_of(workspace: Workspace, cohort: CohortRecord) -> None:
    own = model_of(workspace, cohort.hash)
    assert lineage.unknown_training(workspace, own.hash, cohort) == ""


def test_a_model_of_another_cohort_is_told_and_nothing_is_concluded(
    workspace: Workspace, cohort: CohortRecord
) -> None:
    absent = model_of(workspace, "ab" * 32)
    draw(workspace, "strange", absent.hash, {f"S-{n}": anatomy(GRID_3D, 300 + n) for n in range(3)})
    result = drain(guarding.audit_batch(workspace, "strange", COHORT))
    assert result.caution.startswith(f"The model other was trained on other images than {COHORT} holds now")
    assert "not in this workspace as they were" in result.caution
    assert result.caution in result.warnings
    assert memorisation(result).level != "quiet"
    state = guarding.GuardState.of(workspace, cohort, workspace.batches.get("strange"))
    assert state.warnings[0] == result.caution
    other = add_cohort(workspace, cohort.recipe, "others")
    there = model_of(workspace, other.hash)
    told = lineage.unknown_training(workspace, there.hash, cohort)
    assert told.endswith("Check against others, which it was trained on (--cohort others).")


def test_a_model_of_nobody_knows_whom_is_told(workspace: Workspace, cohort: CohortRecord) -> None:
    told = lineage.unknown_training(workspace, model_of(workspace, "").hash, cohort)
    assert told.startswith("Nobody here knows whose images the model other was trained on")


def test_another_grid_is_refused_with_a_way_on(workspace: Workspace, cohort: CohortRecord) -> None:
    flat = replace(cohort.recipe, grid=(16, 20, 16))
    model = model_of(workspace, "cd" * 32, recipe=flat)
    draw(workspace, "flat", model.hash, {"S-flat": np.zeros((16, 20, 16), np.float32)})
    with pytest.raises(InputRefused) as refused:
        guarding.batch_queries(workspace, workspace.batches.get("flat"), cohort)
    said = str(refused.value)
    assert "draws on grid 16 x 20 x 16 at 8 mm, the images of heads have 20 x 24 x 18 at 8 mm" in said
    assert "a demo's model in the demo's workspace" in said


def test_voxels_of_another_size_are_refused(workspace: Workspace, cohort: CohortRecord) -> None:
    larger = model_of(workspace, "ce" * 32, recipe=replace(cohort.recipe, spacing=8.9))
    draw(workspace, "larger", larger.hash, {"S-larger": np.zeros(GRID_3D, np.float32)})
    with pytest.raises(InputRefused, match="at 8.9 mm, the images of heads have 20 x 24 x 18 at 8 mm"):
        guarding.batch_queries(workspace, workspace.batches.get("larger"), cohort)
    assert lineage.same_spacing(replace(cohort.recipe, spacing=8.1), cohort.recipe)
    assert lineage.same_spacing(replace(cohort.recipe, spacing=0), cohort.recipe), "a size that nobody knows"


def test_a_strange_model_that_draws_an_unseen_patient_is_found_out(
    workspace: Workspace, cohort: CohortRecord
) -> None:
    theirs = cohort.split("calibration")[0]
    copy = np.asarray(workspace.arrays.get(theirs.array_hash))
    drawn = {"S-copy": copy, "S-mirrored": copy[::-1].copy(), "S-own": anatomy(GRID_3D, 300)}
    absent = model_of(workspace, "de" * 32)
    draw(workspace, "strange", absent.hash, drawn)
    result = drain(guarding.audit_batch(workspace, "strange", COHORT))
    found = {v.id: v for v in result.verdicts}
    for sample in ("S-copy", "S-mirrored"):
        assert found[sample].verdict == "block"
        assert found[sample].nearest.neighbours[0].image == theirs.id
        assert "one of an unseen patient" in " ".join(found[sample].reasons)
    assert "unseen patient, whom" not in " ".join(found["S-own"].reasons)
    state = guarding.GuardState.of(workspace, cohort, workspace.batches.get("strange"))
    assert state.verdicts["S-copy"].verdict == "block"
    assert "one of an unseen patient" in " ".join(state.verdicts["S-copy"].reasons)
    stored = drain(auditing.stored_audit(workspace, cohort, "strange"))
    assert {v.id: v.reasons for v in stored.verdicts} == {v.id: v.reasons for v in result.verdicts}
    own = model_of(workspace, cohort.hash)
    draw(workspace, "own", own.hash, {f"{sample}-2": array for sample, array in drawn.items()})
    of_own = drain(guarding.audit_batch(workspace, "own", COHORT))
    assert "one of an unseen patient" not in " ".join(r for v in of_own.verdicts for r in v.reasons)


def test_what_was_checked_is_decided_on_without_naming_the_cohort_again(
    workspace: Workspace, cohort: CohortRecord
) -> None:
    absent = model_of(workspace, "ef" * 32)
    draw(workspace, "strange", absent.hash, {"S-1": anatomy(GRID_3D, 300)})
    add_cohort(workspace, cohort.recipe, "others")
    drain(guarding.audit_batch(workspace, "strange", COHORT))
    assert guarding.checked_against(workspace, "strange").name == COHORT
    assert guarding.checked_against(workspace, "strange", "others").name == "others"
