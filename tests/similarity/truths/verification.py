"""One less half the distance from the nearest of (1, 0), (0, 1), (-1, 0)."""

from tests.similarity.truths import Truth, exactly, four
from tests.similarity.truths.recognising import of

TRUTHS = [
    exactly("itself", of(1, 0), 1.0),
    exactly("half as long: half a unit away", of(0, 0.5), 0.75),
    exactly("three, four, five: the hypotenuse of 0.75 and 1", of(0.25, -1), 0.375),
    exactly("a corner of the square: one unit away", of(1, 1), 0.5),
    Truth("nobody was asked", four((1, -1, 0, 0), (1, -1, 0, 0)), float("nan"), float("nan")),
]
