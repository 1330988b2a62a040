"""`medsynth distill`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from medsynth_desktop.cli.console import answer, open_workspace, run
from medsynth_desktop.cli.devices import Device


def add_to(root: typer.Typer) -> None:
    """Mount the command."""
    root.command()(distill)


def distill(
    teacher: Annotated[str, typer.Option("--teacher", help="Name, hash or folder of the bundle that draws.")],
    cohort: Annotated[str, typer.Option("--cohort", help="Cohort that the teacher was trained on.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the student's bundle to write.")],
    filter_: Annotated[str, typer.Option("--filter", help="top-k, hcc or ratio.")] = "top-k",
    count: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("-n", "--count", help="Samples the teacher draws; default 4 for each training image."),
    ] = None,
    preset: Annotated[
        str, typer.Option("--preset", help="Of the student, as for train: tiny, small, ...")
    ] = "small",
    max_steps: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--max-steps", min=1, help="Stop each training after this many steps."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of samples, weights and batches.")] = 0,
    autoencoder: Annotated[
        str,
        typer.Option("--autoencoder", help="new: learnt from the samples; teacher: the teacher's, frozen."),
    ] = "new",
    steps: Annotated[int, typer.Option("--steps", help="Evaluations of the network for one sample.")] = 20,
    check: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--check", min=1, help="Samples of the student compared; default as many as it learnt from."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run stopped.")] = False,
    device: Device = None,
) -> None:
    """Privacy distillation: the teacher draws, a filter keeps, a student learns from these samples alone."""
    from medsynth_desktop.core.records import SampleSettings
    from medsynth_desktop.workbench.distilling import distill as distilled
    from medsynth_desktop.workbench.distilling import in_words
    from medsynth_desktop.workbench.sampling import resolve_bundle
    from medsynth_desktop.workbench.teaching import DistillSettings

    settings = DistillSettings(
        filter_,  # type: ignore[arg-type]
        count,
        preset,
        max_steps,
        seed,
        autoencoder,  # type: ignore[arg-type]
        SampleSettings(steps=steps),
        check,
    )
    with open_workspace() as workspace:
        model = resolve_bundle(workspace, teacher)
        report = run(distilled(workspace, model.hash, cohort, out, settings, resume=resume, device=device))
    answer(report, in_words(report))
