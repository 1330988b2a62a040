"""What an audit's report says of itself: batch, model, cohort, time, person and program, and no path."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop import __version__
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import drain
from medsynth_desktop.guard.report_pictures import UNDONE
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import auditing, membership
from medsynth_desktop.workbench.report_pairs import worst_pairs
from tests.gui.judged_workspace import BATCH, COHORT, GRID_3D, SAMPLES, anatomy, fill


def test_a_batchs_report_names_what_was_checked(workspace: Workspace, tmp_path: Path) -> None:
    cohort = fill(workspace).cohorts.get(COHORT)
    result = drain(auditing.audit(workspace, cohort, BATCH, [], None, 0.983))
    told = dict(auditing.report_facts(workspace, cohort, BATCH, result, who="A. Reader", when="2026-01-31"))
    assert told == {
        "Batch": f"{BATCH}, {SAMPLES} samples",
        "Model": f"tiny ({workspace.batches.get(BATCH).bundle_hash[:16]})",
        "Cohort": f"{COHORT} ({cohort.hash[:16]}), 14 training images",
        "Written": "2026-01-31",
        "By": "A. Reader",
        "Program": f"MedSynth Desktop {__version__}",
    }
    auditing.write_report(workspace, cohort, BATCH, result, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert all(f"<dt>{name}</dt>" in page for name in told)
    assert told["Model"] in page
    assert str(tmp_path) not in page


def test_a_report_of_loose_images_says_how_many_and_not_where(workspace: Workspace, tmp_path: Path) -> None:
    cohort = fill(workspace).cohorts.get(COHORT)
    np.save(tmp_path / "one.npy", anatomy(GRID_3D, 500))
    result = drain(auditing.audit(workspace, cohort, None, [tmp_path / "one.npy"], None, 0.983))
    auditing.write_report(workspace, cohort, None, result, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<dt>Images</dt><dd>1 image given by path</dd><dt>Model</dt><dd>not known</dd>" in page
    assert str(tmp_path) not in page


def test_a_report_shows_the_riskiest_pair_or_no_picture_at_all(workspace: Workspace, tmp_path: Path) -> None:
    cohort = fill(workspace).cohorts.get(COHORT)
    result = drain(auditing.audit(workspace, cohort, BATCH, [], None, 0.983))
    auditing.write_report(workspace, cohort, BATCH, result, tmp_path / "with.html")
    auditing.write_report(workspace, cohort, BATCH, result, tmp_path / "without.html", pictures=False)
    page, bare = ((tmp_path / f"{name}.html").read_text("utf-8") for name in ("with", "without"))
    assert page.count("<img ") == 3 * SAMPLES
    assert page.index("S-000000000000: block") < page.index("S-000000000001:")
    assert "are real patients&#x27; images" in page
    assert "<img " not in bare
    assert "real patients&#x27; images" not in bare
    assert not list(tmp_path.glob(".*.part"))
    # The first pair is a noisy copy: the very pixels of its patient's image stand beside it.
    nearest = next(v for v in result.verdicts if v.id == "S-000000000000").nearest.neighbours[0].image
    image = next(i for i in cohort.images if i.id == nearest)
    pair = worst_pairs(workspace, cohort, BATCH, result)[0]
    stored = np.asarray(workspace.arrays.get(image.array_hash))
    place = int(pair.plane.split()[2]) - 1
    assert np.array_equal(pair.real, stored[::-1, ::-1, place].T)


def test_a_mirrored_copy_is_shown_with_the_disguise_undone(workspace: Workspace, tmp_path: Path) -> None:
    cohort = fill(workspace).cohorts.get(COHORT)
    source = cohort.split("train")[3]
    real = np.asarray(workspace.arrays.get(source.array_hash))
    path = tmp_path / "one.npy"
    np.save(path, real[::-1].copy())
    result = drain(auditing.audit(workspace, cohort, None, [path], None, 0.983))
    (pair,) = worst_pairs(workspace, cohort, None, result, [path])
    assert pair.beside == UNDONE
    assert f"A mirrored copy of {source.id}" in pair.words
    assert np.abs(pair.sample - pair.real).mean() < 0.1 * np.abs(pair.sample - pair.sample[:, ::-1]).mean()
    auditing.write_report(workspace, cohort, None, result, tmp_path / "report.html", paths=[path])
    assert f'alt="{UNDONE}"' in (tmp_path / "report.html").read_text("utf-8")


def test_loose_images_are_shown_too(workspace: Workspace, tmp_path: Path) -> None:
    cohort = fill(workspace).cohorts.get(COHORT)
    path = tmp_path / "one.npy"
    np.save(path, anatomy(GRID_3D, 500))
    result = drain(auditing.audit(workspace, cohort, None, [path], None, 0.983))
    auditing.write_report(workspace, cohort, None, result, tmp_path / "report.html", paths=[path])
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("<img ") == 3
    assert "one.npy: " in page


def test_a_checked_batch_is_reported_from_what_is_stored(workspace: Workspace, tmp_path: Path) -> None:
    cohort = fill(workspace).cohorts.get(COHORT)
    with pytest.raises(InputRefused, match="check the batch first"):
        drain(auditing.stored_audit(workspace, cohort, BATCH))
    fresh = drain(auditing.audit(workspace, cohort, BATCH, [], None, 0.983))
    stored = drain(auditing.stored_audit(workspace, cohort, BATCH))
    assert json.dumps(stored.to_json()) == json.dumps(fresh.to_json())
    said = drain(auditing.save_report(workspace, cohort, BATCH, tmp_path / "r.html", "A. Reader"))
    assert (
        said == f"The report of {BATCH} is in r.html. It shows patients' images: keep it as you keep those."
    )
    assert "<dt>By</dt><dd>A. Reader</dd>" in (tmp_path / "r.html").read_text("utf-8")


def test_only_the_model_of_a_batch_trained_on_this_cohort_can_be_asked(workspace: Workspace) -> None:
    cohort = fill(workspace).cohorts.get(COHORT)
    with pytest.raises(InputRefused, match="have no model"):
        drain(auditing.audit(workspace, cohort, None, [Path("x")], None, 0.983, membership=10))
    model = workspace.batches.get(BATCH).bundle_hash
    with pytest.raises(InputRefused, match="is another one or has changed since"):
        drain(membership.ask_membership(workspace, replace(cohort, hash="another"), model))
    assert membership.stored_membership(workspace, cohort, model) is None
