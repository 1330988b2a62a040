"""How the shipped demos are made: nothing in them is a patient's image.

A teacher learns from real images and is thrown away. What it draws passes the guard, whose limits come from
patients that it never saw; the images that pass become the demo's cohort. The shipped model (the student)
learns from that cohort alone. Every stage resumes where it stopped.
"""

from __future__ import annotations

import csv
import platform
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.bundles import Bundle, BundleFacts, read_bundle, write_bundle
from medsynth_desktop.bundles.asking import given_rows, learn_conditions
from medsynth_desktop.cohorts.access import load_arrays
from medsynth_desktop.cohorts.conform import grid_affine
from medsynth_desktop.cohorts.importing import import_cohort
from medsynth_desktop.core.errors import GuardRefused
from medsynth_desktop.core.hashing import hash_array
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import CohortRecord, Nearest, Policy, Recipe, Verdict
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats.write import write_volume
from medsynth_desktop.guard.matched import calibrate_matched, preparation_words
from medsynth_desktop.guard.sharpness import match_softness
from medsynth_desktop.guard.verdicts import judge
from medsynth_desktop.samplers.sampling import draw_sample
from medsynth_desktop.similarity.search import NearestSearch
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.training.autoencoder import AutoencoderSettings, train_autoencoder
from medsynth_desktop.training.diffusion import DiffusionSettings, train_diffusion
from medsynth_desktop.training.presets import conditioned
from medsynth_desktop.workbench.demo import LIST, Asked, asked_in_turn
from medsynth_desktop.workbench.demo_alignment import align_heads, source_recipe
from medsynth_desktop.workbench.demo_record import write_record
from medsynth_desktop.workbench.demo_settings import DemoSettings

MIN_KEPT = 12
"""Fewer images than this would be no cohort: the student needs some to learn from and some unseen."""


def build_demo(
    workspace: Workspace,
    data: Sequence[Path],
    participants: Path | None,
    work: Path,
    out: Path,
    settings: DemoSettings,
    device: str = "cpu",
) -> Steps[dict[str, Any]]:
    """Make ``out`` (bundle/, cohort/, RECORD.json, RECORD.md) from the real images under ``data``.

    Parameters
    ----------
    workspace
        Where the real images are imported; stays with whoever runs this.
    work
        Folder of checkpoints, candidates and the teacher: holds what was learnt from real patients; not to be shared.

    Returns
    -------
    dict
        What RECORD.json says.
    """
    if settings.aligned:
        yield from align_heads(data, source_recipe(settings.grid, settings.spacing), work / "aligned")
        data = [work / "aligned"]
    grid: dict[str, Any] = {"spacing": settings.spacing or None, "grid": settings.grid}
    real = yield from import_cohort(workspace, settings.teacher, data, participants=participants, **grid)
    train, train_records = load_arrays(workspace, real, "train")
    unseen, unseen_records = load_arrays(workspace, real, "calibration")
    teacher, teacher_runs = yield from train_model(
        train, real, settings.conditions, settings.teacher_autoencoder, settings.teacher_diffusion,
        work / "teacher", "teacher", "", device,
    )  # fmt: skip
    asked = asked_in_turn(teacher.record.conditions, settings.candidates)
    candidates = yield from draw_many(teacher, settings, asked, work / "candidates", device)
    soft = match_softness(candidates, list(unseen))
    search = NearestSearch(train, train_records)
    calibration = yield from calibrate_matched(search, unseen, unseen_records, soft, seed=settings.seed)
    policy = calibration.policy(real.hash)
    verdicts = yield from judge_all(search, candidates, policy)
    kept = [
        (image, conditions)
        for image, conditions, verdict in zip(candidates, asked, verdicts, strict=True)
        if verdict.verdict == "pass"
    ]
    if len(kept) < MIN_KEPT:
        raise GuardRefused(
            f"Only {len(kept)} of {len(candidates)} candidates pass; train longer or draw more."
        )
    listed = yield from write_cohort(kept, real.recipe, out)
    with Workspace.open(work / "student-workspace") as own:
        demo = yield from import_cohort(own, settings.demo, [out / "cohort"], participants=listed, **grid)
        images, records = load_arrays(own, demo, "train")
        everything = [*images, *load_arrays(own, demo, "calibration")[0]]
    student, student_runs = yield from train_model(
        images, demo, settings.conditions, settings.student_autoencoder, settings.student_diffusion,
        work / "student", settings.demo, settings.licence, device,
    )  # fmt: skip
    asked = asked_in_turn(student.record.conditions, settings.checked)
    drawn = yield from draw_many(student, settings, asked, work / "student-samples", device)
    cohort_check = yield from judge_all(search, everything, policy)
    student_check = yield from judge_all(search, drawn, policy)
    if not (out / "bundle").exists():
        write_bundle(
            out / "bundle",
            bundle_facts(student, settings.demo, settings.licence, student_runs),
            student.autoencoder, student.unet,
        )  # fmt: skip
    record = {
        "data": {
            "images": len(real.images),
            "train": len(train),
            "unseen": len(unseen),
            "cohort_hash": real.hash,
        },
        "settings": asdict(settings),
        "teacher": teacher_runs,
        "policy": asdict(policy),
        "unseen_images_are": preparation_words(calibration) or "unseen images as they are.",
        "candidates": summary_of(verdicts),
        "demo_cohort": {
            "hash": demo.hash,
            "images": len(demo.images),
            "train": len(records),
            "classes": dict(Counter(str(v) for _, asked in kept for v in asked.values())),
            **summary_of(cohort_check),
        },
        "student": student_runs,
        "student_samples": summary_of(student_check),
        "bundle_hash": read_bundle(out / "bundle").record.hash,
        "machine": f"{platform.machine()}, {platform.system()}, {device}",
        "finished": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    write_record(record, out)
    return record


def train_model(
    images: np.ndarray,
    cohort: CohortRecord,
    conditions: Sequence[str],
    first: AutoencoderSettings,
    second: DiffusionSettings,
    work: Path,
    name: str,
    licence: str,
    device: str,
) -> Steps[tuple[Bundle, dict[str, Any]]]:
    """Train both networks on the training split and keep them as the bundle ``work/bundle`` in full precision."""
    told = [record.attributes for record in cohort.split("train")]
    learnt = learn_conditions(conditions, told)
    autoencoder = yield from train_autoencoder(images, first, work, cohort.hash, device)
    diffusion = yield from train_diffusion(
        autoencoder.network, images, conditioned(second, learnt), work, cohort.hash, device,
        given_rows(learnt, told),
    )  # fmt: skip
    runs = {"autoencoder": asdict(autoencoder.summary), "diffusion": asdict(diffusion.summary)}
    facts = BundleFacts(
        name, licence, cohort.recipe, cohort.hash, learnt, autoencoder.shape, diffusion.shape, diffusion.schedule,
        diffusion.latent_scale, runs,
    )  # fmt: skip
    if not (work / "bundle").exists():
        import torch

        write_bundle(work / "bundle", facts, autoencoder.network, diffusion.network, torch.float32)
    return read_bundle(work / "bundle"), runs


def bundle_facts(bundle: Bundle, name: str, licence: str, training: dict[str, Any]) -> BundleFacts:
    """What ``bundle`` says of itself, under a name and licence."""
    return BundleFacts(
        name, licence, bundle.record.recipe, bundle.record.cohort_hash, bundle.record.conditions,
        bundle.autoencoder_shape, bundle.unet_shape, bundle.schedule, bundle.latent_scale, training,
    )  # fmt: skip


def draw_many(
    bundle: Bundle, settings: DemoSettings, asked: Sequence[Asked], folder: Path, device: str
) -> Steps[list[np.ndarray]]:
    """Draw an image for each of ``asked``, with seeds from ``settings.seed``; those drawn before are read back."""
    folder = folder / bundle.record.hash[:12]
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for seed, conditions in enumerate(asked, settings.seed):
        path = folder / f"{seed:06}.npy"
        if not path.exists():
            sampling = replace(settings.sampling, conditions=conditions)
            image = yield from draw_sample(bundle, seed, sampling, device)
            part = path.with_suffix(".part")
            with part.open("wb") as stream:
                np.save(stream, image, allow_pickle=False)
            part.replace(path)
        images.append(np.load(path, allow_pickle=False))
        yield Progress(len(images), len(asked), f"Drawn {len(images)} of {len(asked)}")
    return images


def judge_all(search: NearestSearch, images: Sequence[np.ndarray], policy: Policy) -> Steps[list[Verdict]]:
    """Compare each image with every real one and judge it."""
    found: list[Nearest] = yield from search.query([(f"{i:06}", image) for i, image in enumerate(images)])
    return [judge(nearest, policy) for nearest in found]


def summary_of(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Counts of verdicts, and the riskiest and median value of each metric."""
    counts = {name: sum(v.verdict == name for v in verdicts) for name in ("pass", "review", "block")}
    metrics = {
        key: {"min": min(values), "median": float(np.median(values)), "max": max(values)}
        for key in (verdicts[0].metrics if verdicts else ())
        if (values := [round(v.metrics[key], 5) for v in verdicts])
    }
    return {"verdicts": counts, "metrics": metrics}


def write_cohort(drawn: Sequence[tuple[np.ndarray, Asked]], recipe: Recipe, out: Path) -> Steps[Path | None]:
    """Write images with 8 bits, named by their content, to ``out/cohort``; a folder of exactly these is left alone.

    ``drawn`` are pairs of an image and what it was asked for. Volumes become compressed NIfTI; pictures PNG, which
    claims no millimetres either.

    Returns
    -------
    Path or None
        The list of what was asked for, as of participants; None where nothing was.
    """
    folder = out / "cohort"
    folder.mkdir(parents=True, exist_ok=True)
    suffix = ".png" if len(recipe.grid) == 2 else ".nii.gz"
    wanted = {f"demo-{hash_array(image)[:12]}{suffix}": (image, asked) for image, asked in drawn}
    for path in folder.iterdir():
        if path.name not in wanted:
            path.unlink()
    for done, (name, (image, _)) in enumerate(wanted.items()):
        if not (folder / name).exists():
            grey = np.round((image + 1) * 127.5).astype(np.uint8)
            grey = grey.reshape((*grey.shape, 1)[:3])
            write_volume(Volume(grey, grid_affine(recipe), spaced=recipe.spacing > 0), folder / name)
        yield Progress(done + 1, len(wanted), "Writing the demo cohort")
    rows = [
        {"file": n, "patient_id": n.removesuffix(suffix), **asked} for n, (_, asked) in sorted(wanted.items())
    ]
    if len(rows[0]) == 2:
        return None
    with (out / LIST).open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return out / LIST
