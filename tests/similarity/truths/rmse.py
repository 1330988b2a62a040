"""Root of the mean of four squared differences."""

from tests.similarity.truths import exactly, four

A = (1, -1, 0, 0)
TRUTHS = [
    exactly("itself", four(A, A), 0.0),
    exactly("one pixel by 1: sqrt(1 / 4)", four((0, -1, 0, 0), A), 0.5),
    exactly("a quarter brighter everywhere", four((1, -0.5, 0.25, 0.25), (0.75, -0.75, 0, 0)), 0.25),
    exactly("its negative: sqrt((4 + 4) / 4)", four((-1, 1, 0, 0), A), 2**0.5),
    exactly("the smallest of several counts", four((0, -1, 0, 0), (-1, 1, 0, 0), A), 0.5),
]
