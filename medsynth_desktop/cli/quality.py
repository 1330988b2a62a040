"""`medsynth quality`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from medsynth_desktop.cli.console import WrongUsage, answer, lasting, open_workspace, run, say
from medsynth_desktop.cli.devices import Device

Text = Optional[str]  # noqa: UP045


def add_to(root: typer.Typer) -> None:
    """Mount the command."""
    root.command()(quality)


def quality(
    batch: Annotated[Text, typer.Option("--batch", help="Name of a batch of samples to measure.")] = None,
    bundle: Annotated[
        Text, typer.Option("--bundle", help="Instead: a model whose autoencoder is to give images back.")
    ] = None,
    cohort: Annotated[Text, typer.Option("--cohort", help="Cohort of real images to compare with.")] = None,
    features: Annotated[
        Text,
        typer.Option(
            "--features", help="vgg16, own or none; default the guard's network, else the first at hand."
        ),
    ] = None,
    weights: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--weights", help="VGG16 in ONNX format; with --features vgg16."),
    ] = None,
    preparation: Annotated[
        str, typer.Option("--preparation", help="caffe or torch, for weights that are not known.")
    ] = "",
    pairs: Annotated[
        int, typer.Option("--pairs", min=1, help="Random pairs of each set behind MS-SSIM, at most.")
    ] = 1000,
    images: Annotated[
        int, typer.Option("--images", min=1, help="Images of either split that --bundle gives back, at most.")
    ] = 100,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of pairs, subsets and resamples.")] = 0,
    device: Device = None,
    report: Annotated[Optional[Path], typer.Option("--report", help="HTML page to write.")] = None,  # noqa: UP045
) -> None:
    """How good and varied a batch is (FID, KID, precision, recall, MS-SSIM), or how well a model gives images back."""
    from medsynth_desktop.workbench import measuring
    from medsynth_desktop.workbench.guarding import resolve_cohort
    from medsynth_desktop.workbench.reconstructing import measure_bundle
    from medsynth_desktop.workbench.sampling import resolve_bundle

    if (batch is None) == (bundle is None):
        raise WrongUsage("Give either --batch NAME or --bundle NAME, one of the two.")
    if bundle is not None and report is not None:
        raise WrongUsage("--report writes the page of a batch; give --batch, or leave it out.")
    with open_workspace() as workspace:
        if bundle is not None:
            model = resolve_bundle(workspace, bundle)
            held = resolve_cohort(workspace, cohort, model.hash)
            made = run(measure_bundle(workspace, held, model, most=images, seed=seed, device=device))
            _tell_reconstruction(made, {"bundle": model.hash, "cohort": held.name})
            return
        drawn = workspace.batches.get(str(batch))
        held = resolve_cohort(workspace, cohort, drawn.bundle_hash)
        settings: dict[str, Any] = {"features": features, "weights": weights, "preparation": preparation}
        steps = measuring.measure_batch(
            workspace, held, drawn.name, **settings, pairs=pairs, seed=seed, device=device
        )
        found = run(steps)
        if report is not None:
            measuring.write_quality(workspace, held, drawn, found, report)
    _tell_quality(found, {"batch": drawn.name, "bundle": drawn.bundle_hash, "cohort": held.name})


def _tell_quality(found: Any, about: dict[str, str]) -> None:
    from medsynth_desktop.quality.words import method
    from medsynth_desktop.workbench.measuring import describe

    document = describe(found)
    for warning in document["warnings"]:
        say(f"medsynth: {warning}")
    lines = quality_lines(found)
    answer(
        {**about, **document}, "\n".join([*lines, *method(found), f"Measured in {lasting(found.seconds)}."])
    )


def quality_lines(found: Any) -> list[str]:
    """One line for each measure."""
    from medsynth_desktop.quality.words import quality_rows

    return [
        f"{row.name}: {row.synthetic}{f'; real: {row.real}' if row.real else ''}. Wanted: {row.reading}."
        for row in quality_rows(found)
    ]


def _tell_reconstruction(found: Any, about: dict[str, str]) -> None:
    from medsynth_desktop.quality.words import reconstruction_rows

    lines = [f"{name}: {value}" for name, value in reconstruction_rows(found)]
    answer({**about, **found.to_json()}, "\n".join([*lines, f"Measured in {lasting(found.seconds)}."]))
