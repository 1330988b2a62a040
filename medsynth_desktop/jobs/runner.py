"""Runs `Steps` generators in worker threads; the caller pulls what happened.

Each lane is one thread, so two jobs of one device queue and two devices work side by side. Nothing here calls
back into the window: the window polls (`Runner.jobs`, `Job.progress`, `Job.take_items`) about 20 times a second.
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections import deque
from typing import Any, Literal

from medsynth_desktop.core.errors import Cancelled, MedSynthError
from medsynth_desktop.core.progress import CancelToken, Progress, Steps, drain

State = Literal["queued", "running", "done", "failed", "cancelled"]
FINAL: tuple[State, ...] = ("done", "failed", "cancelled")
log = logging.getLogger(__name__)


class Job:
    """One piece of long work. Fields are written by its lane's thread and read by anyone."""

    def __init__(self, number: int, title: str, steps: Steps[Any], lane: str) -> None:
        self.id = number
        self.title = title
        self.lane = lane
        self.state: State = "queued"
        self.progress = Progress()
        self.preview: Any = None
        self.result: Any = None
        self.error: MedSynthError | None = None
        self.started = 0.0
        self.finished = 0.0
        self._steps = steps
        self._cancel = CancelToken()
        self._items: deque[Any] = deque()
        self._ended = threading.Event()
        self._reported = self._stage_began = 0.0

    def cancel(self) -> None:
        """Stop at the next step; what is finished is kept."""
        self._cancel.cancel()

    @property
    def cancelling(self) -> bool:
        """Whether `cancel` was called and the job has not ended yet."""
        return self._cancel.cancelled and self.state not in FINAL

    @property
    def eta_seconds(self) -> float | None:
        """Seconds left of what is being done now, at its own speed so far; None while nothing can be said.

        A job may do one thing after another (bring images into one pose, then compare): each counts anew, and the
        speed of one says nothing of the next.
        """
        fraction = self.progress.fraction
        if self.state != "running" or not fraction:
            return None
        return (time.monotonic() - self._stage_began) * (1 - fraction) / fraction

    def take_items(self) -> list[Any]:
        """Records finished since the last call, in order."""
        taken = []
        while self._items:
            taken.append(self._items.popleft())
        return taken

    def wait(self, seconds: float | None = None) -> bool:
        """Block until the job has ended (for tests and the command line); False on time-out."""
        return self._ended.wait(seconds)

    def _report(self, progress: Progress) -> None:
        if progress.preview is not None:
            self.preview = progress.preview
        if progress.item is not None:
            self._items.append(progress.item)
        if progress.total != self.progress.total or progress.done < self.progress.done:
            self._stage_began = self._reported  # when the last report of the stage before it came
        self._reported = time.monotonic()
        self.progress = progress

    def _run(self) -> None:
        self.started = self._reported = self._stage_began = time.monotonic()
        if self._cancel.cancelled:
            self._steps.close()
            self._end("cancelled")
            return
        self.state = "running"
        try:
            self.result = drain(self._steps, self._report, self._cancel)
        except Cancelled as error:
            self.error = error
            self._end("cancelled")
        except MedSynthError as error:
            self.error = error
            self._end("failed")
        except BaseException as error:  # the lane must outlive any job; the window tells and the log keeps it
            log.exception("Job %d failed", self.id)
            self.error = MedSynthError(
                f"{self.title} stopped on an unexpected fault ({type(error).__name__}); what was finished is kept."
            )
            self._end("failed")
        else:
            self._end("done")

    def _end(self, state: State) -> None:
        self.finished = time.monotonic()
        self.state = state
        self._ended.set()


class Runner:
    """Lanes of jobs; `close` cancels all and waits."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._lanes: dict[str, queue.SimpleQueue[Job | None]] = {}
        self._threads: list[threading.Thread] = []
        self._jobs: list[Job] = []
        self._lock = threading.Lock()
        self._closed = False

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs of this session, oldest first."""
        return tuple(self._jobs)

    @property
    def busy(self) -> bool:
        """Whether any job is queued or running."""
        return any(j.state not in FINAL for j in self._jobs)

    def submit(self, title: str, steps: Steps[Any], lane: str = "cpu") -> Job:
        """Queue ``steps`` on ``lane`` and return its job at once."""
        with self._lock:
            if self._closed:
                raise MedSynthError("The program is closing; start it again to run new work.")
            job = Job(next(self._numbers), title, steps, lane)
            self._jobs.append(job)
            self._lane(lane).put(job)
            return job

    def close(self, seconds: float = 10.0) -> None:
        """Cancel everything, let ``finally`` blocks run, and join the lanes (``seconds`` at most)."""
        with self._lock:
            self._closed = True
            for job in self._jobs:
                job.cancel()
            for lane in self._lanes.values():
                lane.put(None)
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _lane(self, name: str) -> queue.SimpleQueue[Job | None]:
        if name not in self._lanes:
            lane: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
            self._lanes[name] = lane
            thread = threading.Thread(target=_work, args=(lane,), name=f"lane-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return self._lanes[name]


def _work(lane: queue.SimpleQueue[Job | None]) -> None:
    while (job := lane.get()) is not None:
        job._run()
