"""Volumes and surfaces in napari, as a radiologist expects them.

Convention: napari's world is (inferior, posterior, left) in millimetres, that is ``-(z, y, x)`` of the
patient's RAS frame. Axial, coronal and sagittal slices are then all drawn the radiological way (patient's
right on the viewer's left, front or head on top), and 3D is not mirrored. Layers are drawn straight: a
diagonal scale, the centre kept; the true affine stays with the `Volume` in
``layer.metadata["medsynth_volume"]``, for saving and for surfaces.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from medsynth_desktop.cohorts.conform import recipe_volume
from medsynth_desktop.core.records import Recipe
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.core.windows import first_window

if TYPE_CHECKING:
    from medsynth_desktop.workbench.state import Workbench

VOLUME_KEY, SLOT_KEY = "medsynth_volume", "medsynth_slot"
FIRST_KEY = "medsynth_first_window"
"""Limits that an image was first shown with: others are the user's, and kept."""
DRAWN_DTYPES = (np.uint8, np.uint16, np.int16, np.float32)
"""What napari hands to the graphics card without converting every slice."""
MARGIN = 0.12
"""Room around a picture for the orientation letters, as a share of the canvas."""
WIDEST_MARGIN = 0.18
BAR_PIXELS = 52
"""Height of the scale bar with its box, which would take a corner out of the picture."""
SURFACE_STEP = 10.0
"""Scale of a surface's layer (mm), as coarse as slices get: the images' own spacing is then the slider's step."""
AXES = ("axial", "coronal", "sagittal")
"""What one pages through along each axis of the world; napari writes it beside its slider."""


def layer_data(volume: Volume, name: str, **options: Any) -> tuple[np.ndarray, dict[str, Any], str]:
    """Turn a volume into napari's layer data tuple.

    Parameters
    ----------
    volume
        Any orientation; a picture has one axis of length 1, which is dropped.
    name
        Shown in the layer list: a pseudonym or a generic name, never the patient's.
    options
        Further layer attributes (``colormap``, ``contrast_limits``, ...).

    Returns
    -------
    tuple
        ``(array, attributes, "image")``; the array is (z, y, x) or, for a picture, (rows, columns).
    """
    canonical = replace(volume, patient=None).canonical()
    array = _drawn(canonical.array)[::-1, ::-1, ::-1].transpose(2, 1, 0)
    scale, translate = _straight(canonical)
    keep = [axis for axis in range(3) if array.shape[axis] > 1]
    if len(keep) != 2:
        keep = [0, 1, 2]
    unit = "mm" if volume.spaced else "pixel"
    attributes: dict[str, Any] = {
        "name": name,
        "scale": tuple(scale[keep]),
        "translate": tuple(translate[keep]),
        "units": (unit,) * len(keep),
        "axis_labels": tuple(AXES[axis] for axis in keep),
        "contrast_limits": contrast_limits(canonical),
        "colormap": "gray",
        "interpolation2d": "linear",
        "metadata": {VOLUME_KEY: replace(volume, patient=None)},
    }
    attributes["metadata"].update(options.pop("metadata", {}))
    attributes.update(options)
    squeezed = array.reshape([array.shape[axis] for axis in keep])
    return np.ascontiguousarray(squeezed), attributes, "image"


def show_volume(viewer: Any, volume: Volume, name: str, slot: str = "", **options: Any) -> Any:
    """Add ``volume`` to ``viewer`` and return its layer.

    Parameters
    ----------
    viewer, volume, name
        Where, what, and how it is called (see `layer_data`).
    slot
        Images of one slot (``"real"``, ``"sample"``) replace one another and keep the window and the view.
        Empty: the layer of that name is replaced.
    options
        Further layer attributes.
    """
    from_3d = viewer.dims.ndisplay == 3 and any(type(x).__name__ == "Surface" for x in viewer.layers)
    if from_3d:  # an image was asked for while a surface was turned: slices, not a projection
        viewer.dims.ndisplay = 2
    options["metadata"] = {SLOT_KEY: slot, **options.get("metadata", {})}
    array, attributes, _ = layer_data(volume, name, **options)
    old = _old_layer(viewer, name, slot)
    if old is not None and type(old).__name__ == "Image" and old.data.shape == array.shape:
        attributes["metadata"][FIRST_KEY] = old.metadata.get(FIRST_KEY)
        old.data, old.metadata = array, attributes["metadata"]
        old.scale, old.translate = attributes["scale"], attributes["translate"]
        old.name, old.visible = name, True
        viewer.layers.move(viewer.layers.index(old), len(viewer.layers))
        viewer.layers.selection.active = old
        if from_3d:
            viewer.fit_to_view(layers=[old], margin=margin(viewer))
        return old
    if old is not None:
        attributes.update(_kept_window(old, volume))
        viewer.layers.remove(old)
    attributes["metadata"][FIRST_KEY] = tuple(attributes["contrast_limits"])
    first = len(viewer.layers) == 0
    layer = viewer.add_image(array, **attributes)
    if first or from_3d:
        viewer.fit_to_view(layers=[layer], margin=margin(viewer))
    if first:
        _to_middle(viewer)
    viewer.canvas.overlays.scale_bar.visible = volume.spaced
    return layer


def show_sample(viewer: Any, workbench: Workbench, sample: str) -> None:
    """Show a finished sample and make it the one looked at.

    Raises
    ------
    NotFound, StoreFailed
        When it cannot be read.
    """
    workbench.select(sample)
    volume = workbench.sample_volume(sample)
    options = {} if volume.unit else {"contrast_limits": (-1.0, 1.0)}
    show_volume(viewer, volume, f"Synthetic {sample}", slot="sample", **options)


def _kept_window(old: Any, volume: Volume) -> dict[str, Any]:
    """The window that a user gave to the image before, where it means something for this one."""
    before, given = old.metadata.get(VOLUME_KEY), old.metadata.get(FIRST_KEY)
    if before is None or given is None or tuple(old.contrast_limits) == given:
        return {}
    same = (before.modality, before.unit) == (volume.modality, volume.unit)
    return {"contrast_limits": tuple(old.contrast_limits)} if same else {}


def margin(viewer: Any) -> float:
    """Share of the canvas to leave free around a picture: for the letters, and below it for the scale bar."""
    return max(MARGIN, min(WIDEST_MARGIN, 2 * BAR_PIXELS / max(1.0, float(viewer.canvas.size[0]))))


def _old_layer(viewer: Any, name: str, slot: str) -> Any:
    for layer in viewer.layers:
        if layer.metadata.get(SLOT_KEY) == slot if slot else layer.name == name:
            return layer
    return None


def show_array(viewer: Any, array: np.ndarray, recipe: Recipe, name: str, **options: Any) -> Any:
    """Show a conformed array: float32 in [-1, 1] of shape ``recipe.grid``, in the unit of its recipe."""
    volume = recipe_volume(array, recipe)
    options.setdefault("contrast_limits", (-1.0, 1.0) if not volume.unit else contrast_limits(volume))
    return show_volume(viewer, volume, name, **options)


def volume_of(layer: Any) -> Volume | None:
    """Return the volume behind an image layer, ours or another's; None when it is not a grey image."""
    if type(layer).__name__ != "Image" or layer.rgb or layer.data.ndim not in (2, 3):
        return None
    return volume_of_data(np.asarray(layer.data), layer.metadata, layer.scale, layer.translate)


def volume_of_data(array: np.ndarray, metadata: dict[str, Any], scale: Any, translate: Any) -> Volume:
    """Return the volume of layer data: the numbers as they are now, in the true frame of their source.

    Foreign data (z, y, x) or (rows, columns) are taken to follow the convention here, with their own
    ``scale`` and ``translate`` in millimetres.
    """
    ours: Volume | None = metadata.get(VOLUME_KEY)
    if ours is not None:
        canonical = ours.canonical()
        if array.size == canonical.array.size:
            drawn = array.reshape(canonical.array.shape[::-1]).transpose(2, 1, 0)
            return replace(canonical, array=drawn[::-1, ::-1, ::-1])
    steps, origin = np.ones(3), np.zeros(3)
    steps[-array.ndim :], origin[-array.ndim :] = scale, translate
    affine = np.diag([*-steps[::-1], 1.0])
    affine[:3, 3] = -origin[::-1]
    return Volume(array.reshape((1,) * (3 - array.ndim) + array.shape).transpose(2, 1, 0), affine)


def show_surface(viewer: Any, surface: Any, name: str, like: Volume | None = None, **options: Any) -> Any:
    """Add a surface (``vertices`` (n, 3) RAS millimetres, ``faces`` (m, 3)) and return its layer.

    Parameters
    ----------
    viewer, surface, name
        Where, what, and how it is called; a layer of that name is replaced.
    like
        The volume it was made from: an oblique one is drawn straight, and so then is its surface.
    options
        Further attributes of napari's surface layer.
    """
    vertices = np.asarray(surface.vertices, np.float32)
    if like is not None:
        vertices = _straightened(vertices, like)
    drawn = np.ascontiguousarray(-vertices[:, ::-1] / SURFACE_STEP, dtype=np.float32)
    data = (drawn, np.asarray(surface.faces), np.full(len(drawn), 0.75, np.float32))
    options["scale"] = (SURFACE_STEP,) * 3
    old = viewer.layers[name] if name in viewer.layers else None
    if (
        old is not None and type(old).__name__ == "Surface"
    ):  # in place: the camera stays where the user turned it
        old.data, old.visible = data, True
        for key, value in options.items():
            setattr(old, key, value)
        return old
    if old is not None:
        viewer.layers.remove(old)
    options = {"colormap": "gray", "shading": "smooth", "units": ("mm",) * 3, "axis_labels": AXES, **options}
    options.setdefault("contrast_limits", (0.0, 1.0))
    return viewer.add_surface(data, name=name, **options)


def contrast_limits(volume: Volume) -> tuple[float, float]:
    """Window of the header if it names one, else percentiles of the volume; always low < high."""
    return first_window(volume).limits


def _drawn(array: np.ndarray) -> np.ndarray:
    return array if array.dtype in DRAWN_DTYPES else array.astype(np.float32)


def _straight(canonical: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Scale (3,) and translation (3,) of the drawn (z, y, x) array, centre at the true centre."""
    shape = np.array(canonical.array.shape)
    centre = (canonical.affine @ [*((shape - 1) / 2), 1.0])[:3]
    scale = canonical.spacing
    return scale[::-1], (-centre - scale * (shape - 1) / 2)[::-1]


def _straightened(vertices: np.ndarray, like: Volume) -> np.ndarray:
    """RAS millimetres to the frame in which ``like`` is drawn without its rotation."""
    canonical = like.canonical()
    middle = (np.array(canonical.array.shape) - 1) / 2
    centre = (canonical.affine @ [*middle, 1.0])[:3]
    index = (vertices - centre) @ np.linalg.inv(canonical.affine[:3, :3]).T
    return np.asarray(index * canonical.spacing + centre, np.float32)


def _to_middle(viewer: Any) -> None:
    for axis, (start, stop, _step) in enumerate(viewer.dims.range):
        viewer.dims.set_point(axis, (start + stop) / 2)
