"""The demo in the window: one click from anywhere."""

from __future__ import annotations

from collections.abc import Callable

from medsynth_desktop.core.errors import NotFound
from medsynth_desktop.workbench import demo
from medsynth_desktop.workbench.state import Workbench

WORKSPACE = "demo-workspace"


def has_demo() -> bool:
    """Whether this installation holds the demo."""
    return (demo.RESOURCES / "bundle").is_dir()


def demo_button(attempt: Callable[..., object], bench: Workbench) -> tuple[str, Callable[[], object]] | None:
    """Label and callback for an `EmptyState`, or None where there is no demo."""
    return ("Open the demo", lambda: attempt(open_demo, bench)) if has_demo() else None


def open_demo(bench: Workbench) -> None:
    """Open the demo's own workspace beside the open one, and bring its cohort and model in.

    Raises
    ------
    NotFound
        When this installation holds no demo.
    MedSynthError
        While a job runs in the open workspace.
    """
    if not has_demo():
        raise NotFound(
            "This installation holds no demo (resources/demo is missing); clone the repository again."
        )
    here = bench.workspace.path
    if here.name != WORKSPACE:
        bench.open_workspace(here.parent / WORKSPACE)

    def ready(bundle: str) -> None:
        bench.use_cohort(demo.COHORT)
        bench.use_bundle(bundle)

    bench.start("Opening the demo", demo.prepare(bench.workspace), "disk", ready)
