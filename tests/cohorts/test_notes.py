"""What an import says besides its counts."""

from __future__ import annotations

from pathlib import Path

from medsynth_desktop.cohorts.importing import import_cohort, notes_on
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import CohortRecord
from medsynth_desktop.store.workspace import Workspace
from tests.cohorts.heads import write_heads


def test_notes_say_nothing_new_a_twin_and_a_thin_split(workspace: Workspace, tmp_path: Path) -> None:
    def run(path: Path, name: str = "heads", calibration: float = 0.3) -> CohortRecord:
        return drain(import_cohort(workspace, name, [path], calibration=calibration))

    folder = write_heads(tmp_path / "in", 8)
    first = run(folder)
    assert notes_on(workspace, first, None) == []
    assert notes_on(workspace, run(folder), first) == [
        "Nothing new: the cohort heads held all of these images already."
    ]
    twin = notes_on(workspace, run(folder, "twin"), None)
    assert twin == ["The same images as the cohort heads; thresholds and verdicts are shared."]
    (thin,) = notes_on(workspace, run(folder, "thin", calibration=0.1), None)
    assert "7 for training and 1 set aside" in thin
