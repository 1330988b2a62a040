"""Likeness of the likest part: as `aligned` where the part is copied, whatever the rest is."""

from tests.similarity.truths import Truth
from tests.similarity.truths.disguises import of

TRUTHS = [
    Truth("itself", of("itself"), 0.90, 0.96),
    Truth("its mirror image", of("mirrored"), 0.90, 0.96),
    Truth("its negative", of("negative"), 0.90, 0.96),
    Truth("half of it", of("half of it"), 0.90, 0.96),
    Truth("another patient", of("another patient"), -1.0, 0.65),
    Truth("noise", of("noise"), -1.0, 0.40),
]
