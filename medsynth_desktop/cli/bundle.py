"""`medsynth bundle`: models of our own and MONAI bundles."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from medsynth_desktop.cli.console import answer, counted, lasting, open_workspace, printable, run
from medsynth_desktop.cli.help import Commands

if TYPE_CHECKING:
    from medsynth_desktop.bundles.foreign import Asked

bundle_app = typer.Typer(
    help="Models as bundles; nothing in them is ever executed.", cls=Commands, no_args_is_help=True
)

Folder = Annotated[Path, typer.Argument(help="Folder of the bundle; MONAI bundles are read too.")]
Grid = Annotated[Optional[str], typer.Option("--grid", help="Of a MONAI bundle: voxels along x,y,z.")]  # noqa: UP045
Spacing = Annotated[Optional[float], typer.Option("--spacing", help="Of a MONAI bundle: voxel size in mm.")]  # noqa: UP045
Values = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--values", help="Of a MONAI bundle: the range of its images, 0,1 or -1,1."),
]
Scale = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option("--latent-scale", help="Of a MONAI bundle: what training multiplied latents by."),
]


def add_to(root: typer.Typer) -> None:
    """Mount the group."""
    root.add_typer(bundle_app, name="bundle")


@bundle_app.command()
def inspect(
    path: Folder,
    grid: Grid = None,
    spacing: Spacing = None,
    values: Values = None,
    latent_scale: Scale = None,
) -> None:
    """Describe a bundle without executing anything of it."""
    from medsynth_desktop.bundles import describe_bundle
    from medsynth_desktop.workbench.foreign import own_bundle
    from medsynth_desktop.workbench.training import refuse_unfinished

    refuse_unfinished(path)
    with own_bundle(path, _asked(grid, spacing, values, latent_scale)) as folder:
        document = describe_bundle(folder)
    answer(document, _lines(document))


@bundle_app.command("import")
def import_(
    path: Folder,
    grid: Grid = None,
    spacing: Spacing = None,
    values: Values = None,
    latent_scale: Scale = None,
) -> None:
    """Check a bundle and copy it into the workspace; a MONAI bundle is converted."""
    from medsynth_desktop.bundles import describe_bundle
    from medsynth_desktop.workbench.sampling import import_bundle
    from medsynth_desktop.workbench.training import refuse_unfinished

    refuse_unfinished(path)
    asked = _asked(grid, spacing, values, latent_scale)
    with open_workspace() as workspace:
        record = run(import_bundle(workspace, path, asked))
        document = {**describe_bundle(Path(record.path)), "hash": record.hash, "path": record.path}
    told = [f"Imported {record.name} ({record.hash[:12]})", *_notes(document)]
    answer(document, "\n".join(told))


def _asked(grid: str | None, spacing: float | None, values: str | None, latent_scale: float | None) -> Asked:
    from medsynth_desktop.workbench.foreign import Said

    return Said(grid, spacing, values, latent_scale).asked()


@bundle_app.command("list")
def list_() -> None:
    """List the bundles of the workspace."""
    with open_workspace(to_look=True) as workspace:
        records = [dataclasses.asdict(r) for r in workspace.bundles.list()]
    lines = "\n".join(f"{r['name']}  {r['hash'][:12]}  {_grid(r['recipe'])}" for r in records)
    answer({"bundles": records}, lines or "No bundle yet: medsynth bundle import PATH")


@bundle_app.command()
def card(
    bundle: Annotated[str, typer.Argument(help="Name or hash of a bundle of the workspace.")],
    out: Annotated[Optional[Path], typer.Option("--out", help="File to write, in Markdown.")] = None,  # noqa: UP045
) -> None:
    """Tell what a model learnt from and how, how good its samples are, and whether it repeats its patients."""
    from medsynth_desktop.workbench.model_card import model_card, save_model_card

    with open_workspace(to_look=True) as workspace:
        record = workspace.bundles.get(bundle)
        if out is None:
            text = run(model_card(workspace, record))
            answer({"bundle": record.hash, "card": text}, text)
        else:
            answer({"bundle": record.hash, "path": str(out)}, run(save_model_card(workspace, record, out)))


def asked_words(condition: dict[str, Any]) -> str:
    """``label (normal, bacteria)`` or ``age (20 to 90)``."""
    classes = ", ".join(condition["classes"])
    return f"{condition['name']} ({classes or '{low:g} to {high:g}'.format(**condition)})"


def _lines(document: dict[str, Any]) -> str:
    """A bundle for a person; the curves and settings are for ``--json``."""
    asked = ", ".join(map(asked_words, document["conditions"]))
    stages = [_told_of(document["training"].get(stage)) for stage in ("autoencoder", "diffusion")]
    latent = " x ".join(str(n) for n in document["latent_shape"])
    kind = "codebook of {codes:,} x {latent_channels}" if "codes" in document["autoencoder"] else "KL"
    return "\n".join(
        [
            f"{document['name']} ({document['hash'][:12]}), licence: {document['licence'] or 'none given'}",
            f"Images: {_grid(document['recipe'])}; conditions: {asked or 'none'}",
            f"Cohort: {document['cohort_hash'][:12] or 'unknown, so the guard cannot know whom it learnt from'}",
            f"Autoencoder: {kind.format(**document['autoencoder'])}, "
            f"{document['autoencoder']['parameters']:,} parameters, latents of {latent}{stages[0]}",
            f"Diffusion: {document['unet']['parameters']:,} parameters{stages[1]}",
            *([f"Privacy: {_privacy(document)}"] if document["privacy"] else []),
            *_notes(document),
        ]
    )


def _privacy(document: dict[str, Any]) -> str:
    from medsynth_desktop.core.privacy import Privacy

    privacy = Privacy(**document["privacy"])
    return f"{privacy.words}. {privacy.details}"


def _notes(document: dict[str, Any]) -> list[str]:
    """What is said of a model that was imported from elsewhere; our own have nothing of the kind."""
    imported = document["training"].get("imported")
    notes = imported.get("notes") if isinstance(imported, dict) else None
    return [printable(str(note))[:300] for note in notes[:9]] if isinstance(notes, list) else []


def _told_of(facts: Any) -> str:
    """How one stage was trained, as far as the bundle, which may be a stranger's, says it in numbers."""
    numbers: list[Any] = (
        [facts.get(key) for key in ("steps", "seconds", "loss")] if isinstance(facts, dict) else []
    )
    if not numbers or not all(isinstance(n, int | float) and abs(n) < 1e12 for n in numbers):
        return ""
    steps, seconds, loss = numbers
    return f"; trained for {counted(steps, 'step')} in {lasting(seconds)}, loss {loss:.4g}"


def _grid(recipe: dict[str, Any]) -> str:
    spacing = f" at {recipe['spacing']:g} mm" if recipe["spacing"] else ""
    return "grid " + "x".join(str(n) for n in recipe["grid"]) + spacing
