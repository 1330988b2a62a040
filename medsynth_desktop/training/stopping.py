"""When a training has learnt enough, told by patients that it does not learn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EarlyStop:
    """Stop when the loss is no longer ``gain`` below the mean of the last ``window`` epochs, after ``least`` at least.

    The rule and its numbers are those of Shi et al. for the autoencoder. The loss is that of the patients whose
    ``share`` of the training patients is kept from learning; an epoch shows as many images as are learnt from.
    """

    share: float = 0.1
    least: int = 100
    window: int = 30
    gain: float = 0.01

    def reached(self, losses: Sequence[float]) -> bool:
        """Whether to stop after epochs that ended with these losses of unseen patients; one that is none says yes."""
        if len(losses) < max(self.least, self.window + 1):
            return False
        before = losses[-1 - self.window : -1]
        return not losses[-1] < (1 - self.gain) * math.fsum(before) / len(before)
