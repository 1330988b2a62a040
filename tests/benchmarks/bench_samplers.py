"""Every sampler at every number of steps on a Gaussian with its exact score, beside MONAI's schedulers.

For each: the largest distance, over all N from 10 to T, of the samples' standard deviation from the same method in
float64 with true next times, and how near the deviation comes to that of the data.
"""

from __future__ import annotations

import sys
from typing import Any

from medsynth_desktop.bundles.schedule import Schedule
from medsynth_desktop.samplers import SAMPLERS
from tests.samplers.test_monai_schedulers import OFF, measured
from tests.samplers.test_oracle import STD, exact, sampled

SHOWN = (10, 20, 50, 150, 334, 1000)


def run(stride: int = 1) -> dict[str, Any]:
    """Try every ``stride``-th N between 10 and T."""
    return {"ours": [_row(key, stride) for key in SAMPLERS.keys()], "monai": {k: measured(*k) for k in OFF}}


def _row(key: str, stride: int) -> dict[str, Any]:
    schedule = Schedule()
    apart = {n: abs(sampled(key, n)[1] / exact(key, n) - 1) for n in range(10, schedule.steps + 1, stride)}
    worst = max(apart, key=lambda n: apart[n])
    sys.stderr.write(f"{key}: {apart[worst]:.1e} at {worst}\n")
    return {
        "key": key,
        "worst": apart[worst],
        "at": worst,
        "data": [sampled(key, n)[1] / STD - 1 for n in SHOWN],
    }


def page(document: dict[str, Any]) -> list[str]:
    """Tables of ours and of MONAI's."""
    lines = [
        f"Ours, every N from 10 to {Schedule().steps} (scaled linear betas, v-prediction, float32). First column: the "
        "largest relative distance of the standard deviation from that of the same method in float64 with true next "
        "times. Others: relative distance from the deviation of the data, which is the method's own error.",
        "",
        "| sampler | from float64, worst N | " + " | ".join(f"data, N = {n}" for n in SHOWN) + " |",
        "| --- " * (len(SHOWN) + 2) + "|",
    ]
    for row in document["ours"]:
        cells = " | ".join(f"{100 * value:+.1f} %" for value in row["data"])
        lines.append(f"| {row['key']} | {row['worst']:.1e} (N = {row['at']}) | {cells} |")
    steps = list(dict.fromkeys(n for _, n in document["monai"]))
    lines += [
        "",
        "MONAI 1.6.1's schedulers at the times they choose themselves (linear betas), relative to the same method in "
        "float64 with true next times:",
        "",
        "| scheduler | " + " | ".join(f"N = {n}" for n in steps) + " |",
        "| --- " * (len(steps) + 1) + "|",
    ]
    for key in dict.fromkeys(key for key, _ in document["monai"]):
        cells = " | ".join(f"{100 * document['monai'][key, n]:+.1f} %" for n in steps)
        lines.append(f"| {key} | {cells} |")
    return [*lines, ""]
