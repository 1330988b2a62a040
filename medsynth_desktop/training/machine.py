"""Where a training computes, and in which precision: Lightning Fabric under a loop that stays ours.

Several devices share a batch by its rows. Every process draws the randomness of the whole batch and computes its own
rows; gradients and statistics are then averaged over all, so that N devices learn what one learns, but for rounding.
Gradients are averaged once after each backward pass, not by a wrapper around the network: critics run several times
for one pass, which such wrappers do not bear.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.networks.precision import Precision, check_precision, own_precision

if TYPE_CHECKING:
    from lightning.fabric import Fabric
    from lightning.fabric.plugins.environments import ClusterEnvironment

_NAMES = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}


@dataclass(frozen=True, slots=True)
class Compute:
    """How a training computes; what it learns does not depend on it, but for rounding.

    ``precision`` None is the device's own: 32 bits on a processor, where fewer bring nothing, bf16 on a CUDA device
    that has it, else 16. ``devices`` processes share each batch. ``save_memory`` computes what lies inside the blocks
    of the networks a second time in place of keeping it (`medsynth_desktop.training.recomputing`).
    """

    device: str = "cpu"
    precision: Precision | None = None
    devices: int = 1
    save_memory: bool = False

    def __post_init__(self) -> None:
        if self.precision is not None:
            check_precision(self.precision, self.device)
        if self.devices < 1:
            raise InputRefused(f"Training takes at least one device; got {self.devices}.")
        self._check_devices()

    def _check_devices(self) -> None:
        if self.devices == 1 or self.device == "cpu":
            return
        there = torch.cuda.device_count() if self.device == "cuda" else 1
        if self.devices > there:
            raise InputRefused(
                f"Training on {self.devices} devices was asked for; {self.device} names {there} here. Give fewer "
                "--devices."
            )

    @classmethod
    def of(cls, device: str | Compute) -> Compute:
        """A device's name as the settings that suit it; settings as they are."""
        return device if isinstance(device, Compute) else cls(device)

    @property
    def bits(self) -> Precision:
        """The precision asked for, or the device's own."""
        return self.precision or own_precision(self.device)

    def check_batch(self, batch: int) -> None:
        """Refuse a batch that its devices cannot share evenly.

        Raises
        ------
        InputRefused
            Naming both numbers.
        """
        if batch % self.devices:
            raise InputRefused(
                f"The preset's batch of {batch} cannot be shared evenly by {self.devices} devices; give --devices a "
                f"number that divides {batch}."
            )


class Machine:
    """One process of a training: moves, sums, backward passes and optimiser steps, by Fabric.

    Parameters
    ----------
    compute
        What all processes are to do.
    rank, port
        Which of the processes this is, and where on this machine they meet.
    """

    def __init__(self, compute: Compute, rank: int = 0, port: int = 0) -> None:
        self.compute, self.rank = compute, rank
        self.fabric = _fabric(compute, rank, port)
        self.device = str(self.fabric.device)

    def autocast(self) -> AbstractContextManager[None]:
        """Within it layers compute in the precision asked for; losses and weights stay in 32 bits."""
        return cast("AbstractContextManager[None]", self.fabric.autocast())

    def own(self, batch: int) -> slice:
        """The rows of a batch of that size which this process computes; a batch that cannot be shared, all of it."""
        if batch % self.compute.devices:
            return slice(0, batch)
        share = batch // self.compute.devices
        return slice(self.rank * share, (self.rank + 1) * share)

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """The mean over all processes of what each of them found, without gradient."""
        if self.compute.devices == 1:
            return value.detach()
        return cast(torch.Tensor, self.fabric.all_reduce(value.detach().clone(), reduce_op="mean"))

    def gathered(self, rows: torch.Tensor) -> torch.Tensor:
        """(n, ...) of every process, one after the other: the order of the whole batch."""
        if self.compute.devices == 1:
            return rows
        parts = [torch.empty_like(rows) for _ in range(self.compute.devices)]
        torch.distributed.all_gather(
            parts, rows.contiguous()
        )  # Fabric's own warns of a torch function it calls
        return torch.cat(parts)

    def told(self, value: bool = False) -> bool:
        """What the first process says; it says ``value``."""
        return bool(self.fabric.broadcast(value)) if self.compute.devices > 1 else value

    def optimiser(self, plain: torch.optim.Optimizer) -> torch.optim.Optimizer:
        """``plain``, to be stepped by `improve`."""
        return cast(torch.optim.Optimizer, self.fabric.setup_optimizers(plain))

    def improve(
        self, loss: torch.Tensor, network: torch.nn.Module, optimiser: torch.optim.Optimizer, rate: float
    ) -> None:
        """One step of ``optimiser`` down the gradient of the whole batch, which is cut to a norm of 1."""
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad(set_to_none=True)
        with _right_kernels(self.device == "cpu" and self.compute.bits == "bf16"):
            self.fabric.backward(loss)
        if self.compute.devices > 1:
            grads = [p.grad for p in network.parameters() if p.grad is not None]
            parts = torch.split(
                self.mean(torch.cat([g.flatten() for g in grads])), [g.numel() for g in grads]
            )
            for grad, part in zip(grads, parts, strict=True):
                grad.copy_(part.view_as(grad))
        # A step of 16 bits that overflowed is left out by the scaler, which looks at the norm itself.
        self.fabric.clip_gradients(network, optimiser, max_norm=1.0, error_if_nonfinite=False)
        optimiser.step()

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold: the scale of 16-bit gradients, else nothing."""
        return cast("dict[str, Any]", self.fabric.strategy.precision.state_dict())

    def load(self, state: dict[str, Any]) -> None:
        """Go on from `state`; one of another precision is not needed."""
        if state and self.state():
            self.fabric.strategy.precision.load_state_dict(state)

    def close(self) -> None:
        """Leave the group of processes."""
        if self.compute.devices > 1 and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


@contextmanager
def _right_kernels(needed: bool) -> Iterator[None]:
    """Without oneDNN where ``needed``: its bf16 weight gradients (3.12) of kernels wider than the image are junk.

    Deep levels of small networks have such; a test holds torch's own slower kernels to 32 bits there.
    """
    before = torch.backends.mkldnn.enabled
    if needed:
        torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
    try:
        yield
    finally:
        if needed:
            torch.backends.mkldnn.enabled = before  # type: ignore[assignment]


def _fabric(compute: Compute, rank: int, port: int) -> Fabric:
    """Import Lightning, which takes a second and a half, only now, and let it say nothing but errors."""
    from lightning.fabric import Fabric
    from lightning.fabric.strategies import DDPStrategy

    for name in (
        "lightning.fabric",
        "lightning.pytorch",
    ):  # the second speaks for the first once it is imported
        logging.getLogger(name).setLevel(logging.ERROR)
    kind, _, index = compute.device.partition(":")
    here = _here(rank, compute.devices, port)
    fabric = Fabric(
        accelerator=kind,
        devices=[int(index)] if index else compute.devices,
        strategy=DDPStrategy() if compute.devices > 1 else "auto",
        precision=_NAMES[compute.bits],
        plugins=[here],
    )
    fabric.launch()
    return fabric


def _here(rank: int, count: int, port: int) -> ClusterEnvironment:
    """All processes are on this machine and started by `medsynth_desktop.training.crew`, so nothing is looked up."""
    from lightning.fabric.plugins.environments import LightningEnvironment

    class Here(LightningEnvironment):  # type: ignore[misc]
        creates_processes_externally = True
        main_address = "127.0.0.1"
        main_port = port

        def local_rank(self) -> int:
            return rank

        def node_rank(self) -> int:
            return 0

        def world_size(self) -> int:
            return count

        def global_rank(self) -> int:
            return rank

    return cast("ClusterEnvironment", Here())
