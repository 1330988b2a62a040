"""The other processes of a training on several devices: each repeats what the first does, on its own rows.

They keep nothing: the first one decides before every step whether there is one, and writes the checkpoints. So they
may be ended at any moment.
"""

from __future__ import annotations

import multiprocessing
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from medsynth_desktop.training.checkpoint import load_checkpoint, step_generator
from medsynth_desktop.training.machine import Compute, Machine

if TYPE_CHECKING:
    from medsynth_desktop.training.loop import Make, Plan

PATIENCE = 10.0
"""Seconds that a process has to end by itself."""


@contextmanager
def crew(make: Make[Any], plan: Plan, compute: Compute) -> Iterator[Machine]:
    """The machine of the first process, with ``compute.devices - 1`` others beside it while the context lasts."""
    port = _free_port() if compute.devices > 1 else 0
    spawn = multiprocessing.get_context("spawn")  # a fork of a process with threads, as torch's are, may hang
    others = [
        spawn.Process(target=_follow, args=(make, plan, compute, rank, port), daemon=True)
        for rank in range(1, compute.devices)
    ]
    for process in others:
        process.start()
    machine: Machine | None = None
    try:
        machine = Machine(compute, 0, port)
        yield machine
        machine.told(False)
    except BaseException:  # they may wait for a sum to which this process adds no more
        for process in others:
            process.terminate()
        raise
    finally:
        for process in others:
            process.join(PATIENCE)
            process.terminate()
        if machine is not None:
            machine.close()


def _follow(make: Make[Any], plan: Plan, compute: Compute, rank: int, port: int) -> None:
    """Take the steps that the first process tells of."""
    # Ctrl-C reaches every process of a terminal; the first decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if compute.device == "cpu":
        torch.set_num_threads(max(1, torch.get_num_threads() // compute.devices))
    machine = Machine(compute, rank, port)
    learner, step = make(machine), 0
    if state := load_checkpoint(plan.path, plan.fingerprint):
        learner.load(state, False)
        machine.load(state.get("machine", {}))
        step = len(state["losses"])
    while machine.told():
        learner.step(step, step_generator(plan.seed, step))
        step += 1
    machine.close()


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
