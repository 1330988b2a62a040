"""Whether readers can tell synthetic images from real ones. Synthetic is the positive kind throughout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsynth_desktop.studies.statistics.estimate import Estimate
from medsynth_desktop.studies.statistics.multireader import (
    FEW_READERS,
    RESAMPLES,
    ByReader,
    obuchowski_rockette,
    two_way_bootstrap,
)
from medsynth_desktop.studies.statistics.ratings import check_truth
from medsynth_desktop.studies.statistics.roc import empirical_auc, wins
from medsynth_desktop.studies.statistics.shares import share


@dataclass(frozen=True)
class Recognition:
    """One reader's.

    Attributes
    ----------
    accuracy
        Share of answers that are right.
    sensitivity
        Share of synthetic cases that were called synthetic.
    specificity
        Share of real cases that were called real.
    auc
        Area under the empirical ROC curve of the confidence; 0.5 is guessing.
    """

    accuracy: Estimate
    sensitivity: Estimate
    specificity: Estimate
    auc: Estimate


@dataclass(frozen=True)
class MeanOverReaders:
    """One number's mean over readers.

    Attributes
    ----------
    bootstrap
        With readers and cases drawn again.
    analytic
        With an analysis of variance, which holds with few readers too.
    caution
        A sentence where readers are too few for the bootstrap; else "".
    """

    bootstrap: Estimate
    analytic: Estimate
    caution: str = ""


@dataclass(frozen=True)
class RecognitionStudy:
    """All readers', and the means over them by the names of `Recognition`'s fields."""

    readers: tuple[Recognition, ...]
    means: dict[str, MeanOverReaders]


def signed_confidence(called: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Return scores that rise with how surely a case was called synthetic: confidence times 1 (synthetic) or -1 (real).

    ``called`` holds 1, 0 or NaN, ``confidence`` numbers above 0, the more the surer; both have one shape.
    """
    return np.asarray((2 * np.asarray(called, float) - 1) * np.asarray(confidence, float))


def measure_recognition(
    called: np.ndarray,
    score: np.ndarray,
    synthetic: np.ndarray,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
) -> RecognitionStudy:
    """Return how well readers tell synthetic cases from real ones.

    Parameters
    ----------
    called
        (readers, cases) 1 where a reader called a case synthetic, 0 where real, NaN without an answer.
    score
        (readers, cases) how surely synthetic, the more the surer (`signed_confidence`), NaN without an answer.
    synthetic
        (cases,) the truth.
    generator, resamples
        Of the bootstrap.

    Notes
    -----
    A reader alone: Wilson's intervals, and `roc.empirical_auc`. Means over readers: `multireader`.

    Raises
    ------
    ValueError
        Where the tables do not fit together, or an answer is neither.
    """
    called, score = np.asarray(called, float), np.asarray(score, float)
    if called.ndim != 2 or called.shape != score.shape:
        raise ValueError(f"answers and scores must be readers x cases; got {called.shape} and {score.shape}")
    if not (np.isin(called, (0, 1)) | np.isnan(called)).all():
        raise ValueError("an answer must be 1 (synthetic), 0 (real) or NaN (none)")
    truth = check_truth(synthetic, called.shape[1])
    right = np.where(np.isnan(called), np.nan, called == truth)
    measures: dict[str, ByReader] = {
        "accuracy": mean_by_reader(right),
        "sensitivity": mean_by_reader(np.where(truth, right, np.nan)),
        "specificity": mean_by_reader(np.where(truth, np.nan, right)),
        "auc": area_by_reader(score, truth),
    }
    return RecognitionStudy(
        tuple(_alone(row, scores, truth) for row, scores in zip(right, score, strict=True)),
        {key: mean_over_readers(of, truth, generator, resamples) for key, of in measures.items()},
    )


def mean_over_readers(
    by_reader: ByReader, kinds: np.ndarray, generator: np.random.Generator, resamples: int = RESAMPLES
) -> MeanOverReaders:
    """Return both intervals of one number's mean over readers, and what to think of them."""
    readers = int(np.isfinite(by_reader(np.ones((1, len(kinds))))).sum())
    caution = ""
    if readers < FEW_READERS:
        caution = (
            f"With {readers} reader{'s' * (readers != 1)} the bootstrap does not show how far others would differ; "
            + (
                "it speaks of this reader only."
                if readers == 1
                else "take the interval of the analysis of variance."
            )
        )
    return MeanOverReaders(
        two_way_bootstrap(by_reader, kinds, generator, resamples),
        obuchowski_rockette(by_reader, kinds),
        caution,
    )


def mean_by_reader(values: np.ndarray) -> ByReader:
    """Return the weighted means of each reader's (readers, cases) ``values``, NaN ones aside."""
    given = np.isfinite(values)

    def of(weights: np.ndarray) -> np.ndarray:
        total = weights @ given.T
        means = np.full(total.shape, np.nan)
        return np.asarray(np.divide(weights @ np.nan_to_num(values).T, total, out=means, where=total > 0))

    return of


def area_by_reader(score: np.ndarray, positive: np.ndarray) -> ByReader:
    """Return the weighted areas under each reader's empirical curve of (readers, cases) ``score``."""
    pairs = [wins(row[positive], row[~positive]) for row in score]

    def of(weights: np.ndarray) -> np.ndarray:
        above, below = weights[:, positive], weights[:, ~positive]
        made = []
        for won in pairs:
            total = ((above @ np.isfinite(won)) * below).sum(axis=1)
            area = ((above @ np.nan_to_num(won)) * below).sum(axis=1)
            made.append(np.divide(area, total, out=np.full(len(weights), np.nan), where=total > 0))
        return np.stack(made, axis=1)

    return of


def _alone(right: np.ndarray, score: np.ndarray, truth: np.ndarray) -> Recognition:
    """One reader's numbers, of (cases,) right answers and scores."""
    given = np.isfinite(right)

    def hits(of: np.ndarray) -> Estimate:
        return share(int(np.nansum(right[of])), int((given & of).sum()))

    return Recognition(
        hits(np.ones(len(truth), bool)), hits(truth), hits(~truth), empirical_auc(score[truth], score[~truth])
    )
