"""Peak memory and time of decoding 256^3 in tiles, and how far tiles are from the whole, for each kind of autoencoder.

``python -m tests.benchmarks.bench_tiling PRESET [EDGE] [whole]`` measures one in a process of its own, so that its peak
is its own. With ``whole`` the network runs whole too, and both are compared.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import torch

from medsynth_desktop.networks.architecture import QuantisedShape
from medsynth_desktop.networks.tiling import DEFAULT, largest
from medsynth_desktop.training.presets import preset_for


def measure(preset: str, edge: int, whole: bool) -> dict[str, float]:
    """Decode one volume of ``edge`` voxels a side from random latents with random weights."""
    shape = preset_for(preset).autoencoder.shape
    torch.manual_seed(0)
    network = shape.build().eval().requires_grad_(False)
    if isinstance(shape, QuantisedShape):
        torch.nn.init.normal_(network.codebook.codes)
    latents = torch.randn(1, shape.latent_channels, *(edge // shape.factor,) * 3)
    if isinstance(shape, QuantisedShape):
        latents /= 4  # within the codes' range
    before = _peak()
    started = time.monotonic()
    tiled = network.decode_in_tiles(latents, DEFAULT)
    found = {
        "seconds": time.monotonic() - started,
        "peak_gib": _peak(),
        "before_gib": before,
        "largest_array_whole_gib": largest(network.ways[1], latents.shape) / 2**30,
    }
    if whole:
        with torch.inference_mode():
            started = time.monotonic()
            plain = network.decode(latents)
            found["whole_seconds"] = time.monotonic() - started
        found["whole_peak_gib"] = _peak()
        found["farthest_of_range"] = float((plain - tiled).abs().max() / (plain.max() - plain.min()))
    return {key: float(f"{value:.3g}") for key, value in found.items()}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    name, size = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 256
    sys.stdout.write(json.dumps({name: measure(name, size, "whole" in sys.argv), "edge": size}) + "\n")
