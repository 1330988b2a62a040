"""How wide an interval a study of so many readers and cases will give."""

from __future__ import annotations

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.wilson import wilson_interval


def expected_width(readers: int, cases: int, expected: float, correlation: float) -> float:
    """Width of Wilson's 95% interval of a share, such as "C or better", over all readers' answers.

    ``correlation`` is that of two readers' answers to one case: 0 counts every answer, 1 every case once. Effective
    number of answers: readers * cases / (1 + (readers - 1) * correlation) (Kish 1965, design effect of clusters).

    Raises
    ------
    InputRefused
        When there is no reader or case, or a share or correlation is not in 0 to 1.
    """
    if min(readers, cases) < 1 or not (0 <= expected <= 1 and 0 <= correlation <= 1):
        raise InputRefused(
            "Expected at least one reader and case, and a share and a correlation of 0 to 1; got "
            f"{readers}, {cases}, {expected} and {correlation}. Correct them."
        )
    answers = max(1, int(readers * cases / (1 + (readers - 1) * correlation)))
    low, high = wilson_interval(round(expected * answers), answers)
    return high - low
