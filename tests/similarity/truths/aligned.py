"""Likeness after the disguise is undone. A copy has e / (e + 0.05) where borders have energy e, at most 1: 0.95."""

from tests.similarity.truths import Truth
from tests.similarity.truths.disguises import of

TRUTHS = [
    Truth("itself", of("itself"), 0.90, 0.96),
    Truth("its mirror image", of("mirrored"), 0.90, 0.96),
    Truth("its negative", of("negative"), 0.90, 0.96),
    Truth("half as bright", of("half as bright"), 0.90, 0.96),
    Truth("half of it: about half as alike", of("half of it"), 0.30, 0.65),
    Truth("another patient", of("another patient"), -1.0, 0.40),
    Truth("noise", of("noise"), -1.0, 0.30),
]
