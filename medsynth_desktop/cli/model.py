"""`medsynth train` and `sample`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import typer

from medsynth_desktop.cli import choices
from medsynth_desktop.cli.bundle import asked_words
from medsynth_desktop.cli.console import answer, counted, lasting, open_workspace, parse_conditions, run, say
from medsynth_desktop.cli.devices import Device
from medsynth_desktop.cli.help import Commands

train_app = typer.Typer(help="Train models on a cohort's training split.", cls=Commands, no_args_is_help=True)

Cohort = Annotated[str, typer.Option("--cohort", help="Name of the cohort.")]
Preset = Annotated[choices.Preset, typer.Option("--preset", help="Size and kind; see docs/reference.md.")]
Out = Annotated[Path, typer.Option("--out", help="Folder of the bundle to write.")]
MaxSteps = Annotated[Optional[int], typer.Option("--max-steps", min=1, help="Stop after this many steps.")]  # noqa: UP045
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of weights and batches.")]
Precision = Annotated[
    Optional[choices.Precision],  # noqa: UP045
    typer.Option(
        "--precision",
        help="Bits of its numbers; default the device's own: 32 on a processor.",
    ),
]
Devices = Annotated[int, typer.Option("--devices", help="Share each batch among so many GPUs.")]
SaveMemory = Annotated[
    bool, typer.Option("--save-memory", help="Compute parts twice in place of keeping them; the same model.")
]

EarlyStop = Annotated[
    Optional[bool],  # noqa: UP045
    typer.Option(
        "--early-stop/--no-early-stop",
        help="Spare a tenth of the training patients, and stop when they gain no more; default the preset's.",
    ),
]


def add_to(root: typer.Typer) -> None:
    """Mount the groups and commands."""
    root.add_typer(train_app, name="train")
    root.command()(sample)


@train_app.command()
def autoencoder(
    cohort: Cohort,
    out: Out,
    preset: Preset = "small",
    max_steps: MaxSteps = None,
    resume: Resume = False,
    seed: Seed = 0,
    device: Device = None,
    precision: Precision = None,
    devices: Devices = 1,
    save_memory: SaveMemory = False,
    early_stop: EarlyStop = None,
) -> None:
    """Train the autoencoder; checkpoints as it goes, so a stopped run resumes."""
    how = (device, precision, devices, save_memory)
    done = _trained(
        "autoencoder", cohort, preset, out, how, max_steps=max_steps, resume=resume, seed=seed,
        early_stop=early_stop,
    )  # fmt: skip
    follows = f"medsynth train diffusion --cohort {cohort} --preset {preset} --out {out}"
    answer(done, f"Trained the autoencoder {_effort(done)}; next: {follows}")


@train_app.command()
def diffusion(
    cohort: Cohort,
    out: Out,
    preset: Preset = "small",
    max_steps: MaxSteps = None,
    resume: Resume = False,
    seed: Seed = 0,
    condition: Annotated[
        list[str] | None,
        typer.Option("--condition", help="An attribute to learn, label, age or sex; repeatable."),
    ] = None,
    device: Device = None,
    precision: Precision = None,
    devices: Devices = 1,
    save_memory: SaveMemory = False,
    early_stop: EarlyStop = None,
) -> None:
    """Train the diffusion UNet in the latents of the autoencoder trained into the same --out folder before."""
    how = (device, precision, devices, save_memory)
    done = _trained(
        "diffusion", cohort, preset, out, how, max_steps=max_steps, resume=resume, seed=seed,
        conditions=condition or (), early_stop=early_stop,
    )  # fmt: skip
    learnt = "".join(f"\nMay be asked for {asked_words(c)}" for c in done["conditions"])
    told = f"Trained the diffusion model {_effort(done)}: {out}, in the workspace as {done['name']}"
    answer(done, told + learnt)


def _trained(
    stage: Literal["autoencoder", "diffusion"], cohort: str, preset: str, out: Path, how: tuple[Any, ...],
    **options: Any,
) -> dict[str, Any]:  # fmt: skip
    from medsynth_desktop.workbench.training import compute_on, train

    with open_workspace() as workspace:
        return run(train(workspace, stage, cohort, preset, out, compute=compute_on(*how), **options))


def _effort(done: dict[str, Any]) -> str:
    notes = "".join(f"; {note}" for note in done["notes"])
    early = ", where unseen patients gained no more," if done["stopped"] else ""
    return f"for {counted(done['steps'], 'step')}{early} in {lasting(done['seconds'])}{notes}"


@train_app.command()
def private(
    base: Annotated[
        str, typer.Option("--base", help="Bundle to begin with, trained on other (public) images.")
    ],
    cohort: Cohort,
    out: Out,
    epsilon: Annotated[float, typer.Option("--epsilon", help="Bound of what is told of a patient.")] = 10.0,
    delta: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--delta", help="Chance that the bound fails; default well below one in a patient."),
    ] = None,
    parts: Annotated[choices.Parts, typer.Option("--parts", help="What is fine-tuned.")] = "attention",
    steps: Annotated[int, typer.Option("--steps", min=1, help="Steps of the training.")] = 200,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Patients drawn in a step, on average.")] = 16,
    resume: Resume = False,
    device: Device = None,
) -> None:
    """Fine-tune a model with differential privacy: a bound on what it tells of each patient, whoever looks."""
    from medsynth_desktop.samplers.sampling import pick_device
    from medsynth_desktop.workbench.private import train_private
    from medsynth_desktop.workbench.sampling import resolve_bundle
    from medsynth_desktop.workbench.tuning import PrivateChoice

    choice = PrivateChoice(epsilon, delta, parts, steps, batch)  # type: ignore[arg-type]
    with open_workspace() as workspace:
        found = resolve_bundle(workspace, base)
        where = pick_device(device)[0]
        done = run(train_private(workspace, found.hash, cohort, out, choice, resume=resume, device=where))
    told = done["privacy"]
    answer(
        done,
        f"Fine-tuned {found.name} on {counted(done['patients'], 'patient')} for {counted(done['steps'], 'step')} in "
        f"{lasting(done['seconds'])}: epsilon {told['epsilon']:.3g} at delta {told['delta']:.0e} "
        f"({told['accountant']}; {told['second_epsilon']:.3g} by {told['second_accountant']}): {out}, in the workspace "
        f"as {done['name']}\n"
        f"Keep {out}.training with the images, or delete it: it holds what could take the noise off.",
    )


@train_app.command()
def identity(
    cohort: Cohort,
    max_steps: MaxSteps = None,
    resume: Annotated[
        bool | None,
        typer.Option("--resume/--anew", help="Where a training stopped: go on, or start over."),
    ] = None,
    seed: Annotated[Optional[int], typer.Option("--seed", help="Seed of weights and batches.")] = None,  # noqa: UP045
    device: Device = None,
) -> None:
    """Train networks that recognise the cohort's patients (retrieval and verification); the guard asks them too."""
    from medsynth_desktop.workbench.recognition import train_recognition

    with open_workspace() as workspace:
        steps = train_recognition(
            workspace, cohort, max_steps=max_steps, resume=resume, seed=seed, device=device
        )
        done = run(steps)
    told = f"Trained the recognition for {counted(done['steps'], 'step')} in {lasting(done['seconds'])}"
    answer(done, "\n".join([told, *done["told"]]))


def sample(
    bundle: Annotated[str, typer.Option("--bundle", help="Name, hash or folder of a bundle.")],
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many samples.")] = 1,
    sampler: Annotated[choices.Sampler, typer.Option("--sampler", help="The method.")] = "dpm-solver++2m",
    steps: Annotated[int, typer.Option("--steps", min=1, help="Network evaluations for a sample.")] = 20,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the first sample; the next add one each.")] = 0,
    condition: Annotated[
        list[str] | None,
        typer.Option("--condition", help="name=value, as bundle inspect tells them: age=63; repeatable."),
    ] = None,
    guidance: Annotated[
        float,
        typer.Option("--guidance", help="Above 1 follows the conditions more strictly; twice the time."),
    ] = 1.0,
    candidates: Annotated[
        int,
        typer.Option("--candidates", min=1, help="Latents for a sample; the farthest from training is kept."),
    ] = 1,
    attempts: Annotated[
        int,
        typer.Option("--attempts", min=1, help="Draw what the guard blocks again, so often at most."),
    ] = 1,
    cohort: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--cohort", help="Whose images to keep away from; default those of the training."),
    ] = None,
    device: Device = None,
    precision: Annotated[
        choices.PrecisionOrAuto,
        typer.Option(
            "--precision",
            help="Bits of its numbers; auto: 32 on a processor, fewer on a GPU.",
        ),
    ] = "auto",
    batch_name: Annotated[Optional[str], typer.Option("--batch-name", help="Name of the batch.")] = None,  # noqa: UP045
    batch_size: Annotated[
        int, typer.Option("--batch-size", help="Samples drawn together on a GPU; 0: as many as fit.")
    ] = 0,
) -> None:
    """Draw synthetic images; each is stored as it finishes, and a batch that stopped goes on."""
    from medsynth_desktop.core.records import SampleSettings
    from medsynth_desktop.workbench.keeping_away import with_cohort
    from medsynth_desktop.workbench.sampling import sample_batch

    asked = parse_conditions(condition)
    settings = SampleSettings(sampler, steps, asked, candidates, attempts, "", guidance, precision)
    with open_workspace() as workspace:
        record = _resolved(workspace, bundle)
        settings = with_cohort(workspace, record.hash, settings, cohort)
        held = workspace.batches.count(batch_name) if batch_name else 0
        batch = run(
            sample_batch(workspace, record.hash, count, settings, seed, device, batch_name, batch_size)
        )
        rows = [
            _row(workspace, s)
            for s in batch.samples
            if seed <= s.seed < seed + count and _as_asked(s.settings, settings)
        ]
    added = len(batch.samples) - held
    if held:
        more = f"{counted(added, 'sample')} added to" if added else "Nothing to add to"
        say(f"medsynth: {more} the existing batch {batch.name} of {counted(held, 'sample')}.")
    document = {"batch": batch.name, "bundle": record.hash, "held": held, "added": added, "samples": rows}
    answer(document, f"{batch.name}: {counted(len(rows), 'sample')} stored{_attempts_words(rows)}")


def _resolved(workspace: Any, bundle: str) -> Any:
    """The record of a bundle by name, hash or folder; of one whose training is not done, what is missing is said."""
    from medsynth_desktop.core.errors import BundleRefused, NotFound
    from medsynth_desktop.workbench.sampling import resolve_bundle

    try:
        return resolve_bundle(workspace, bundle)
    except (BundleRefused, NotFound):
        _refuse_unfinished(bundle)
        raise


def _as_asked(drawn: Any, settings: Any) -> bool:
    """Whether a sample was ``drawn`` as asked for; a precision that was left open is any."""
    return bool(
        drawn == (replace(settings, precision=drawn.precision) if settings.precision == "auto" else settings)
    )


def _row(workspace: Any, record: Any) -> dict[str, Any]:
    return {
        "id": record.id,
        "seed": record.seed,
        "noise_seed": record.seed if record.noise_seed is None else record.noise_seed,
        "attempts": record.attempts,
        "blocked": record.blocked,
        "refused": record.refused,
        "seconds": record.seconds,
        "device": record.device,
        "path": workspace.arrays.path(record.array_hash),
    }


def _attempts_words(rows: list[dict[str, Any]]) -> str:
    """What the guard did while sampling, or nothing."""
    refused, blocked = sum(len(r["refused"]) for r in rows), sum(r["blocked"] for r in rows)
    if not refused:
        return ""
    drawn = sum(r["attempts"] for r in rows)
    kept = f"; {counted(blocked, 'sample')} stayed blocked and cannot be approved" if blocked else ""
    return f"; the guard blocked {refused} of {drawn} draws{kept}"


def _refuse_unfinished(bundle: str) -> None:
    from medsynth_desktop.workbench.training import refuse_unfinished

    refuse_unfinished(Path(bundle))
