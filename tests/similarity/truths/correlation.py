"""Pearson: <u, v> / |u||v| of the images less their means. All have mean 0 here unless said."""

from tests.similarity.truths import exactly, four

A = (1, -1, 0, 0)
TRUTHS = [
    exactly("itself", four(A, A), 1.0),
    exactly("half as bright plus a quarter", four((0.75, -0.25, 0.25, 0.25), A), 1.0),
    exactly("its negative", four((-1, 1, 0, 0), A), -1.0),
    exactly("one of two borders shared: 1 / (sqrt 2 sqrt 2)", four((1, 0, -1, 0), A), 0.5),
    exactly("nothing shared", four((0, 0, 1, -1), A), 0.0),
    exactly("the highest of several counts", four((1, 0, -1, 0), (0, 0, 1, -1), A, (-1, 1, 0, 0)), 0.5),
]
