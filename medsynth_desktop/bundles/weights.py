"""Weights from safetensors bytes into a network, nothing believed that the bytes claim."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors

from medsynth_desktop.core.errors import BundleRefused

DTYPES = {"F16": 2, "BF16": 2, "F32": 4}
MAX_HEADER_BYTES = 1 << 20
MAX_PARAMETERS = 1_500_000_000
"""6 GiB of float32: more does not fit a workstation's GPU."""
N = TypeVar("N", bound=torch.nn.Module)


def empty_network(name: str, build: Callable[[], N]) -> N:
    """Build a network that has shapes but no memory yet.

    Raises
    ------
    BundleRefused
        When its numbers of channels do not go together, or it is too large.
    """
    try:
        with torch.device("meta"):
            network = build()
    except (ValueError, RuntimeError, TypeError) as error:
        raise BundleRefused(f"{name}: these numbers make no network ({str(error)[:120]}).") from None
    if (size := parameters(network)) > MAX_PARAMETERS:
        raise BundleRefused(f"{name}: a model has at most {MAX_PARAMETERS} parameters; this one {size}.")
    return network


def parameters(network: torch.nn.Module) -> int:
    """Count of all numbers in the network's state."""
    return sum(math.prod(t.shape) for t in network.state_dict().values())


def max_file_bytes(network: torch.nn.Module) -> int:
    """The largest file that can hold exactly this network."""
    return 8 + MAX_HEADER_BYTES + 4 * parameters(network)


def fill_network(name: str, network: N, data: bytes) -> N:
    """Give an empty network the weights in ``data`` as float32, and set it to eval mode.

    Raises
    ------
    BundleRefused
        When the bytes are no safetensors, or names, shapes, types or values are not what the architecture needs.
    """
    claimed = header(name, data)
    wanted = {key: list(t.shape) for key, t in network.state_dict().items()}
    if missing := sorted(set(wanted) - set(claimed)):
        raise BundleRefused(f"{name} lacks the weights {missing[0]!r}; get the model anew.")
    if unknown := sorted(set(claimed) - set(wanted)):
        raise BundleRefused(f"{name} holds weights {unknown[0][:80]!r} that the architecture has not.")
    for key, (dtype, shape) in claimed.items():
        if shape != wanted[key] or dtype not in DTYPES:
            raise BundleRefused(
                f"{name}: {key} must be F16, BF16 or F32 of shape {wanted[key]}; got {dtype} {str(shape)[:60]}."
            )
    try:
        tensors = {key: tensor.float() for key, tensor in load_tensors(data).items()}
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise BundleRefused(f"{name} is damaged ({str(error)[:80]}); get the model anew.") from None
    return put_weights(name, network, tensors)


def put_weights(name: str, network: N, tensors: dict[str, torch.Tensor]) -> N:
    """Give an empty network float32 weights of the right names and shapes, and set it to eval mode.

    Raises
    ------
    BundleRefused
        When a value is no finite number.
    """
    for key, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise BundleRefused(
                f"{name}: {key} holds values that are not finite numbers; get the model anew."
            )
    network.load_state_dict(tensors, strict=True, assign=True)
    return network.eval().requires_grad_(False)


def header(name: str, data: bytes) -> dict[str, tuple[str, list[int]]]:
    """Claimed dtype and shape of every tensor, read before the library allocates anything."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > min(MAX_HEADER_BYTES, len(data) - 8):
        raise BundleRefused(f"{name} is no safetensors file or is cut off; get the model anew.")
    try:
        header = json.loads(data[8 : 8 + size])
        header.pop("__metadata__", None)
        return {str(key): (str(entry["dtype"]), list(entry["shape"])) for key, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BundleRefused(
            f"{name} has a header that is no safetensors header; get the model anew."
        ) from None
