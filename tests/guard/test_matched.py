"""Limits matched to soft samples: what they may cost, and that softness is no disguise."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import Nearest, Neighbour, Threshold
from medsynth_desktop.guard.audit import assess, audit_queries
from medsynth_desktop.guard.calibration import Calibration
from medsynth_desktop.guard.matched import (
    AS_THEY_ARE,
    calibrate_matched,
    preparation_facts,
    preparation_words,
    with_power,
)
from medsynth_desktop.guard.policy import make_policy, with_threshold
from medsynth_desktop.guard.report import render_report
from medsynth_desktop.guard.sharpness import Blur, match_softness
from medsynth_desktop.guard.verdicts import VERDICTS, judge, judge_many, metrics_table
from medsynth_desktop.similarity.search import NearestSearch
from tests.guard.test_audit import images_of
from tests.guard.test_realdata import conformed, records_of

PLAIN = Calibration(0.983, 0, 10, (Threshold("correlation", 0.8, 0.9),), ("P-1-1",), ("P-1",), {}, 9)


@pytest.mark.parametrize(
    ("copies", "caught", "doubted"),
    [(20, 20, False), (20, 19, False), (20, 18, True), (20, 0, True), (3, 3, False), (3, 2, True)],
)
def test_doubt_begins_under_95_percent(copies: int, caught: int, doubted: bool) -> None:
    made = with_power(replace(PLAIN, through="blurred"), copies, caught)
    assert bool(made.doubt) == doubted
    assert made.warnings == ((made.doubt,) if doubted else ())
    assert made.policy("c", "b").doubt == made.doubt
    assert Calibration.from_json(made.to_json()) == made
    assert f"{caught} of {copies} beyond a limit" in preparation_words(made)


@pytest.mark.parametrize(
    ("correlation", "plainly", "in_doubt"),
    [(0.5, "pass", "review"), (0.85, "review", "review"), (0.95, "block", "block")],
)
def test_in_doubt_nothing_passes(correlation: float, plainly: str, in_doubt: str) -> None:
    nearest = Nearest("S-1", (Neighbour("P-1-1", "P-1", 0.5, correlation),), 0.9)
    table = metrics_table([nearest])
    for doubt, expected in (("", plainly), ("Too soft to tell.", in_doubt)):
        policy = make_policy("c", PLAIN.thresholds, "b", doubt)
        verdict = judge(nearest, policy)
        assert verdict.verdict == VERDICTS[judge_many(table, policy)[0]] == expected
        assert ("Too soft to tell." in verdict.reasons) == bool(doubt)


def test_a_cohorts_policy_keeps_its_hash_and_a_models_has_another() -> None:
    plain = make_policy("c", PLAIN.thresholds)
    assert plain.hash == "a3bde9b68209dff2cf02eca0cbc121f94439441fcf99ed06669f746f3af954bd"
    assert plain == make_policy("c", PLAIN.thresholds, "", "")
    others = [make_policy("c", PLAIN.thresholds, *more) for more in (("b",), ("b2",), ("b", "doubt"))]
    assert len({plain.hash, *(p.hash for p in others)}) == 4
    typed = with_threshold(others[2], "rmse", 0.2, 0.1, "A. Reader", "safer")
    assert (typed.bundle_hash, typed.doubt) == ("b", "doubt")


def test_copies_are_counted_and_told() -> None:
    train, records = images_of(1, 12), records_of(12, 1, "train")
    new = records_of(12, 500, "calibration")
    made = drain(
        calibrate_matched(NearestSearch(train, records), images_of(2, 12), new, Blur(0.5), resamples=50)
    )
    assert (made.sigma, made.copies, made.caught, made.doubt) == (0.5, 12, 12, "")
    sentence = (
        "Unseen images were first blurred by 0.50 voxels to be as soft as the model's samples; "
        "copies as soft as they: 12 of 12 beyond a limit."
    )
    assert preparation_words(made) == sentence
    assert preparation_facts(made) == {"sentence": sentence, "sigma": 0.5, "copies": 12, "caught": 12}
    page = render_report(drain(assess([], [], made.policy("c"), made)))
    assert sentence.replace("'", "&#x27;") in page
    assert preparation_words(PLAIN) == preparation_words(None) == ""
    sharp = replace(PLAIN, no_softer=True)
    assert preparation_facts(sharp)["sentence"] == AS_THEY_ARE
    assert escape(AS_THEY_ARE) in render_report(drain(assess([], [], sharp.policy("c"), sharp)))
    assert Calibration.from_json(sharp.to_json()).no_softer


def test_nothing_is_left_to_tell_copies_by() -> None:
    train, records = images_of(1, 30), records_of(30, 1, "train")
    new = records_of(30, 500, "calibration")
    made = drain(
        calibrate_matched(NearestSearch(train, records), images_of(2, 30), new, Blur(8), resamples=50)
    )
    assert made.copies == 20
    assert made.caught < 19
    batch = [("S-0", Blur(8)(images_of(3, 1)[0])), ("S-copy", train[4])]
    result = drain(audit_queries(NearestSearch(train, records), batch, made.policy("c", "b"), made))
    assert [v.verdict for v in result.verdicts] == ["review", "block"]
    assert made.doubt in result.verdicts[0].reasons
    assert result.to_json()["softness"]["caught"] == made.caught


@pytest.mark.realdata
def test_matched_limits_on_real_heads_tell_soft_copies_from_soft_strangers(shared_data: Path) -> None:
    heads = conformed(sorted((shared_data / "ixi-t1-2mm" / "t1").glob("*.nii*"))[:60], (48, 56, 48))
    heads = heads[np.random.default_rng(0).permutation(60)]
    train, unseen, strangers = heads[:30], heads[30:48], heads[48:]
    known, new = records_of(30, 1, "train"), records_of(18, 500, "calibration")
    blur = match_softness([Blur(1)(head) for head in strangers], unseen)
    made = drain(calibrate_matched(NearestSearch(train, known), unseen, new, blur, resamples=100))
    assert blur.sigma == pytest.approx(1, abs=0.1)
    assert (made.copies, made.caught, made.doubt) == (20, 20, "")
    batch = [(f"S-{i}", Blur(1)(head)) for i, head in enumerate(strangers)]
    result = drain(audit_queries(NearestSearch(train, known), batch, made.policy("c", "b"), made))
    assert result.counts["block"] <= 3
