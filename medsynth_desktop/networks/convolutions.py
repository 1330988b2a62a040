"""Convolutions by oneDNN, also where torch on a processor takes its own slower way.

For one image with few cells (channels times all axes but the last: up to 20,480) torch 2.13 unrolls each patch into a
row of a matrix and multiplies; oneDNN, which it holds as well and takes for everything larger, is up to four times
faster there, and as near to the exact result. The latents of a diffusion model are of just that size.
"""

from __future__ import annotations

from typing import TypeVar, cast

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)
ONEDNN: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


class _ByOneDnn(nn.modules.conv._ConvNd):
    def _conv_forward(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        if not self._suits(x, weight):
            return super()._conv_forward(x, weight, bias)
        padding = cast("tuple[int, ...]", self.padding)
        found: torch.Tensor = torch.mkldnn_convolution(
            x, weight, bias, padding, self.stride, self.dilation, self.groups
        )
        return found

    def _suits(self, x: torch.Tensor, weight: torch.Tensor) -> bool:
        """Whether oneDNN can do it, and torch might not let it; autocast chooses a precision of its own."""
        return (
            x.device.type == "cpu"
            and x.dtype == weight.dtype == torch.float32
            and x.ndim == weight.ndim
            and self.padding_mode == "zeros"
            and not isinstance(self.padding, str)
            and max(self.kernel_size) > 1
            and not torch.is_autocast_enabled("cpu")
            and ONEDNN
        )


class Conv2d(_ByOneDnn, nn.Conv2d):
    """``torch.nn.Conv2d`` in all but speed."""


class Conv3d(_ByOneDnn, nn.Conv3d):
    """``torch.nn.Conv3d`` in all but speed."""


FASTER: dict[type[nn.Module], type[nn.Module]] = {nn.Conv2d: Conv2d, nn.Conv3d: Conv3d}


def by_onednn(network: Network) -> Network:
    """Make every convolution of ``network`` one of ours, in place: the same weights under the same names."""
    for layer in network.modules():
        layer.__class__ = FASTER.get(type(layer), type(layer))
    return network
