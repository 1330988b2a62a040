"""Who may decide what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medsynth_desktop.core.errors import GuardRefused, InputRefused
from medsynth_desktop.core.records import Decision, Policy
from medsynth_desktop.releases.decisions import approve, approve_passing, reject, reopened, why_not_exportable
from tests.releases.packages import POLICY, WHEN, verdict

STRICTER = Policy(POLICY.cohort_hash, (replace(POLICY.thresholds[0], review=0.4),), "q" * 64)


def approved(name: str, said: str = "pass") -> Decision:
    return approve(verdict(name, said), who="Dr Example", reason="looked at it", when=WHEN)


def test_an_approval_is_bound_to_person_time_verdict_and_thresholds() -> None:
    decision = approve(verdict("s1"), who="  Dr   Example ", when=WHEN, policy=POLICY)
    assert decision == Decision("s1", "approved", "", "Dr Example", WHEN, POLICY.hash, "pass")


@pytest.mark.parametrize("reason", ["", "please", "x" * 100])
def test_a_blocked_sample_cannot_be_approved_whatever_the_reason(reason: str) -> None:
    with pytest.raises(
        GuardRefused, match="s1 is blocked and cannot be approved: Its correlation with P-0007-1"
    ):
        approve(verdict("s1", "block"), who="Dr Example", reason=reason, when=WHEN)


@pytest.mark.parametrize("reason", ["", "  \n", "\u200b\u202e"])
def test_review_needs_a_reason_that_can_be_seen(reason: str) -> None:
    with pytest.raises(InputRefused, match="under review"):
        approve(verdict("s1", "review"), who="Dr Example", reason=reason, when=WHEN)
    with pytest.raises(InputRefused, match="reason"):
        reject(verdict("s1"), who="Dr Example", reason=reason, when=WHEN)
    assert (
        approve(verdict("s1", "review"), who="Dr Example", reason="other sex", when=WHEN).reason
        == "other sex"
    )


@pytest.mark.parametrize("who", ["", "   ", "\n\t", "\u200b", "\ud800"])
def test_nobody_decides_nothing(who: str) -> None:
    with pytest.raises(InputRefused, match="name of the person"):
        approve(verdict("s1"), who=who, when=WHEN)
    with pytest.raises(InputRefused, match="name of the person"):
        reject(verdict("s1"), who=who, reason="odd", when=WHEN)


@pytest.mark.parametrize("when", ["", "yesterday", "2026-03-01", "2026-03-01T12:00:00"])
def test_a_time_without_offset_is_no_time(when: str) -> None:
    with pytest.raises(InputRefused, match="time"):
        approve(verdict("s1"), who="Dr Example", when=when)


def test_texts_are_one_visible_line_of_bounded_length() -> None:
    decision = approve(verdict("s1"), who="Dr\u202e Exa\x00mple", reason="line one\nline two", when=WHEN)
    assert (decision.who, decision.reason) == ("Dr Example", "line one line two")
    with pytest.raises(InputRefused, match="At most 200"):
        approve(verdict("s1"), who="x" * 201, when=WHEN)


def test_a_verdict_under_other_thresholds_is_not_approved() -> None:
    with pytest.raises(GuardRefused, match="other thresholds"):
        approve(verdict("s1"), who="Dr Example", when=WHEN, policy=STRICTER)


def test_all_that_pass_leaves_the_others_alone() -> None:
    verdicts = [verdict("s1"), verdict("s2", "review"), verdict("s3", "block"), verdict("s4")]
    made = approve_passing(verdicts, who="Dr Example", when=WHEN)
    assert [d.sample for d in made] == ["s1", "s4"]


def test_a_blocked_sample_can_be_rejected() -> None:
    assert reject(verdict("s1", "block"), who="Dr Example", reason="a copy", when=WHEN).status == "rejected"


@pytest.mark.parametrize(
    ("before", "after", "is_reopened"),
    [
        ("pass", "pass", False),
        ("pass", "review", True),
        ("pass", "block", True),
        ("review", "review", False),
        ("review", "block", True),
        ("review", "pass", False),
    ],
)
def test_changed_thresholds_reopen_what_became_worse(before: str, after: str, is_reopened: bool) -> None:
    made = reopened(
        {"s1": approved("s1", before)},
        {"s1": verdict("s1", after, STRICTER)},
        STRICTER,
        who="A. Officer",
        when=WHEN,
    )
    assert [d.status for d in made] == ["reopened"] * is_reopened
    for decision in made:
        assert before in decision.reason
        assert after in decision.reason
        assert (decision.policy_hash, decision.verdict, decision.who) == (STRICTER.hash, after, "A. Officer")


def test_an_approval_without_a_new_verdict_is_reopened() -> None:
    for verdicts in ({}, {"s1": verdict("s1")}):
        made = reopened({"s1": approved("s1")}, verdicts, STRICTER, who="A. Officer", when=WHEN)
        assert "not been checked" in made[0].reason


def test_a_review_with_more_grounds_than_before_is_reopened() -> None:
    old = verdict("s1", "review")
    new = replace(verdict("s1", "review", STRICTER), reasons=(*old.reasons, "Its ratio is low."))
    standing = {"s1": approved("s1", "review")}
    made = reopened(standing, {"s1": new}, STRICTER, who="A. Officer", when=WHEN, before={"s1": old})
    assert "more grounds" in made[0].reason
    same = replace(new, reasons=old.reasons)
    assert not reopened(standing, {"s1": same}, STRICTER, who="A. Officer", when=WHEN, before={"s1": old})


def test_rejections_and_what_is_open_stay_as_they_are() -> None:
    rejected = reject(verdict("s1"), who="Dr Example", reason="odd", when=WHEN)
    opened = replace(rejected, sample="s2", status="reopened")
    verdicts = {s: verdict(s, "block", STRICTER) for s in ("s1", "s2")}
    assert not reopened({"s1": rejected, "s2": opened}, verdicts, STRICTER, who="A. Officer", when=WHEN)


def test_what_may_leave_is_approved_checked_and_no_worse_than_approved() -> None:
    assert why_not_exportable(approved("s1"), verdict("s1"), POLICY) == ""
    assert why_not_exportable(approved("s1", "review"), verdict("s1"), POLICY) == ""
    rejected = reject(verdict("s1"), who="Dr Example", reason="odd", when=WHEN)
    for decision, judged, policy in [
        (None, verdict("s1"), POLICY),
        (rejected, verdict("s1"), POLICY),
        (replace(rejected, status="reopened"), verdict("s1"), POLICY),
        (approved("s2"), verdict("s1"), POLICY),
        (approved("s1"), verdict("s1", "review"), POLICY),
        (approved("s1"), verdict("s1", "block"), POLICY),
        (replace(approved("s1"), verdict="block"), verdict("s1", "block"), POLICY),
        (approved("s1"), verdict("s1"), STRICTER),
    ]:
        assert why_not_exportable(decision, judged, policy)
