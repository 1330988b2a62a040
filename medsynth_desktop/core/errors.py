"""Errors that a clinician can read.

Every message is one sentence that says what happened, what was expected, what was found and what to do
next. It names no patient and no folder of another machine. The command line prints the message and leaves
with ``exit_code``; the window shows it in a banner. Anything that is not a `MedSynthError` is a bug.
"""


class MedSynthError(Exception):
    """A refusal or failure that the user can act on."""

    exit_code = 1


class InputRefused(MedSynthError):
    """An image, file or value from the user that cannot be read rightly."""


class BundleRefused(MedSynthError):
    """A model bundle that is damaged, dangerous or does not fit."""


class StoreFailed(MedSynthError):
    """The workspace cannot be opened, read or written."""


class NotFound(MedSynthError):
    """A name or id that the workspace does not hold."""


class OutOfMemory(MedSynthError):
    """A device ran out of memory; ``suggested_batch_size`` is worth a try (0: nothing smaller exists)."""

    def __init__(self, message: str, suggested_batch_size: int = 0) -> None:
        super().__init__(message)
        self.suggested_batch_size = suggested_batch_size


class GuardRefused(MedSynthError):
    """The guard or a verification said no."""

    exit_code = 3


class Cancelled(MedSynthError):
    """The user cancelled; finished work is kept."""

    exit_code = 130
