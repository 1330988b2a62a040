"""`medsynth study`: reader studies from the draw of cases to the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from medsynth_desktop.cli import study_rate, study_release
from medsynth_desktop.cli.console import answer, counted, open_workspace, run, say
from medsynth_desktop.cli.help import Commands
from medsynth_desktop.cli.passwords import READER, STUDY, password
from medsynth_desktop.core.errors import InputRefused

if TYPE_CHECKING:
    from medsynth_desktop.store.studies import StudyRecord

app = typer.Typer(help="Reader studies: design, reading, report.", cls=Commands, no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the study.")]
Secret = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--password-file", help=f"File with the investigator's password; else {STUDY}, else asked."),
]
ReaderSecret = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--reader-password-file", help=f"File with the reader's password; else {READER}, else asked."
    ),
]


def add_to(root: typer.Typer) -> None:
    """Mount the group."""
    study_rate.add_to(app)
    study_release.add_to(app)
    root.add_typer(app, name="study")


@app.command()
def create(
    name: Name,
    readers: Annotated[str, typer.Option("--readers", help="Their names, commas between.")],
    cohort: Annotated[
        Optional[str], typer.Option("--cohort", help="Where real cases come from.")  # noqa: UP045
    ] = None,
    batch: Annotated[
        Optional[list[str]], typer.Option("--batch", help="Where synthetic cases come from; repeatable.")  # noqa: UP045
    ] = None,
    real: Annotated[
        Optional[int], typer.Option("--real", min=0, help="Real cases, at random; default all.")  # noqa: UP045
    ] = None,
    synthetic: Annotated[
        Optional[int], typer.Option("--synthetic", min=0, help="Synthetic cases; default all.")  # noqa: UP045
    ] = None,
    case: Annotated[
        Optional[list[str]], typer.Option("--case", help="A case by id, in place of drawing; repeatable.")  # noqa: UP045
    ] = None,
    approved: Annotated[bool, typer.Option("--approved", help="Only samples approved for release.")] = False,
    question: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--question",
            help="JSON file, or: published (the default), real-or-synthetic, comment; repeatable.",
        ),
    ] = None,
    repeats: Annotated[float, typer.Option("--repeats", help="Share of cases shown twice.")] = 0.1,
    training: Annotated[int, typer.Option("--training", min=0, help="More cases first, not counted.")] = 0,
    block: Annotated[int, typer.Option("--block", min=1, help="Cases in a balanced block.")] = 10,
    seed: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--seed", min=0, help="Of the draw and of all orders; default a random one, kept sealed."
        ),
    ] = None,
    may: Annotated[str, typer.Option("--may", help="Readers may: back, change, window.")] = "change,window",
    window: Annotated[
        Optional[str], typer.Option("--window", help="CENTRE,WIDTH of every case's beginning.")  # noqa: UP045
    ] = None,
    floor: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--floor", help="Share of the range up to which what surrounds the body is air. Default: found."
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Draw up anew what nobody has started.")] = False,
    password_file: Secret = None,
) -> None:
    """Draw cases and orders by a seed, and seal the study under the investigator's password."""
    import secrets

    from medsynth_desktop.studies.typed import read_questions
    from medsynth_desktop.workbench.study_cases import Wish
    from medsynth_desktop.workbench.study_plan import Plan
    from medsynth_desktop.workbench.study_plan import create as draw_up

    questions = [q for source in question or ["published"] for q in read_questions(source)]
    plan = Plan(
        name,
        _words(readers),
        cohort,
        tuple(batch or ()),
        approved,
        Wish(real, synthetic, training, tuple(case or ())),
        tuple(questions),
        repeats,
        block,
        secrets.randbelow(2**31) if seed is None else seed,
        _words(may),
        _window(window),
        floor,
    )
    with open_workspace() as workspace:
        secret = password("The investigator's", STUDY, password_file, twice=True)
        made = run(draw_up(workspace, plan, secret, replace=replace))
    answer(
        {
            **_facts(made.record),
            "real": made.real,
            "synthetic": made.synthetic,
            "expected_width": made.widths,
            "grid": made.preparation.grid,
            "shown": made.preparation.shown,
            "air_below": made.preparation.floor,
            "tells": made.tells,
        },
        "\n".join([_line(made.record), *_shown_lines(made), *made.tells, *_width_lines(made)]),
    )


@app.command("list")
def list_() -> None:
    """List the studies and how far each is."""
    from medsynth_desktop.workbench import studying

    with open_workspace(to_look=True) as workspace:
        found = [
            (workspace.studies.get(n), studying.progress(workspace, n)) for n in workspace.studies.names()
        ]
    lines = [f"{_line(r)}; {_done(r, progress)}" for r, progress in found]
    answer(
        {"studies": [{**_facts(r), "progress": progress} for r, progress in found]},
        "\n".join(lines) or "No study in this workspace; medsynth study create makes one.",
    )


@app.command()
def show(name: Name) -> None:
    """Describe a study, and each reader's progress; never the truth, so readers may look."""
    from medsynth_desktop.workbench import studying

    with open_workspace(to_look=True) as workspace:
        record, progress = workspace.studies.get(name), studying.progress(workspace, name)
    lines = [_line(record), f"questions: {', '.join(record.questions)}", f"design: {record.hash}"]
    lines += [f"{reader}: {done} of {record.showings} cases" for reader, done in progress.items()]
    answer({**_facts(record), "progress": progress}, "\n".join(lines))


@app.command()
def export(
    name: Name,
    reader: Annotated[str, typer.Option("--reader", help="For whom.")],
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", help="New file; without it the reader reads on this computer."),
    ] = None,
    password_file: Secret = None,
    reader_password_file: ReaderSecret = None,
) -> None:
    """Write one encrypted file with what one reader needs and nothing else."""
    from medsynth_desktop.workbench import studying

    with open_workspace() as workspace:
        workspace.studies.reader_file(name, reader)
        secret = password("The investigator's", STUDY, password_file)
        theirs = password(f"{reader}'s new", READER, reader_password_file, twice=True)
        path = run(studying.export_reader(workspace, name, reader, out, secret, theirs))
        size = path.stat().st_size
    where = f"{out}, {size / 1e6:.1f} MB" if out else "on this computer (medsynth study rate --study)"
    answer(
        {"study": name, "reader": reader, "path": out, "bytes": size}, f"{reader} can read {name}: {where}"
    )


@app.command()
def merge(
    name: Name,
    files: Annotated[list[Path], typer.Argument(help="Answer files that came back.")],
    password_file: Secret = None,
) -> None:
    """Take readers' answers in; the same file again changes nothing, and contradictions are refused."""
    from medsynth_desktop.workbench import studying

    with open_workspace() as workspace:
        secret = password("The investigator's", STUDY, password_file)
        done = studying.merge(workspace, name, files, secret)
        progress = studying.progress(workspace, name)
    lines = [f"{m.file}: {m.reader}, {counted(m.new, 'new answer')}, {m.answers:,} held" for m in done]
    answer({"study": name, "files": done, "progress": progress}, "\n".join(lines))


@app.command()
def report(
    name: Name,
    out: Annotated[Path, typer.Option("--out", help="Folder for page, tables and numbers.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the bootstrap.")] = 0,
    password_file: Secret = None,
) -> None:
    """Write the report: one page that prints, CSV tables (also for iMRMC and MRMCaov), and JSON."""
    from medsynth_desktop.workbench.study_report import headline
    from medsynth_desktop.workbench.study_report import report as write

    with open_workspace() as workspace:
        secret = password("The investigator's", STUDY, password_file)
        done = run(write(workspace, name, out, secret, seed))
    answer(
        {"path": out, "files": done.files, **done.document},
        "\n".join([*headline(done), f"report: {out}, {', '.join(done.files)}"]),
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _window(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        centre, width = (float(part) for part in text.split(","))
    except ValueError:
        raise InputRefused(f"--window takes CENTRE,WIDTH such as 40,400; got {text!r}.") from None
    return centre, width


def _facts(record: StudyRecord) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(record)


def _line(record: StudyRecord) -> str:
    state = f"frozen since {record.frozen}" if record.frozen else "not started"
    more = f", {record.training} for training" if record.training else ""
    return (
        f"{record.name}: {counted(record.cases, 'case')}{more}, {record.showings} showings for each of "
        f"{counted(len(record.readers), 'reader')}, {state}"
    )


def _done(record: StudyRecord, progress: dict[str, int]) -> str:
    return ", ".join(f"{reader} {done}/{record.showings}" for reader, done in progress.items())


def _shown_lines(made: Any) -> list[str]:
    prepared = made.preparation
    shown, grid = (" x ".join(map(str, shape)) for shape in (prepared.shown, prepared.grid))
    lines = [f"air: around the body, up to {prepared.floor:.0%} of the range"] if prepared.floor else []
    if shown != grid:
        lines.append(
            f"shown: {shown} of {grid} voxels, without rows and slices that are empty at the border of any case"
        )
    return lines


def _width_lines(made: Any) -> list[str]:
    from medsynth_desktop.workbench.study_plan import ALIKE, LIKELY

    say(
        f"medsynth: widths are expected for a share of {LIKELY:.0%}, readers' answers to one case correlating by "
        f"{ALIKE}; the report gives the true ones."
    )
    return [
        f"a share of {LIKELY:.0%} over {kind} cases will have a 95% interval {width:.0%} wide"
        for kind, width in made.widths.items()
    ]
