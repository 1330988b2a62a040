"""A model card: what a model learnt from and how, how good its samples are, and whether it repeats its patients.

What was true when the model was made stands in the bundle (`training_card`, its README.md); what was measured since is
gathered from the workspace (`model_card`), and what was not measured is said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.core.privacy import Privacy
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import BatchRecord, BundleRecord, CohortRecord, Condition
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.lineage import cohort_of_hash

Rows = list[tuple[str, str]]
BARS = "▁▂▃▄▅▆▇█"
PURPOSE = "Synthetic images for research and teaching, shared after a person decided; not for diagnosis."


def training_card(facts: Mapping[str, Any]) -> str:
    """Markdown of what is known when a model is written; ``facts`` as `bundles.describe_bundle` gives them."""
    return _page(
        str(facts["name"]), {"Model": _model_rows(facts), "Training": _training_rows(facts["training"])}
    )


def model_card(workspace: Workspace, bundle: BundleRecord) -> Steps[str]:
    """Markdown of all that the workspace knows of a model; what was not measured is named with its command."""
    from medsynth_desktop.bundles import describe_bundle

    yield Progress(0, 1, "Reading the model")
    facts = describe_bundle(Path(bundle.path))
    cohort = cohort_of_hash(workspace, bundle.cohort_hash)
    model = _model_rows(facts)
    if cohort is not None:
        model.append(("Training cohort", f"{cohort.name}: {_people(cohort)}"))
    batches = [
        b for b in map(workspace.batches.get, workspace.batches.names()) if b.bundle_hash == bundle.hash
    ]
    sections = {
        "Model": model,
        "Training": _training_rows(facts["training"]),
        "Quality": _quality_rows(workspace, bundle, cohort, batches),
        "Memorisation": (yield from _memory_rows(workspace, cohort, batches)),
    }
    return _page(bundle.name, sections)


def save_model_card(workspace: Workspace, bundle: BundleRecord, path: Path) -> Steps[str]:
    """Write the card of ``bundle`` to ``path``, and say so.

    Raises
    ------
    StoreFailed
        Disk full or folder read-only.
    """
    text = yield from model_card(workspace, bundle)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreFailed(f"The model card {path.name} could not be written: {error.strerror}.") from None
    return f"Saved the model card as {path.name}."


def _model_rows(facts: Mapping[str, Any]) -> Rows:
    recipe, schedule = facts["recipe"], facts["schedule"]
    grid = " x ".join(map(str, recipe["grid"]))
    spacing = f"of {recipe['spacing']:g} mm" if recipe["spacing"] else "pixels, fitted"
    asked = [Condition(**{**c, "classes": tuple(c["classes"])}) for c in facts["conditions"]]
    rows = [
        ("For", PURPOSE),
        ("Licence", facts["licence"] or "not stated"),
        ("Images", f"{recipe['modality']}, {grid} {spacing}"),
        ("May be asked for", "; ".join(_condition_words(c) for c in asked) or "nothing"),
        ("Trained on (SHA-256 of images, recipe and splits)", facts["cohort_hash"] or "nobody here knows"),
        ("Autoencoder", _numbers(facts["autoencoder"])),
        ("Diffusion network", _numbers(facts["unet"])),
        ("Noise", f"{schedule['kind']}, {schedule['steps']} steps, predicts {schedule['prediction']}"),
    ]
    if facts.get("privacy"):
        privacy = Privacy(**facts["privacy"])
        rows.append(("Differential privacy", f"{privacy.words}. {privacy.details}"))
    return rows + ([("Fingerprint", facts["hash"])] if "hash" in facts else [])


def _condition_words(condition: Condition) -> str:
    values = ", ".join(condition.classes) or f"{condition.low:g} to {condition.high:g}"
    return f"{condition.name} ({values})"


def _numbers(shape: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in shape.items())


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) or "none" if isinstance(value, list | tuple) else str(value)


def _training_rows(training: Mapping[str, Any]) -> Rows:
    """Of each stage what the bundle, which may be a stranger's, says in numbers."""
    rows: Rows = []
    if isinstance(images := training.get("images"), int):
        rows.append(("Training images", str(images)))
    for stage in ("autoencoder", "diffusion", "private"):
        told = training.get(stage)
        if not isinstance(told, Mapping):
            continue
        numbers = [
            f"{key} {told[key]}"
            for key in ("steps", "batch", "seed", "seconds", "loss")
            if _number(told.get(key))
        ]
        if isinstance(bits := told.get("precision"), str):
            numbers.append(f"precision {bits[:20]}")
        if told.get("stopped") is True:
            numbers.append("stopped early")
        rows.append((f"{stage.capitalize()} stage", ", ".join(numbers) or "not told"))
        for key, of in (("curve", ""), ("unseen", " of unseen patients")):
            if curve := [v for v in told.get(key, ()) if _number(v)]:
                words = f"{sparkline(curve)} {curve[0]:g} to {curve[-1]:g}"
                rows.append((f"{stage.capitalize()} loss{of}", words))
        rows += _validation_rows(stage, told.get("validation"))
    settings = training.get("settings")
    if isinstance(settings, Mapping):
        rows += [
            (f"{stage.capitalize()} settings", _numbers(s))
            for stage, s in settings.items()
            if isinstance(s, Mapping)
        ]
    return rows or [("Training", "the model does not tell")]


def _validation_rows(stage: str, told: Any) -> Rows:
    """Who was kept from learning so that the training knew when to stop."""
    if not isinstance(told, Mapping) or not all(_number(told.get(key)) for key in ("patients", "images")):
        return []
    who = f"patients {told['patients']}, images {told['images']} of the training split, not learnt from"
    return [(f"{stage.capitalize()} validated on", f"{who}; SHA-256 {str(told.get('sha256', ''))[:64]}")]


def _number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and abs(value) < 1e12


def sparkline(values: Sequence[float]) -> str:
    """A curve in one line of text, from the lowest bar to the highest."""
    low, high = min(values), max(values)
    width = high - low or 1.0
    return "".join(BARS[round((v - low) / width * (len(BARS) - 1))] for v in values)


def _people(cohort: CohortRecord) -> str:
    told = []
    for split, words in (("train", "for training"), ("calibration", "unseen, for calibration")):
        images = cohort.split(split)  # type: ignore[arg-type]
        told.append(f"{len(images)} images of {len({i.patient for i in images})} patients {words}")
    return ", ".join(told)


def _quality_rows(
    workspace: Workspace, bundle: BundleRecord, cohort: CohortRecord | None, batches: Sequence[BatchRecord]
) -> Rows:
    """The newest measured batch, and the autoencoder's reconstructions."""
    if cohort is None:
        return [("Not measured", "the training cohort is not in this workspace")]
    from medsynth_desktop.quality.words import card_rows
    from medsynth_desktop.workbench.measuring import stored_quality
    from medsynth_desktop.workbench.reconstructing import stored_reconstruction

    measured = [(b, q) for b in batches if (q := stored_quality(workspace, cohort, b.name)) is not None]
    batch, quality = measured[-1] if measured else (None, None)
    rows = [("Samples", f"{len(batch.samples)} of the batch {batch.name}")] if batch else []
    rows += card_rows(quality, stored_reconstruction(workspace, cohort, bundle.hash))
    if quality is None:
        rows.append(("Samples not measured", "medsynth quality --batch NAME"))
    return rows


def _memory_rows(
    workspace: Workspace, cohort: CohortRecord | None, batches: Sequence[BatchRecord]
) -> Steps[Rows]:
    """What the audits of its batches say; one drawn with attempts is cleaner than its model, and not taken."""
    from medsynth_desktop.workbench.auditing import describe, stored_audit

    rows: Rows = []
    for batch in batches:
        if cohort is None or not batch.samples or any(s.settings.attempts > 1 for s in batch.samples):
            continue
        try:
            document = describe((yield from stored_audit(workspace, cohort, batch.name)))
        except InputRefused:
            continue
        counts = "{pass} pass, {review} to review, {block} blocked".format(**document["counts"])
        rows.append((f"Batch {batch.name}", f"{counts}. {' '.join(document['memorisation']['sentences'])}"))
    return rows or [("Not audited", "draw a batch without attempts, then medsynth audit --batch NAME")]


def _page(name: str, sections: Mapping[str, Rows]) -> str:
    lines = [f"# {_cell(name)}"]
    for title, rows in sections.items():
        lines += ["", f"## {title}", "", "| | |", "| --- | --- |"]
        lines += [f"| {_cell(key)} | {_cell(value)} |" for key, value in rows]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """No table is broken, and no mark-up made, by what a bundle says of itself."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
