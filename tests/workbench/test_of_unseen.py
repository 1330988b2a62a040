"""Images given by path may be anybody's: an unseen patient's own image is found too, and said to be one."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import CohortRecord, Disguise, Nearest, Neighbour, Verdict
from medsynth_desktop.guard.of_unseen import is_own, tell_unseen
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import guarding
from tests.gui.judged_workspace import GRID_3D, anatomy

SAID = "The real image is one of an unseen patient"


def test_copies_of_unseen_patients_are_blocked_and_others_judged_as_ever(
    workspace: Workspace, cohort: CohortRecord
) -> None:
    theirs, learnt = cohort.split("calibration")[0], cohort.split("train")[0]
    plain = np.asarray(workspace.arrays.get(theirs.array_hash))
    images = {
        "plain": plain,
        "mirrored": plain[::-1].copy(),
        "learnt": np.asarray(workspace.arrays.get(learnt.array_hash)),
        "stranger": anatomy(GRID_3D, 900),
    }
    found = drain(guarding.audit_images(workspace, cohort, list(images.items())))
    verdicts = {verdict.id: verdict for verdict in found.verdicts}
    for name in ("plain", "mirrored"):
        assert verdicts[name].verdict == "block"
        assert verdicts[name].reasons[-1].startswith(SAID)
        assert theirs.id in " ".join(verdicts[name].reasons)
    assert verdicts["plain"].reasons[0].startswith(f"It is a copy of {theirs.id}")
    assert verdicts["learnt"].verdict == "block"
    assert verdicts["learnt"].reasons[0].startswith(f"It is a copy of {learnt.id}")
    assert not any(SAID in reason for name in ("learnt", "stranger") for reason in verdicts[name].reasons)
    assert {n.image for n in verdicts["stranger"].nearest.neighbours} <= {i.id for i in cohort.split("train")}
    assert found.link_risk.linked >= 3


@pytest.mark.parametrize(
    ("metrics", "own"),
    [
        ({"rmse": 0.0, "correlation": 1.0}, True),
        ({"rmse": 0.4, "correlation": 0.6, "aligned": 0.6, "part": 0.5}, True),
        ({"rmse": 0.4, "correlation": 0.6, "aligned": 0.4, "part": 0.75}, True),
        ({"rmse": 0.2, "correlation": 0.97, "aligned": 0.43, "part": 0.64}, False),
        ({"rmse": 0.2, "correlation": 0.97}, False),
    ],
)
def test_only_what_leaves_no_doubt_is_an_unseen_patients_own(metrics: dict[str, float], own: bool) -> None:
    assert is_own(Nearest("S", (), 1.0, metrics)) is own


def test_one_that_the_limits_would_let_pass_is_for_a_person(cohort: CohortRecord) -> None:
    theirs = cohort.split("calibration")
    near = (Neighbour(theirs[0].id, theirs[0].patient, 0.3, 0.9),)
    disguise = Disguise(theirs[0].id, theirs[0].patient, (1.0,), (0.0,), False, 0.6, 0.6, (0,), (9,), ())
    passing = Verdict(
        "S", "pass", ("Within every limit.",), {}, Nearest("S", near, 1.0, {}, (disguise,)), "x"
    )
    told = tell_unseen(passing, theirs)
    assert told.verdict == "review"
    assert len(told.reasons) == 1
    assert told.reasons[0].startswith(SAID)
    assert tell_unseen(passing, cohort.split("train")) == passing


def test_nothing_is_left_to_look_for_where_all_are_training_images(
    workspace: Workspace, cohort: CohortRecord
) -> None:
    images = [(i.id, np.asarray(workspace.arrays.get(i.array_hash))) for i in cohort.split("train")[:2]]
    found = drain(guarding.audit_images(workspace, cohort, images))
    assert found.counts == {"pass": 0, "review": 0, "block": 2}
