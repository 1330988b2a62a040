"""File > Save: an image layer back into a file, in the patient's true frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.formats.write import write_volume
from medsynth_desktop.qt.viewer import volume_of_data


def write_image(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write one image layer; an oblique volume gets its true affine back.

    Raises
    ------
    InputRefused
        A suffix that no format writes, or a disk that does not take the file.
    """
    array = np.asarray(data)
    scale = attributes.get("scale", np.ones(array.ndim))
    translate = attributes.get("translate", np.zeros(array.ndim))
    write_volume(volume_of_data(array, attributes.get("metadata", {}), scale, translate), Path(path))
    return [path]
