from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from medsynth_desktop.core.records import Decision, ReleaseRecord
from medsynth_desktop.releases.ratings import RatedQuestion, Ratings, make_rule
from medsynth_desktop.releases.verify import VerifyReport
from medsynth_desktop.workbench.decision_table import (
    COLUMNS,
    DecisionTable,
    decision_count_words,
    release_folder,
    release_rows,
    reopened_words,
    verify_words,
)

WHEN = "2026-03-01T12:34:56+00:00"
DECISION, REASON, RATED = ([c.key for c in COLUMNS].index(key) for key in ("decision", "reason", "rated"))
VERDICTS = {"a": "pass", "b": "review", "c": "block", "d": "pass"}


def decided(sample: str, status: str) -> Decision:
    return Decision(sample, status, "because", "Dr Who", WHEN, "p", "pass")  # type: ignore[arg-type]


def table(*decisions: Decision, trying: bool = False) -> DecisionTable:
    return DecisionTable(list("abcde"), VERDICTS, {d.sample: d for d in decisions}, trying)


def test_what_waits_for_a_decision_comes_first() -> None:
    made = table(decided("a", "approved"), decided("b", "rejected"), decided("d", "reopened"))
    assert made.order == ["d", "c", "e", "a", "b"]
    assert made.reopened(0)
    assert [made.text(0, c) for c in range(7)] == [
        "d",
        "Pass ●",
        "",
        "Re-opened",
        "because",
        "Dr Who",
        "2026-03-01 12:34 UTC",
    ]
    assert [made.text(2, c) for c in range(7)] == ["e", "Not checked", "", "Undecided", "", "", ""]


def test_counts_and_what_was_reopened_in_words() -> None:
    counts = table(decided("a", "approved"), decided("d", "reopened")).counts()
    assert decision_count_words(counts) == "1 re-opened · 1 approved · 0 rejected · 3 undecided"
    assert reopened_words(counts).startswith("1 approval was re-opened because the thresholds changed")
    assert reopened_words(table().counts()) == ""


def test_a_blocked_sample_is_never_asked_to_be_decided_again() -> None:
    passing, blocked = table(decided("d", "reopened")), table(decided("c", "reopened"))
    assert "decide again" in passing.tip(0, DECISION)
    assert "cannot be approved" in blocked.tip(0, DECISION)
    assert "again" not in blocked.tip(0, DECISION)
    assert (passing.blocked_again(), blocked.blocked_again()) == (0, 1)
    two = {"reopened": 2}
    assert "blocked" not in reopened_words(two)
    assert reopened_words(two, 2).endswith("All are blocked now and cannot be approved.")
    assert reopened_words(two, 1).endswith("1 of them is blocked now and cannot be approved.")
    assert reopened_words({"reopened": 1}, 1).endswith("It is blocked now and cannot be approved.")


def test_a_long_reason_is_whole_in_its_tip() -> None:
    made = DecisionTable("a", {}, {"a": replace(decided("a", "rejected"), reason="a word " * 40)})
    assert made.tip(0, REASON).split() == ["a", "word"] * 40
    assert max(map(len, made.tip(0, REASON).splitlines())) <= 70


@pytest.mark.parametrize(
    ("samples", "user", "reason", "hint"),
    [
        ([], "me", "", "Select"),
        (["a"], "", "", "Sign in"),
        (["a", "c"], "me", "fine", "c is blocked"),
        (["e"], "me", "fine", "not checked"),
        (["b"], "me", " ", "under review"),
        (["b"], "me", "looked at it", ""),
        (["a", "d"], "me", "", ""),
    ],
)
def test_why_samples_cannot_be_approved(samples: list[str], user: str, reason: str, hint: str) -> None:
    why = table().why_not_approve(samples, user, reason)
    assert (why == "") == (hint == "")
    assert hint in why


def test_rejecting_needs_a_reason_also_for_blocked_samples() -> None:
    assert "reason" in table().why_not_reject(["c"], "me", "")
    assert table().why_not_reject(["c"], "me", "a copy") == ""


def test_nothing_is_decided_while_thresholds_are_tried_out() -> None:
    made = table(trying=True)
    for why in (
        made.why_not_approve(["a"], "me", ""),
        made.why_not_reject(["a"], "me", "x"),
        made.why_not_approve_passing("me"),
    ):
        assert "tried out" in why


def test_all_passing_are_those_without_a_standing_decision() -> None:
    assert table().passing() == ["a", "d"]
    assert table(decided("a", "approved"), decided("d", "reopened")).passing() == ["d"]
    assert "No passing" in table(decided("a", "approved"), decided("d", "rejected")).why_not_approve_passing(
        "me"
    )


def test_an_export_needs_an_approval() -> None:
    assert table().why_not_export()
    assert table(decided("a", "approved")).why_not_export() == ""


def test_sorting_by_any_column() -> None:
    made = table()
    made.sort(0, descending=True)
    assert made.order == list("edcba")


def test_many_samples_are_named_shortly() -> None:
    many = [f"s{i}" for i in range(9)]
    made = DecisionTable(many, dict.fromkeys(many, "block"), {})
    assert "s0, s1, s2 and 6 more are blocked" in made.why_not_approve(many, "me", "")


def test_a_release_folder_is_always_new(tmp_path: Path) -> None:
    first = release_folder(tmp_path, "batch 1")
    assert first == tmp_path / "release-batch-1"
    first.mkdir()
    assert release_folder(tmp_path, "batch 1") == tmp_path / "release-batch-1-2"


def test_releases_newest_first() -> None:
    old = ReleaseRecord("r1", "x", "a" * 64, ("s",), "2026-01-01T00:00:00+00:00")
    new = ReleaseRecord("r2", "x", "b" * 64, ("s", "t"), "2026-02-01T00:00:00+00:00")
    assert release_rows([old, new]) == [
        ("r2", "2026-02-01 00:00 UTC", "2"),
        ("r1", "2026-01-01 00:00 UTC", "1"),
    ]


def test_a_verification_in_words() -> None:
    good, problems = verify_words(VerifyReport(True, (), 3))
    assert good.startswith("✓")
    assert problems == ()
    assert "No signer was given" in verify_words(VerifyReport(True, (), 3, manifest_hash="ab"))[0]
    bad, problems = verify_words(VerifyReport(False, ("x was changed.",), 3))
    assert bad.startswith("✗")
    assert "1 problem" in bad
    assert problems == ("x was changed.",)


def rated(readers: int = 2, median: str = "C") -> DecisionTable:
    """a: anatomy C by two, look B to C by two; b: C by one; d: nothing."""
    found = {
        "a": {
            "anatomy": RatedQuestion("anatomy", 4, {"anna": 3, "ben": 3}),
            "look": RatedQuestion("look", 4, {"anna": 2, "ben": 3}),
        },
        "b": {"anatomy": RatedQuestion("anatomy", 4, {"anna": 3})},
        "d": {},
    }
    return DecisionTable(list("abd"), VERDICTS, {}, ratings=Ratings(make_rule(readers, median), found))


def test_ratings_stand_beside_the_verdicts() -> None:
    made = rated()
    assert [made.text(row, RATED) for row in range(3)] == ["B to C (2)", "C (1)", ""]
    assert made.tip(0, RATED).splitlines()[:2] == ["anatomy C (2 readers)", "look B to C (2 readers)"]
    assert "the release policy asks" in made.tip(0, RATED)
    assert "by 0 of 2 readers" in made.tip(2, RATED)
    assert not Ratings(None, {"a": {}})
    assert Ratings(None, made.ratings.found)


def test_what_readers_have_not_rated_well_is_not_approved() -> None:
    made = rated(2, "C")
    assert "look B to C" in made.why_not_approve(["a"], "me", "")
    assert "by 1 of 2 readers" in made.why_not_approve(["b"], "me", "looked at it")
    assert "1 more sample lacks it too" in made.why_not_approve(["a", "d"], "me", "")
    assert made.passing() == []
    assert "look B to C" in made.why_not_approve_passing("me")
    made = rated(2, "B")
    assert made.why_not_approve(["a"], "me", "") == ""
    assert made.passing() == ["a"], "d passes the guard, but nobody rated it"
    assert made.why_not_reject(["d"], "me", "unlike any head") == ""
