"""All that is reported of how far readers agree on one question, and of how far each agrees with themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from medsynth_desktop.studies.statistics.estimate import Estimate, not_defined
from medsynth_desktop.studies.statistics.gwet import gwet_ac, raw_agreement
from medsynth_desktop.studies.statistics.intraclass import FORMS, Form, intraclass
from medsynth_desktop.studies.statistics.kappa import weighted_kappa
from medsynth_desktop.studies.statistics.krippendorff import krippendorff_alpha
from medsynth_desktop.studies.statistics.ratings import check_ratings
from medsynth_desktop.studies.statistics.shares import clustered_share


@dataclass(frozen=True)
class Agreement:
    """How far readers agree, by several measures: where nearly all answers are alike they differ widely.

    Attributes
    ----------
    raw
        Share of pairs that chose the same option.
    kappa_linear, kappa_quadratic
        Cohen's weighted kappa, the mean of pairs of more than two readers.
    alpha
        Krippendorff's, ordinal.
    ac1, ac2
        Gwet's, unweighted and with quadratic weights.
    intraclass
        The six forms of Shrout and Fleiss; ICC(2,1) is the one to report.
    """

    raw: Estimate
    kappa_linear: Estimate
    kappa_quadratic: Estimate
    alpha: Estimate
    ac1: Estimate
    ac2: Estimate
    intraclass: dict[Form, Estimate]

    def facts(self) -> dict[str, Any]:
        """All of them for a program to read."""
        return {
            "raw": self.raw.facts(),
            "kappa_linear": self.kappa_linear.facts(),
            "kappa_quadratic": self.kappa_quadratic.facts(),
            "krippendorff_alpha_ordinal": self.alpha.facts(),
            "gwet_ac1": self.ac1.facts(),
            "gwet_ac2_quadratic": self.ac2.facts(),
            **{form: icc.facts() for form, icc in self.intraclass.items()},
        }


_NEVER = not_defined("no case was answered twice")
NEVER_TWICE = Agreement(_NEVER, _NEVER, _NEVER, _NEVER, _NEVER, _NEVER, dict.fromkeys(FORMS, _NEVER))
"""Of a reader with themselves, where nothing was shown again or not yet."""


def measure_agreement(ratings: np.ndarray, options: int) -> Agreement:
    """Return how far the readers of (readers, cases) ``ratings`` agree, from 1 to ``options``, NaN where missing.

    The intervals, but for those of ICC(2,.), speak of these readers and of other cases.
    """
    table = check_ratings(ratings, options)
    return Agreement(
        raw=raw_agreement(table, options),
        kappa_linear=weighted_kappa(table, options, "linear"),
        kappa_quadratic=weighted_kappa(table, options, "quadratic"),
        alpha=krippendorff_alpha(table, options, "ordinal"),
        ac1=gwet_ac(table, options, "identity"),
        ac2=gwet_ac(table, options, "quadratic"),
        intraclass=intraclass(table),
    )


@dataclass(frozen=True)
class IntraReader:
    """How far readers agree with themselves when they see a case again.

    Attributes
    ----------
    readers
        Each reader's `Agreement` of first and second answers.
    raw, ac2
        Of all readers together, clustered on cases: several readers may have seen the same case again.
    """

    readers: tuple[Agreement, ...]
    raw: Estimate
    ac2: Estimate


def measure_repeats(first: np.ndarray, second: np.ndarray, options: int) -> IntraReader:
    """Return the intra-reader agreement of (readers, cases) first and second answers.

    Both from 1 to ``options``, NaN where a reader gave none; only cases with both take part.

    Raises
    ------
    ValueError
        When the two tables have not the same form.
    """
    before, after = check_ratings(first, options), check_ratings(second, options)
    if before.shape != after.shape:
        raise ValueError(
            f"first and second answers must have one shape; got {before.shape} and {after.shape}"
        )
    both = ~(np.isnan(before) | np.isnan(after))
    before, after = np.where(both, before, np.nan), np.where(both, after, np.nan)
    owners = np.broadcast_to(np.arange(before.shape[1]), before.shape).ravel()
    twice = [own.any() for own in both]
    readers = tuple(
        measure_agreement(np.stack(pair), options) if known else NEVER_TWICE
        for *pair, known in zip(before, after, twice, strict=True)
    )
    if not any(twice):
        return IntraReader(readers, NEVER_TWICE.raw, NEVER_TWICE.ac2)
    return IntraReader(
        readers=readers,
        raw=clustered_share((both & (before == after)).sum(axis=0), both.sum(axis=0)),
        ac2=gwet_ac(np.stack([before.ravel(), after.ravel()]), options, "quadratic", clusters=owners),
    )
