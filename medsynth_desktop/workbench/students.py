"""A student of a distillation: two networks that learn from synthetic images alone, or one beside the teacher's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from medsynth_desktop.core.progress import Steps, within
from medsynth_desktop.core.records import BundleRecord, CohortRecord, ImageRecord, Recipe, SampleRecord
from medsynth_desktop.store.cohorts import cohort_hash
from medsynth_desktop.workbench.checkpoints import training_folder
from medsynth_desktop.workbench.model_card import training_card

Source = Literal["new", "teacher"]
STAGES = 5
"""Equal parts of a distillation's progress: teacher, autoencoder, diffusion, student, comparison."""
if TYPE_CHECKING:
    from medsynth_desktop.training.perceptual import Eye

LICENCE = "as the teacher"


def synthetic_cohort(name: str, recipe: Recipe, samples: Sequence[SampleRecord]) -> CohortRecord:
    """The samples as a cohort, each a patient of its own, all for training; it is stored nowhere but in its samples."""
    images = tuple(
        ImageRecord(s.id, s.id, "train", s.array_hash, {"synthetic": True, **s.settings.conditions})
        for s in sorted(samples, key=lambda s: s.id)
    )
    return CohortRecord(name, recipe, cohort_hash(recipe, images), images)


def train_student(
    teacher: BundleRecord,
    arrays: np.ndarray,
    synthetic: CohortRecord,
    out: Path,
    *,
    preset: str,
    max_steps: int | None,
    seed: int,
    source: Source,
    facts: Mapping[str, Any],
    device: str | None,
    eye: Eye | None = None,
) -> Steps[BundleRecord]:
    """Train on ``arrays`` (n, *grid), the images of ``synthetic``, and write the bundle ``out``.

    It goes on where it stopped. ``facts`` are kept in the bundle's ``training``. With the source ``teacher`` that
    model's autoencoder is used as it is; a new one with a perceptual loss sees by ``eye``.
    """
    from medsynth_desktop.bundles import BundleFacts, read_bundle, write_bundle
    from medsynth_desktop.bundles.asking import given_rows
    from medsynth_desktop.samplers.sampling import pick_device
    from medsynth_desktop.training.autoencoder import train_autoencoder
    from medsynth_desktop.training.diffusion import train_diffusion
    from medsynth_desktop.training.presets import conditioned, preset_for

    where, folder = pick_device(device)[0], training_folder(out)
    # Every sample that passed the filter is learnt from; none is spared for an early stop.
    chosen = preset_for(preset, len(synthetic.recipe.grid), seed, max_steps, early_stop=False)
    if source == "teacher":
        own = read_bundle(Path(teacher.path)).to(where)
        network, shape, first = own.autoencoder, own.autoencoder_shape, {"of": teacher.hash}
    else:
        steps = train_autoencoder(arrays, chosen.autoencoder, folder, synthetic.hash, where, eye)
        trained = yield from within(steps, "The student learns", (1, STAGES))
        network, shape, first = trained.network, trained.shape, asdict(trained.summary)
    second = conditioned(chosen.diffusion, teacher.conditions)
    given = given_rows(teacher.conditions, [image.attributes for image in synthetic.split("train")])
    steps_ = train_diffusion(network, arrays, second, folder, synthetic.hash, where, given)
    diffusion = yield from within(steps_, "The student learns", (2, STAGES))
    told = {
        "images": len(arrays),
        "autoencoder": first,
        "diffusion": asdict(diffusion.summary),
        "distillation": dict(facts),
    }
    about = BundleFacts(
        out.name, teacher.licence or LICENCE, teacher.recipe, synthetic.hash, teacher.conditions, shape,
        diffusion.shape, diffusion.schedule, diffusion.latent_scale, told,
    )  # fmt: skip
    texts = {"README.md": training_card(asdict(about))}
    return write_bundle(out, about, network, diffusion.network, texts=texts)
