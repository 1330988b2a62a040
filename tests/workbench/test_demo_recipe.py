"""The demo's recipe at toy size: every stage runs, a stopped run goes on, the record says what happened."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
from scipy import ndimage

from medsynth_desktop.bundles import read_bundle
from medsynth_desktop.core.hashing import hash_array
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import SampleSettings
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.training.presets import preset_for
from medsynth_desktop.workbench.demo_recipe import DemoSettings, build_demo

SHAPE = (12, 14, 10)


def toy() -> DemoSettings:
    first, second = preset_for("tiny", max_steps=2), preset_for("tiny", seed=1, max_steps=2)
    return DemoSettings(
        grid=(16, 16, 16),
        spacing=4.0,
        teacher_autoencoder=first.autoencoder,
        teacher_diffusion=first.diffusion,
        student_autoencoder=second.autoencoder,
        student_diffusion=second.diffusion,
        sampling=SampleSettings(steps=2),
        candidates=16,
        checked=2,
    )


def write_heads(folder: Path, patients: int) -> Path:
    """Eggs of one pose, each with folds of its own: what alignment leaves alone and blurring does not make alike."""
    folder.mkdir()
    places = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij"))
    egg = (places**2).sum(axis=0) < 0.9
    for patient in range(patients):
        noise = np.random.default_rng(patient).standard_normal(SHAPE)
        folds = ndimage.gaussian_filter(noise, 1.0)
        image = (100 * egg * (2 + folds / folds.std())).astype(np.float32)
        name = f"IXI{patient:03d}-HH-{1200 + patient}_T1.nii"
        nibabel.save(nibabel.Nifti1Image(image, np.diag([4.0, 4.0, 4.0, 1.0])), folder / name)
    return folder


def test_a_stopped_run_goes_on_and_ships_only_what_the_guard_passed(tmp_path: Path) -> None:
    heads = write_heads(tmp_path / "real", patients=9)
    work, out = tmp_path / "work", tmp_path / "demo"
    with Workspace.open(tmp_path / "workspace") as workspace:
        stopped = build_demo(workspace, [heads], None, work, out, toy())
        for progress in stopped:
            if progress.message.startswith("Drawn 3 of"):
                break
        stopped.close()
        drawn = {p: p.stat().st_mtime_ns for p in (work / "candidates").rglob("*.npy")}
        record = drain(build_demo(workspace, [heads], None, work, out, toy()))
        real = {i.array_hash for i in workspace.cohorts.get("teacher-heads").images}
    assert len(drawn) == 3
    assert all(path.stat().st_mtime_ns == when for path, when in drawn.items()), "kept, not drawn again"

    kept = sorted((out / "cohort").glob("*.nii.gz"))
    verdicts = record["candidates"]["verdicts"]
    assert sum(verdicts.values()) == 16
    assert len(kept) == verdicts["pass"] == record["demo_cohort"]["images"]
    for path in kept:
        grey = np.asarray(nibabel.load(path).dataobj, np.float32)
        assert hash_array(grey / 127.5 - 1) not in real
    assert read_bundle(out / "bundle").record.hash == record["bundle_hash"]
    assert read_bundle(out / "bundle").record.cohort_hash == record["demo_cohort"]["hash"]
    assert json.loads((out / "RECORD.json").read_text())["candidates"]["verdicts"] == verdicts
    words = (out / "RECORD.md").read_text()
    assert f"learnt from {record['data']['train']} real" in words
    assert record["bundle_hash"] in words


def test_the_shipped_record_is_of_the_shipped_files_and_settings() -> None:
    from medsynth_desktop.store.encoding import decode
    from medsynth_desktop.workbench.demo import RESOURCES

    record = json.loads((RESOURCES / "RECORD.json").read_text())
    assert read_bundle(RESOURCES / "bundle").record.hash == record["bundle_hash"]
    assert len(list((RESOURCES / "cohort").iterdir())) == record["demo_cohort"]["images"]
    assert decode(DemoSettings, json.dumps(record["settings"])) == DemoSettings()
