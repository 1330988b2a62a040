"""What a differentially private training guarantees, as it stands in a bundle and wherever that is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Parts: TypeAlias = Literal["attention", "all"]
"""Of the diffusion UNet, what is fine-tuned."""
CHECKPOINT = "private.ckpt"
"""Stands in the folder of a fine-tuning, with the random secret of its noise."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """What differential privacy a model was fine-tuned with: adding or removing a patient changes little.

    Attributes
    ----------
    epsilon, delta, accountant
        The guarantee, for all images of a patient together, and what worked it out.
    second_epsilon, second_accountant
        The same by an independent accountant.
    noise, clip, share, steps
        Standard deviation of the noise in units of ``clip``, the largest norm of a patient's gradient; the share of
        the patients that each of the ``steps`` drew (Poisson).
    parts
        What was fine-tuned: ``attention`` or ``all`` of the diffusion UNet.
    base
        Hash of the bundle that it began from; the guarantee says nothing of whom that had learnt from.
    """

    epsilon: float
    delta: float
    accountant: str
    second_epsilon: float
    second_accountant: str
    noise: float
    clip: float
    share: float
    steps: int
    parts: str
    base: str

    @property
    def words(self) -> str:
        """The guarantee in a few words."""
        return f"epsilon {self.epsilon:.3g}, delta {self.delta:.0e} for a patient, as its maker says"

    @property
    def details(self) -> str:
        """How it was worked out, and what it does not cover."""
        return (
            f"Differential privacy of fine-tuning {self.parts} of the diffusion UNet, {self.steps} steps, by "
            f"{self.accountant}; {self.second_epsilon:.3g} by {self.second_accountant}. It says nothing of whom the "
            f"model {self.base[:12]}, which it began from, had learnt from."
        )
