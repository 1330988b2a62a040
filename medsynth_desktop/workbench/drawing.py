"""How one sample comes about: candidates by latent filtering, attempts by the guard, all from one seed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from medsynth_desktop.core.errors import OutOfMemory, StoreFailed
from medsynth_desktop.core.progress import Progress, Steps, drain, within
from medsynth_desktop.core.records import SampleSettings, Verdict

if TYPE_CHECKING:
    import torch

    from medsynth_desktop.bundles import Bundle
    from medsynth_desktop.guard.latent_filter import LatentFilter

TICK = 0.1
"""Seconds between two reports while a check is waited for."""
Image = tuple[int, np.ndarray]
"""The seed of its noise, and its array."""


class Judge(Protocol):
    """Who says whether an image may stay."""

    def judge(self, images: Sequence[np.ndarray]) -> Steps[list[Verdict]]:
        """Return the verdict of each image."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What became of one seed; see `medsynth_desktop.core.records.SampleRecord` for the fields of the same names."""

    seed: int
    array: np.ndarray
    noise_seed: int
    refused: tuple[str, ...] = ()
    verdict: Verdict | None = None

    @property
    def blocked(self) -> bool:
        """Whether the guard blocked the last attempt too."""
        return self.verdict is not None and self.verdict.verdict == "block"


class Drawer:
    """Draws the samples of a batch.

    Parameters
    ----------
    bundle, settings, device
        As for `medsynth_desktop.samplers.sampling.draw_batch`.
    keep_away
        Chooses among the candidates; needed where more than one is asked for.

    Attributes
    ----------
    guard
        Judges each attempt; None: the first one counts.
    """

    def __init__(
        self, bundle: Bundle, settings: SampleSettings, device: str, keep_away: LatentFilter | None = None
    ) -> None:
        self._bundle, self._settings, self._device, self._filter = bundle, settings, device, keep_away
        self._early: dict[int, Image] = {}
        self.guard: Judge | None = None

    def look_ahead(self, seeds: Sequence[int]) -> Steps[list[np.ndarray]]:
        """Draw the first attempt at ``seeds``; `draw` takes these up instead of drawing them again."""
        for number, seed in enumerate(seeds):
            words = f"first sample {number + 1} of {len(seeds)}, which tells how soft this model draws"
            [self._early[seed]] = yield from within(self._once([seed], 0), words)
        return [self._early[seed][1] for seed in seeds]

    def draw(self, seeds: Sequence[int], ahead: Sequence[int] = ()) -> Steps[list[Drawing]]:
        """Draw an image for each seed, all seeds of one attempt together.

        While the guard judges the first attempts, those at the seeds ``ahead`` are drawn; the next call takes them up.

        Raises
        ------
        InputRefused, OutOfMemory
            As `medsynth_desktop.samplers.sampling.draw_sample`.
        StoreFailed
            When the model draws numbers that are not finite.
        """
        done: dict[int, Drawing] = {}
        refused: dict[int, tuple[str, ...]] = dict.fromkeys(seeds, ())
        most = self._settings.attempts if self.guard is not None else 1
        for attempt in range(most):
            waiting = [seed for seed in seeds if seed not in done]
            if not waiting:
                break
            steps = self._once(waiting, attempt)
            words = f"attempt {attempt + 1} of {most}" if attempt else ""
            images = yield from within(steps, words, stand_still=attempt > 0)
            verdicts = yield from self._judged([array for _, array in images], () if attempt else ahead)
            for seed, (noise, array), verdict in zip(waiting, images, verdicts, strict=True):
                drawing = Drawing(seed, array, noise, refused[seed], verdict)
                if drawing.blocked and verdict is not None:
                    refused[seed] = (*refused[seed], verdict.reasons[0])
                    drawing = Drawing(seed, array, noise, refused[seed], verdict)
                if not drawing.blocked or attempt + 1 == most:
                    done[seed] = drawing
        return [done[seed] for seed in seeds]

    def _judged(self, arrays: Sequence[np.ndarray], ahead: Sequence[int]) -> Steps[Sequence[Verdict | None]]:
        if self.guard is None:
            return [None] * len(arrays)
        words = "checking against real images"
        yield Progress(1, 1, words)
        later = [seed for seed in ahead if seed not in self._early]
        if not later:
            return (yield from within(self.guard.judge(arrays), words, stand_still=True))
        pool = ThreadPoolExecutor(1)
        try:
            judging = pool.submit(drain, self.guard.judge(arrays))
            steps = within(self._once(later, 0), f"{words} while the next one is drawn", stand_still=True)
            try:
                self._early.update(zip(later, (yield from steps), strict=True))
            except OutOfMemory:  # it is a head start: what is missing is drawn in its turn
                yield Progress(1, 1, words)
            while wait([judging], TICK).not_done:
                yield Progress(1, 1, words)
            return judging.result()
        finally:  # a user who cancels does not wait for a check: it only reads
            pool.shutdown(wait=False, cancel_futures=True)

    def _once(self, seeds: Sequence[int], attempt: int) -> Steps[list[Image]]:
        """One attempt: for each seed the candidate that is kept, decoded."""
        from medsynth_desktop.samplers.sampling import decode_latent

        known = {s: self._early.pop(s) for s in seeds if attempt == 0 and s in self._early}
        others = [seed for seed in seeds if seed not in known]
        kept = (yield from self._latents(others, attempt)) if others else []
        for seed, (noise, latent) in zip(others, kept, strict=True):
            array = np.asarray(decode_latent(self._bundle, latent, self._settings.precision), np.float32)
            if not np.isfinite(array).all():
                advice = (
                    "draw with the precision 32"
                    if self._settings.precision == "16"
                    else "its weights are damaged"
                )
                raise StoreFailed(
                    f"The model drew numbers that are not finite; {advice}. No more of it was stored."
                )
            known[seed] = (noise, array)
        return [known[seed] for seed in seeds]

    def _latents(self, seeds: Sequence[int], attempt: int) -> Steps[list[tuple[int, torch.Tensor]]]:
        """For each seed the latent that is kept, and the seed of its noise."""
        from medsynth_desktop.samplers.sampling import draw_latents
        from medsynth_desktop.samplers.seeds import noise_seed

        many, drawn, noises = self._settings.candidates, [], []
        for candidate in range(many):
            noises.append([noise_seed(seed, attempt, candidate) for seed in seeds])
            steps = draw_latents(self._bundle, noises[-1], self._settings, self._device)
            words = f"candidate {candidate + 1} of {many}" if many > 1 else ""
            drawn.append((yield from within(steps, words, (candidate, many))))
        chosen = [0] * len(seeds)
        if self._filter is not None:
            latents = [np.stack([d[row].float().cpu().numpy() for d in drawn]) for row in range(len(seeds))]
            chosen = [self._filter.farthest(candidates) for candidates in latents]
        return [(noises[c][row], drawn[c][row]) for row, c in enumerate(chosen)]
