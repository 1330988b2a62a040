"""The 13 convolutions of VGG16 out of an ONNX file: read as numbers, checked, never executed.

Source: Simonyan and Zisserman 2015, configuration D. Shi et al. compare images by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_array, hash_json

CHANNELS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
"""Channels that each convolution gives."""
POOLED = (1, 3, 6, 9, 12)
"""Convolutions that end a block: behind each of them height and width are halved."""
LARGEST = 1 << 31
"""Bytes of a file that is looked at: VGG16 with its dense layers takes 553 MB."""
LEARNT = 1.5
"""By how much the first singular value of a learnt layer exceeds that of random numbers as large, at least."""
MOST_RANDOM = 3
"""Layers that may look like random numbers: learning moves some layers little. Random networks have 13."""


@dataclass(frozen=True)
class Kernels:
    """Weights (out, in, 3, 3) and biases (out,) of the 13 convolutions, float32; ``hash`` names exactly these."""

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    hash: str


def read_kernels(path: Path) -> Kernels:
    """Read VGG16's convolutions from an ONNX file.

    Raises
    ------
    InputRefused
        No such file, the package ``onnx`` is not installed, another network, or one that never learnt anything.
    """
    if not path.is_file():
        raise InputRefused("The weights file is not there; give the path of a VGG16 in ONNX format.")
    if path.stat().st_size > LARGEST:
        raise InputRefused("The weights file is larger than any VGG16; give one in ONNX format.")
    weights, biases = _convolutions(_parsed(path))
    check(weights, biases)
    kernels = Kernels(weights, biases, hash_json([hash_array(array) for array in (*weights, *biases)]))
    random = sum(not learnt(kernel) for kernel in weights)
    if random > MOST_RANDOM:
        raise InputRefused(
            f"{random} of the 13 layers in the weights file look like random numbers: this VGG16 was never trained, "
            "and what it sees tells no copy from an innocent image. Give trained weights."
        )
    return kernels


def learnt(kernel: np.ndarray) -> bool:
    """Whether a (out, in, 3, 3) kernel is more than random numbers.

    Numbers drawn independently with standard deviation s give an (m, n) matrix whose largest singular value is about
    s (sqrt(m) + sqrt(n)) (Marchenko and Pastur 1967); what a layer has learnt stands out from that.
    """
    matrix = kernel.reshape(len(kernel), -1).astype(np.float64)
    centred = matrix - matrix.mean()
    largest = float(np.linalg.eigvalsh(centred @ centred.T)[-1]) ** 0.5
    rows, columns = matrix.shape
    return bool(largest > LEARNT * float(centred.std()) * (rows**0.5 + columns**0.5))


def _parsed(path: Path) -> Any:
    try:
        import onnx
    except ImportError:
        raise InputRefused(
            "Reading VGG16 weights needs the package onnx; install it with: pip install 'medsynth-desktop[vgg]'"
        ) from None
    try:
        return onnx.load(path, load_external_data=False).graph
    except Exception as error:  # protobuf's DecodeError has no public place
        if isinstance(error, OSError | MemoryError):
            raise
        raise InputRefused(
            "The weights file is no ONNX file, or a damaged one; give a VGG16 in ONNX format."
        ) from error


def _convolutions(graph: Any) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Weights and biases of the file's convolutions, in its order."""
    from onnx import TensorProto, numpy_helper

    held = {tensor.name: tensor for tensor in graph.initializer}
    weights, biases = [], []
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        tensors = [held.get(name) for name in node.input[1:]]
        if len(tensors) != 2 or any(t is None or t.data_location == TensorProto.EXTERNAL for t in tensors):
            raise InputRefused(
                "The weights file holds a network whose numbers lie elsewhere; give a VGG16 in one ONNX file."
            )
        _check_node(node)
        kernel, bias = (np.ascontiguousarray(numpy_helper.to_array(t), np.float32) for t in tensors)
        weights.append(kernel)
        biases.append(bias)
    return tuple(weights), tuple(biases)


def _check_node(node: Any) -> None:
    """Strides of 1, borders of 1, no groups: the sums that `medsynth_desktop.similarity.features.vgg16` makes."""
    wanted = {"strides": [1, 1], "pads": [1, 1, 1, 1], "dilations": [1, 1], "group": 1}
    for attribute in node.attribute:
        value: Any = list(attribute.ints) or attribute.i
        if attribute.name == "auto_pad" and attribute.s in (b"SAME_UPPER", b"SAME_LOWER", b"NOTSET"):
            continue
        if attribute.name == "auto_pad" or value != wanted.get(attribute.name, value):
            raise InputRefused(
                f"The weights file holds another network than VGG16 (a convolution with {attribute.name} {value})."
            )


def check(weights: tuple[np.ndarray, ...], biases: tuple[np.ndarray, ...]) -> None:
    """Check that these are VGG16's convolutions, of finite numbers.

    Raises
    ------
    InputRefused
        Where they are not.
    """
    shapes = tuple(w.shape for w in weights)
    wanted = tuple((out, into, 3, 3) for into, out in zip((3, *CHANNELS), CHANNELS, strict=False))
    if shapes != wanted or tuple(b.shape for b in biases) != tuple((n,) for n in CHANNELS):
        raise InputRefused(
            f"The weights file holds another network than VGG16: {len(weights)} convolutions "
            f"{'of other sizes ' if len(weights) == len(CHANNELS) else ''}where 13 are expected (64 to 512 channels)."
        )
    if not all(np.isfinite(array).all() for array in (*weights, *biases)):
        raise InputRefused(
            "The weights file holds numbers that are not finite: it is damaged; give another one."
        )
