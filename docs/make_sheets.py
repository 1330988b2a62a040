"""Renew docs/sheets: ``.venv/bin/python docs/make_sheets.py --work DIR [PRESET ...]``, about five minutes a preset.

Every published method of docs/models.md is trained small, on a processor of two cores, and draws a sheet: images that
it learnt from, what the autoencoder makes of them, and samples of the default sampler. **No patient is in a sheet**:
the images are the synthetic ones of the demos (resources/), samples of guarded models that saw no patient.

Loss, critics, perceptual loss, codes, noise, prediction, factor, channels of the latents, kinds of block and
conditions are those of the preset; `ROWS` says what is made smaller. Trainings in DIR go on where they stopped; what is
finished is only drawn. The perceptual loss needs the weights that docs/models.md tells of, and is left out without.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from medsynth_desktop.bundles import Bundle, describe_bundle, read_bundle
from medsynth_desktop.cohorts.access import load_arrays
from medsynth_desktop.cohorts.importing import import_cohort
from medsynth_desktop.core.progress import Progress, drain
from medsynth_desktop.core.records import CohortRecord, SampleSettings
from medsynth_desktop.samplers.sampling import draw_sample
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.training.presets import PRESETS, Preset
from medsynth_desktop.workbench.checkpoints import training_folder
from medsynth_desktop.workbench.demo import DEMOS, LIST, Asked, asked_in_turn, prepare
from medsynth_desktop.workbench.demo_recipe import write_cohort
from medsynth_desktop.workbench.private import train_private
from medsynth_desktop.workbench.training import STAGES, compute_on, train
from medsynth_desktop.workbench.tuning import PrivateChoice, begun

SHEETS = Path(__file__).resolve().parent / "sheets"
SEED = 100
"""Of the first sample of a sheet; the others' follow."""
PRIVATE, PRIVACY = "private", PrivateChoice(epsilon=10.0, steps=100, batch=16)
"""The sheet of differentially private fine-tuning, which is no preset, and its settings."""
SIZES = {"tiny": "small", "medium": "small", "large": "small"}
"""Presets that are a size of another, whose sheet stands for them."""

Changes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One sheet. ``autoencoder`` and ``diffusion`` are all that differs from the preset, and nothing of its method.

    ``images`` is the demo whose images are learnt from, on ``grid`` of ``spacing`` (0: pixels).
    """

    preset: str
    images: str
    grid: tuple[int, ...]
    spacing: float
    autoencoder: Changes = field(default_factory=dict)
    diffusion: Changes = field(default_factory=dict)
    conditions: tuple[str, ...] = ()
    columns: int = 6


HEADS: dict[str, Any] = {"images": "heads", "grid": (32, 48, 48), "spacing": 5.0}
CHEST: dict[str, Any] = {"images": "chest", "grid": (96, 96), "spacing": 0.0, "columns": 9}
THREE = {"res_blocks": (1, 1, 1), "head_channels": 16, "norm_groups": 8}
ROWS = {
    row.preset: row
    for row in (
        Row("small", **HEADS, autoencoder={"steps": 700}, diffusion={"steps": 600, "ema": 0.995}),
        Row("small-vqvae", **HEADS, autoencoder={"steps": 600}, diffusion={"steps": 900, "ema": 0.995}),
        Row("small-vqgan", **HEADS, autoencoder={"steps": 500}, diffusion={"steps": 900, "ema": 0.995}),
        Row(
            "kl-2d", **CHEST,
            autoencoder={
                "steps": 1000, "rate": 2e-3,
                "shape": {"channels": (16, 32, 64, 64), "res_blocks": (1, 1, 1, 1), "norm_groups": 8},
            },
            diffusion={"steps": 3500, "rate": 1e-3, "ema": 0.995, "shape": {"channels": (48, 96, 144), **THREE}},
        ),
        Row(
            "vqgan", **HEADS,
            autoencoder={"steps": 1000, "rate": 2e-3, "patch": 24, "critics": {"channels": 16}},
            diffusion={
                "steps": 1300, "batch": 4, "rate": 1e-3,
                "shape": {"channels": (32, 64, 96), "attention": (True, True, True), **THREE},
            },
        ),
        Row(
            "vqvae", **HEADS,
            autoencoder={"steps": 900, "rate": 2e-3, "patch": 24},
            diffusion={
                "steps": 1500, "batch": 4, "rate": 1e-3,
                "shape": {"channels": (32, 64, 96), "attention": (False, True, True), **THREE},
            },
        ),
        Row(
            "vqvae-2d", **CHEST, conditions=("label",),
            autoencoder={
                "steps": 500, "batch": 2, "rate": 1e-3, "critics": {"channels": 16, "rate": 3e-4},
                "shape": {"channels": (16, 32, 64), "res_layers": 1},
            },
            diffusion={
                "steps": 3500, "batch": 8, "rate": 1e-3, "ema": 0.995,
                "shape": {"channels": (32, 64, 96), **THREE},
            },
        ),
    )
}  # fmt: skip


def changed(settings: Any, changes: Changes) -> Any:
    """``settings`` with ``changes``, also inside of what they hold."""
    inner = {n: changed(getattr(settings, n), v) for n, v in changes.items() if isinstance(v, Mapping)}
    return replace(settings, **{**changes, **inner})


def reduced(row: Row) -> Preset:
    """The preset of a row as two cores can train it, under a name of its own."""
    full = PRESETS[row.preset]
    first, second = changed(full.autoencoder, row.autoencoder), changed(full.diffusion, row.diffusion)
    return replace(full, key=f"{row.preset}-sheet", autoencoder=first, diffusion=second)


def words(row: Row) -> str:
    """What is made smaller, as docs/models.md tells it."""
    first, second = ", ".join(_told(row.autoencoder)), ", ".join(_told(row.diffusion))
    return f"grid {' x '.join(map(str, row.grid))}; autoencoder: {first}; diffusion: {second}"


def _told(changes: Changes, of: str = "") -> Iterator[str]:
    for name, value in changes.items():
        if isinstance(value, Mapping):
            yield from _told(value, "critics' " if name == "critics" else "")
        elif name not in {"head_channels", "norm_groups", "attention"}:  # follow from the widths
            told = "/".join(map(str, value)) if isinstance(value, tuple) else f"{value:g}"
            yield f"{of}{name.replace('_', ' ')} {told}"


def teller(what: str) -> Callable[[Progress], None]:
    """Report to stderr every ten seconds."""
    last = 0.0

    def tell(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last > 10:
            last = time.monotonic()
            sys.stderr.write(f"{what}: {progress.done} of {progress.total}, {progress.message}\n")

    return tell


def cohort_of(workspace: Workspace, row: Row) -> CohortRecord:
    """The demo's synthetic images on the grid of a row."""
    demo, name = DEMOS[row.images], f"{row.images}-{'-'.join(map(str, row.grid))}"
    return imported(workspace, name, demo.folder, row.grid, spacing=row.spacing or None)


def imported(
    workspace: Workspace, name: str, folder: Path, grid: tuple[int, ...], **how: Any
) -> CohortRecord:
    """The images of a folder as a demo's, with their classes where they are listed."""
    if name not in workspace.cohorts.names():
        listed, images = folder / LIST, [folder / "cohort"]
        how["participants"] = listed if listed.is_file() else None
        drain(import_cohort(workspace, name, images, grid=grid, **how), teller(name))
    return workspace.cohorts.get(name)


def train_row(workspace: Workspace, row: Row, work: Path) -> Path:
    """Train what is left of both stages; the bundle."""
    out, preset, cohort = work / row.preset, reduced(row), cohort_of(workspace, row)
    PRESETS[preset.key] = preset  # so that the verb of the program trains it
    try:
        for stage in STAGES if not out.exists() else ():
            begun = (training_folder(out) / f"{stage}.ckpt").exists()
            steps = train(
                workspace, stage, cohort.name, preset.key, out, resume=begun, conditions=row.conditions,
                compute=compute_on("cpu"),
            )  # fmt: skip
            drain(steps, teller(row.preset))
    finally:
        del PRESETS[preset.key]
    return out


def drawn(bundle: Bundle, asked: Sequence[Asked]) -> list[np.ndarray]:
    """A sample for each of ``asked`` by the default sampler, the seeds one after the other."""
    settings = [SampleSettings(conditions=conditions) for conditions in asked]
    return [drain(draw_sample(bundle, seed, one)) for seed, one in enumerate(settings, SEED)]


def of_classes(workspace: Workspace, cohort: CohortRecord, asked: Sequence[Asked]) -> list[np.ndarray]:
    """Another training image for each of ``asked``, of that class."""
    arrays, records = load_arrays(workspace, cohort, "train")
    found: list[int] = []
    for wanted in asked:
        free = (i for i in range(len(records)) if i not in found)
        found.append(next(i for i in free if wanted.items() <= records[i].attributes.items()))
    return list(arrays[found])


def draw(
    workspace: Workspace, cohort: CohortRecord, bundle: Bundle, columns: int, base: Bundle | None = None
) -> Image.Image:
    """The sheet of a model: of one that was fine-tuned, also what its ``base`` draws."""
    asked = sorted(asked_in_turn(bundle.record.conditions, columns), key=str)
    images = of_classes(workspace, cohort, asked)
    rows = {
        "images taken as private" if base else "training images": images,
        "given back by the autoencoder": [bundle.reconstruct(image) for image in images],
        **({"samples before": drawn(base, asked)} if base else {}),
        "samples after, same seeds" if base else "samples": drawn(bundle, asked),
    }
    return sheet(rows, asked)


def draw_private(workspace: Workspace, work: Path) -> Image.Image:
    """Fine-tune the demo's model of X-rays on the demo's images that it never saw, as if those were private."""
    demo, folder, out = DEMOS["chest"], work / f"{PRIVATE}-heldout", work / PRIVATE
    base = read_bundle(Path(workspace.bundles.get(drain(prepare(workspace, demo), teller(PRIVATE))).path))
    if not (folder / LIST).exists():
        arrays, records = load_arrays(workspace, workspace.cohorts.get(demo.cohort), "calibration")
        told = [(a, dict(r.attributes)) for a, r in zip(arrays, records, strict=True)]
        drain(write_cohort(told, base.record.recipe, folder))
    cohort = imported(workspace, folder.name, folder, base.record.recipe.grid, calibration=0.0)
    if not out.exists():
        steps = train_private(workspace, base.record.hash, cohort.name, out, PRIVACY, resume=begun(out))
        drain(steps, teller(PRIVATE))
    return draw(workspace, cohort, read_bundle(out), CHEST["columns"], base)


def picture(image: np.ndarray) -> np.ndarray:
    """(rows, columns) in [-1, 1]: a picture; of a volume the sagittal and the axial middle side by side."""
    if image.ndim == 2:
        return image.T
    x, _, z = (n // 2 for n in image.shape)
    return np.concatenate([image[x].T[::-1], image[::-1, ::-1, z].T], 1)


def sheet(rows: Mapping[str, Sequence[np.ndarray]], asked: Sequence[Asked]) -> Image.Image:
    """Labelled rows of images; over each column the class that was asked for, if any."""
    first, heads = picture(next(iter(rows.values()))[0]), [", ".join(map(str, a.values())) for a in asked]
    scale, rim, margin = 2.0 if first.shape[0] < 64 else 1.2, 3, 92
    height, width = (round(n * scale) for n in first.shape)
    top, font = 18 * any(heads), ImageFont.load_default(12)
    whole = Image.new("L", (margin + len(heads) * (width + rim), top + len(rows) * (height + rim)), 255)
    pen = ImageDraw.Draw(whole)
    for column, head in enumerate(heads):
        pen.text((margin + column * (width + rim) + width // 2, 2), head, 0, font, anchor="ma")
    for line, (label, images) in enumerate(rows.items()):
        y = top + line * (height + rim)
        pen.multiline_text((2, y + height // 2), fill(label, 12), 0, font, anchor="lm", spacing=2)
        for column, image in enumerate(images):
            grey = np.rint((np.clip(picture(image), -1, 1) + 1) * 127.5).astype(np.uint8)
            small = Image.fromarray(grey).resize((width, height), Image.Resampling.BICUBIC)
            whole.paste(small, (margin + column * (width + rim), y))
    return whole


def make(name: str, workspace: Workspace, work: Path, target: Path) -> None:
    """Train and draw one sheet."""
    if name == PRIVATE:
        whole = draw_private(workspace, work)
    else:
        row, bundle = ROWS[name], read_bundle(train_row(workspace, ROWS[name], work))
        whole = draw(workspace, cohort_of(workspace, row), bundle, row.columns)
    target.mkdir(parents=True, exist_ok=True)
    path = target / f"{name}.png"
    whole.save(path, optimize=True)
    told = describe_bundle(work / name)["training"]
    seconds = sum(told[stage].get("seconds", 0) for stage in (*STAGES, PRIVATE) if stage in told)
    sys.stderr.write(f"{path.name}: {path.stat().st_size // 1000} kB, trained {seconds / 60:.1f} minutes\n")


def main(arguments: Sequence[str]) -> None:
    """Make the sheets named, or all."""
    names = [*ROWS, PRIVATE]
    parser = argparse.ArgumentParser(description="Train every method small and draw docs/sheets.")
    parser.add_argument("names", nargs="*", metavar="PRESET", help=", ".join(names))
    parser.add_argument("--work", type=Path, required=True, help="folder of checkpoints; is kept")
    parser.add_argument("--out", type=Path, default=SHEETS, help="folder of the pictures")
    chosen = parser.parse_args(arguments)
    if unknown := {*chosen.names} - {*names}:
        parser.error(f"no row {', '.join(unknown)}")
    with Workspace.open(chosen.work / "workspace") as workspace:
        for name in [n for n in names if n in chosen.names or not chosen.names]:
            make(name, workspace, chosen.work, chosen.out)


if __name__ == "__main__":
    main(sys.argv[1:])
