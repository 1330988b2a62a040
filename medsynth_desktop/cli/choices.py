"""Names that options take, so that a wrong one is told at once: what registers them takes seconds to read.

`tests/cli/test_choices.py` holds them to the registries.
"""

from __future__ import annotations

from typing import Literal

Sampler = Literal["ddim", "ddpm", "dpm-solver++2m", "pndm", "rectified-flow", "unipc"]
Preset = Literal[
    "tiny", "small", "medium", "large", "kl-2d", "vqgan", "vqvae", "vqvae-2d", "small-vqgan", "small-vqvae"
]
Precision = Literal["32", "bf16", "16"]
PrecisionOrAuto = Literal["32", "bf16", "16", "auto"]
NearestBy = Literal["correlation", "rmse"]
Parts = Literal["attention", "all"]
