"""What an audit's report says of itself: batch, model, cohort, time, person and program, and no path."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medsynth_desktop import __version__
from medsynth_desktop.core.progress import drain
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import auditing
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
