"""Who may decide what: pure rules over verdicts and decisions.

Decisions are append-only; the last one of a sample counts. An approval holds as long as the guard's verdict
is no worse than the one that was approved: a person answers for what was on the screen, not for what came
later.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime

from medsynth_desktop.core.errors import GuardRefused, InputRefused
from medsynth_desktop.core.records import Decision, DecisionStatus, Policy, Verdict

SEVERITY = {"pass": 0, "review": 1, "block": 2}
MAX_WHO, MAX_REASON = 200, 4000


def approve(
    verdict: Verdict, *, who: str, reason: str = "", when: str, policy: Policy | None = None
) -> Decision:
    """Approve one sample for release.

    Parameters
    ----------
    verdict
        The sample's verdict under the thresholds in force.
    who, reason
        The person; why (required where the verdict is review).
    when
        ISO 8601 with offset, for instance ``2026-01-31T12:00:00+00:00``.
    policy
        Where given, the verdict must have been reached under it.

    Raises
    ------
    GuardRefused
        The sample is blocked, or was judged under other thresholds.
    InputRefused
        Nobody is named, a reason is missing, or ``when`` is no time.
    """
    if policy is not None and verdict.policy_hash != policy.hash:
        raise GuardRefused(
            f"{verdict.id} was judged under other thresholds than those in force; check it again."
        )
    if verdict.verdict == "block":
        raise GuardRefused(f"{verdict.id} is blocked and cannot be approved: {_grounds(verdict)}")
    if verdict.verdict == "review" and not _clean(reason, MAX_REASON):
        raise InputRefused(f"{verdict.id} is under review; say why it may be released all the same.")
    return _decide(verdict, "approved", who, reason, when)


def approve_passing(
    verdicts: Iterable[Verdict], *, who: str, reason: str = "", when: str, policy: Policy | None = None
) -> list[Decision]:
    """Approve all whose verdict is pass; the others are left alone. Raises as `approve`."""
    passing = [v for v in verdicts if v.verdict == "pass"]
    return [approve(v, who=who, reason=reason, when=when, policy=policy) for v in passing]


def reject(verdict: Verdict, *, who: str, reason: str, when: str) -> Decision:
    """Keep one sample from release, for a reason.

    Raises
    ------
    InputRefused
        Nobody is named, the reason is missing, or ``when`` is no time.
    """
    if not _clean(reason, MAX_REASON):
        raise InputRefused(f"A rejection needs a reason; say why {verdict.id} must not be released.")
    return _decide(verdict, "rejected", who, reason, when)


def reopened(
    standing: Mapping[str, Decision],
    verdicts: Mapping[str, Verdict],
    policy: Policy,
    *,
    who: str,
    when: str,
    before: Mapping[str, Verdict] | None = None,
) -> list[Decision]:
    """Take back the approvals that changed thresholds no longer bear out.

    Parameters
    ----------
    standing
        Current decision by sample.
    verdicts
        Verdicts by sample under ``policy``, the new one.
    before
        Verdicts under the old policy; where given, a review that now has more grounds is re-opened too.

    Returns
    -------
    list of Decision
        One with status ``reopened`` for each affected approval: its verdict is worse than the approved one,
        or it has none under ``policy``. Approvals whose verdict stayed or became better, rejections and what
        was re-opened before stay as they are.
    """
    made = []
    for sample, decision in sorted(standing.items()):
        if decision.status != "approved":
            continue
        verdict = verdicts.get(sample)
        why = _no_longer_borne_out(decision, verdict, policy, (before or {}).get(sample))
        if why:
            judged = verdict.verdict if verdict is not None else decision.verdict
            made.append(Decision(sample, "reopened", why, _person(who), _time(when), policy.hash, judged))
    return made


def why_not_exportable(decision: Decision | None, verdict: Verdict, policy: Policy) -> str:
    """Why a sample must not leave, in words; empty when it may."""
    if decision is None or decision.status != "approved":
        return "it is not approved" if decision is None else f"it is {decision.status}"
    if decision.sample != verdict.id:
        return "its decision is about another sample"
    if verdict.verdict == "block":
        return "the guard blocks it"
    return _no_longer_borne_out(decision, verdict, policy, None)


def _no_longer_borne_out(
    decision: Decision, verdict: Verdict | None, policy: Policy, before: Verdict | None
) -> str:
    if verdict is None or verdict.policy_hash != policy.hash:
        return "The thresholds changed and the sample has not been checked under the new ones."
    if SEVERITY[verdict.verdict] > SEVERITY[decision.verdict]:
        return (
            f"The thresholds changed: approved when the guard said {decision.verdict}, "
            f"now it says {verdict.verdict}: {_grounds(verdict)}"
        )
    same_review = before is not None and before.verdict == verdict.verdict == "review"
    if same_review and before is not None and len(verdict.reasons) > len(before.reasons):
        return f"The thresholds changed: more grounds for review than were approved: {_grounds(verdict)}"
    return ""


def _decide(verdict: Verdict, status: DecisionStatus, who: str, reason: str, when: str) -> Decision:
    reason = _clean(reason, MAX_REASON)
    return Decision(
        verdict.id, status, reason, _person(who), _time(when), verdict.policy_hash, verdict.verdict
    )


def _person(who: str) -> str:
    name = _clean(who, MAX_WHO)
    if not name:
        raise InputRefused(
            "A decision needs the name of the person who makes it; sign in or give --who NAME."
        )
    return name


def _time(when: str) -> str:
    try:
        known = datetime.fromisoformat(when).tzinfo is not None
    except ValueError:
        known = False
    if not known:
        raise InputRefused(
            f"A decision needs a time with its offset from UTC, in ISO 8601; got {when[:40]!r}."
        )
    return when


def _clean(text: str, limit: int) -> str:
    """One printable line in Unicode's composed form; control and direction marks could mislead a reader."""
    spaced = "".join(" " if c in "\r\n\t" else c for c in text)
    kept = "".join(c for c in spaced if unicodedata.category(c)[0] != "C")
    line = " ".join(unicodedata.normalize("NFC", kept).split())
    if len(line) > limit:
        raise InputRefused(f"At most {limit} characters are recorded; got {len(line)}: shorten the text.")
    return line


def _grounds(verdict: Verdict) -> str:
    return " ".join(verdict.reasons) or "the guard gave no reason."
