"""From a bundle, a seed and settings to a synthetic image."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from medsynth_desktop.bundles.bundle import Bundle
from medsynth_desktop.core.errors import InputRefused, OutOfMemory
from medsynth_desktop.core.progress import Progress, Steps, drain
from medsynth_desktop.core.records import MOST_GUIDANCE, SampleSettings
from medsynth_desktop.networks.precision import check_precision, own_precision
from medsynth_desktop.samplers import SAMPLERS
from medsynth_desktop.samplers.base import Draw, State, noise_levels

FILLED, MOST_AT_ONCE = 0.7, 64
"""Share of a device's free memory that a batch may take, and samples in it, at most."""
PREVIEW_SECONDS, PREVIEW_SHARE = 1.5, 0.03
"""How often a forming image is worth decoding, and the share of the time that this may take."""


def pick_device(name: str | None = None) -> tuple[str, str]:
    """Choose where to compute: the named device, or the best there is.

    Returns
    -------
    tuple of str
        The device (``cuda``, ``mps`` or ``cpu``) and a note for the user, "" when there is nothing to say.

    Raises
    ------
    InputRefused
        A name that is no device.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name is None or name == "auto":
        best = next(device for device, there in available.items() if there)
        return (
            best,
            "" if best != "cpu" else "No graphics processor was found; computing on the processor (slower).",
        )
    kind = name.partition(":")[0]
    if kind not in available:
        raise InputRefused(f"The device must be auto, cuda, mps or cpu; got {name!r}.")
    if not available[kind]:
        return "cpu", f"The device {kind} is not available here; computing on the processor (slower)."
    return name, ""


def in_own_precision(settings: SampleSettings, device: str) -> SampleSettings:
    """``settings`` with the precision of ``device`` where they leave it to it."""
    return replace(settings, precision=own_precision(device)) if settings.precision == "auto" else settings


def fitting_batch(bundle: Bundle, settings: SampleSettings, device: str) -> int:
    """How many samples fit together into what is free of a CUDA device's memory; 1 elsewhere.

    One sample is drawn in two steps to see what it takes: networks' needs differ too much to be guessed.
    """
    if not device.startswith("cuda"):
        return 1
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    two = replace(settings, steps=min(2, settings.steps))
    [latent] = drain(draw_latents(bundle, [0], two, device))
    decode_latent(bundle, latent, settings.precision)
    each = torch.cuda.max_memory_allocated(device) - before
    torch.cuda.empty_cache()
    return int(np.clip(FILLED * torch.cuda.mem_get_info(device)[0] / max(each, 1), 1, MOST_AT_ONCE))


def draw_sample(
    bundle: Bundle, seed: int, settings: SampleSettings, device: str = "cpu"
) -> Steps[np.ndarray]:
    """Draw one synthetic image; one `Progress` a step, with a preview now and then.

    The noise comes from ``seed`` on the CPU, so it is the same on every device and in every batch; on one CPU so is
    every bit of the result.

    Returns
    -------
    numpy.ndarray
        float32 in [-1, 1] on the grid of the bundle's recipe.

    Raises
    ------
    InputRefused
        An unknown sampler or condition, or too many steps.
    OutOfMemory
        The device ran out of memory.
    """
    images = yield from draw_batch(bundle, [seed], settings, device, batch_size=1)
    return images[0]


def draw_batch(
    bundle: Bundle, seeds: Sequence[int], settings: SampleSettings, device: str = "cpu", batch_size: int = 1
) -> Steps[list[np.ndarray]]:
    """Draw an image for each seed, ``batch_size`` at a time: for a GPU, which one image leaves idle."""
    if batch_size < 1:
        raise InputRefused(f"The batch size must be at least 1; got {batch_size}.")
    images: list[np.ndarray] = []
    for start in range(0, len(seeds), batch_size):
        chunk = seeds[start : start + batch_size]
        latents = yield from draw_latents(bundle, chunk, settings, device)
        images += [decode_latent(bundle, latent, settings.precision) for latent in latents]
    return images


def decode_latent(bundle: Bundle, latent: torch.Tensor, precision: str = "32") -> np.ndarray:
    """Return the image of one scaled latent (channels, *space).

    Raises
    ------
    OutOfMemory
        The device ran out of memory.
    """
    with _memory_in_words(1):
        return bundle.decode(latent, precision)


def draw_latents(
    bundle: Bundle, seeds: Sequence[int], settings: SampleSettings, device: str
) -> Steps[torch.Tensor]:
    """Draw one scaled latent for each seed, all at once: (n, channels, *space) on ``device``.

    Raises
    ------
    InputRefused, OutOfMemory
        As `draw_sample`.
    """
    states = _states(bundle, seeds, settings, device)
    shown = time.monotonic()
    x = torch.empty(0)
    while True:
        with _memory_in_words(len(seeds)), torch.inference_mode():
            state = next(states, None)
            if state is None:
                return x
            x, preview = state.x, None
            wait = max(PREVIEW_SECONDS, bundle.preview_seconds / PREVIEW_SHARE)
            if time.monotonic() - shown > wait and state.i < state.n:
                preview = bundle.preview(state.denoised[0], settings.precision)
                shown = time.monotonic()
        yield Progress(state.i, state.n, f"Sampling: step {state.i} of {state.n}", preview)


def _states(bundle: Bundle, seeds: Sequence[int], settings: SampleSettings, device: str) -> Iterator[State]:
    if settings.sampler not in SAMPLERS:
        raise InputRefused(
            f"The sampler must be one of {', '.join(SAMPLERS.keys())}; got {settings.sampler!r}."
        )
    if not 0 <= settings.guidance <= MOST_GUIDANCE:
        raise InputRefused(f"Guidance is a number from 0 to {MOST_GUIDANCE:g}; got {settings.guidance:g}.")
    check_precision(settings.precision, device)
    denoiser = bundle.denoiser(settings.conditions, settings.guidance, settings.precision)
    sampler = SAMPLERS[settings.sampler]
    sigmas = noise_levels(bundle.schedule, settings.steps, sampler.spacing)
    draw = _noises(bundle.latent_shape, seeds, device)
    with _memory_in_words(len(seeds)):
        bundle.to(device)
        return sampler.steps(denoiser, draw(), sigmas, draw)


def _noises(shape: tuple[int, ...], seeds: Sequence[int], device: str) -> Draw:
    """Normal noise (n, *shape), at each call more of it; each image's comes from its own seed, on the CPU."""
    for seed in seeds:
        if not 0 <= seed < 2**63:
            raise InputRefused(f"A seed is a whole number from 0 to 2^63 - 1; got {seed}.")
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    return lambda: torch.stack([torch.randn(shape, generator=g) for g in generators]).to(device)


class _memory_in_words:
    """Turn a device's out-of-memory into `OutOfMemory`, which says what to try."""

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        full = isinstance(error, torch.OutOfMemoryError | MemoryError) or (
            isinstance(error, RuntimeError) and "not enough memory" in str(error)
        )
        if not full:
            return
        smaller = self.batch_size // 2
        advice = f"try {smaller} at a time" if smaller else "close other programs or choose another device"
        raise OutOfMemory(
            f"The device ran out of memory while sampling {self.batch_size} at a time; {advice}.", smaller
        ) from None
