"""In how many bits networks compute: weights stay in 32, layers that bear it take fewer (torch's autocast)."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, TypeAlias, get_args

import torch

from medsynth_desktop.core.errors import InputRefused

Precision: TypeAlias = Literal["32", "bf16", "16"]
_DTYPES = {"bf16": torch.bfloat16, "16": torch.float16}


def own_precision(device: str) -> Precision:
    """The precision that suits ``device``: bf16 on a CUDA device that has it, else 16; 32 bits elsewhere.

    Processors differ in whether they know bf16, and the same seed is to draw the same image on each of them.
    """
    if not device.startswith("cuda"):
        return "32"
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "16"


def check_precision(precision: str, device: str) -> None:
    """Refuse what is no precision, and 16 bits where there is no CUDA device.

    Raises
    ------
    InputRefused
        Naming what to take.
    """
    if precision not in get_args(Precision):
        raise InputRefused(
            f"The precision must be one of {', '.join(get_args(Precision))}; got {precision!r}."
        )
    if precision == "16" and not device.startswith("cuda"):
        raise InputRefused("Computing in 16 bits needs a CUDA device; take the precision bf16 or 32.")


def computing_in(precision: str, device: str) -> AbstractContextManager[Any]:
    """Within it the layers of networks on ``device`` compute in ``precision``."""
    if precision == "32":
        return nullcontext()
    return torch.autocast(torch.device(device).type, _DTYPES[precision])
