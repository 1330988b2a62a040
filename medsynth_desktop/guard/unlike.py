"""Images that resemble no real one: noise, or something else than the cohort shows. No copies, but no success."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from medsynth_desktop.core.records import Policy
from medsynth_desktop.guard.verdicts import BLOCK, judge_many
from medsynth_desktop.similarity import METRICS


def count_unlike(correlations: np.ndarray, unseen: np.ndarray) -> int:
    """Return how many of ``correlations`` lie below every one of ``unseen``.

    Both are highest correlations with a training image: (n,) of a batch, (m,) of unseen patients; NaN counts as none.
    """
    return int(_below_all(correlations, unseen).sum())


def _below_all(correlations: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    known = np.asarray(unseen, np.float64)
    known = known[np.isfinite(known)]
    return np.asarray(np.asarray(correlations, np.float64) < (known.min() if known.size else -np.inf))


def apart_from_disguised(values: Mapping[str, np.ndarray], policy: Policy | None) -> np.ndarray:
    """(n,) highest correlations in ``values`` (by metric), NaN where a witness of ``policy`` blocks.

    A copy in disguise correlates with nothing as it is: of that alone nobody shall say that it is no copy.
    """
    correlations = np.array(values.get("correlation", ()), np.float64)
    limits = policy.thresholds if policy is not None else ()
    witnesses = [t for t in limits if t.metric in METRICS and METRICS[t.metric].optional]
    if policy is not None and witnesses and correlations.size:
        codes = judge_many(values, replace(policy, thresholds=tuple(witnesses)))
        correlations[codes == BLOCK] = np.nan
    return correlations


def only_standing_out(values: Mapping[str, np.ndarray], policy: Policy, unseen: np.ndarray) -> np.ndarray:
    """(n,) bool: blocked by Lowe's ratio alone, and less like any real image than every one of ``unseen`` is.

    Of noise the highest correlation is 0.07 and the next 0.05: the ratio is as low as a copy's, and says nothing, for
    what it was calibrated on are images that resemble the real ones. It blocks, but it links to nobody.
    """
    others = tuple(limit for limit in policy.thresholds if limit.metric != "lowe_ratio")
    blocked = judge_many(values, policy) == BLOCK
    blocked &= judge_many(values, replace(policy, thresholds=others)) != BLOCK
    return np.asarray(blocked & _below_all(values["correlation"], unseen))


def unlike_words(correlations: np.ndarray, unseen: np.ndarray, strays: int = 0) -> str:
    """Say that images resemble nothing, as a warning; empty where none does.

    ``strays`` of them are blocked all the same (`only_standing_out`).
    """
    count = count_unlike(correlations, unseen)
    if not count:
        return ""
    what = (
        "is less like any real image than every unseen patient is: it is no copy that was found, but it may show no "
        "such thing either; look at it."
        if count == 1
        else "are less like any real image than every unseen patient is: they are no copies that were found, but they "
        "may show no such thing either; look at them."
    )
    blocked = ""
    if strays:
        blocked = (
            f" {'It is' if count == strays == 1 else f'{strays} of them are'} blocked all the same, by Lowe's ratio "
            "alone, which is low by chance where every likeness is faint: noise, or a model that needs longer training."
        )
    return f"{count} of {len(correlations)} images {what}{blocked}"
