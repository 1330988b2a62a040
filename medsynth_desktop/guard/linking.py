"""The risk that a released image links to a patient: shares of a batch with their intervals, and what they mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medsynth_desktop.core.records import Verdict
from medsynth_desktop.core.wilson import wilson_interval


@dataclass(frozen=True, slots=True)
class LinkRisk:
    """How many images of a batch are linked to a patient, and how many of those that pass could be.

    Attributes
    ----------
    linked, total
        Images that the guard blocks (copies, copies in disguise or in part, and whatever else lies beyond a block
        limit) but for ``strays``, of all that were checked.
    passing
        Images that pass; by definition none of them is linked as far as the guard can see.
    innocent
        Share of unseen patients' images that the same limits would block: links that mean nothing. NaN where it is not
        known.
    unseen
        How many images of unseen patients that share rests on.
    strays
        Images that resemble no patient and are blocked by Lowe's ratio alone
        (`medsynth_desktop.guard.unlike.only_standing_out`).
    """

    linked: int
    total: int
    passing: int
    innocent: float = math.nan
    unseen: int = 0
    strays: int = 0

    @property
    def share(self) -> float:
        """Linked images of all; NaN without any."""
        return self.linked / self.total if self.total else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95% Wilson interval of ``share``, for the model: what other batches of it would show."""
        return wilson_interval(self.linked, self.total)

    @property
    def passing_upper(self) -> float:
        """Upper end of the 95% Wilson interval of 0 linked images of ``passing``."""
        return wilson_interval(0, self.passing)[1]

    @property
    def innocent_interval(self) -> tuple[float, float]:
        """95% Wilson interval of ``innocent``; (0, 1) where it is not known."""
        if not math.isfinite(self.innocent):
            return 0.0, 1.0
        return wilson_interval(round(self.innocent * self.unseen), self.unseen)

    @property
    def more_than_innocent(self) -> bool:
        """Whether clearly more of the batch is linked than of unseen patients: the intervals do not touch."""
        return self.total > 0 and self.interval[0] > self.innocent_interval[1]

    def sentences(self, drawn: bool = True) -> tuple[str, ...]:
        """What this means, for a person who is no programmer; images not ``drawn`` by a model stand for no others."""
        if not self.total:
            return ()
        low, high = self.interval
        told = [
            f"{self.linked} of {self.total} images ({_percent(self.share)}) may link to a patient: they lie beyond a "
            "block limit."
        ]
        if drawn:
            told[0] += (
                f" Of all images that this source would give, between {_percent(low)} and {_percent(high)} would (95% "
                "Wilson interval)."
            )
        if self.strays:
            told.append(
                f"{self.strays} more {'is' if self.strays == 1 else 'are'} blocked by Lowe's ratio alone, though less "
                "like any real image than every unseen patient is: what stands out among faint likenesses is no sign "
                "of a copy."
            )
        if math.isfinite(self.innocent):
            told.append(
                f"Of {self.unseen} images of patients that were never learnt from, {_percent(self.innocent)} would be "
                "blocked as well. "
                + (
                    "These are blocked clearly more often than that: this is no chance."
                    if self.more_than_innocent
                    else "These are not blocked clearly more often than that."
                )
            )
        if self.passing and drawn:
            told.append(
                f"Of the {self.passing} that pass, the guard links none (0 of {self.passing}). Having found none among "
                f"so few, it cannot rule out a share of up to {_percent(self.passing_upper)} (95% Wilson bound); and "
                "it can only speak of the kinds of copies that it looks for."
            )
        return tuple(told)

    def to_json(self) -> dict[str, Any]:
        """The numbers for a program to read."""
        known = math.isfinite(self.innocent)
        return {
            "linked": self.linked,
            "total": self.total,
            "strays": self.strays,
            "share": self.share if self.total else None,
            "interval": list(self.interval),
            "unseen_share": self.innocent if known else None,
            "unseen_interval": list(self.innocent_interval) if known else None,
            "more_than_unseen": self.more_than_innocent,
            "passing": self.passing,
            "passing_upper": self.passing_upper if self.passing else None,
        }


def link_risk(
    verdicts: Sequence[Verdict], innocent: float = math.nan, unseen: int = 0, strays: int = 0
) -> LinkRisk:
    """Count the images that are linked: every one that the guard blocks but the ``strays``."""
    names = [verdict.verdict for verdict in verdicts]
    linked = names.count("block") - strays
    return LinkRisk(linked, len(names), names.count("pass"), innocent, unseen, strays)


def _percent(share: float) -> str:
    """A share in percent: whole ones, or one digit below 10 and two below 1."""
    value = 100 * share
    digits = 0 if value >= 10 or value == 0 else 1 if value >= 1 else 2
    return f"{value:.{digits}f}%"
