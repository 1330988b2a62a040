"""`medsynth study ratings` and `study require`: what readers said, beside the verdicts and before a release."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from medsynth_desktop.cli.console import WrongUsage, answer, open_workspace
from medsynth_desktop.cli.passwords import STUDY, password


def add_to(group: typer.Typer) -> None:
    """Mount the commands."""
    group.command()(ratings)
    group.command()(require)


def ratings(
    name: Annotated[str, typer.Argument(help="Name of the study.")],
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Even if readers have not finished and could look.")
    ] = False,
    password_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--password-file", help=f"File with the investigator's password; else {STUDY}, else asked."
        ),
    ] = None,
) -> None:
    """Put the readers' ratings of samples beside the guard's verdicts, in the open, for decisions on release."""
    from medsynth_desktop.workbench import rated

    with open_workspace() as workspace:
        secret = password("The investigator's", STUDY, password_file)
        opened = rated.open_ratings(workspace, name, secret, unfinished=unfinished)
        held = rated.ratings_of(workspace, opened.ratings)
        batches = {workspace.samples.get(sample).batch for sample in held.found}
        verdicts = {
            s: v.verdict for batch in sorted(batches) for s, v in workspace.verdicts.get(batch).items()
        }
    rows = [
        {"id": sample, "verdict": verdicts.get(sample), "ratings": rated.told_of(held.of(sample))}
        for sample in held.found
    ]
    lines = [
        f"{sample}: {verdicts.get(sample) or 'not checked'}; "
        + ("; ".join(q.words for q in held.of(sample)) or "no rating")
        for sample in held.found
    ]
    answer({"study": name, "samples": rows}, "\n".join(lines))


def require(
    readers: Annotated[
        Optional[int], typer.Option("--readers", min=1, help="At least so many rated it.")  # noqa: UP045
    ] = None,
    median: Annotated[str, typer.Option("--median", help="Worst median allowed, a letter.")] = "C",
    question: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--question", help="Of this question alone, by id; repeatable. Default: every one asked."
        ),
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Ask for no ratings.")] = False,
) -> None:
    """Say, or set, which ratings a sample needs before it can be approved and exported."""
    from medsynth_desktop.releases.ratings import make_rule
    from medsynth_desktop.workbench import rated

    if off and readers is not None:
        raise WrongUsage("Give --readers N or --off, not both.")
    with open_workspace(to_look=not off and readers is None) as workspace:
        if off:
            rated.require_ratings(workspace, None)
        elif readers is not None:
            rated.require_ratings(workspace, make_rule(readers, median, question or ()))
        rule = rated.rating_rule(workspace)
    asked = f"A release asks for {rule.words}." if rule else "A release asks for no ratings."
    answer({"readers": rule.readers if rule else 0, "median": rule.median if rule else None,
            "questions": rule.questions if rule else (), "words": rule.words if rule else ""}, asked)  # fmt: skip
