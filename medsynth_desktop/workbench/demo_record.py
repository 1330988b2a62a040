"""What the demo says of its own making: RECORD.json for a program, RECORD.md for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write_record(record: dict[str, Any], out: Path) -> None:
    """Write RECORD.json and, for people, RECORD.md."""
    (out / "RECORD.json").write_text(json.dumps(record, indent=1, default=str) + "\n", encoding="utf-8")
    (out / "RECORD.md").write_text(_in_words(record), encoding="utf-8")


def _in_words(record: dict[str, Any]) -> str:
    def run(title: str, runs: dict[str, Any]) -> list[str]:
        return [
            f"| {title} {stage} | {r['steps']} | {r['batch']} | {r['loss']:.4f} | {r['seconds']:.0f} |"
            for stage, r in runs.items()
        ]

    def judged(title: str, found: dict[str, Any]) -> str:
        counts, metric = found["verdicts"], found["metrics"]
        return (
            f"| {title} | {counts['pass']} | {counts['review']} | {counts['block']} | "
            f"{metric['correlation']['max']:.4f} | {metric['rmse']['min']:.4f} |"
        )

    data, settings = record["data"], record["settings"]
    pose = " brought into one pose" if settings["aligned"] else ""
    asked = (
        f", class by class of the condition {', '.join(settings['conditions'])}"
        if settings["conditions"]
        else ""
    )
    step, size = settings["spacing"], " x ".join(map(str, settings["grid"]))
    detail = f"voxels of {step:g} mm" if step else f"{size} pixels"
    lines = [
        "# How this demo was made",
        "",
        "No patient's image is in this folder: `medsynth_desktop/workbench/demo_recipe.py` made all of it.",
        "",
        f"A teacher model learnt from {data['train']} real {settings['source']}.",
        f"Of {data['images']} images{pose} it never saw {data['unseen']}, of other patients. It is not shipped.",
        f"What it drew{asked}, was compared with every image it learnt from; what lay beyond limits calibrated on",
        "the unseen ones was discarded.",
        "The rest is `cohort/`; the model in `bundle/` learnt from the training split of that alone.",
        "",
        "| training | steps | batch | loss (last tenth) | seconds |",
        "|---|---|---|---|---|",
        *run("teacher", record["teacher"]),
        *run("student", record["student"]),
        "",
        "| compared with the real training images | pass | review | block | highest correlation | lowest RMSE |",
        "|---|---|---|---|---|---|",
        judged("drawn by the teacher", record["candidates"]),
        judged("the demo cohort (as imported)", record["demo_cohort"]),
        judged("drawn by the shipped model", record["student_samples"]),
        "",
        f"Demo cohort {record['demo_cohort']['hash']}, bundle {record['bundle_hash']}.",
        f"Computed on: {record['machine']}. Finished {record['finished']}. Limits: {record['unseen_images_are']}",
        "All settings and seeds, limits and loss curves: RECORD.json.",
        "",
        f"It shows the programme, not the state of the art: {detail}, small",
        "networks, a processor. Its images are softer than real ones.",
        "",
    ]
    return "\n".join(lines)
