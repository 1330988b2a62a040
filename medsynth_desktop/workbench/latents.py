"""The latents of a cohort's training images, as a model's autoencoder encodes them, made once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from medsynth_desktop.cohorts.access import map_arrays
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import CohortRecord
from medsynth_desktop.guard.latent_filter import LatentFilter, same_class
from medsynth_desktop.similarity.table import Table
from medsynth_desktop.store.workspace import Workspace

if TYPE_CHECKING:
    from medsynth_desktop.bundles import Bundle

FORMAT = 1
SEGMENT = 32
"""Images whose latents are kept together: what is finished stays when the encoding is cancelled."""


def open_filter(
    workspace: Workspace, cohort: CohortRecord, bundle: Bundle, conditions: Mapping[str, float | str]
) -> Steps[LatentFilter]:
    """Encode what is not encoded yet, and return the filter over the training images of the same class.

    Latents are kept in ``indexes/latents-1/BUNDLE`` by the hash of the image's array, scaled as the diffusion sees
    them; each row holds the image's and its mirror's.

    Raises
    ------
    InputRefused
        When the cohort has no training image.
    """
    images, records = map_arrays(workspace, cohort, "train")
    if not records:
        raise InputRefused(f"The cohort {cohort.name} has no training image to keep away from; import some.")
    names = [bytes.fromhex(record.array_hash) for record in records]
    width = int(np.prod(bundle.latent_shape))
    table = Table(workspace.indexes, f"latents-{FORMAT}/{bundle.record.hash}", 2, 2 * width)
    wanted = table.missing(names)
    for start in range(0, len(wanted), SEGMENT):
        some = wanted[start : start + SEGMENT]
        rows: list[np.ndarray] = []
        for index in some:
            yield Progress(
                start + len(rows), len(wanted), "Encoding the training images, once for this model"
            )
            image = np.asarray(images[index])
            rows.append(bundle.encode(np.stack([image, image[::-1]])).numpy().ravel())
        made = np.stack(rows)
        sizes = np.sqrt(np.square(made.reshape(len(made), 2, width)).sum(axis=2, dtype=np.float64))
        table.add([names[index] for index in some], sizes, made)
    chosen = same_class(records, conditions)
    return LatentFilter(table, [bytes.fromhex(record.array_hash) for record in chosen], width)
