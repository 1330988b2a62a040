"""The riskiest pairs of an audit as pictures for its report: sample, nearest real image, difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath

import numpy as np

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import CohortRecord, Verdict
from medsynth_desktop.guard.audit import AuditResult
from medsynth_desktop.guard.order import riskiest_first
from medsynth_desktop.guard.report_pictures import (
    GIVEN,
    MOST_PAIRS,
    SYNTHETIC,
    UNDONE,
    PairPictures,
    slices_of,
)
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import guarding
from medsynth_desktop.workbench.captions import nearest_caption
from medsynth_desktop.workbench.overlay import Finding, explain_words, finding, undo


def worst_pairs(
    workspace: Workspace,
    cohort: CohortRecord,
    batch: str | None,
    result: AuditResult,
    paths: Sequence[Path] = (),
    most: int = MOST_PAIRS,
) -> list[PairPictures]:
    """Slices of the ``most`` riskiest images beside their nearest real ones, riskiest first.

    ``paths`` are those of images that were given by path; they are read again, and without them none is shown.
    """
    if batch is None and not paths:
        return []
    ordered = [result.verdicts[i] for i in riskiest_first(result.verdicts)]
    chosen = [v for v in ordered if v.nearest.neighbours][:most]
    if not chosen:
        return []
    if batch is not None:
        arrays = dict(guarding.batch_queries(workspace, workspace.batches.get(batch), cohort))
    else:
        arrays = dict(drain(guarding.path_queries(cohort, paths)))
    hashes = {image.id: image.array_hash for image in cohort.images}
    unseen = {key: np.array(values) for key, values in result.calibration.values.items()}
    pairs = []
    for verdict in chosen:
        found = finding(verdict.nearest, result.policy)
        said = explain_words(found, unseen)
        image = found.disguise.image if found and said else verdict.nearest.neighbours[0].image
        real = np.asarray(workspace.arrays.get(hashes[image]))
        undone = found if found and said and found.disguise.done else None
        pairs.append(_pair(verdict, np.asarray(arrays[verdict.id]), real, undone, said.removesuffix(".")))
    return [replace(pair, shown=SYNTHETIC if result.drawn else GIVEN) for pair in pairs]


def _pair(
    verdict: Verdict, sample: np.ndarray, real: np.ndarray, disguised: Finding | None, said: str
) -> PairPictures:
    """The pair; ``real`` is moved as ``disguised`` says, where it is not in its place."""
    # An image given by its path is shown by its name: folders of this machine are nobody else's business.
    name = PurePath(verdict.id.replace("\\", "/")).name
    words = ". ".join(filter(None, [f"{name}: {verdict.verdict}", nearest_caption(verdict.nearest), said]))
    if disguised is None:
        shown, beside, plane = slices_of(sample, real)
        return PairPictures(shown, beside, words, plane)
    undone = undo(sample, real, disguised.disguise, disguised.whole)
    place = (undone.low[-1] + undone.high[-1]) // 2  # through the middle of what is alike
    shown, beside, plane = slices_of(sample, undone.real, place)
    return PairPictures(shown, beside, words, plane, UNDONE)
