"""Keyed hashes that stand for patients, files and names, so that none of them is written down.

HMAC-SHA256 under the workspace's own random key: patient identifiers are short and guessable, and a plain
hash of one would give it away to anybody who tries all of them.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from pathlib import Path

LABEL_DIGITS = 10


class Keyed:
    """Hashes of one workspace.

    Parameters
    ----------
    secret
        32 bytes from `Workspace.secret`.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def patient(self, identifier: str) -> str:
        """64 hexadecimal digits for a patient's identifier; surrounding blanks do not count."""
        return self._hash("patient", identifier.strip())

    def source(self, file_hashes: Sequence[str], part: int) -> str:
        """64 hexadecimal digits for one image by the content of its files.

        Parameters
        ----------
        file_hashes
            SHA-256 of every file it was read from, in any order.
        part
            Which image of these files, where they hold several.
        """
        return self._hash("source", *sorted(file_hashes), str(part))

    def label(self, path: Path) -> str:
        """Name for a file that was passed over, without the patient that its path may tell."""
        digits = self._hash("path", str(path.absolute()))[:LABEL_DIGITS]
        suffix = path.suffix.lower()
        return f"file {digits}{suffix if suffix in KNOWN_SUFFIXES else ''}"

    def _hash(self, *parts: str) -> str:
        message = "\0".join(parts).encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, message, "sha256").hexdigest()


KNOWN_SUFFIXES = frozenset(
    ".nii .dcm .ima .npy .npz .png .jpg .jpeg .tif .tiff .csv .tsv .json .txt .zip .gz .pdf .xml".split()
)
"""Endings that are kept in a label; any other might be part of an identifier."""
