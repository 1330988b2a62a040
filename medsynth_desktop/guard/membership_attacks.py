"""Attacks that ask a diffusion model whether it learnt from an image; none needs a second model to compare with.

- Loss: the mean denoising loss of the image over fixed noise (Matsumoto et al. 2023, Membership Inference Attacks
  against Diffusion Models; Carlini et al. 2023). It confuses easy images with known ones.
- Neighbourhood: how much lower that loss is than for neighbours of the same image (Mattern et al. 2023, Membership
  Inference Attacks against Language Models via Neighbourhood Comparison, ACL Findings). An image is as easy as its
  neighbours, which were not learnt, so ease cancels out. Here the neighbours are the image shifted by one latent cell
  along each axis in both directions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.guard.membership import Membership, measure_attack

if TYPE_CHECKING:
    from medsynth_desktop.bundles.bundle import Bundle
    from medsynth_desktop.training.denoising import Probe

MOST_IMAGES = 200
"""Of either side; more are drawn from by the seed."""

Side = tuple[Sequence[np.ndarray], Sequence[ImageRecord]]


def attack_membership(
    bundle: Bundle, train: Side, unseen: Side, probe: Probe, *, most: int = MOST_IMAGES
) -> Steps[Membership]:
    """Attack ``bundle`` with training images and with images of unseen patients.

    Parameters
    ----------
    bundle
        The model.
    train, unseen
        Images with their records: those that it learnt from and those of other patients, from the same source. Were
        they of another scanner, the attacks would tell scanners apart.
    probe
        Noise; its seed also draws the images and the bootstrap.
    most
        Images of either side at most.

    Raises
    ------
    InputRefused
        A side without images, or ``most`` below 1.
    """
    if most < 1 or not (train[1] and unseen[1]):
        raise InputRefused(
            f"A membership test needs training images and unseen ones, and at least one of each; got {len(train[1])} "
            f"and {len(unseen[1])}, at most {most}."
        )
    generator = np.random.default_rng(probe.seed)
    chosen = [_draw(len(side[1]), most, generator) for side in (train, unseen)]
    total, done = sum(map(len, chosen)), 0
    scores: list[np.ndarray] = []
    for (images, _), rows in zip((train, unseen), chosen, strict=True):
        found = []
        for row in rows:
            found.append(attack_image(bundle, images[row], probe))
            done += 1
            yield Progress(done, total, f"Asking the model about image {done} of {total}")
        scores.append(np.array(found))
    owners = [
        [side[1][row].patient for row in rows] for side, rows in zip((train, unseen), chosen, strict=True)
    ]
    attacks = tuple(
        measure_attack(key, (scores[0][:, column], owners[0]), (scores[1][:, column], owners[1]), generator)
        for column, key in enumerate(("loss", "neighbourhood"))
    )
    return Membership(
        attacks,
        (len(chosen[0]), len(chosen[1])),
        (len(set(owners[0])), len(set(owners[1]))),
        (len(train[1]), len(unseen[1])),
        probe.seed,
        probe.levels,
        probe.draws,
    )


def attack_image(bundle: Bundle, image: np.ndarray, probe: Probe) -> tuple[float, float]:
    """Scores of one image, high for "was in the training": of the loss attack, and of the neighbourhood attack."""
    from medsynth_desktop.training.denoising import denoising_loss

    neighbours = list(shifted(image, bundle.autoencoder_shape.factor))
    losses = denoising_loss(bundle, [np.asarray(image), *neighbours], probe)
    return -float(losses[0]), float(losses[1:].mean() - losses[0])


def shifted(image: np.ndarray, by: int) -> Iterator[np.ndarray]:
    """Yield ``image`` shifted by ``by`` voxels along each axis, both ways; what comes in repeats the border."""
    for axis in range(image.ndim):
        places = np.arange(image.shape[axis])
        for step in (by, -by):
            yield np.take(image, np.clip(places + step, 0, image.shape[axis] - 1), axis)


def _draw(count: int, most: int, generator: np.random.Generator) -> list[int]:
    """All of 0..count-1, or ``most`` of them in rising order."""
    if count <= most:
        return list(range(count))
    return sorted(generator.choice(count, most, replace=False).tolist())
