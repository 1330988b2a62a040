"""Best correlation with another patient over the best of all."""

import math

from tests.similarity.truths import Truth, exactly, four

A, HALF, APART, NEGATIVE = (1, -1, 0, 0), (1, 0, -1, 0), (0, 0, 1, -1), (-1, 1, 0, 0)
TRUTHS = [
    exactly("a copy of A, half like B: 0.5 / 1", four(A, A, HALF), 0.5),
    exactly("a second scan of A does not hide it", four(A, A, A, HALF, owners="AAB"), 0.5),
    exactly("two patients alike: nobody stands out", four(A, A, A), 1.0),
    exactly("nothing in common with B: 0 / 1", four(A, A, APART), 0.0),
    exactly("B its negative: -1 / 1", four(A, A, NEGATIVE), -1.0),
    Truth("one patient only: not defined", four(A, A, HALF, owners="AA"), math.nan, math.nan),
]
