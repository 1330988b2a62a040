"""The seeds behind a sample: of its candidates, and of each new attempt where the guard blocks one.

Noise comes from ``noise_seed(seed, attempt, candidate)``. The first candidate of the first attempt is the sample's own
seed, so that one candidate and one attempt give what they gave before there were more. All others are 63 bits of a
SHA-256 of the three numbers: a simple sum would be the seed of the next sample of the batch.
"""

from __future__ import annotations

import hashlib


def noise_seed(seed: int, attempt: int = 0, candidate: int = 0) -> int:
    """Seed of the noise of a candidate (from 0) of an attempt (from 0) at the sample of ``seed``."""
    if attempt == candidate == 0:
        return seed
    digest = hashlib.sha256(f"medsynth noise {seed} {attempt} {candidate}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
