"""What a surface can be made of: the selected sample, its nearest real image, or an image layer."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QSizePolicy

from medsynth_desktop.core.volume import Volume
from medsynth_desktop.qt.viewer import volume_of
from medsynth_desktop.workbench.pairs import nearest_image
from medsynth_desktop.workbench.state import Workbench

Source = tuple[str, str]
"""Kind (``sample``, ``real``, ``layer``) and id or layer name."""


class SourceBox(QComboBox):  # type: ignore[misc]
    """Lists the sources and follows the workbench and the viewer; keeps what was chosen while it is there."""

    chosen = Signal()

    def __init__(self, workbench: Workbench, viewer: Any) -> None:
        super().__init__()
        self._workbench, self._viewer = workbench, viewer
        self._source: Source | None = None
        self.setAccessibleName("What the surface is made of")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.currentIndexChanged.connect(self._changed)

    @property
    def source(self) -> Source | None:
        """What is chosen now."""
        data = self.currentData()
        return tuple(data) if data is not None else None

    @property
    def name(self) -> str:
        """How its surface is called: a pseudonym or a layer's name."""
        kind, key = self.source or ("", "")
        return {"sample": f"Synthetic {key}", "real": f"Real {key}"}.get(kind, key)

    def volume(self) -> Volume | None:
        """Read the chosen volume; None when nothing is chosen.

        Raises
        ------
        NotFound
            When it is not in the workspace any more.
        """
        kind, key = self.source or ("", "")
        if kind == "sample":
            return self._workbench.sample_volume(key)
        if kind == "real":
            return self._workbench.image_volume(key)
        return volume_of(self._viewer.layers[key]) if key in self._viewer.layers else None

    def refresh(self) -> None:
        """List what there is now. A sample stays chosen as the kind: another selection is another sample."""
        items = self._items()
        before = self._source
        self.blockSignals(True)
        self.clear()
        for label, source in items:
            self.addItem(label, source)
        index = next((i for i, (_, s) in enumerate(items) if s == before), None)
        if index is None and before is not None:
            index = next((i for i, (_, s) in enumerate(items) if s[0] == before[0] != "layer"), None)
        self.setCurrentIndex(index if index is not None else (0 if items else -1))
        self.blockSignals(False)
        self._changed()

    def choose_layer(self, name: str) -> None:
        """Choose the image layer ``name`` where there is one."""
        sources = [self.itemData(i) for i in range(self.count())]
        index = next((i for i, s in enumerate(sources) if tuple(s) == ("layer", name)), None)
        if index is not None:
            self.setCurrentIndex(index)

    def _items(self) -> list[tuple[str, Source]]:
        selected = self._workbench.selected
        items: list[tuple[str, Source]] = []
        if selected is not None:
            items.append((f"Selected sample {selected}", ("sample", selected)))
            real = nearest_image(self._workbench.guard.nearest.get(selected))
            if real is not None:
                items.append((f"Its nearest real image {real}", ("real", real)))
        layers = (layer for layer in self._viewer.layers if type(layer).__name__ == "Image")
        items += [(f"Layer {' '.join(layer.name.split())}", ("layer", layer.name)) for layer in layers]
        return items

    def _changed(self) -> None:
        if self.source != self._source:
            self._source = self.source
            self.chosen.emit()
