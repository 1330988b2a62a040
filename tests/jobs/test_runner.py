"""The runner keeps its promises: order within a lane, cancel within a step, faults told, nothing half-closed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from medsynth_desktop.core.errors import Cancelled, InputRefused, MedSynthError
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.jobs.runner import Runner


@pytest.fixture
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("lane-") and t.is_alive()]


def count(to: int, seen: list[str] | None = None, name: str = "") -> Steps[int]:
    try:
        for i in range(to):
            if seen is not None:
                seen.append(f"{name}{i}")
            yield Progress(i + 1, to, f"step {i + 1}", item=i)
        return to
    finally:
        if seen is not None:
            seen.append(f"{name}closed")


def test_a_job_runs_to_its_result(runner: Runner) -> None:
    job = runner.submit("Counting", count(5))
    assert job.wait(10)
    assert (job.state, job.result, job.progress.done) == ("done", 5, 5)
    assert job.take_items() == [0, 1, 2, 3, 4]
    assert job.take_items() == []


def test_one_lane_runs_in_order_of_submission(runner: Runner) -> None:
    seen: list[str] = []
    jobs = [runner.submit(n, count(3, seen, n), "cpu") for n in "ab"]
    assert all(j.wait(10) for j in jobs)
    assert seen == ["a0", "a1", "a2", "aclosed", "b0", "b1", "b2", "bclosed"]


def test_two_lanes_run_side_by_side(runner: Runner) -> None:
    meeting = threading.Barrier(2, timeout=10)

    def meet() -> Steps[bool]:
        yield Progress()
        meeting.wait()  # only passes when both lanes are here at once
        return True

    jobs = [runner.submit("meet", meet(), lane) for lane in ("cpu", "disk")]
    assert all(j.wait(15) for j in jobs)
    assert [j.result for j in jobs] == [True, True]


def test_cancel_stops_at_the_next_step_and_runs_finally(runner: Runner) -> None:
    go, seen = threading.Semaphore(0), []

    def stepwise() -> Steps[None]:
        try:
            for i in range(100):
                go.acquire()
                seen.append(i)
                yield Progress(i)
        finally:
            seen.append("closed")

    job = runner.submit("Stepping", stepwise())
    go.release()
    while not seen:
        pass
    job.cancel()
    go.release()
    assert job.wait(10)
    assert job.state == "cancelled"
    assert isinstance(job.error, Cancelled)
    assert seen[-1] == "closed"
    assert len(seen) <= 3


def test_a_queued_job_can_be_cancelled_before_it_starts(runner: Runner) -> None:
    hold = threading.Event()

    def wait() -> Steps[None]:
        hold.wait(10)
        yield Progress()

    first, seen = runner.submit("first", wait()), []
    second = runner.submit("second", count(3, seen))
    second.cancel()
    hold.set()
    assert first.wait(10)
    assert second.wait(10)
    assert second.state == "cancelled"
    assert seen == []


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (InputRefused("The image is empty."), "The image is empty."),
        (RuntimeError("CUDA out of memory at 0x3"), "unexpected fault (RuntimeError)"),
        (ValueError("patient Doe"), "unexpected fault (ValueError)"),
    ],
)
def test_a_fault_becomes_one_sentence_and_the_lane_lives_on(
    runner: Runner, fault: Exception, told: str
) -> None:
    def fail() -> Steps[None]:
        yield Progress()
        raise fault

    job = runner.submit("Failing", fail())
    assert job.wait(10)
    assert job.state == "failed"
    assert isinstance(job.error, MedSynthError)
    assert told in str(job.error)
    assert "Doe" not in str(job.error)
    after = runner.submit("After", count(2))
    assert after.wait(10)
    assert after.state == "done"


def test_a_closed_runner_takes_no_work() -> None:
    runner = Runner()
    runner.close()
    with pytest.raises(MedSynthError, match="closing"):
        runner.submit("late", count(1))


def test_time_left_is_that_of_the_stage_and_not_of_what_was_done_before(runner: Runner) -> None:
    go, ended = threading.Event(), []

    def two_stages() -> Steps[None]:
        time.sleep(0.3)
        yield Progress(7, 7, "a long stage")
        ended.append(time.monotonic())
        yield Progress(1, 4, "a short one")
        go.wait(10)

    job = runner.submit("two stages", two_stages())
    while job.progress.total != 4:
        pass
    left, most = job.eta_seconds, 3 * (time.monotonic() - ended[0] + 0.05)
    go.set()
    assert job.wait(10)
    assert left is not None
    assert left <= most


def test_time_left_follows_the_share_done(runner: Runner) -> None:
    go = threading.Event()

    def half() -> Steps[None]:
        yield Progress(1, 2)
        go.wait(10)
        yield Progress(2, 2)

    job = runner.submit("half", half())
    while job.progress.done < 1:
        pass
    left = job.eta_seconds
    go.set()
    assert job.wait(10)
    assert left is not None
    assert left >= 0
    assert job.eta_seconds is None
