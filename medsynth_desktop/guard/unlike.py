"""Images that resemble no real one: noise, or something else than the cohort shows. No copies, but no success."""

from __future__ import annotations

import numpy as np


def count_unlike(correlations: np.ndarray, unseen: np.ndarray) -> int:
    """Return how many of ``correlations`` lie below every one of ``unseen``.

    Both are highest correlations with a training image: (n,) of a batch, (m,) of unseen patients; NaN counts as none.
    """
    known = np.asarray(unseen, np.float64)
    known = known[np.isfinite(known)]
    return int((np.asarray(correlations, np.float64) < known.min()).sum()) if known.size else 0


def unlike_words(correlations: np.ndarray, unseen: np.ndarray) -> str:
    """Say that images resemble nothing, as a warning; empty where none does."""
    count = count_unlike(correlations, unseen)
    if not count:
        return ""
    what = (
        "is less like any real image than every unseen patient is: it is no copy, but it may show no such thing "
        "either; look at it."
        if count == 1
        else "are less like any real image than every unseen patient is: they are no copies, but they may show no "
        "such thing either; look at them."
    )
    return f"{count} of {len(correlations)} images {what}"
