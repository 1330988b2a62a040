"""Sampling here beside MONAI's own latent inferer: the same networks, the same noise, the same number of steps.

MONAI's way has the networks as MONAI builds them, with torch's convolutions; a second row lends it ours
(`medsynth_desktop.networks.convolutions`), which leaves the loops to differ. The images of both are
compared. Graphs that `torch.compile` makes of the UNet, and channels last in memory, stand beside them: what they bring
says whether the program should use them. Run it when nothing else computes.
"""

from __future__ import annotations

import copy
import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from monai.inferers import LatentDiffusionInferer
from monai.networks.schedulers import DDIMScheduler

from medsynth_desktop.bundles import Bundle
from medsynth_desktop.bundles.schedule import Schedule
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import BundleRecord, Recipe, SampleSettings
from medsynth_desktop.networks.architecture import AutoencoderShape, UNetShape
from medsynth_desktop.networks.convolutions import FASTER
from medsynth_desktop.samplers.sampling import draw_sample

GRID = (48, 64, 64)


def run(steps: int = 20, repeats: int = 3, threads: int | None = None) -> dict[str, Any]:
    """Median seconds for one image by each way, interleaved, and how far MONAI's image is from ours."""
    if threads:
        torch.set_num_threads(threads)
    bundle = _bundle()
    theirs = MonaiWay(bundle, plain=True)
    lent = MonaiWay(bundle, plain=False)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "ours_ddim": lambda: drain(draw_sample(bundle, 1, SampleSettings("ddim", steps), "cpu")),
        "ours_dpmpp_2m": lambda: drain(
            draw_sample(bundle, 1, SampleSettings("dpm-solver++2m", steps), "cpu")
        ),
        "ours_dpmpp_2m_bf16": lambda: drain(
            draw_sample(bundle, 1, SampleSettings("dpm-solver++2m", steps, precision="bf16"), "cpu")
        ),
        "ours_ddim_150_steps": lambda: drain(draw_sample(bundle, 1, SampleSettings("ddim", 150), "cpu")),
        "monai_ddim": lambda: theirs.draw(steps),
        "monai_ddim_by_our_networks": lambda: lent.draw(steps),
    }
    others = {"ours_ddim_channels_last": _changed(bundle, _channels_last)}
    if shutil.which("g++"):  # what torch compiles by on a processor
        others["ours_ddim_compiled_with_torch_s_convolutions"] = _changed(bundle, _compiled)
    for name, other in others.items():
        ways[name] = partial(_drawn, other, SampleSettings("ddim", steps))
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    first: dict[str, float] = {}
    for name, way in ways.items():
        started = time.perf_counter()
        way()  # warm up, and compile
        first[name] = time.perf_counter() - started
    same = float(np.abs(theirs.draw(steps) - lent.draw(steps)).max())
    for _ in range(repeats):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - started)
    median = {name: float(np.median(values)) for name, values in seconds.items()}
    return {
        "steps": steps,
        "grid": GRID,
        "threads": torch.get_num_threads(),
        "seconds": median,
        "monai_over_ours": median["monai_ddim"] / median["ours_ddim"],
        "ddim_150_over_dpmpp_2m": median["ours_ddim_150_steps"] / median["ours_dpmpp_2m"],
        "largest_difference_of_monai_s_images": same,
        "seconds_of_the_first_compiled_image": first.get("ours_ddim_compiled_with_torch_s_convolutions"),
    }


def _drawn(bundle: Bundle, settings: SampleSettings) -> np.ndarray:
    return drain(draw_sample(bundle, 1, settings, "cpu"))


def _changed(bundle: Bundle, change: Callable[[Any], Any]) -> Bundle:
    """The same model with another UNet."""
    return replace(bundle, unet=change(copy.deepcopy(bundle.unet)))


def _channels_last(unet: Any) -> Any:
    return unet.to(memory_format=torch.channels_last_3d)


def _compiled(unet: Any) -> Any:
    """Compiled with torch's own convolutions: its compiler does not know the other one."""
    return torch.compile(_with_torch_s_convolutions(unet))


def _with_torch_s_convolutions(network: Any) -> Any:
    for layer in network.modules():
        layer.__class__ = {v: k for k, v in FASTER.items()}.get(type(layer), type(layer))
    return network


def _bundle() -> Bundle:
    """The networks of the demo with weights from a fixed seed: their values do not change the time."""
    torch.manual_seed(0)
    first, second = AutoencoderShape(), UNetShape()
    record = BundleRecord("0" * 64, "bench", "", "0" * 64, Recipe(GRID, 4.0, "percentile", 0.1, 99.9))
    return Bundle(record, first.build().eval(), second.build().eval(), first, second, Schedule(), 1.0)


class MonaiWay:
    """One image as MONAI's tutorials draw it; ``plain`` with torch's own convolutions."""

    def __init__(self, bundle: Bundle, plain: bool) -> None:
        self._unet, self._autoencoder = copy.deepcopy(bundle.unet), copy.deepcopy(bundle.autoencoder)
        self._shape = bundle.latent_shape
        if plain:
            for network in (self._unet, self._autoencoder):
                _with_torch_s_convolutions(network)

    def draw(self, steps: int) -> np.ndarray:
        """Sample by DDIM and decode."""
        scheduler = DDIMScheduler(
            1000, "scaled_linear_beta", beta_start=0.0015, beta_end=0.0195, prediction_type="v_prediction",
            clip_sample=False,
        )  # fmt: skip
        scheduler.set_timesteps(steps)
        noise = torch.randn((1, *self._shape), generator=torch.Generator().manual_seed(1))
        inferer = LatentDiffusionInferer(scheduler, scale_factor=1.0)
        with torch.inference_mode():
            image = inferer.sample(noise, self._autoencoder, self._predict, scheduler, verbose=False)
        return np.asarray(image[0, 0].clamp(-1, 1))

    def _predict(self, x: torch.Tensor, timesteps: torch.Tensor, context: None = None) -> torch.Tensor:
        """Ours calls what it is conditioned by otherwise; here it is by nothing."""
        return self._unet(x, timesteps)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=1) + "\n")
