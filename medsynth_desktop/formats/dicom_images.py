"""Which DICOM objects hold a grey image that this computer can decode, told from the header alone."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.formats.base import check_claim

MAX_COMPRESSION = 2000
"""Generous bound of what the DICOM codecs reach on an empty slice; a larger claim is a damaged header."""
RETIRED_JPEG = {
    f"1.2.840.10008.1.2.4.{n}": n for n in (52, 53, 54, 55, 56, 58, 59, 60, 61, 62, 63, 64, 65, 66)
}
"""JPEG processes that the standard has retired (PS3.6 annex A): no maintained decoder exists."""
DEFLATED = "1.2.840.10008.1.2.1.99"
"""The whole file is deflated; the pixels inside are plain."""
NOT_IMAGES = {
    "SEG": "a segmentation, not an image",
    "RTSTRUCT": "a set of contours, not an image",
    "RTDOSE": "a radiotherapy dose, not an image",
    "RTPLAN": "a radiotherapy plan, not an image",
    "SR": "a report, not an image",
    "KO": "a key object note, not an image",
    "PR": "a presentation state, not an image",
    "REG": "a registration, not an image",
    "DOC": "a document, not an image",
}


def check_is_image(path: Path, header: Dataset, available: int) -> None:
    """Refuse objects without a grey picture that this computer can decode.

    Parameters
    ----------
    path, header
        The file and what was read of it.
    available
        Bytes of the file that may be pixels.

    Raises
    ------
    InputRefused
        With the reason.
    """
    name = path.name
    sop_class = header.get("SOPClassUID") or getattr(header, "file_meta", Dataset()).get(
        "MediaStorageSOPClassUID"
    )
    if sop_class is not None and UID(sop_class).name == "Media Storage Directory Storage":
        raise InputRefused(f"{name} is the table of contents of a DICOM disc; the images beside it are read.")
    modality = str(header.get("Modality", ""))
    if modality in NOT_IMAGES or (sop_class and "Segmentation" in UID(sop_class).name):
        raise InputRefused(f"{name} is {NOT_IMAGES.get(modality, NOT_IMAGES['SEG'])}.")
    if not header.get("Rows") or not header.get("Columns"):
        kind = UID(sop_class).name if sop_class else "no kind of object named"
        raise InputRefused(f"{name} holds no picture ({kind}), or its header is cut off.")
    if header.get("SamplesPerPixel", 1) != 1 or not str(
        header.get("PhotometricInterpretation", "MONOCHROME2")
    ).startswith("MONOCHROME"):
        raise InputRefused(
            f"{name} is in colour ({header.get('PhotometricInterpretation')}), usually a secondary "
            "capture of a screen or a report page; grey images are read."
        )
    _check_codec(name, header)
    _check_size(path, header, available)


def _check_codec(name: str, header: Dataset) -> None:
    if not is_encapsulated(header):
        return
    syntax = _syntax(header)
    if syntax in RETIRED_JPEG:
        raise InputRefused(
            f"{name} is compressed by a retired JPEG process (transfer syntax {syntax}) for which no decoder "
            "is maintained; export it again as uncompressed or JPEG lossless."
        )
    if not _decodable(syntax):
        raise InputRefused(
            f"{name} is compressed as {UID(syntax).name} ({syntax}), which is not decoded here; export it "
            "again as uncompressed."
        )


def _syntax(header: Dataset) -> str:
    meta = getattr(header, "file_meta", None)
    return str(meta.get("TransferSyntaxUID") or "") if meta else ""


def is_encapsulated(header: Dataset) -> bool:
    """Whether pixels are compressed by a codec, in items of their own."""
    syntax = UID(_syntax(header))
    return syntax != DEFLATED and syntax.is_transfer_syntax and bool(syntax.is_compressed)


def _decodable(syntax: str) -> bool:
    from pydicom.pixels import get_decoder

    try:
        return bool(get_decoder(UID(syntax)).is_available)
    except NotImplementedError:
        return False


def _check_size(path: Path, header: Dataset, available: int) -> None:
    """Compare claimed pixels with the file's size before anything is allocated."""
    if _syntax(header) == DEFLATED:
        available = path.stat().st_size
    packed = is_encapsulated(header) or _syntax(header) == DEFLATED
    shape = (int(header.get("NumberOfFrames") or 1), int(header.Rows), int(header.Columns))
    bits = int(header.get("BitsAllocated") or 8)
    check_claim(path.name, shape, max(1, bits // 8), available, MAX_COMPRESSION if packed else 1)
