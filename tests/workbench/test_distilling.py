"""Privacy distillation on a tiny teacher: the filters, every stage, and a run that was killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medsynth_desktop.bundles import describe_bundle, read_bundle
from medsynth_desktop.core.errors import GuardRefused, InputRefused, NotFound
from medsynth_desktop.core.progress import Progress, drain
from medsynth_desktop.core.records import Condition, ImageRecord, SampleSettings
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.distilling import SETTINGS, distill
from medsynth_desktop.workbench.searching import training_search
from medsynth_desktop.workbench.teaching import DistillSettings, class_plan
from tests.workbench.small import open_small

QUICK = DistillSettings(preset="tiny", max_steps=3, sampling=SampleSettings("ddim", 2), draws=12, checked=5)


def run(
    workspace: Workspace, bundle: str, out: Path, settings: DistillSettings = QUICK, **more: Any
) -> dict[str, Any]:
    return drain(distill(workspace, bundle, "real", out, settings, device="cpu", **more))


@pytest.mark.parametrize("source", ["new", "teacher"])
def test_a_student_learns_from_what_the_filter_kept(
    workspace: Workspace, tmp_path: Path, source: str
) -> None:
    cohort, teacher = open_small(workspace, tmp_path)
    out = tmp_path / "models" / "student"
    settings = replace(QUICK, autoencoder=source)  # type: ignore[arg-type]
    said: list[Progress] = []
    report = drain(distill(workspace, teacher.hash, "real", out, settings, device="cpu"), said.append)
    assert json.loads((tmp_path / "models" / "student.training" / "distillation.json").read_text()) == report
    assert (report["drawn"], report["kept"]) == (12, 6)

    drawn = workspace.batches.get("student-teacher").samples
    queries = [(s.id, workspace.arrays.get(s.array_hash)) for s in drawn]
    ratios = {n.id: n.lowe_ratio for n in drain(training_search(workspace, cohort).query(queries))}
    best = sorted(ratios, key=lambda i: -ratios[i])[:6]
    from medsynth_desktop.workbench.students import synthetic_cohort

    kept = synthetic_cohort("student", teacher.recipe, [s for s in drawn if s.id in best])
    student = read_bundle(out)
    assert student.record.cohort_hash == kept.hash
    assert report["hash"] == student.record.hash
    assert not {i.array_hash for i in kept.images} & {i.array_hash for i in cohort.images}
    same = all(
        np.array_equal(a.detach(), b.detach())
        for a, b in zip(
            student.autoencoder.parameters(),
            read_bundle(tmp_path / "tiny").autoencoder.parameters(),
            strict=False,
        )
    )
    assert same == (source == "teacher")
    about = describe_bundle(out)["training"]["distillation"]
    assert (about["teacher"], about["filter"], about["kept"]) == (teacher.hash, "top-k", 6)
    for kind in ("as_soft", "as_they_are"):
        found = report["divergence"][kind]
        assert [found[who]["images"] for who in ("teacher", "filtered", "student")] == [12, 6, 5]
        assert all(0 <= found[who][key] <= 1 for who in found for key in ("js_hcc", "js_lowe"))
    shares = [p.fraction or 0 for p in said]
    assert shares == sorted(shares)
    asked = out.with_name(out.name + ".training") / SETTINGS
    known = json.loads(asked.read_text(encoding="utf-8"))
    del known["sampling"]["precision"]  # begun by a version that knew of none
    asked.write_text(json.dumps(known), encoding="utf-8")
    again = run(workspace, teacher.hash, out, settings, resume=True)
    assert again == report


@pytest.mark.parametrize("key", ["hcc", "ratio"])
def test_a_limit_of_unseen_patients_decides(workspace: Workspace, tmp_path: Path, key: str) -> None:
    cohort, teacher = open_small(workspace, tmp_path)
    settings = replace(QUICK, filter=key, draws=40)  # type: ignore[arg-type]
    report = run(workspace, teacher.hash, tmp_path / "student", settings)
    drawn = workspace.batches.get("student-teacher").samples
    queries = [(s.id, workspace.arrays.get(s.array_hash)) for s in drawn]
    found = drain(training_search(workspace, cohort).query(queries))
    limit = report["limits"][key]
    passes = [n.metrics["correlation"] < limit if key == "hcc" else n.lowe_ratio > limit for n in found]
    assert report["kept"] == 6
    assert sum(passes) == 6
    assert passes[-1], "it stops when enough pass"


def test_too_few_that_pass_are_said_and_no_student_is_made(workspace: Workspace, tmp_path: Path) -> None:
    _, teacher = open_small(workspace, tmp_path)
    with pytest.raises(GuardRefused, match="Only 4 of 6 samples of the teacher pass the filter ratio"):
        run(workspace, teacher.hash, tmp_path / "student", replace(QUICK, filter="ratio", draws=6))
    assert not (tmp_path / "student").exists()


def test_classes_are_those_of_the_training_images() -> None:
    facts: list[dict[str, Any]] = [{"label": 1}, {"label": 0}, {"label": "1"}, {"age": 3}]
    records = [ImageRecord(f"P-{i}-1", f"P-{i}", "train", "", f) for i, f in enumerate(facts)]
    label, age = Condition("label", ("0", "1")), Condition("age", (), 2, 5)
    assert class_plan((), records) == [({}, 4)]
    assert class_plan((label,), records) == [({}, 1), ({"label": "0"}, 1), ({"label": "1"}, 2)]
    assert class_plan((label, age), records)[0] == ({"age": 3.0}, 1)


def test_wishes_that_make_no_sense_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    _, teacher = open_small(workspace, tmp_path)
    out = tmp_path / "student"
    for change, words in (
        ({"filter": "best"}, "top-k, hcc, ratio"),
        ({"draws": 3}, "at least 6 samples"),
        ({"autoencoder": "none"}, "new or teacher"),
        ({"preset": "huge"}, "preset"),
    ):
        with pytest.raises(InputRefused, match=words):
            run(workspace, teacher.hash, out, replace(QUICK, **change))  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="no distillation"):
        run(workspace, teacher.hash, out, resume=True)
    steps = distill(workspace, teacher.hash, "real", out, QUICK, device="cpu")
    next(steps)
    steps.close()
    with pytest.raises(InputRefused, match="add --resume"):
        run(workspace, teacher.hash, out)
    with pytest.raises(InputRefused, match="started with seed 0"):
        run(workspace, teacher.hash, out, replace(QUICK, seed=1), resume=True)


def _work(folder: Path, bundle: str, resume: bool, said: Any) -> None:
    with Workspace.open(folder / "workspace") as workspace:
        steps = distill(workspace, bundle, "real", folder / "student", QUICK, resume=resume, device="cpu")
        for progress in steps:
            said.send(progress.message)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
def test_killed_in_each_stage_it_goes_on_to_the_same_end(workspace: Workspace, tmp_path: Path) -> None:
    _, teacher = open_small(workspace, tmp_path)
    expected = run(workspace, teacher.hash, tmp_path / "straight" / "student")
    names = workspace.batches.names()
    drawn = {name: [s.array_hash for s in workspace.batches.get(name).samples] for name in names}
    workspace.close()
    fork = multiprocessing.get_context("spawn")
    with Workspace.open(tmp_path / "workspace2" / "workspace") as other:
        _, again = open_small(other, tmp_path / "workspace2")
        assert again.hash == teacher.hash
    for number, stage in enumerate(
        ("Sample 5 of 6", "autoencoder: error", "diffusion model: loss", "student draws")
    ):
        ours, theirs = fork.Pipe()
        process = fork.Process(target=_work, args=(tmp_path / "workspace2", teacher.hash, number > 0, theirs))
        process.start()
        theirs.close()
        while stage not in ours.recv():
            pass
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
    with Workspace.open(tmp_path / "workspace2" / "workspace") as other:
        assert other.problems() == []
        report = run(other, teacher.hash, tmp_path / "workspace2" / "student", resume=True)
        for name in names:
            assert [s.array_hash for s in other.batches.get(name).samples] == drawn[name]
    apart = dict.fromkeys(("bundle", "hash"), "")  # the bundle tells how many seconds it was trained
    assert {**report, **apart} == {**expected, **apart}
