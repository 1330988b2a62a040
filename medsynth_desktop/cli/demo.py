"""`medsynth demo`: the whole chain on images that belong to no patient."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import typer

from medsynth_desktop.cli import console
from medsynth_desktop.core.errors import InputRefused, MedSynthError, StoreFailed

SCREEN = "1920x1080x24"
Kind = Literal["heads", "chest"]
KINDS = "heads: 3D MRI; chest: 2D X-rays, drawn by class."


def add_to(root: typer.Typer) -> None:
    """Mount the command."""
    root.command()(demo)
    root.command()(window)
    root.command()(demo_recipe)


def demo(
    headless: Annotated[bool, typer.Option("--headless", help="Run the main job without a person.")] = False,
    out: Annotated[Optional[Path], typer.Option("--out", help="Folder for what the main job leaves.")] = None,  # noqa: UP045
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many samples.")] = 6,
    kind: Annotated[Kind, typer.Option("--kind", help=KINDS)] = "heads",
) -> None:
    """Open the demo in the window; --headless runs the whole main job and leaves its results in --out."""
    if headless or out is not None:
        _headless(out or Path("medsynth-demo"), count, kind)
        return
    from medsynth_desktop.workbench.demo import DEMOS, prepare

    if console.options.workspace is None and "MEDSYNTH_WORKSPACE" not in os.environ:
        console.options.workspace = console.workspace_path().parent / DEMOS[kind].workspace
    with console.open_workspace() as workspace:
        console.run(prepare(workspace, DEMOS[kind]))
    _start_window([])


def window() -> None:
    """Open the window on the workspace."""
    _start_window([])


def demo_recipe(
    data: Annotated[list[Path], typer.Argument(help="Real images; stay on this machine.")],
    work: Annotated[Path, typer.Option(help="Folder of checkpoints; never to be shared.")],
    out: Annotated[Path, typer.Option(help="New folder of the demo: bundle, cohort, record.")],
    participants: Annotated[Path | None, typer.Option(help="CSV that names each file's patient.")] = None,
    kind: Annotated[Kind, typer.Option("--kind", help=KINDS)] = "heads",
) -> None:
    """Make a demo like the shipped ones: teacher on real images, sample, guard, student on what passed; resumes."""
    from medsynth_desktop.workbench.demo_recipe import build_demo
    from medsynth_desktop.workbench.demo_settings import RECIPES

    console.options.workspace = console.options.workspace or work / "workspace"
    with console.open_workspace() as workspace:
        record = console.run(build_demo(workspace, data, participants, work, out, RECIPES[kind]))
    console.answer(record, f"The demo stands in {out}; RECORD.md says how it was made")


def _headless(out: Path, count: int, kind: Kind) -> None:
    from medsynth_desktop.workbench.demo import DEMOS, main_job

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreFailed(f"The folder for the results cannot be made: {error.strerror}.") from None
    out = out.resolve()
    if console.options.workspace is None:
        console.options.workspace = out / "workspace"
    with console.open_workspace() as workspace:
        stages = console.run(main_job(workspace, out, count, demo=DEMOS[kind])).stages
    stages["screenshots"] = _screenshots(out / "screenshots")
    (out / "verdicts.json").write_text(
        json.dumps(console.plain(stages["verdicts"]), indent=2), encoding="utf-8"
    )
    document = {"out": out, **stages}
    (out / "demo.json").write_text(json.dumps(console.plain(document), indent=2), encoding="utf-8")
    console.answer(document, _summary(stages, out))
    if not stages["release"]["verified"]:
        raise typer.Exit(3)


def _screenshots(folder: Path) -> dict[str, Any]:
    """Walk the real window in a process of its own; a virtual display is started where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    words = _window_words(["--tour", str(folder)])
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        xvfb = shutil.which("xvfb-run")
        if xvfb is None:
            raise MedSynthError(
                "No display, and xvfb-run is not installed; run: bash installer/run.sh --headless"
            )
        words = [xvfb, "-a", "-s", f"-screen 0 {SCREEN} +extension GLX", *words]
    console.say("Taking screenshots of the window")
    done = subprocess.run(words, check=False, stdout=sys.stderr, timeout=600)
    pictures = sorted(folder.rglob("*.png"))
    if done.returncode or not pictures:
        raise MedSynthError(
            "The window could not be opened for screenshots; run medsynth doctor to see what is missing."
        )
    return {"count": len(pictures), "paths": pictures}


def _start_window(more: list[str]) -> None:
    if (
        not os.environ.get("DISPLAY")
        and not os.environ.get("WAYLAND_DISPLAY")
        and sys.platform.startswith("linux")
    ):
        raise InputRefused("No display to open a window on; use medsynth demo --headless --out DIR instead.")
    raise typer.Exit(subprocess.run(_window_words(more), check=False).returncode)


def _window_words(more: list[str]) -> list[str]:
    return [sys.executable, "-m", "medsynth_desktop.app", "--workspace", str(console.workspace_path()), *more]


def _summary(stages: dict[str, Any], out: Path) -> str:
    counts = stages["verdicts"]["counts"]
    return (
        f"{stages['samples']['count']} samples: {counts['pass']} pass, {counts['review']} to review, "
        f"{counts['block']} blocked; {stages['meshes']['count']} surfaces; {stages['release']['count']} released and "
        f"{'verified' if stages['release']['verified'] else 'NOT verified'}; "
        f"{stages['screenshots']['count']} screenshots in {out}"
    )
