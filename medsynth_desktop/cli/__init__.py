"""The command line `medsynth`: a composition root over the workbench's verbs (contract: docs/cli.md).

Nothing heavy is imported before a command needs it, so that ``--help`` answers at once.
"""

from medsynth_desktop.cli.main import main

__all__ = ["main"]
