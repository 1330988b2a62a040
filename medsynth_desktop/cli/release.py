"""`medsynth mesh`, `approve`, `reject`, `export` and `verify`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from medsynth_desktop.cli.console import WrongUsage, answer, counted, open_workspace, run, say
from medsynth_desktop.core.errors import InputRefused

Ids = Annotated[Optional[list[str]], typer.Argument(help="Samples by id.")]  # noqa: UP045
Batch = Annotated[Optional[str], typer.Option("--batch", help="Name of a batch.")]  # noqa: UP045
CohortName = Annotated[Optional[str], typer.Option("--cohort", help="Name of the cohort.")]  # noqa: UP045
Who = Annotated[Optional[str], typer.Option("--who", help="Name; default who is signed in here.")]  # noqa: UP045

FORMATS_HELP = "Any of nifti, dicom, stl, ply, obj, glb; commas between them."


def add_to(root: typer.Typer) -> None:
    """Mount the commands."""
    for command in (mesh, approve, reject, export, verify):
        root.command()(command)


def mesh(
    path: Annotated[Optional[Path], typer.Argument(help="A volume.")] = None,  # noqa: UP045
    sample: Annotated[Optional[str], typer.Option("--sample", help="A sample by id.")] = None,  # noqa: UP045
    level: Annotated[Optional[float], typer.Option("--level", help="In the volume's unit.")] = None,  # noqa: UP045
    smooth: Annotated[int, typer.Option("--smooth", min=0, max=200, help="Smoothing iterations.")] = 20,
    out: Annotated[Optional[Path], typer.Option("--out", help="FILE.stl, .ply, .obj or .glb.")] = None,  # noqa: UP045
    no_specks: Annotated[
        bool, typer.Option("--no-specks", help="Leave out pieces under 1% of the largest.")
    ] = False,
) -> None:
    """Extract a surface in patient millimetres."""
    import time

    from medsynth_desktop.formats.read import read_volume
    from medsynth_desktop.meshes.files import checked_suffix
    from medsynth_desktop.workbench.sampling import sample_volume
    from medsynth_desktop.workbench.surface_facts import surface_facts
    from medsynth_desktop.workbench.surfacing import make_surface

    if (path is None) == (sample is None):
        raise WrongUsage("Give either the path of a volume or --sample ID, one of the two.")
    if out is not None:
        checked_suffix(out)  # before anything is read
    if path is not None:
        volume = read_volume(path)
    else:
        with open_workspace(to_look=True) as workspace:
            volume = sample_volume(workspace, str(sample))
    began = time.perf_counter()
    surface = run(make_surface(volume, level, smooth, out, specks=not no_specks))
    seconds = time.perf_counter() - began
    document = {
        "vertices": len(surface.vertices),
        "faces": len(surface.faces),
        "watertight": surface.watertight,
        "area_mm2": surface.area_mm2,
        "volume_mm3": surface.volume_mm3,
        "level": surface.level,
        "specks_left_out": surface.specks,
        "seconds": seconds,
        "path": out,
    }
    closed = "watertight" if surface.watertight else "NOT watertight"
    facts = dict(surface_facts(surface, seconds))
    size = f"area {facts['Area']}" + (f", volume {facts['Volume']}" if surface.watertight else "")
    size += f", {facts['Left out']} left out" if "Left out" in facts else ""
    answer(document, f"{len(surface.faces):,} triangles, {closed}, {size}: {out or 'not written'}")


def approve(
    samples: Ids = None,
    batch: Batch = None,
    all_passing: Annotated[
        bool, typer.Option("--all-passing", help="All that pass and are undecided.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Required for a sample under review.")] = "",
    who: Who = None,
    cohort: CohortName = None,
) -> None:
    """Approve samples; a blocked one is refused with exit code 3."""
    from medsynth_desktop.workbench import releasing

    _decide(releasing.approve, (samples, batch, all_passing, cohort), reason, who)


def reject(
    samples: Annotated[list[str], typer.Argument(help="Samples by id.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    who: Who = None,
    cohort: CohortName = None,
) -> None:
    """Reject samples, with a reason."""
    from medsynth_desktop.workbench import releasing

    _decide(releasing.reject, (samples, None, False, cohort), reason, who)


def export(
    out: Annotated[Path, typer.Option("--out", help="New folder for the package.")],
    batch: Batch = None,
    cohort: CohortName = None,
    formats: Annotated[str, typer.Option("--formats", help=FORMATS_HELP)] = "nifti,dicom",
) -> None:
    """Write the approved samples of a batch as a package, and verify it."""
    from medsynth_desktop.workbench import guarding, lineage, releasing

    with open_workspace() as workspace:
        name = batch or _only_batch(workspace)
        held = guarding.checked_against(workspace, name, cohort)
        if caution := lineage.unknown_training(workspace, workspace.batches.get(name).bundle_hash, held):
            say(f"medsynth: {caution}")
        done = run(releasing.export(workspace, name, held.name, out, tuple(formats.split(","))))
    items = [{"id": s, "status": "exported"} for s in done.release.samples]
    document = {
        "path": out,
        "manifest": done.release.manifest_hash,
        "items": items,
        "verified": done.report.ok,
    }
    answer(document, f"Exported {counted(done.count, 'sample')} to {out} and verified the package")


def verify(
    package: Annotated[Path, typer.Argument(help="Folder of a package.")],
    signer: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--signer", help="Fingerprint of the only key to accept, learned by another way."),
    ] = None,
) -> None:
    """Find any changed, missing or added byte; exit code 3 when there is one."""
    from medsynth_desktop.releases.verify import verify_package

    if not package.is_dir():
        raise InputRefused(f"There is no folder {package} to verify; give the folder that export wrote.")
    report = verify_package(package, signer)
    signed = f"signed by {report.fingerprint}" if report.fingerprint else "not signed"
    whole = [f"Verified: nothing changed, missing or added; {signed}"]
    answer(
        {
            "ok": report.ok,
            "problems": list(report.problems),
            "warnings": list(report.warnings),
            "files": report.files,
            "samples": report.samples,
            "fingerprint": report.fingerprint,
            "manifest": report.manifest_hash,
        },
        "\n".join([*(whole if report.ok else report.problems), *report.warnings]),
    )
    if not report.ok:
        raise typer.Exit(3)


def _decide(
    verb: Callable[..., list[Any]],
    chosen: tuple[list[str] | None, str | None, bool, str | None],
    reason: str,
    who: str | None,
) -> None:
    """Approve or reject what the options ``chosen`` (see `_choose`) mean, and say so."""
    from medsynth_desktop.workbench.releasing import current_user

    if bool(chosen[0]) == chosen[2]:
        raise WrongUsage("Name the samples, or give --batch NAME --all-passing.")
    with open_workspace() as workspace:
        held, ids, caution = _choose(workspace, *chosen)
        name = who or current_user()
        made = verb(workspace, held, ids, name, reason)
    if caution and any(d.status == "approved" for d in made):
        say(f"medsynth: {caution}")
    if name and not who:
        say(
            f"medsynth: recorded as by {name!r}, who is signed in to this computer; a release tells that "
            "name. Give --who for another."
        )
    items = [{"id": d.sample, "status": d.status, "reason": d.reason, "who": d.who} for d in made]
    answer({"items": items}, "\n".join(f"{d.sample}: {d.status}" for d in made))


def _choose(
    workspace: Any, samples: list[str] | None, batch: str | None, all_passing: bool, cohort: str | None
) -> tuple[str, list[str], str]:
    """Cohort and sample ids that the options mean, and a caution where the model learnt from others."""
    from medsynth_desktop.workbench import guarding, lineage, rated

    if samples:
        name = workspace.samples.get(samples[0]).batch
    else:
        name = batch or _only_batch(workspace)
    record, held = workspace.batches.get(name), guarding.checked_against(workspace, name, cohort)
    caution = lineage.unknown_training(workspace, record.bundle_hash, held)
    if samples:
        return held.name, samples, caution
    state = guarding.GuardState.of(workspace, held, record)
    decided = {s for s in state.ids if (d := workspace.decisions.current(s)) and d.status != "reopened"}
    passing = [s for s, v in state.verdicts.items() if v.verdict == "pass" and s not in decided]
    passing, left_out = rated.rated_enough(workspace, passing)
    if passing and state.unlike:
        say(f"medsynth: {state.unlike}")
    if left_out:
        say(f"medsynth: left out: {left_out}")
    if not passing:
        done = [s for s, v in state.verdicts.items() if v.verdict == "pass" and s in decided]
        if done:
            raise InputRefused(
                f"All {len(done)} passing samples of {name} are decided already; to decide on one anew, name it."
            )
        if state.verdicts:
            counts = state.counts
            raise InputRefused(
                f"No sample of {name} passes ({counts['review']} under review, {counts['block']} blocked); what is "
                "under review is approved by name."
            )
        raise InputRefused(f"{name} was not checked yet; check it first (medsynth audit --batch {name}).")
    return held.name, passing, caution


def _only_batch(workspace: Any) -> str:
    names = workspace.batches.names()
    if len(names) != 1:
        raise InputRefused(
            f"Say which batch with --batch; the workspace holds: {', '.join(names) or 'none'}."
        )
    return str(names[0])
