"""Images that are an unseen patient's own: no model of the cohort learnt from them, and they are a patient's scan.

Images of which nobody knows where they come from are compared with the patients that limits are calibrated on, too.
Only what leaves no doubt is told (`is_own`): a second search at the calibrated limits would block more innocents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import ImageRecord, Nearest, Verdict
from medsynth_desktop.guard.cautions import DISGUISED
from medsynth_desktop.guard.verdicts import is_copy
from medsynth_desktop.similarity.base import Search
from medsynth_desktop.similarity.search import Query


class WithUnseen:
    """The evidence over the training images; in its place that over unseen ones, where an image is one of those.

    Parameters
    ----------
    training, unseen
        The same searches over either split.
    """

    def __init__(self, training: Search, unseen: Search) -> None:
        self._training, self._unseen = training, unseen

    @property
    def records(self) -> tuple[ImageRecord, ...]:
        """Records of the training images."""
        return self._training.records

    @property
    def fingerprint(self) -> str:
        """That of the evidence over the training images, by which limits are made."""
        return self._training.fingerprint

    def image(self, index: int) -> np.ndarray:
        """The training image of ``records[index]``."""
        return self._training.image(index)

    def query(self, queries: Sequence[Query]) -> Steps[list[Nearest]]:
        """What is nearest to each query."""
        learnt = yield from self._training.query(queries)
        open_ = [row for row, nearest in enumerate(learnt) if not is_own(nearest)]
        others = yield from self._unseen.query([queries[row] for row in open_])
        for row, nearest in zip(open_, others, strict=True):
            if is_own(nearest):
                learnt[row] = nearest
        return learnt


def is_own(nearest: Nearest) -> bool:
    """Whether the image is one of those searched: voxel by voxel, or so like one of them as only its disguises are."""
    values = nearest.metrics
    lies = bool(is_copy(values.get("rmse", np.nan), values.get("correlation", np.nan)))
    return lies or any(values.get(key, -np.inf) >= limit for key, limit in DISGUISED.items())


def tell_unseen(verdict: Verdict, unseen: Sequence[ImageRecord]) -> Verdict:
    """Say of an image of an unseen patient's whose it is, and ask at least for a person; others are as they were."""
    theirs = {record.id for record in unseen}
    if not any(neighbour.image in theirs for neighbour in verdict.nearest.neighbours):
        return verdict
    said = (
        "The real image is one of an unseen patient, whom no model of this cohort learnt from: it is a patient's image "
        "all the same."
    )
    name = verdict.verdict if verdict.verdict == "block" else "review"
    reasons = tuple(reason for reason in verdict.reasons if verdict.verdict != "pass")
    return replace(verdict, verdict=name, reasons=(*reasons, said))
