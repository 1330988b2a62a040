"""Names of weights: those of MONAI 1.4 and later, and of the older "generative models" package."""

from __future__ import annotations

import torch

from medsynth_desktop.bundles.foreign.checkpoint import Checkpoint
from medsynth_desktop.bundles.weights import N, put_weights
from medsynth_desktop.core.errors import BundleRefused

DTYPES = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
UNUSED = (".proj_attn.weight", ".proj_attn.bias")
"""The last layer of the older self-attention, which its forward pass never reached."""


def older_names(name: str) -> list[str]:
    """Names that a weight of MONAI's network may have in a file, the present one first.

    As ``load_old_state_dict`` of MONAI 1.6 translates them, whose names are taken one by one.
    """
    found = [name]
    if ".attn.out_proj." in name:
        found.append(name.replace(".attn.out_proj.", ".proj_attn."))
    elif ".attn.to_" in name:
        found.append(name.replace(".attn.to_", ".to_"))
    elif ".out_proj." in name and "transformer_blocks" in name:
        found.append(name.replace(".out_proj.", ".to_out.0."))
    elif ".postconv." in name:
        found.append(name.replace(".postconv.", ".conv."))
    return found


def fill_foreign(network: N, checkpoint: Checkpoint) -> N:
    """Give an empty network the weights of a checkpoint, under either names, as float32.

    Raises
    ------
    BundleRefused
        When names, shapes, types or values are not what the architecture needs.
    """
    name, left = checkpoint.name, dict(checkpoint.tensors)
    if all(key.startswith("module.") for key in left):
        left = {key.removeprefix("module."): value for key, value in left.items()}
    tensors = {}
    for key, wanted in network.state_dict().items():
        there = next((old for old in older_names(key) if old in left), None)
        if there is None:
            raise BundleRefused(f"{name} lacks the weights {key!r}; get the model anew.")
        got = left.pop(there)
        if got.shape != wanted.shape or got.dtype not in DTYPES:
            raise BundleRefused(
                f"{name}: {there} must be numbers of shape {list(wanted.shape)}; "
                f"got {str(got.dtype)[6:]} {str(list(got.shape))[:60]}."
            )
        tensors[key] = got.detach().float().contiguous()
    if unknown := sorted(key for key in left if not key.endswith(UNUSED)):
        raise BundleRefused(f"{name} holds weights {unknown[0][:80]!r} that the architecture has not.")
    return put_weights(name, network, tensors)
