"""The demos: workspaces made from `resources` (no patient's image in them), and the whole main job on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from medsynth_desktop.core.errors import NotFound
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import BatchRecord, Condition, SampleSettings
from medsynth_desktop.formats.write import write_volume
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import auditing, guarding, importing, releasing, sampling, surfacing

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
LIST = "participants.csv"
"""Beside a demo's cohort: what each image was asked for, where its model has conditions."""
WHO = "demo"

Asked = dict[str, float | str]


@dataclass(frozen=True, slots=True)
class Demo:
    """One of the demos: ``words`` say what it shows; ``name`` begins the names of its folder and of what it makes."""

    kind: str
    name: str
    words: str

    @property
    def folder(self) -> Path:
        """Where its bundle and its cohort lie."""
        return RESOURCES / self.name

    @property
    def cohort(self) -> str:
        """Name of its cohort; its model has the same."""
        return f"demo-{self.kind}"

    @property
    def batch(self) -> str:
        """Name of the batch that the main job draws."""
        return f"{self.name}-batch"

    @property
    def workspace(self) -> str:
        """Name of a workspace for it alone, so that its model never meets another demo's images."""
        return f"{self.name}-workspace"

    @property
    def there(self) -> bool:
        """Whether this installation holds it."""
        return (self.folder / "bundle").is_dir() and (self.folder / "cohort").is_dir()


DEMOS = {
    d.kind: d
    for d in (
        Demo("heads", "demo", "heads (3D MRI)"),
        Demo("chest", "demo-chest", "chest X-rays (2D, by class)"),
    )
}
HEADS = DEMOS["heads"]


@dataclass(frozen=True)
class DemoRun:
    """What the main job left: counts and paths by stage."""

    stages: dict[str, Any]


def check_there(demo: Demo) -> None:
    """Refuse a demo that this installation lacks.

    Raises
    ------
    NotFound
        It lacks it.
    """
    if not demo.there:
        raise NotFound(
            f"This installation holds no demo of {demo.kind} (resources/{demo.folder.name} is missing); "
            "clone the repository again."
        )


def prepare(workspace: Workspace, demo: Demo = HEADS) -> Steps[str]:
    """Bring a demo's cohort and bundle into ``workspace``; what is there already is kept. Returns the bundle's hash.

    Raises
    ------
    NotFound
        When this installation lacks the demo.
    """
    check_there(demo)
    if demo.cohort not in workspace.cohorts.names():
        from medsynth_desktop.bundles import read_bundle

        recipe, listed = read_bundle(demo.folder / "bundle").record.recipe, demo.folder / LIST
        yield from importing.import_cohort(
            workspace,
            demo.cohort,
            [demo.folder / "cohort"],
            participants=listed if listed.is_file() else None,
            spacing=recipe.spacing or None,
            grid=recipe.grid,
        )
    record = yield from sampling.import_bundle(workspace, demo.folder / "bundle")
    return record.hash


def asked_in_turn(conditions: Sequence[Condition], count: int) -> list[Asked]:
    """What each of ``count`` images is drawn for: the classes of every condition in turn, so that all come as often."""
    return [{c.name: c.classes[i % len(c.classes)] for c in conditions if c.classes} for i in range(count)]


def main_job(
    workspace: Workspace, out: Path, count: int = 6, seed: int = 2026, demo: Demo = HEADS
) -> Steps[DemoRun]:
    """Run the whole main job without a window: sample, check, surface, approve, export, verify.

    Leaves ``samples/``, ``verdicts.json`` (by the caller), ``audit.html``, ``meshes/`` and ``release/`` in ``out``. Of
    flat images no surface is made.
    """
    bundle = yield from prepare(workspace, demo)
    cohort = workspace.cohorts.get(demo.cohort)
    batch = yield from _draw(workspace, bundle, count, seed, demo.batch)
    (out / "samples").mkdir(parents=True, exist_ok=True)
    paths = []
    for sample in batch.samples:
        paths.append(out / "samples" / f"{sample.id}.nii.gz")
        write_volume(sampling.sample_volume(workspace, sample.id), paths[-1])
    audit = yield from auditing.audit(workspace, cohort, demo.batch, [], None, guarding.QUANTILE)
    auditing.write_report(workspace, cohort, demo.batch, audit, out / "audit.html")
    solid = audit.verdicts[:2] if len(cohort.recipe.grid) == 3 else []
    meshes = yield from _meshes(workspace, [v.id for v in solid], out / "meshes")
    passing = [v.id for v in audit.verdicts if v.verdict == "pass"]
    release = yield from _release(workspace, demo, passing, out)
    return DemoRun(
        {
            "cohort": {"name": demo.cohort, "images": len(cohort.images), "hash": cohort.hash},
            "samples": {"count": len(paths), "paths": paths},
            "verdicts": auditing.describe(audit),
            "meshes": meshes,
            "release": release,
        }
    )


def _draw(workspace: Workspace, bundle: str, count: int, seed: int, name: str) -> Steps[BatchRecord]:
    """Draw ``count`` samples with seeds from ``seed``, as many of each class that the model knows."""
    asked = asked_in_turn(workspace.bundles.get(bundle).conditions, count)
    for conditions, group in groupby(sorted(asked, key=str)):
        number = len(list(group))
        yield from sampling.sample_batch(
            workspace, bundle, number, SampleSettings(conditions=conditions), seed, None, name
        )
        seed += number
    return workspace.batches.get(name)


def _meshes(workspace: Workspace, samples: list[str], folder: Path) -> Steps[dict[str, Any]]:
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for sample in samples:
        path = folder / f"{sample}.stl"
        surface = yield from surfacing.make_surface(
            sampling.sample_volume(workspace, sample), out=path, specks=False
        )
        made.append({"path": path, "faces": len(surface.faces), "watertight": surface.watertight})
    return {"count": len(made), "meshes": made}


def _release(workspace: Workspace, demo: Demo, passing: list[str], out: Path) -> Steps[dict[str, Any]]:
    undecided = [s for s in passing if workspace.decisions.current(s) is None]
    releasing.approve(workspace, demo.cohort, undecided, WHO, "passes every threshold")
    package = _free(out / "release")
    if not passing:
        yield Progress(message="No sample passes; nothing is released")
        return {"count": 0, "path": None, "verified": False}
    done = yield from releasing.export(workspace, demo.batch, demo.cohort, package)
    return {"count": done.count, "path": package, "verified": done.report.ok, "files": done.report.files}


def _free(path: Path) -> Path:
    """``path``, or the first of ``path-2``, ``path-3``, ... that does not exist yet."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_name(f"{path.name}-{number}"), number + 1
    return free
