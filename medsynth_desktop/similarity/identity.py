"""Retrieval, then verification: which real patient the cohort's own networks take an image for, and how surely.

Source: Packhaeuser et al., anonymous chest radiographs from latent diffusion: a retrieval network finds the most
similar patient, a verification network gives P(same patient), and above t = 0.5 an image is blocked. Here the
verification sees every training image, not only the one retrieved, and the limits come from unseen patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.core.hashing import hash_json
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import ImageRecord, Match, Nearest
from medsynth_desktop.similarity.index import Shelf
from medsynth_desktop.similarity.search import Query
from medsynth_desktop.similarity.table import Table, names_of

FORMAT = 1
"""Counts changes of what is kept, and of how embeddings are compared."""
KEYS = ("retrieval", "verification")
AT_A_TIME = 8
"""Images between two steps: progress and cancel go by these."""
SEGMENT = 256
"""Images in a file of the shelf, at most."""
DIGITS = 9
"""Digits after the point of a cosine: float64's errors are a million times smaller."""


class Recognising(Protocol):
    """What `medsynth_desktop.networks.recogniser.Recogniser` is, seen from here.

    Attributes
    ----------
    grid
        Of the images it takes.
    fingerprint
        Hash of everything that decides its answers.
    """

    grid: tuple[int, ...]
    fingerprint: str

    def embed(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """(n, L) float32 embeddings of unit norm; a row depends on its own image alone."""

    def same(self, query: np.ndarray, others: np.ndarray) -> np.ndarray:
        """(n,) probabilities that embedding ``query`` (L,) and each of ``others`` (n, L) show one patient."""


class IdentitySearch:
    """The real images of one split as embeddings; a `medsynth_desktop.similarity.base.Witness`.

    Parameters
    ----------
    recogniser
        Trained on the same cohort.
    images
        Arrays of one shape in [-1, 1]; read one by one.
    records
        Their records in the same order.
    shelf
        Where the embeddings are kept, by the hashes of the arrays and of the weights; None: they are made at the first
        query. No result depends on it.
    keys
        Which of `KEYS` are told.
    """

    def __init__(
        self,
        recogniser: Recognising,
        images: Sequence[np.ndarray] | np.ndarray,
        records: Sequence[ImageRecord],
        *,
        shelf: Shelf | None = None,
        keys: tuple[str, ...] = KEYS,
    ) -> None:
        if len(images) != len(records):
            raise ValueError(f"{len(images)} images but {len(records)} records")
        self._recogniser, self._images, self._records = recogniser, images, tuple(records)
        self._shelf, self.keys = shelf, keys
        self._rows: np.ndarray | None = None

    @property
    def fingerprint(self) -> str:
        """The weights, how embeddings are compared, and what is told."""
        own = [FORMAT, self._recogniser.fingerprint, *(self.keys if self.keys != KEYS else ())]
        return f"identity-{hash_json(own)[:16]}"

    @property
    def _kept_by(self) -> str:
        return f"identity-{hash_json([FORMAT, self._recogniser.fingerprint])[:16]}"

    def testify(self, queries: Sequence[Query], found: Sequence[Nearest]) -> Steps[list[Nearest]]:
        """Add the highest cosine, the highest P(same patient), and which real image each speaks of.

        Raises
        ------
        InputRefused
            A query of another shape than the real images.
        """
        if queries and self._rows is None:
            try:
                self._rows = yield from self._open(self._shelf)
            except StoreFailed:  # it is only faster when kept
                self._rows = yield from self._open(None)
        told = []
        for number, ((_, image), nearest) in enumerate(zip(queries, found, strict=True), 1):
            values, matches = self._recognise(np.asarray(image))
            metrics = {**nearest.metrics, **values}
            told.append(replace(nearest, metrics=metrics, matches={**nearest.matches, **matches}))
            yield Progress(number, len(queries), "Asking the networks whom each image shows")
        return told

    def _recognise(self, image: np.ndarray) -> tuple[dict[str, float], dict[str, Match]]:
        assert self._rows is not None
        if image.shape != tuple(self._recogniser.grid):
            raise InputRefused(
                f"An image has shape {image.shape}, the cohort's have {self._recogniser.grid}; conform it first."
            )
        query = self._recogniser.embed([image])[0]
        exact = query.astype(np.float64)
        values, matches = {}, {}
        for key in self.keys:
            if key == "retrieval":
                cosine = self._rows.astype(np.float64) @ exact / _lengths(self._rows, exact)
                likeness = np.round(cosine, DIGITS)
            else:
                likeness = self._recogniser.same(query, self._rows)
            best = likeness.max()
            record = min((self._records[i] for i in np.flatnonzero(likeness == best)), key=lambda r: r.id)
            values[key], matches[key] = float(best), Match(record.id, record.patient)
        return values, matches

    def _open(self, shelf: Shelf | None) -> Steps[np.ndarray]:
        """(N, L) embeddings of the real images; what the shelf holds is read from it."""
        names = names_of(self._images, self._records)
        width = self._recogniser.embed([np.asarray(self._images[0])]).shape[1]
        key = f"{shelf.key}-{self._kept_by}" if shelf is not None else ""
        table = Table(shelf.files if shelf is not None else None, key, 1, width)
        missing = table.missing(names)
        for start in range(0, len(missing), SEGMENT):
            some, rows = missing[start : start + SEGMENT], []
            for begin in range(0, len(some), AT_A_TIME):
                few = some[begin : begin + AT_A_TIME]
                rows.append(self._recogniser.embed([np.asarray(self._images[i]) for i in few]))
                yield Progress(start + begin + len(few), len(missing), "Learning who is who, once")
            table.add([names[i] for i in some], np.ones((len(some), 1)), np.concatenate(rows))
        return table.take(2, table.places(names), np.empty((len(names), width), np.float32))


def _lengths(rows: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """(N,) lengths of ``rows`` (N, L) times that of ``vector`` (L,)."""
    squares = np.square(rows.astype(np.float64)).sum(axis=1) * np.square(vector).sum()
    return np.asarray(np.maximum(np.sqrt(squares), 1e-12))
