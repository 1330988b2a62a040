"""The demo's small 3D model, fine-tuned on real heads with differential privacy: does it still draw heads?

Evidence more than a benchmark, twenty minutes of two quiet cores: the shipped model of heads, which learnt from
synthetic images alone, learns from the heads of ../shared/data by the published recipe ([D] of methods.md: DP-SGD on
the attention, or on all, with epsilon 10). That base is no clean example of privacy, for its teacher knew some of these
heads; it is one of the cost. Fine-tunings are kept, and gone on with, when MEDSYNTH_PRIVATE names a folder. Quality is
of VGG16 where its weights are at hand, against patients whom the fine-tuning never saw; samples have the same seeds.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import SampleSettings
from medsynth_desktop.quality.words import card_rows
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.demo import DEMOS, prepare
from medsynth_desktop.workbench.importing import import_cohort
from medsynth_desktop.workbench.measuring import measure_batch
from medsynth_desktop.workbench.private import train_private
from medsynth_desktop.workbench.sampling import sample_batch
from medsynth_desktop.workbench.tuning import PrivateChoice, begun

HEADS = Path(__file__).resolve().parents[3] / "shared" / "data" / "ixi-t1-2mm"
SAMPLES, SEED = 40, 7000
CHOICES = {"attention": PrivateChoice(10.0), "all": PrivateChoice(10.0, parts="all")}


def run(samples: int = SAMPLES, parts: tuple[str, ...] = tuple(CHOICES)) -> dict[str, Any]:
    """By model the seconds of its training, epsilon by both accountants, and quality. Empty without the heads."""
    if not HEADS.is_dir():
        return {"skipped": "the heads of ../shared/data are not on this machine"}
    kept = os.environ.get("MEDSYNTH_PRIVATE")
    if kept:
        return _run(Path(kept), samples, parts)
    with tempfile.TemporaryDirectory() as folder:
        return _run(Path(folder), samples, parts)


def _run(folder: Path, samples: int, parts: tuple[str, ...]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    with Workspace.open(folder / "workspace") as workspace:
        base = workspace.bundles.get(drain(prepare(workspace, DEMOS["heads"])))
        if "private" not in workspace.cohorts.names():
            recipe, listed = base.recipe, HEADS / "participants.csv"
            drain(
                import_cohort(
                    workspace, "private", [HEADS / "t1"], participants=listed, grid=recipe.grid, spacing=recipe.spacing
                )
            )  # fmt: skip
        document["before"] = {"seconds": 0.0, **_quality(workspace, base.hash, samples)}
        for name in parts:
            out = folder / f"private-{name}"
            known = [bundle for bundle in workspace.bundles.list() if bundle.name == out.name]
            told: dict[str, Any] = {"seconds": None}
            if not known:
                told = drain(
                    train_private(workspace, base.hash, "private", out, CHOICES[name], resume=begun(out))
                )
            model = workspace.bundles.list()[-1] if not known else known[-1]
            spent = model.privacy
            assert spent is not None
            document[f"{name}, epsilon {CHOICES[name].epsilon:g}"] = {
                "seconds": told["seconds"], "epsilon": spent.epsilon, "second accountant": spent.second_epsilon,
                "delta": spent.delta, **_quality(workspace, model.hash, samples),
            }  # fmt: skip
    return document


def _quality(workspace: Workspace, model: str, samples: int) -> dict[str, Any]:
    """Rows of a model card for samples of the same seeds, beside unseen private patients."""
    name = f"{model[:8]}-{samples}"
    drain(sample_batch(workspace, model, samples, SampleSettings(), SEED, "cpu", name))
    found = drain(measure_batch(workspace, workspace.cohorts.get("private"), name, pairs=300))
    return dict(card_rows(found, None))
