"""Models as folders: safetensors, one JSON file, nothing that executes."""

from medsynth_desktop.bundles.bundle import Bundle
from medsynth_desktop.bundles.files import describe_bundle, read_bundle, write_bundle
from medsynth_desktop.bundles.schema import BundleFacts

__all__ = ["Bundle", "BundleFacts", "describe_bundle", "read_bundle", "write_bundle"]
