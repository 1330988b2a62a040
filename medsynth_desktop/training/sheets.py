"""What a training can do so far, to be looked at: a sheet of restored or drawn pictures, in a file.

Sheets draw nothing from the training's randomness and leave its networks as they were. Of a volume the sagittal
mid-plane is shown, as in previews, and only a slab around it is computed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import torch

from medsynth_desktop.bundles.schedule import Network, Schedule
from medsynth_desktop.core.errors import StoreFailed
from medsynth_desktop.networks.architecture import Autoencoder
from medsynth_desktop.networks.bounded import decode, encode
from medsynth_desktop.samplers import SAMPLERS
from medsynth_desktop.samplers.base import noise_levels
from medsynth_desktop.training.patches import Images

ACROSS = 4
"""Pictures in a row."""
SLAB = 4
"""Latent cells on each side of the middle of a volume: about what the layers see of it."""
STEPS = 20
RIM = 2
"""Black pixels around each picture."""


def restored_sheet(network: Autoencoder, factor: int, images: Images) -> np.ndarray:
    """(rows, columns) in [-1, 1]: the middles of the first images, and below what the autoencoder makes of them."""
    device = next(network.parameters()).device
    shown = torch.from_numpy(np.stack([np.array(image, np.float32) for image in images[:ACROSS]]))
    shown = _slab(shown[:, None], SLAB * factor)
    with torch.inference_mode():
        again = decode(network, encode(network, shown.to(device)))
    return _sheet([shown, again])


def drawn_sheet(
    autoencoder: Autoencoder, scale: float, network: Network, schedule: Schedule, shape: Sequence[int]
) -> np.ndarray:
    """(rows, columns) in [-1, 1]: four samples, asked for nothing, of latents (channels, *space) of that shape.

    ``network`` predicts for latents times ``scale``. The noise is the same each time, so that sheets can be compared.
    """
    device, sampler = next(autoencoder.parameters()).device, SAMPLERS["dpm-solver++2m"]
    generators = [torch.Generator().manual_seed(seed) for seed in range(ACROSS)]

    def draw() -> torch.Tensor:
        return torch.stack([torch.randn(tuple(shape), generator=g) for g in generators]).to(device)

    with torch.inference_mode():
        denoiser = schedule.denoiser(network, autoencoder.normalised)
        sigmas = noise_levels(schedule, min(STEPS, schedule.steps), sampler.spacing)
        *_, last = sampler.steps(denoiser, draw(), sigmas, draw)
        return _sheet([decode(autoencoder, _slab(last.x, SLAB) / scale)])


def write_sheet(path: Path, picture: np.ndarray) -> None:
    """Write (rows, columns) in [-1, 1] as a grey PNG.

    Raises
    ------
    StoreFailed
        Disk full or folder read-only.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(
            iio.imwrite("<bytes>", np.rint((picture + 1) * 127.5).astype(np.uint8), extension=".png")
        )
        os.replace(part, path)
    except OSError as error:
        raise StoreFailed(f"The sheet {path.name} could not be written: {error.strerror}.") from None


def _slab(batch: torch.Tensor, half: int) -> torch.Tensor:
    """Of volumes (n, channels, x, y, z) what lies around the middle of x; pictures as they are."""
    middle = batch.shape[2] // 2
    return batch if batch.ndim == 4 else batch[:, :, max(0, middle - half) : middle + half]


def _sheet(rows: Sequence[torch.Tensor]) -> np.ndarray:
    """Rows of images (n, 1, *space) as one picture."""
    return np.concatenate(
        [np.concatenate([_framed(image[0].float().cpu().numpy()) for image in row], 1) for row in rows]
    )


def _framed(image: np.ndarray) -> np.ndarray:
    """The picture as it is looked at (that of a volume is sagittal, the head up) in a black frame."""
    seen = image[image.shape[0] // 2].T[::-1] if image.ndim == 3 else image.T
    return np.pad(np.clip(seen, -1, 1), RIM, constant_values=-1)
