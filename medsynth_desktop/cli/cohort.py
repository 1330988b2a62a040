"""`medsynth cohort`: import, list, show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from medsynth_desktop.cli.console import answer, counted, open_workspace, parse_grid, printable, run, say
from medsynth_desktop.cli.help import Commands

if TYPE_CHECKING:
    from medsynth_desktop.core.records import CohortRecord

SHOWN = 10
"""Files not read that an import lists for a person."""
app = typer.Typer(help="Cohorts of real images.", cls=Commands, no_args_is_help=True)


def add_to(root: typer.Typer) -> None:
    """Mount the group."""
    root.add_typer(app, name="cohort")


@app.command("import")
def import_(
    name: Annotated[str, typer.Argument(help="Name of the cohort; an existing one is continued.")],
    paths: Annotated[list[Path], typer.Argument(help="Files and folders; folders are searched.")],
    participants: Annotated[Optional[Path], typer.Option(help="CSV that names each file's patient.")] = None,  # noqa: UP045
    patient_pattern: Annotated[
        str | None,
        typer.Option(
            help="Regular expression; its first group in the file name is the patient. Without it names are "
            "taken up to their first number (IXI013-HH-1212-T1: IXI013-HH-1212); see docs/cli.md."
        ),
    ] = None,
    spacing: Annotated[Optional[float], typer.Option(help="Millimetres between voxels.")] = None,  # noqa: UP045
    grid: Annotated[Optional[str], typer.Option(help="Voxels along x,y,z (or x,y for pictures).")] = None,  # noqa: UP045
    calibration: Annotated[float, typer.Option(help="Share of patients kept from training.")] = 0.3,
) -> None:
    """Read every image under PATHS, conform it to one grid, and split by patient."""
    from medsynth_desktop.cohorts.importing import notes_on
    from medsynth_desktop.workbench.importing import import_cohort

    with open_workspace() as workspace:
        before = workspace.cohorts.get(name) if name in workspace.cohorts.names() else None
        steps = import_cohort(
            workspace,
            name,
            paths,
            participants=participants,
            patient_pattern=patient_pattern,
            spacing=spacing,
            grid=parse_grid(grid),
            calibration=calibration,
        )
        cohort = run(steps)
        notes = notes_on(workspace, cohort, before)
        document = {**describe(workspace, cohort), "patients_told": cohort.patients_told, "notes": notes}
    say(cohort.patients_told)
    for line in (*_not_read(document["skipped"]), *notes):
        say(line)
    answer(document, text(document))


@app.command("list")
def list_() -> None:
    """List the cohorts of the workspace."""
    with open_workspace(to_look=True) as workspace:
        documents = [describe(workspace, workspace.cohorts.get(n)) for n in workspace.cohorts.names()]
    lines = "\n".join(text(d) for d in documents) or "No cohort yet: medsynth cohort import NAME PATH"
    answer({"cohorts": documents}, lines)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the cohort.")],
    arrays: Annotated[Path | None, typer.Option(help="Folder to write arrays.npy and rows.csv into.")] = None,
) -> None:
    """Describe a cohort; --arrays also writes its conformed images."""
    from medsynth_desktop.cohorts.access import write_arrays

    with open_workspace(to_look=True) as workspace:
        cohort = workspace.cohorts.get(name)
        document = describe(workspace, cohort)
        if arrays is not None:
            write_arrays(workspace, cohort, arrays)
            document["arrays"] = [arrays / "arrays.npy", arrays / "rows.csv"]
    nameless = (
        "\nFiles not read are kept without their names, which may tell patients; import again to see them."
    )
    answer(document, text(document) + (nameless if document["skipped"] else ""))


def describe(workspace: Any, cohort: CohortRecord) -> dict[str, Any]:
    """What the contract promises of a cohort."""
    train, calibration = cohort.split("train"), cohort.split("calibration")
    return {
        "name": cohort.name,
        "hash": cohort.hash,
        "recipe": cohort.recipe,
        "grid": cohort.recipe.grid,
        "spacing": cohort.recipe.spacing,
        "images": len(cohort.images),
        "patients": len({i.patient for i in cohort.images}),
        "splits": {
            "train": {"images": len(train), "patients": len({i.patient for i in train})},
            "calibration": {"images": len(calibration), "patients": len({i.patient for i in calibration})},
        },
        "hashes": {i.id: i.array_hash for i in cohort.images},
        "skipped": [{"path": path, "reason": reason} for path, reason in cohort.skipped],
    }


def text(document: dict[str, Any]) -> str:
    """One line for a person."""
    splits = document["splits"]
    grid = "x".join(str(g) for g in document["grid"])
    spacing = f" at {document['spacing']:g} mm" if document["spacing"] else ""
    return (
        f"{document['name']}: {counted(document['images'], 'image')} of {counted(document['patients'], 'patient')}, "
        f"grid {grid}{spacing}; "
        f"{splits['train']['images']} for training, {splits['calibration']['images']} for calibration; "
        f"{counted(len(document['skipped']), 'file')} not read"
    )


def _not_read(skipped: list[dict[str, str]]) -> list[str]:
    """Which files of this import gave no image, and why: the first `SHOWN` with the paths as the user knows them."""
    if not skipped:
        return []
    lines = [f"  {printable(file['path'])}: {printable(file['reason'])}" for file in skipped[:SHOWN]]
    more = [f"  and {len(skipped) - SHOWN} more; --json lists all."] if len(skipped) > SHOWN else []
    return [f"{counted(len(skipped), 'file')} not read:", *lines, *more]
