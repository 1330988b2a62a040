"""`medsynth batch`: list."""

from __future__ import annotations

from typing import Any

import typer

from medsynth_desktop.cli.console import answer, counted, open_workspace
from medsynth_desktop.cli.help import Commands

app = typer.Typer(help="Batches of samples.", cls=Commands, no_args_is_help=True)


def add_to(root: typer.Typer) -> None:
    """Mount the group."""
    root.add_typer(app, name="batch")


@app.callback()
def _group() -> None:
    """Keep `list` a word of its own: a group of one command would become that command."""


@app.command("list")
def list_() -> None:
    """List the batches of the workspace, and what the guard last said of their samples."""
    with open_workspace(to_look=True) as workspace:
        documents = [describe(workspace, name) for name in workspace.batches.names()]
    lines = "\n".join(text(d) for d in documents) or "No batch yet: medsynth sample --bundle NAME -n N"
    answer({"batches": documents}, lines)


def describe(workspace: Any, name: str) -> dict[str, Any]:
    """What the contract promises of a batch; ``counts`` is None where no sample was checked."""
    from medsynth_desktop.guard.verdicts import VERDICTS

    batch = workspace.batches.get(name)
    model = workspace.bundles.get(batch.bundle_hash)
    said = [verdict.verdict for verdict in workspace.verdicts.get(name).values()]
    return {
        "name": name,
        "samples": len(batch.samples),
        "checked": len(said),
        "counts": {verdict: said.count(verdict) for verdict in VERDICTS} if said else None,
        "bundle": {"name": model.name, "hash": model.hash},
        "created": batch.created,
    }


def text(document: dict[str, Any]) -> str:
    """One line for a person."""
    counts, left = document["counts"], document["samples"] - document["checked"]
    said = "not checked"
    if counts is not None:
        said = "{pass} pass, {review} to review, {block} blocked".format(**counts)
        said += f", {left} not checked" if left else ""
    model = document["bundle"]
    return (
        f"{document['name']}: {counted(document['samples'], 'sample')} of {model['name']} ({model['hash'][:12]}), "
        f"{document['created']}; {said}"
    )
