"""MONAI bundles in the layout of the model zoo, read without running anything and written as bundles of our own."""

from medsynth_desktop.bundles.foreign.convert import convert_bundle
from medsynth_desktop.bundles.foreign.folder import is_foreign
from medsynth_desktop.bundles.foreign.images import Asked

__all__ = ["Asked", "convert_bundle", "is_foreign"]
