"""`medsynth features`: by which network the guard's feature dictionary sees."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from medsynth_desktop.cli.console import answer, open_workspace
from medsynth_desktop.cli.help import Commands

if TYPE_CHECKING:
    from medsynth_desktop.core.records import CohortRecord
    from medsynth_desktop.store.workspace import Workspace
    from medsynth_desktop.workbench.featuring import Offer

CohortName = Annotated[Optional[str], typer.Option("--cohort", help="Name of the cohort.")]  # noqa: UP045
app = typer.Typer(help="The network of a cohort's feature dictionary.", cls=Commands, no_args_is_help=True)


def add_to(root: typer.Typer) -> None:
    """Mount the group."""
    root.add_typer(app, name="features")


@app.command("list")
def list_(cohort: CohortName = None) -> None:
    """Say which feature networks there are, which one the guard uses, and what the others lack."""
    from medsynth_desktop.workbench import featuring

    with open_workspace() as workspace:
        held = _cohort(workspace, cohort)
        found = featuring.offers(workspace, held)
    answer({"cohort": held.name, **describe(found)}, "\n".join(_line(offer) for offer in found))


@app.command()
def use(
    name: Annotated[str, typer.Argument(help="Name of a network, see: medsynth features list.")],
    cohort: CohortName = None,
    weights: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--weights", help="File of trained weights (VGG16: ONNX). Default: those of a package."),
    ] = None,
    preparation: Annotated[
        str, typer.Option("--preparation", help="caffe or torch: what unknown weights were trained with.")
    ] = "",
    who: Annotated[Optional[str], typer.Option(help="Name; default who is signed in here.")] = None,  # noqa: UP045
) -> None:
    """Let the guard keep a feature dictionary by a network; its next check calibrates a limit for it."""
    from medsynth_desktop.workbench import featuring, releasing

    with open_workspace() as workspace:
        held = _cohort(workspace, cohort)
        extractor = featuring.use_features(
            workspace,
            held.name,
            name,
            who=who or releasing.current_user(),
            weights=weights,
            preparation=preparation,
        )
    document = {"cohort": held.name, "network": extractor.name, "fingerprint": extractor.fingerprint}
    answer(
        document, f"The guard of {held.name} compares features by {extractor.name} from its next check on."
    )


@app.command()
def off(cohort: CohortName = None) -> None:
    """Let the guard judge without a feature dictionary."""
    from medsynth_desktop.workbench import featuring

    with open_workspace() as workspace:
        held = _cohort(workspace, cohort)
        featuring.no_features(workspace, held.name)
    answer({"cohort": held.name, "network": None}, f"The guard of {held.name} compares no features.")


def describe(found: list[Offer]) -> dict[str, Any]:
    """The offers as JSON."""
    return {
        "network": next((offer.key for offer in found if offer.in_use), None),
        "networks": [{**asdict(offer), "available": not offer.lacking} for offer in found],
    }


def _line(offer: Offer) -> str:
    state = ("in use" if offer.in_use else "available") if not offer.lacking else "not available"
    return f"{offer.key}: {state}. {offer.description}" + (f" {offer.lacking}" if offer.lacking else "")


def _cohort(workspace: Workspace, name: str | None) -> CohortRecord:
    from medsynth_desktop.workbench.guarding import resolve_cohort

    return resolve_cohort(workspace, name)
