"""The table of decisions of the Release panel, and why a decision cannot be taken, in words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from medsynth_desktop.core.records import Decision, ReleaseRecord
from medsynth_desktop.releases.ratings import Ratings
from medsynth_desktop.releases.verify import VerifyReport
from medsynth_desktop.workbench.presenting import verdict_words
from medsynth_desktop.workbench.verdict_table import DECISION_WORDS, UNDECIDED, Column, distinct_letters

COLUMNS = (
    Column("sample", "Sample", "The synthetic image."),
    Column("verdict", "Verdict", "What the guard says under the thresholds in force."),
    Column(
        "rated",
        "Rated",
        "What readers of a study said: the worst median of any question, and how many rated it.",
    ),
    Column("decision", "Decision", "Approved, rejected, or re-opened because the thresholds changed."),
    Column("reason", "Reason", "Why, in the words of who decided."),
    Column("who", "By", "Who decided."),
    Column("when", "When", "When it was decided (UTC)."),
)
RELEASE_COLUMNS = ("Release", "When", "Samples")
"""The id of a release begins its manifest's hash."""
AGAIN = "Re-opened because the thresholds changed: decide again."
NOT_AGAIN = (
    "Re-opened because the thresholds changed. Blocked now, it cannot be approved: reject it, or leave it."
)
TIP_LETTERS = 70
"""Letters in a line of a tool tip, which does not wrap by itself."""
_FIRST = {"reopened": 0, None: 1, "approved": 2, "rejected": 3}
_SHOWN = 3
"""Samples named in a sentence before it says "and N more"."""


class DecisionTable:
    """All samples of a batch: what waits for a decision first, re-opened approvals above all.

    Parameters
    ----------
    samples
        Sample ids in the order they were drawn.
    verdicts
        ``pass``, ``review`` or ``block`` by id, for those that were checked.
    decisions
        Current decision by id.
    trying
        Whether thresholds are being tried out: what passes is then not settled.
    ratings
        What readers said, and what a release asks of it.
    """

    def __init__(
        self,
        samples: Sequence[str],
        verdicts: Mapping[str, str],
        decisions: Mapping[str, Decision],
        trying: bool = False,
        ratings: Ratings | None = None,
    ) -> None:
        self.ratings = ratings or Ratings()
        self.trying = trying
        self.verdicts = verdicts
        self.decisions = decisions
        self.order = sorted(samples, key=lambda s: _FIRST[self._status(s)])
        self._letters = distinct_letters(samples)  # the reason gets the room

    def __len__(self) -> int:
        return len(self.order)

    def _status(self, sample: str) -> str | None:
        decision = self.decisions.get(sample)
        return decision.status if decision else None

    def id(self, row: int) -> str:
        """Sample of ``row``."""
        return self.order[row]

    def verdict(self, row: int) -> str | None:
        """Verdict of ``row``, None when it was not checked."""
        return self.verdicts.get(self.order[row])

    def reopened(self, row: int) -> bool:
        """Whether the approval of ``row`` was taken back by a change of thresholds."""
        return self._status(self.order[row]) == "reopened"

    def text(self, row: int, column: int) -> str:
        """Return what the cell says."""
        sample, key = self.order[row], COLUMNS[column].key
        if key == "sample":
            return sample[: self._letters]
        if key == "verdict":
            return verdict_words(self.verdicts.get(sample))
        if key == "rated":
            return self.ratings.brief(sample)
        decision = self.decisions.get(sample)
        if decision is None:
            return UNDECIDED if key == "decision" else ""
        if key == "decision":
            return DECISION_WORDS[decision.status]
        return time_words(decision.when) if key == "when" else str(getattr(decision, key))

    def tip(self, row: int, column: int) -> str:
        """Return the whole of the cell; of a decision also who took it and when, and what a re-opened one waits for."""
        if COLUMNS[column].key == "sample":
            return self.id(row)
        if COLUMNS[column].key == "rated":
            said = [question.words for question in self.ratings.of(self.id(row))]
            return "\n".join(
                [*said, textwrap.fill(self.ratings.why_not([self.id(row)]), TIP_LETTERS)]
            ).strip()
        whole = textwrap.fill(self.text(row, column), TIP_LETTERS)
        return self._decision_tip(row, whole) if COLUMNS[column].key == "decision" else whole

    def _decision_tip(self, row: int, words: str) -> str:
        decision = self.decisions.get(self.order[row])
        if decision is None:
            return words
        if self.reopened(row):
            words = NOT_AGAIN if self.verdict(row) == "block" else AGAIN
        return f"{words}\n{decision.who}, {time_words(decision.when)}"

    def blocked_again(self) -> int:
        """How many re-opened samples are blocked now, so that nobody can approve them again."""
        return sum(self.reopened(r) and self.verdict(r) == "block" for r in range(len(self)))

    def sort(self, column: int, descending: bool = False) -> None:
        """Sort by what the cells of ``column`` say."""
        rows = sorted(range(len(self)), key=lambda r: self.text(r, column), reverse=descending)
        self.order = [self.order[r] for r in rows]

    def counts(self) -> dict[str, int]:
        """How many are approved, rejected, re-opened and undecided."""
        found = [self._status(s) or "undecided" for s in self.order]
        return {k: found.count(k) for k in ("approved", "rejected", "reopened", "undecided")}

    def why_not_approve(self, samples: Sequence[str], user: str, reason: str) -> str:
        """Why these samples cannot be approved now; empty when they can."""
        refusal = self._why_not_decide(samples, user)
        if refusal:
            return refusal
        if blocked := [s for s in samples if self.verdicts.get(s) == "block"]:
            return (
                f"{_named(blocked)} blocked by the guard and cannot be approved; reject, or leave undecided."
            )
        if unchecked := [s for s in samples if s not in self.verdicts]:
            return f"{_named(unchecked)} not checked yet; use Check batch in the Guard panel first."
        review = [s for s in samples if self.verdicts[s] == "review"]
        if review and not reason.strip():
            return f"{_named(review)} under review; look at the pair and write the reason for approving."
        return self.ratings.why_not(samples)

    def why_not_reject(self, samples: Sequence[str], user: str, reason: str) -> str:
        """Why these samples cannot be rejected now; empty when they can."""
        refusal = self._why_not_decide(samples, user)
        if refusal:
            return refusal
        if unchecked := [s for s in samples if s not in self.verdicts]:
            return f"{_named(unchecked)} not checked yet; use Check batch in the Guard panel first."
        return "" if reason.strip() else "Write the reason for rejecting; it is recorded with your name."

    def _why_not_decide(self, samples: Sequence[str], user: str) -> str:
        if not samples:
            return "Select one or more samples in the table first."
        return self._why_nobody_decides(user)

    def _why_nobody_decides(self, user: str) -> str:
        if self.trying:
            return "Thresholds are being tried out in the Guard panel; apply or discard them first."
        return "" if user else "Sign in with your name first: decisions are recorded under it."

    def passing(self) -> list[str]:
        """Passing samples without a standing decision, rated as is asked: what Approve all passing approves."""
        return [s for s in self._waiting() if not self.ratings.why_not([s])]

    def _waiting(self) -> list[str]:
        return [
            s for s in self.order if self.verdicts.get(s) == "pass" and self._status(s) in (None, "reopened")
        ]

    def why_not_approve_passing(self, user: str) -> str:
        """Why there is nothing to approve at once; empty when there is."""
        refusal = self._why_nobody_decides(user)
        if refusal:
            return refusal
        if self.passing():
            return ""
        return self.ratings.why_not(self._waiting()) or "No passing sample waits for a decision."

    def why_not_export(self) -> str:
        """Why nothing can be exported; empty when something can."""
        approved = [s for s in self.order if self._status(s) == "approved"]
        return (
            self.ratings.why_not(approved) if approved else "Nothing is approved yet; approve samples first."
        )


def _named(samples: Sequence[str]) -> str:
    """``S-1 is``, ``S-1 and S-2 are``, ``S-1, S-2, S-3 and 4 more are``."""
    if len(samples) == 1:
        return f"{samples[0]} is"
    if len(samples) <= _SHOWN:
        return f"{', '.join(samples[:-1])} and {samples[-1]} are"
    return f"{', '.join(samples[:_SHOWN])} and {len(samples) - _SHOWN:,} more are"


def decision_count_words(counts: Mapping[str, int]) -> str:
    """One line: ``12 approved · 1 rejected · 3 undecided``, with the re-opened ones where there are any."""
    words = [f"{counts[k]:,} {k}" for k in ("approved", "rejected", "undecided")]
    if counts["reopened"]:
        words.insert(0, f"{counts['reopened']:,} re-opened")
    return " · ".join(words)


def reopened_words(counts: Mapping[str, int], blocked: int = 0) -> str:
    """Sentences that stand out while approvals are re-opened; empty otherwise. ``blocked``: how many are so now."""
    count = counts["reopened"]
    if not count:
        return ""
    what, they = ("1 approval was", "it does") if count == 1 else (f"{count:,} approvals were", "they do")
    said = f"{what} re-opened because the thresholds changed; until approved again {they} not leave."
    if blocked:
        who = ("It is" if count == 1 else "All are") if blocked == count else f"{blocked:,} of them are"
        said += f" {who.replace('1 of them are', '1 of them is')} blocked now and cannot be approved."
    return said


def time_words(iso: str) -> str:
    """``2026-03-01T12:34:56+00:00`` as ``2026-03-01 12:34 UTC``."""
    utc = iso.endswith("+00:00") or iso.endswith("Z")
    return iso[:16].replace("T", " ") + (" UTC" if utc else "")


def release_folder(parent: Path, batch: str) -> Path:
    """Return the first of ``release-BATCH``, ``release-BATCH-2``, ... that is not in ``parent`` yet."""
    name = "release-" + "".join(c if c.isalnum() or c in "-_." else "-" for c in batch)
    folder, number = parent / name, 1
    while folder.exists():
        number += 1
        folder = parent / f"{name}-{number}"
    return folder


def release_rows(releases: Iterable[ReleaseRecord]) -> list[tuple[str, str, str]]:
    """Id, time and number of samples of each release, newest first."""
    return [
        (r.id, time_words(r.created), f"{len(r.samples):,}")
        for r in sorted(releases, key=lambda r: r.created, reverse=True)
    ]


def verify_words(report: VerifyReport) -> tuple[str, tuple[str, ...]]:
    """Say what a verification found (and cannot have found), and each problem."""
    problems = tuple(report.problems)
    if report.ok:
        good = "✓ The package verifies: nothing was changed, added or left out since it was signed."
        return " ".join([good, *report.warnings]), problems
    what = "1 problem" if len(problems) == 1 else f"{len(problems):,} problems"
    return f"✗ The package does not verify ({what}). Do not hand it on.", problems
