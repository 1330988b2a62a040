"""How much a differentially private training tells of one patient, by two independent accountants.

Opacus' numerically composed privacy random variables (Gopi et al. 2021, arXiv:2106.02848) choose the noise and give the
epsilon; Google's privacy loss distributions (dp-accounting; Koskela et al. 2020, arXiv:1906.03049) check it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from medsynth_desktop.core.errors import InputRefused, StoreFailed

ACCOUNTANT, SECOND = "PRV (Opacus)", "PLD (dp-accounting)"
EXACT = 0.01
"""Error of the first accountant's epsilon, which is an upper bound; and share by which the second may differ."""
SMALLEST, LARGEST = 0.1, 100.0
"""Epsilons that can be asked for: less is out of reach of any training here, more protects nobody."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """Poisson-sampled Gaussian noise: ``noise`` in units of the clip, ``share`` of the patients drawn, ``steps``."""

    noise: float
    share: float
    steps: int


def noise_for(epsilon: float, delta: float, share: float, steps: int) -> float:
    """The least noise with which so many steps stay below ``epsilon`` at ``delta``.

    Raises
    ------
    InputRefused
        Numbers out of range; or an epsilon that no noise of reason reaches.
    """
    if not SMALLEST <= epsilon <= LARGEST:
        raise InputRefused(f"Epsilon must lie between {SMALLEST:g} and {LARGEST:g}; got {epsilon:g}.")
    if not 0 < delta < 1 or not 0 < share <= 1 or steps < 1:
        raise InputRefused(
            f"Delta must lie between 0 and 1, a step draw a share of the patients; got {delta:g} and {share:g}."
        )
    _need()
    from opacus.accountants.utils import get_noise_multiplier

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            noise = get_noise_multiplier(
                target_epsilon=epsilon, target_delta=delta, sample_rate=share, steps=steps, accountant="prv",
                epsilon_tolerance=EXACT,
            )  # fmt: skip
        except (ValueError, RuntimeError):
            raise InputRefused(
                f"No noise reaches epsilon {epsilon:g} at delta {delta:g} in {steps} steps; take fewer steps or a "
                "larger epsilon."
            ) from None
    return float(noise)


def spent(done: Mechanism, delta: float) -> tuple[float, float]:
    """Epsilon at ``delta`` of what was done, by both accountants.

    Raises
    ------
    StoreFailed
        When they differ by more than `EXACT`: then neither is to be believed.
    """
    _need()
    from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent
    from dp_accounting.pld import PLDAccountant
    from opacus.accountants import PRVAccountant

    first = PRVAccountant()
    first.history = [(done.noise, done.share, done.steps)]
    second = PLDAccountant()
    event = PoissonSampledDpEvent(done.share, GaussianDpEvent(done.noise))
    second.compose(SelfComposedDpEvent(event, done.steps))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = float(second.get_epsilon(delta))
        error = min(
            EXACT, EXACT * max(theirs, SMALLEST) / 2
        )  # absolute; a small epsilon is held to the same share
        ours = float(first.get_epsilon(delta, eps_error=error))
    if abs(ours - theirs) > EXACT * max(ours, theirs):
        raise StoreFailed(
            f"The two privacy accountants differ: epsilon {ours:.4g} and {theirs:.4g}; nothing was written. "
            "Please report it."
        )
    return ours, theirs


def _need() -> None:
    try:
        import dp_accounting  # noqa: F401
        import opacus  # noqa: F401
    except ImportError:
        raise InputRefused(
            "Differentially private training needs the packages opacus and dp-accounting; install them with "
            "pip install 'medsynth-desktop[private]'."
        ) from None
