"""The demo: a workspace made from `resources/demo` (no patient's image in it), and the whole main job on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medsynth_desktop.core.errors import NotFound
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import SampleSettings
from medsynth_desktop.formats.write import write_volume
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import auditing, guarding, importing, releasing, sampling, surfacing

COHORT, BATCH = "demo-heads", "demo-batch"
RESOURCES = Path(__file__).resolve().parents[2] / "resources" / "demo"
WHO = "demo"


@dataclass(frozen=True)
class DemoRun:
    """What the main job left: counts and paths by stage."""

    stages: dict[str, Any]


def prepare(workspace: Workspace, resources: Path = RESOURCES) -> Steps[str]:
    """Bring the demo cohort and bundle into ``workspace``; what is there already is kept. Returns the bundle's hash.

    Raises
    ------
    NotFound
        When this installation lacks the demo.
    """
    if not (resources / "bundle").is_dir() or not (resources / "cohort").is_dir():
        raise NotFound(
            "This installation holds no demo (resources/demo is missing); clone the repository again."
        )
    if COHORT not in workspace.cohorts.names():
        yield from importing.import_cohort(
            workspace,
            COHORT,
            [resources / "cohort"],
            spacing=demo_spacing(resources),
            grid=demo_grid(resources),
        )
    record = yield from sampling.import_bundle(workspace, resources / "bundle")
    return record.hash


def demo_grid(resources: Path = RESOURCES) -> tuple[int, ...]:
    """Grid of the demo bundle."""
    from medsynth_desktop.bundles import read_bundle

    return read_bundle(resources / "bundle").record.recipe.grid


def demo_spacing(resources: Path = RESOURCES) -> float:
    """Spacing of the demo bundle, in millimetres."""
    from medsynth_desktop.bundles import read_bundle

    return read_bundle(resources / "bundle").record.recipe.spacing


def main_job(workspace: Workspace, out: Path, count: int = 6, seed: int = 2026) -> Steps[DemoRun]:
    """Run the whole main job without a window: sample, check, surface, approve, export, verify.

    Leaves ``samples/``, ``verdicts.json`` (by the caller), ``audit.html``, ``meshes/`` and ``release/`` in ``out``.
    """
    bundle = yield from prepare(workspace)
    cohort = workspace.cohorts.get(COHORT)
    batch = yield from sampling.sample_batch(workspace, bundle, count, SampleSettings(), seed, None, BATCH)
    (out / "samples").mkdir(parents=True, exist_ok=True)
    paths = []
    for sample in batch.samples:
        paths.append(out / "samples" / f"{sample.id}.nii.gz")
        write_volume(sampling.sample_volume(workspace, sample.id), paths[-1])
    audit = yield from auditing.audit(workspace, cohort, BATCH, [], None, guarding.QUANTILE)
    auditing.write_report(workspace, cohort, BATCH, audit, out / "audit.html")
    meshes = yield from _meshes(workspace, [v.id for v in audit.verdicts[:2]], out / "meshes")
    release = yield from _release(workspace, [v.id for v in audit.verdicts if v.verdict == "pass"], out)
    return DemoRun(
        {
            "cohort": {"name": COHORT, "images": len(cohort.images), "hash": cohort.hash},
            "samples": {"count": len(paths), "paths": paths},
            "verdicts": auditing.describe(audit),
            "meshes": meshes,
            "release": release,
        }
    )


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


def _release(workspace: Workspace, passing: list[str], out: Path) -> Steps[dict[str, Any]]:
    undecided = [s for s in passing if workspace.decisions.current(s) is None]
    releasing.approve(workspace, COHORT, undecided, WHO, "passes every threshold")
    package = _free(out / "release")
    if not passing:
        yield Progress(message="No sample passes; nothing is released")
        return {"count": 0, "path": None, "verified": False}
    done = yield from releasing.export(workspace, BATCH, COHORT, package)
    return {"count": done.count, "path": package, "verified": done.report.ok, "files": done.report.files}


def _free(path: Path) -> Path:
    """``path``, or the first of ``path-2``, ``path-3``, ... that does not exist yet."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_name(f"{path.name}-{number}"), number + 1
    return free
