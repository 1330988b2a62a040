"""Cosine with the nearest of (1, 0), (0, 1), (-1, 0)."""

from tests.similarity.truths import Truth, four
from tests.similarity.truths.recognising import of


def nearly(words: str, x: float, y: float, value: float) -> Truth:
    """A row whose value is known by hand, to nine digits."""
    return Truth(words, of(x, y), value - 1e-9, value + 1e-9)


TRUTHS = [
    nearly("itself", 1, 0, 1.0),
    nearly("half as long", 0, 0.5, 1.0),
    nearly("three, four, five", 0.75, 1, 0.8),
    nearly("half way between two", 0.5, 0.5, 0.5**0.5),
    nearly("opposite to one, across the others", 0, -1, 0.0),
    Truth("nobody was asked", four((1, -1, 0, 0), (1, -1, 0, 0)), float("nan"), float("nan")),
]
