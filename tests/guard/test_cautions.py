"""Unseen images that are training images in disguise are told from innocent ones, and set no limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from medsynth_desktop.core.records import ImageRecord, Nearest, Neighbour
from medsynth_desktop.guard.calibration import thresholds_from
from medsynth_desktop.guard.cautions import DISGUISED, copies_left_out, in_disguise, too_few
from medsynth_desktop.guard.policy import threshold_of
from medsynth_desktop.guard.verdicts import judge


def unseen(aligned: list[float], part: list[float]) -> tuple[list[Nearest], list[ImageRecord]]:
    """Unseen images with these values; their correlations are those of innocent ones."""
    found = [
        Nearest(f"U-{i}", (Neighbour("P-1", "P-1", 0.3, 0.7),), 0.9, {"aligned": a, "part": p})
        for i, (a, p) in enumerate(zip(aligned, part, strict=True))
    ]
    return found, [ImageRecord(n.id, n.id, "calibration", "") for n in found]


INNOCENT = np.linspace(0.05, 0.30, 40).tolist()


def test_a_disguised_copy_among_the_unseen_sets_no_limit() -> None:
    """A mirrored training image under another name: with it the limit would let copies at 0.7 pass."""
    found, records = unseen([*INNOCENT, 0.89], [*INNOCENT, 0.92])
    made = thresholds_from(found, records, 50, resamples=20)
    assert len(made.images) == 40
    limit = threshold_of(made.policy("c"), "aligned")
    assert limit is not None
    assert limit.block <= 0.30
    assert "1 unseen images are training images in disguise" in made.warnings[0]
    copy = replace(found[0], id="S", metrics={"aligned": 0.7, "part": 0.1})
    assert judge(copy, made.policy("c")).verdict == "block"
    kept_in = replace(limit, block=float(np.quantile([*INNOCENT, 0.89], limit.quantile or 0)))
    assert kept_in.block > 0.8, "what the limit would have been"


def test_a_part_copied_counts_too() -> None:
    sure, maybe = in_disguise({"aligned": np.array([*INNOCENT, 0.2]), "part": np.array([*INNOCENT, 0.9])})
    assert sure.tolist() == [False] * 40 + [True]
    assert not maybe.any()


def test_a_cohort_whose_innocents_come_near_loses_none_but_is_told() -> None:
    """Half of them lie beyond the cutoff: no one stands out, so nobody can say that they are copies."""
    near = np.linspace(0.4, 0.8, 41)
    sure, maybe = in_disguise({"aligned": near})
    assert not sure.any()
    assert maybe.tolist() == (near >= DISGUISED["aligned"]).tolist()
    found, records = unseen(near.tolist(), [0.1] * 41)
    made = thresholds_from(found, records, 50, resamples=20)
    assert len(made.images) == 41
    assert f"{maybe.sum()} unseen images come as near to training images" in made.warnings[0]


def test_not_measured_is_no_disguise() -> None:
    for table in ({"aligned": np.full(3, np.nan)}, {"correlation": np.ones(3)}):
        sure, maybe = in_disguise(table)
        assert (sure | maybe).tolist() == [False] * 3


def test_words_only_where_there_is_something_to_say() -> None:
    assert copies_left_out(0, 0, 0) == []
    assert [len(copies_left_out(*counts)) for counts in ((1, 0, 0), (0, 2, 0), (1, 1, 1))] == [1, 1, 3]
    assert too_few(59, 0.983) == []
    assert "58 unseen patients are too few for the 98.3% quantile, which needs 59" in too_few(58, 0.983)[0]
    assert len(too_few(9, 0.5)) == 1
