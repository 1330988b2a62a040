"""Every sampler at every number of steps on a Gaussian with its exact score, beside MONAI's schedulers.

For each: the largest distance, over all N from 10 to T, of the samples' standard deviation from the same method in
float64 with true next times, and how near the deviation comes to that of the data.
"""

from __future__ import annotations

import json
import sys

from medsynth_desktop.bundles.schedule import Schedule
from medsynth_desktop.samplers import SAMPLERS
from tests.samplers.test_monai_schedulers import OFF, measured
from tests.samplers.test_oracle import STD, exact, sampled

SHOWN = (10, 20, 50, 150, 334, 1000)


def rows(schedule: Schedule, stride: int) -> list[dict[str, float | str]]:
    """A row for each sampler; every ``stride``-th N between 10 and T is tried."""
    found = []
    for key in SAMPLERS.keys():
        worst, at = 0.0, 0
        for n in range(10, schedule.steps + 1, stride):
            off = abs(sampled(key, n, schedule)[1] / exact(key, n, schedule) - 1)
            worst, at = max((worst, at), (off, n))
        data = {f"data at {n}": round(sampled(key, n, schedule)[1] / STD - 1, 4) for n in SHOWN}
        found.append({"sampler": key, "worst": round(worst, 6), "at": at, **data})
        sys.stderr.write(f"{found[-1]}\n")
    return found


def _main(arguments: list[str]) -> None:
    stride = int(arguments[0]) if arguments else 1
    document = {
        "ours": rows(Schedule(), stride),
        "monai": {f"{key} {n}": round(measured(key, n), 4) for key, n in OFF},
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    _main(sys.argv[1:])
