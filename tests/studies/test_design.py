from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.studies.design import Case, Design, check_design, draw_cases
from medsynth_desktop.studies.order import reading_order
from medsynth_desktop.studies.questions import PUBLISHED, Question, check_answer
from medsynth_desktop.studies.sample_size import expected_width

CASES = tuple(Case(f"case{i:02}", synthetic=i % 2 == 0, group="ab"[i // 2 % 2]) for i in range(40))
TRAINING = tuple(Case(f"train{i}", synthetic=i == 0, training=True) for i in range(3))
DESIGN = Design("lungs", (*CASES, *TRAINING), ("anna", "ben"), seed=7, block=8, repeats=0.2)


def test_an_order_comes_again_from_its_seed_and_is_another_readers_own() -> None:
    assert reading_order(DESIGN, "anna") == reading_order(DESIGN, "anna")
    assert reading_order(DESIGN, "anna") != reading_order(DESIGN, "ben")
    assert reading_order(DESIGN, "anna") != reading_order(dataclasses.replace(DESIGN, seed=8), "anna")


def test_blocks_are_balanced_training_comes_first_and_repeats_last() -> None:
    order = reading_order(DESIGN, "anna")
    kinds = {c.id: (c.synthetic, c.group) for c in CASES}
    assert [s.training for s in order] == [True] * 3 + [False] * 48
    first, again = order[3:43], order[43:]
    assert {s.case for s in first} == set(kinds)
    for start in range(0, 40, 8):
        block = [kinds[s.case] for s in first[start : start + 8]]
        assert sorted(block.count(k) for k in set(kinds.values())) == [2, 2, 2, 2]
    assert len(again) == 8
    assert all(s.repeat for s in again)
    assert not {s.case for s in again} & {s.case for s in first[-8:]}
    assert sum(kinds[s.case][0] for s in again) == 4


def test_place_in_the_order_does_not_tell_the_truth() -> None:
    truth = {c.id: c.synthetic for c in CASES}
    designs = [dataclasses.replace(DESIGN, seed=s, repeats=0.0) for s in range(200)]
    shown = np.array([[truth[s.case] for s in reading_order(d, "anna")[3:]] for d in designs])
    assert np.abs(shown.mean(axis=0) - 0.5).max() < 0.17  # 4.8 standard errors


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cases": TRAINING}, "at least one counted case"),
        ({"readers": ()}, "at least one reader"),
        ({"readers": ("anna", "anna")}, "reader may stand in a study once"),
        ({"block": 0}, "at least one case"),
        ({"questions": (Question("q", "?", options=("one",)),)}, "2 to 26 options"),
    ],
)
def test_a_faulty_design_is_refused(change: dict[str, object], told: str) -> None:
    check_design(DESIGN)
    with pytest.raises(InputRefused, match=told):
        check_design(dataclasses.replace(DESIGN, **change))  # type: ignore[arg-type]


def test_cases_are_drawn_by_seed() -> None:
    drawn = draw_cases(CASES, 3, 5, np.random.default_rng(1))
    assert drawn == draw_cases(CASES, 3, 5, np.random.default_rng(1))
    assert (len(drawn), sum(c.synthetic for c in drawn)) == (8, 5)
    with pytest.raises(InputRefused, match="pool holds 20"):
        draw_cases(CASES, 21, 0, np.random.default_rng(1))


def test_answers_must_fit_their_question() -> None:
    check_answer(PUBLISHED[0], 4)
    for form, good, bad in (
        ("yes-no", True, 1),
        ("real-or-synthetic", {"synthetic": True, "confidence": 0.5}, {"synthetic": True}),
        ("point", [1, 2.5, 3], [1]),
        ("region", [[1, 2], [3, 4]], [[1, 2], [3, 4, 5]]),
        ("point", None, [1, float("nan")]),
        ("region", None, [[1, 2]]),
        ("text", "fine", 3),
        ("comment", "fine", None),
    ):
        question = Question("q", "?", form)  # type: ignore[arg-type]
        check_answer(question, good)
        with pytest.raises(InputRefused, match="Answer it in that form"):
            check_answer(question, bad)
    for value in (0, 5, True, None):
        with pytest.raises(InputRefused, match="number of an option, 1 to 4"):
            check_answer(PUBLISHED[0], value)


def test_the_expected_width_counts_answers_or_cases() -> None:
    assert expected_width(3, 40, 0.5, 1.0) == expected_width(1, 40, 0.5, 0.0)
    assert expected_width(3, 40, 0.5, 0.0) == pytest.approx(
        2 * 1.95996 * (0.25 / (120 + 1.95996**2)) ** 0.5, rel=1e-4
    )
    with pytest.raises(InputRefused, match="at least one reader"):
        expected_width(0, 40, 0.5, 0.0)
