"""What this machine can compute on."""

from __future__ import annotations

import os
from typing import Any

import torch


def describe_devices() -> list[dict[str, Any]]:
    """Name, kind and memory (bytes, total and free where known) of every device, best first."""
    found: list[dict[str, Any]] = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        free, total = torch.cuda.mem_get_info(index)
        found.append(
            {
                "device": f"cuda:{index}",
                "name": torch.cuda.get_device_name(index),
                "memory": total,
                "free": free,
            }
        )
    if torch.backends.mps.is_available():
        found.append(
            {"device": "mps", "name": "Apple GPU", "memory": torch.mps.recommended_max_memory(), "free": None}
        )
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    threads = torch.get_num_threads()
    name = f"CPU, {threads} thread{'s' if threads != 1 else ''}"
    found.append({"device": "cpu", "name": name, "memory": pages * size, "free": None})
    return found
