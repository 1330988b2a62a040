"""Three patients' soft blobs of 64x64 pixels, and queries made from the first's. Shared by `aligned` and `part`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy import ndimage

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import Nearest
from medsynth_desktop.similarity.disguised.search import DisguisedSearch
from tests.similarity.truths import records

SHAPE = (64, 64)


@cache
def blobs(seed: int) -> np.ndarray:
    """Soft blobs in [-1, 1]."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(SHAPE), 2.5)
    return np.asarray(noise / np.abs(noise).max(), np.float32)


@cache
def _found() -> dict[str, Nearest]:
    own, other = blobs(0), blobs(99)
    queries = {
        "itself": own,
        "mirrored": own[::-1].copy(),
        "negative": -own,
        "half as bright": 0.5 * own + np.float32(0.2),
        "half of it": np.concatenate([own[:32], other[32:]]),
        "another patient": blobs(77),
        "noise": 0.25 * np.random.default_rng(5).standard_normal(SHAPE).astype(np.float32),
    }
    search = DisguisedSearch([blobs(i) for i in range(3)], records("ABC"))
    nothing = [Nearest(name, (), float("nan")) for name in queries]
    return {n.id: n for n in drain(search.testify(list(queries.items()), nothing))}


def of(name: str) -> Callable[[], Nearest]:
    """What the search finds of a query."""
    return lambda: _found()[name]
