"""The demos in the window: one click from anywhere."""

from __future__ import annotations

from collections.abc import Callable

from medsynth_desktop.workbench.demo import DEMOS, HEADS, Demo, check_there, prepare
from medsynth_desktop.workbench.state import Workbench


def demo_buttons(attempt: Callable[..., object], bench: Workbench) -> list[tuple[str, Callable[[], object]]]:
    """Labels and callbacks for an `EmptyState`: one for each demo that this installation holds."""

    def opener(demo: Demo) -> Callable[[], object]:
        return lambda: attempt(open_demo, bench, demo)

    return [(f"Open the demo: {demo.words}", opener(demo)) for demo in DEMOS.values() if demo.there]


def open_demo(bench: Workbench, demo: Demo = HEADS) -> None:
    """Open the demo's own workspace beside the open one, and bring its cohort and model in.

    Raises
    ------
    NotFound
        When this installation does not hold it.
    MedSynthError
        While a job runs in the open workspace.
    """
    check_there(demo)
    here = bench.workspace.path
    if here.name != demo.workspace:
        bench.open_workspace(here.parent / demo.workspace)

    def ready(bundle: str) -> None:
        bench.use_cohort(demo.cohort)
        bench.use_bundle(bundle)

    bench.start("Opening the demo", prepare(bench.workspace, demo), "disk", ready)
