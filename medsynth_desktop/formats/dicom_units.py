"""What the numbers of a DICOM image mean: Hounsfield units, body-weight SUV, Bq/ml or nothing known.

SUV follows the QIBA FDG-PET pseudo-code (vendor-neutral, happy path) for decay-corrected Bq/ml; where a tag
is missing or implausible the volume stays in Bq/ml and says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydicom.dataset import Dataset

from medsynth_desktop.formats.dicom_header import Slice, positive

WEIGHT_KG = (0.5, 400.0)
DOSE_BQ = (1e5, 1e11)
"""A dose outside was typed in another unit (MBq, mCi)."""
MAX_HALF_LIVES = 20.0
"""After these nothing is left to measure: a time is wrong."""
PHILIPS_SUV_FACTOR = (0x7053, 0x1000)


@dataclass(frozen=True, slots=True)
class Unit:
    """Name of the unit, the factor from rescaled values to it, and why a better unit was out of reach."""

    name: str
    factor: float = 1.0
    note: str = ""


def unit_of(header: Dataset, slices: Sequence[Slice]) -> Unit:
    """Tell the unit of rescaled values, by modality."""
    modality = str(header.get("Modality", ""))
    if modality == "CT":
        return _ct(header)
    return _pet(header, slices) if modality == "PT" else Unit("")


def inverted_is_shown(header: Dataset) -> bool:
    """Whether stored values run from white to black and carry no physical unit: then they are turned."""
    return str(header.get("PhotometricInterpretation")) == "MONOCHROME1" and str(
        header.get("Modality", "")
    ) not in ("CT", "PT")


def _ct(header: Dataset) -> Unit:
    source = header
    groups = header.get("SharedFunctionalGroupsSequence")
    frames = header.get("PerFrameFunctionalGroupsSequence")
    for sequence in (groups, frames):
        if sequence and sequence[0].get("PixelValueTransformationSequence"):
            source = sequence[0].PixelValueTransformationSequence[0]
    if source.get("RescaleSlope") is None:
        return Unit("", note="CT without rescale tags")
    kind = str(source.get("RescaleType") or "HU").strip()
    return Unit("HU") if kind == "HU" else Unit("", note=f"CT rescaled to {kind[:16]}")


def _pet(header: Dataset, slices: Sequence[Slice]) -> Unit:
    units = str(header.get("Units", "")).strip()
    if units == "GML" and str(header.get("SUVType") or "BW").strip() == "BW":
        return Unit("SUVbw")
    if units == "CNTS":
        element = header.get(PHILIPS_SUV_FACTOR)
        factor = positive(element.value if element is not None else None)
        return Unit("SUVbw", factor) if factor else Unit("", note="PET in counts without a calibration")
    if units != "BQML":
        return Unit("", note=f"PET in {units[:8] or 'no stated unit'}")
    factor, why = suv_factor(header, slices)
    return Unit("SUVbw", factor) if factor else Unit("BQML", note=f"no SUV: {why}")


def suv_factor(header: Dataset, slices: Sequence[Slice]) -> tuple[float, str]:
    """Factor from Bq/ml to body-weight SUV (g/ml), or 0 and the reason.

    ``weight[g] / (dose[Bq] * 2^(-(scan - injection) / half life))``; no decay where the values are corrected
    to the injection (DecayCorrection ADMIN).
    """
    corrected = [str(c) for c in header.get("CorrectedImage") or ()]
    reference = str(header.get("DecayCorrection", "")).strip()
    if not {"ATTN", "DECY"} <= set(corrected) or reference not in ("START", "ADMIN"):
        return 0.0, "not corrected for attenuation and decay"
    weight = positive(header.get("PatientWeight"))
    if not WEIGHT_KG[0] <= weight <= WEIGHT_KG[1]:
        return 0.0, f"the weight is {weight:g} kg" if weight else "no weight"
    drugs = header.get("RadiopharmaceuticalInformationSequence")
    if not drugs or len(drugs) != 1:
        return 0.0, "no single radiopharmaceutical"
    dose, half_life = (
        positive(drugs[0].get("RadionuclideTotalDose")),
        positive(drugs[0].get("RadionuclideHalfLife")),
    )
    if not DOSE_BQ[0] <= dose <= DOSE_BQ[1] or not half_life:
        return 0.0, f"dose {dose:g} Bq, half life {half_life:g} s"
    if reference == "ADMIN":
        return weight * 1000 / dose, ""
    elapsed = _elapsed(header, drugs[0], slices)
    if elapsed is None or not 0 <= elapsed <= MAX_HALF_LIVES * half_life:
        return 0.0, "injection or scan time missing or implausible"
    return weight * 1000 / (dose * 2 ** (-elapsed / half_life)), ""


def _elapsed(header: Dataset, drug: Dataset, slices: Sequence[Slice]) -> float | None:
    """Seconds from injection to the start of the scan, to which the values are decay-corrected."""
    series = _moment(header.get("SeriesDate"), header.get("SeriesTime"))
    day = header.get("AcquisitionDate") or header.get("SeriesDate")
    times = [m for s in slices if (m := _moment(day, s.facts.get("AcquisitionTime")))]
    first = min(times) if times else None
    # A series time after the first acquisition is when it was reconstructed, not when the scan began.
    scan = first if series is None or (first is not None and first < series) else series
    if scan is None:
        return None
    stamp = str(drug.get("RadiopharmaceuticalStartDateTime") or "")
    injected = _moment(stamp[:8], stamp[8:].split("+")[0].split("-")[0]) if len(stamp) >= 12 else None
    if injected is None:
        injected = _moment(scan.strftime("%Y%m%d"), drug.get("RadiopharmaceuticalStartTime"))
        if injected is not None and injected > scan:
            injected -= timedelta(days=1)  # injected before midnight
    return None if injected is None else (scan - injected).total_seconds()


def _moment(day: object, time: object) -> datetime | None:
    """DICOM DA and TM to a moment, or None."""
    date, clock = str(day or "").strip(), str(time or "").strip()
    whole, _, fraction = clock.partition(".")
    if len(date) != 8 or len(whole) not in (4, 6):
        return None
    try:
        moment = datetime.strptime(date + whole.ljust(6, "0"), "%Y%m%d%H%M%S")
    except ValueError:
        return None
    return moment + timedelta(seconds=float(f"0.{fraction}") if fraction.isdigit() else 0.0)
