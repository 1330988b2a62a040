"""What turns images into vectors of features, and where such extractors come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from medsynth_desktop.core.records import CohortRecord
    from medsynth_desktop.store.workspace import Workspace


class Extractor(Protocol):
    """A function from images to vectors of features.

    A row depends on its own image alone: not on the others of the call, nor on their order or number.

    Attributes
    ----------
    name
        What a person reads: ``VGG16 (ImageNet)``.
    fingerprint
        Hash of everything that decides a row: the weights, and how images are prepared for them.
    """

    @property
    def name(self) -> str:
        """What a person reads."""

    @property
    def fingerprint(self) -> str:
        """Hash of weights and preparation."""

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return (n, L) float32 rows of n ``images`` in [-1, 1] on a cohort's grid, 2D or 3D.

        L is the same in every call. The rows' scale means nothing: a dictionary brings each to length 1.
        """


@dataclass(frozen=True, slots=True)
class Choice:
    """Which extractor a cohort's dictionary uses, as a person chose it.

    Attributes
    ----------
    source
        Key of a `Source`.
    weights
        Path of a file of weights; "" where the source finds them by itself.
    preparation
        How images are prepared for such a file; "" where the source knows.
    """

    source: str
    weights: str = ""
    preparation: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where one kind of extractor comes from: never from the network, and never untrained.

    Attributes
    ----------
    key, label, description
        Name at the command line, name on the screen, one sentence for a person who chooses.
    lacking
        From workspace, cohort and choice to a sentence that says what is missing and what to do; "" where the
        extractor can be opened. It looks only, and is quick: no weights are read.
    open
        The extractor; raises `medsynth_desktop.core.errors.InputRefused` where ``lacking`` has something to say, or
        where the weights turn out to be no good.
    takes_file
        Whether a person may give a file of weights.
    """

    key: str
    label: str
    description: str
    lacking: Callable[[Workspace, CohortRecord, Choice], str]
    open: Callable[[Workspace, CohortRecord, Choice], Extractor]
    takes_file: bool = False
