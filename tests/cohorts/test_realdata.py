"""Real images: 121 heads, X-rays with copies, one CT slice a patient."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.cohorts.importing import import_cohort
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import CohortRecord
from medsynth_desktop.store.workspace import Workspace

pytestmark = pytest.mark.realdata


def check(workspace: Workspace, cohort: CohortRecord, folder: Path) -> None:
    """Patients on one side each, arrays as promised, every file accounted for."""
    sides: dict[str, set[str]] = defaultdict(set)
    for image in cohort.images:
        sides[image.patient].add(image.split)
        array = workspace.arrays.get(image.array_hash)
        assert array.shape == cohort.recipe.grid
        assert -1 <= float(array.min()) < float(array.max()) <= 1
    assert all(len(s) == 1 for s in sides.values())
    assert len({i.array_hash for i in cohort.images}) == len(cohort.images)
    files = [p for p in folder.rglob("*") if p.is_file()]
    assert len(cohort.images) + len({path for path, _ in cohort.skipped}) == len(files)


def test_the_121_heads_import_and_nothing_names_them(workspace: Workspace, shared_data: Path) -> None:
    folder = shared_data / "ixi-t1-2mm"
    steps = import_cohort(
        workspace, "heads", [folder], participants=folder / "participants.csv", grid=(32, 40, 32)
    )
    cohort = drain(steps)
    check(workspace, cohort, folder)
    assert len({i.patient for i in cohort.images}) == len(cohort.images) == 121
    assert (len(cohort.split("train")), len(cohort.split("calibration"))) == (85, 36)
    told = [i.attributes for i in cohort.images if i.attributes]
    assert len(told) == 118  # of three nobody wrote down age and sex
    assert {a["sex"] for a in told} == {"F", "M"}
    assert all(18 < a["age"] < 95 for a in told)
    again = drain(import_cohort(workspace, "heads", [folder], participants=folder / "participants.csv"))
    assert again == cohort
    workspace.close()
    names = [p.name.split("_")[0].encode() for p in (folder / "t1").iterdir()]
    for file in workspace.path.glob("workspace.sqlite*"):
        data = file.read_bytes()
        assert b"IXI" not in data
        assert not any(name in data for name in names)


def test_xrays_by_their_manifest(workspace: Workspace, shared_data: Path) -> None:
    folder = shared_data / "cxr-paediatric" / "test"
    manifest = folder.parent / "manifest.csv"
    cohort = drain(import_cohort(workspace, "xrays", [folder], participants=manifest, grid=(64, 64)))
    check(workspace, cohort, folder)
    assert {i.attributes["label"] for i in cohort.images} == {"normal", "bacteria", "virus"}


def test_ct_slices_keep_their_window_in_hounsfield_units(workspace: Workspace, shared_data: Path) -> None:
    folder = shared_data / "ct-tcga-luad"
    cohort = drain(import_cohort(workspace, "ct", [folder]))
    check(workspace, cohort, folder)
    assert (cohort.recipe.intensity, cohort.recipe.unit, len(cohort.recipe.grid)) == ("window", "HU", 2)
    assert len({i.patient for i in cohort.images}) == 26
    corner = [float(workspace.arrays.get(i.array_hash)[0, 0]) for i in cohort.images]
    assert np.median(corner) < -0.9
