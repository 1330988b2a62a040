from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from medsynth_desktop.core.progress import drain
from medsynth_desktop.similarity.disguised.waiting import each


def test_results_come_in_the_order_of_their_items_and_progress_counts_on() -> None:
    said: list[tuple[int, int, str]] = []
    with ThreadPoolExecutor(3) as pool:
        found = drain(
            each(pool, lambda x: x * x, [3, 1, 2], 4, 9, "Squares"),
            lambda p: said.append((p.done, p.total, p.message)),
        )
    assert found == [9, 1, 4]
    assert said[-1] == (7, 9, "Squares, 7 of 9")


def test_a_piece_that_runs_is_reported_meanwhile_and_left_alone_when_the_user_cancels() -> None:
    go, begun = threading.Event(), []

    def slow(number: int) -> None:
        begun.append(number)
        go.wait(30)

    pool = ThreadPoolExecutor(1)
    steps = each(pool, slow, [0, 1, 2], 0, 3, "Waiting")
    for _ in range(3):
        assert next(steps).done == 0  # nothing is done yet, and the one who waits may say stop
    steps.close()
    go.set()
    pool.shutdown(wait=True)
    assert begun == [0]


def test_a_fault_of_a_piece_is_raised() -> None:
    with ThreadPoolExecutor(1) as pool:
        try:
            drain(each(pool, lambda x: 1 // x, [1, 0], 0, 2, "Dividing"))
        except ZeroDivisionError:
            return
    raise AssertionError("the fault was swallowed")
