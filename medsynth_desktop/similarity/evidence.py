"""Everything that the guard judges by, from one query: exact neighbours, and what each witness adds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medsynth_desktop.core.hashing import hash_json
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import ImageRecord, Nearest
from medsynth_desktop.similarity.base import Witness
from medsynth_desktop.similarity.search import NearestSearch, Query


class Evidence:
    """The exact search over the real images of one split, and witnesses over the same images.

    Parameters
    ----------
    nearest
        The exact search.
    witnesses
        Each adds values of its own metrics to what was found; asked in this order.
    """

    def __init__(self, nearest: NearestSearch, witnesses: Sequence[Witness] = ()) -> None:
        self._nearest, self._witnesses = nearest, tuple(witnesses)

    @property
    def records(self) -> tuple[ImageRecord, ...]:
        """Records of the real images, in the order given."""
        return self._nearest.records

    @property
    def fingerprint(self) -> str:
        """What the values depend on besides the images and the query: limits are only good for the same."""
        return hash_json([w.fingerprint for w in self._witnesses]) if self._witnesses else ""

    def image(self, index: int) -> np.ndarray:
        """The real image of ``records[index]``."""
        return self._nearest.image(index)

    def query(self, queries: Sequence[Query]) -> Steps[list[Nearest]]:
        """The exact neighbours of each query, with every metric's value.

        Raises
        ------
        InputRefused
            As `medsynth_desktop.similarity.search.NearestSearch.query`.
        """
        found = yield from self._nearest.query(queries)
        for witness in self._witnesses:
            found = yield from witness.testify(queries, found)
        return found
