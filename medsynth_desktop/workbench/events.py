"""What the workbench tells its views. All are emitted on the thread that calls `Workbench.poll` or a verb."""

from __future__ import annotations

from psygnal import Signal, SignalGroup


class WorkbenchEvents(SignalGroup):
    """Each signal means 'read the workbench again', with the least that a view needs to know."""

    workspace = Signal()  # another workspace was opened
    cohorts = Signal()  # the list of cohorts, or the open one, changed
    bundles = Signal()
    batches = Signal()
    samples = Signal()  # samples of the open batch were added
    selection = Signal()  # another sample is looked at
    policy = Signal()  # thresholds changed (live, while dragging)
    verdicts = Signal()
    decisions = Signal()
    releases = Signal()
    studies = Signal()  # the list of studies, or how far readers are, changed
    user = Signal()  # who is signed in
    jobs = Signal()  # a job was queued or ended
    progress = Signal()  # a running job advanced
    volume = Signal(object, str)  # Volume, name: show it
    surface = Signal(object, str)  # Surface, name: show it
    told = Signal(str, str)  # level (info, warning, error), one sentence
