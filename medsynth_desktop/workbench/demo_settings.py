"""The numbers of each demo's recipe (`medsynth_desktop.workbench.demo_recipe`): what it shows and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass, field

from medsynth_desktop.core.records import SampleSettings
from medsynth_desktop.networks.architecture import AutoencoderShape, UNetShape
from medsynth_desktop.training.autoencoder import AutoencoderSettings
from medsynth_desktop.training.diffusion import DiffusionSettings

RICH, UNET = AutoencoderShape(latent_channels=8), UNetShape(latent_channels=8)
"""Heads in one pose are learnt soon, so the latents may hold twice the detail of the default networks'."""
FLAT = AutoencoderShape(2)
FLAT_TEACHER, FLAT_STUDENT = UNetShape(2, channels=(96, 128)), UNetShape(2, channels=(64, 96))
"""The student is shipped, so it is half as large as the teacher."""


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """Numbers of the recipe. ``candidates`` are drawn from the teacher; ``checked`` from the student, to be judged.

    ``what`` the images show names cohorts and bundle; ``source`` says of the real ones what and whose they are.
    ``aligned`` images are brought into one pose first. Pictures without millimetres have ``spacing`` 0. Of
    ``conditions`` teacher and student learn the classes, and are asked for each as often.
    """

    grid: tuple[int, ...] = (48, 64, 64)
    spacing: float = 3.6
    teacher_autoencoder: AutoencoderSettings = AutoencoderSettings(RICH, steps=2400, noise=0.2)
    teacher_diffusion: DiffusionSettings = DiffusionSettings(UNET, steps=4000)
    student_autoencoder: AutoencoderSettings = AutoencoderSettings(RICH, seed=1, steps=1800, noise=0.2)
    student_diffusion: DiffusionSettings = DiffusionSettings(UNET, seed=1, steps=3000)
    sampling: SampleSettings = field(default_factory=SampleSettings)
    candidates: int = 80
    checked: int = 16
    seed: int = 0
    licence: str = "CC BY-SA 3.0 (derived from the IXI dataset, brain-development.org)"
    what: str = "heads"
    source: str = "T1 MRI heads (IXI, brain-development.org, CC BY-SA 3.0)"
    aligned: bool = True
    conditions: tuple[str, ...] = ()

    @property
    def teacher(self) -> str:
        """Name of the cohort of real images."""
        return f"teacher-{self.what}"

    @property
    def demo(self) -> str:
        """Name of the synthetic cohort and of the shipped model."""
        return f"demo-{self.what}"


def _flat_autoencoder(steps: int, noise: float, seed: int = 0) -> AutoencoderSettings:
    return AutoencoderSettings(FLAT, steps=steps, batch=4, patch=64, final_patch=96, noise=noise, seed=seed)


RECIPES = {
    "heads": DemoSettings(),
    "chest": DemoSettings(
        grid=(96, 96),
        spacing=0.0,
        teacher_autoencoder=_flat_autoencoder(6000, 0.2),
        teacher_diffusion=DiffusionSettings(FLAT_TEACHER, steps=4000, batch=8, mirrored=False),
        # The teacher's samples are mottled: few strong features leave that out.
        student_autoencoder=_flat_autoencoder(3000, 0.4, seed=1),
        student_diffusion=DiffusionSettings(FLAT_STUDENT, seed=1, steps=4000, batch=8, mirrored=False),
        candidates=420,
        checked=48,
        licence="CC BY 4.0 (derived from the chest X-rays of Kermany et al. 2018, doi:10.17632/rscbjbr9sj.2)",
        what="chest",
        source="chest X-rays of children (Kermany et al. 2018, doi:10.17632/rscbjbr9sj.2, CC BY 4.0)",
        aligned=False,
        conditions=("label",),
    ),
}
"""By kind, as the command line names it."""
