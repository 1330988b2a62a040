"""The demos' recipe at toy size: every stage runs, a stopped run goes on, the record says what happened."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from medsynth_desktop.bundles import read_bundle
from medsynth_desktop.core.hashing import hash_array
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import SampleSettings
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.training.presets import preset_for
from medsynth_desktop.workbench import demo as demos
from medsynth_desktop.workbench.demo import DEMOS, main_job
from medsynth_desktop.workbench.demo_recipe import build_demo
from medsynth_desktop.workbench.demo_settings import RECIPES, DemoSettings

SHAPE = (12, 14, 10)


def toy(kind: str = "heads") -> DemoSettings:
    grid, spacing = {"heads": ((16, 16, 16), 4.0), "chest": ((16, 16), 0.0)}[kind]
    first, second = (preset_for("tiny", len(grid), seed, max_steps=2) for seed in (0, 1))
    return replace(
        RECIPES[kind],
        grid=grid,
        spacing=spacing,
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


def write_chests(folder: Path, patients: int) -> Path:
    """Pictures of noise behind a heart, and the list of whose they are and what they show."""
    folder.mkdir()
    places = np.stack(np.meshgrid(*(np.linspace(-1, 1, 16) for _ in "yx"), indexing="ij"))
    heart = ((places[0] - 0.2) ** 2 + (places[1] - 0.5) ** 2) < 0.15
    rows = []
    for patient in range(patients):
        noise = ndimage.gaussian_filter(np.random.default_rng(patient).standard_normal((16, 16)), 0.8)
        grey = np.clip(80 + 60 * noise / noise.std() + 90 * heart, 0, 255).astype(np.uint8)
        rows.append((f"{patient}.png", f"patient {patient}", "ill" if patient % 2 else "well"))
        Image.fromarray(grey).save(folder / rows[-1][0])
    with (folder / "list.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("file", "patient_id", "label"), *rows])
    return folder


def test_pictures_are_drawn_and_learnt_by_class_and_go_through_the_main_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chests = write_chests(tmp_path / "real", patients=30)
    monkeypatch.setattr(demos, "RESOURCES", tmp_path)
    demo = DEMOS["chest"]
    settings = replace(toy("chest"), candidates=60)
    with Workspace.open(tmp_path / "workspace") as workspace:
        record = drain(
            build_demo(workspace, [chests], chests / "list.csv", tmp_path / "work", demo.folder, settings)
        )
    bundle = read_bundle(demo.folder / "bundle").record
    assert [(c.name, c.classes) for c in bundle.conditions] == [("label", ("ill", "well"))]
    assert bundle.recipe.spacing == 0, "a picture claims no millimetres"
    with (demo.folder / "participants.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert Counter(row["label"] for row in rows) == record["demo_cohort"]["classes"]
    assert {row["file"] for row in rows} == {p.name for p in (demo.folder / "cohort").iterdir()}
    assert "patient " not in (demo.folder / "participants.csv").read_text()

    with Workspace.open(tmp_path / "demo-workspace") as workspace:
        stages = drain(main_job(workspace, tmp_path / "out", count=4, demo=demo)).stages
        cohort = workspace.cohorts.get(demo.cohort)
        batch = workspace.batches.get(demo.batch)
    assert cohort.hash == bundle.cohort_hash == record["demo_cohort"]["hash"]
    assert Counter(s.settings.conditions["label"] for s in batch.samples) == {"ill": 2, "well": 2}
    assert len({s.seed for s in batch.samples}) == stages["samples"]["count"] == 4
    assert stages["meshes"]["count"] == 0, "a picture has no surface"
    assert sum(stages["verdicts"]["counts"].values()) == 4


def test_a_picture_of_the_cohort_is_read_as_it_was_drawn(tmp_path: Path) -> None:
    from medsynth_desktop.cohorts.conform import conform
    from medsynth_desktop.core.records import Recipe
    from medsynth_desktop.formats.read import read_volume
    from medsynth_desktop.workbench.demo_recipe import write_cohort

    recipe = Recipe((16, 24), 0.0, "percentile", 0.0, 100.0)
    image = np.random.default_rng(0).uniform(-1, 1, (16, 24)).astype(np.float32)
    image[0, 0], image[-1, 0] = -1, 1
    assert drain(write_cohort([(image, {})], recipe, tmp_path)) is None
    (path,) = (tmp_path / "cohort").iterdir()
    assert np.abs(conform(read_volume(path), recipe) - image).max() <= 1 / 255 + 1e-6


@pytest.mark.parametrize("kind", DEMOS)
def test_the_shipped_record_is_of_the_shipped_files_and_settings(kind: str) -> None:
    from medsynth_desktop.store.encoding import decode

    folder = DEMOS[kind].folder
    record = json.loads((folder / "RECORD.json").read_text())
    assert read_bundle(folder / "bundle").record.hash == record["bundle_hash"]
    assert read_bundle(folder / "bundle").record.name == RECIPES[kind].demo == DEMOS[kind].cohort
    assert len(list((folder / "cohort").iterdir())) == record["demo_cohort"]["images"]
    assert decode(DemoSettings, json.dumps(record["settings"])) == RECIPES[kind]
