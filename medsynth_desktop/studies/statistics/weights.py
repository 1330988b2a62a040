"""How much two options agree: 1 when they are the same, less the further apart they are."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

Weighting = Literal["identity", "linear", "quadratic", "ordinal"]


def agreement_weights(options: int, weighting: Weighting) -> np.ndarray:
    """(options, options) agreement weights, 1 on the diagonal and 0 between the first option and the last.

    With q options and a distance d = |i - j|: identity 1 if d = 0 else 0; linear 1 - d / (q - 1) (Cicchetti and Allison
    1971); quadratic 1 - d^2 / (q - 1)^2 (Fleiss and Cohen 1973); ordinal 1 - C(d + 1, 2) / C(q, 2) (Gwet 2014,
    Handbook of Inter-Rater Reliability, 4th edition, chapter 3).

    Raises
    ------
    ValueError
        For a weighting of another name.
    """
    apart = np.abs(np.subtract.outer(np.arange(options), np.arange(options))).astype(float)
    match weighting:
        case "identity":
            lost = (apart > 0).astype(float)
        case "linear":
            lost = apart / (options - 1)
        case "quadratic":
            lost = (apart / (options - 1)) ** 2
        case "ordinal":
            lost = apart * (apart + 1) / (options * (options - 1))
        case _:
            raise ValueError(f"weighting must be one of {', '.join(get_args(Weighting))}; got {weighting!r}")
    return np.asarray(1 - lost)
