"""Answers of the search for disguises, kept from test to test: the same images are not compared a hundred times.

What is kept is what the search said, by its settings, the real images and the query. Tests of the search itself do not
use this.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from medsynth_desktop.core.hashing import hash_array, hash_json
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import Disguise
from medsynth_desktop.similarity.disguised.search import DisguisedSearch

Query = tuple[str, np.ndarray]


KNOWN: dict[tuple[str, str], tuple[Disguise, ...]] = {}


@pytest.fixture(autouse=True)
def remembered_disguises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every `DisguisedSearch` ask only what none was asked before in this session."""
    ask = DisguisedSearch.query

    def query(self: DisguisedSearch, queries: Sequence[Query]) -> Steps[list[tuple[Disguise, ...]]]:
        over = hash_json([self.fingerprint, [[r.id, r.patient, r.array_hash] for r in self._records]])
        keys = [(over, hash_array(np.asarray(image, np.float32))) for _, image in queries]
        new = {key: one for key, one in zip(keys, queries, strict=True) if key not in KNOWN}
        if new:
            KNOWN.update(zip(new, (yield from ask(self, list(new.values()))), strict=True))
        return [KNOWN[key] for key in keys]

    monkeypatch.setattr(DisguisedSearch, "query", query)
