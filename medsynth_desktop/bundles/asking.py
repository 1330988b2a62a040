"""What is asked of a model, and what is known of training images, as the numbers that its network takes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.records import Condition
from medsynth_desktop.networks.conditions import MISSING
from medsynth_desktop.networks.ranges import MAX_CLASSES

LONGEST_CLASS = 40


def learn_conditions(names: Sequence[str], images: Sequence[Mapping[str, Any]]) -> tuple[Condition, ...]:
    """Describe what ``names`` may be asked for, from the attributes of the training images.

    Text becomes classes, in alphabetical order. The range of a number is widened to round ones, so that the youngest
    and the oldest patient are not told.

    Raises
    ------
    InputRefused
        A name that no image has, or of which too many classes are there.
    """
    there = sorted({key for attributes in images for key in attributes})
    found = []
    for name in dict.fromkeys(names):
        values = [a[name] for a in images if a.get(name) is not None]
        if not values:
            raise InputRefused(
                f"No training image says its {name!r}; the list of participants told: "
                f"{', '.join(there) or 'nothing'}; import the cohort with a list that has it."
            )
        numbers = all(isinstance(v, int | float) for v in values)
        found.append(
            _range(name, [float(v) for v in values]) if numbers else _classes(name, map(str, values))
        )
    return tuple(found)


def _classes(name: str, values: Iterable[str]) -> Condition:
    classes = tuple(sorted(set(values)))
    if len(classes) > MAX_CLASSES or any(len(c) > LONGEST_CLASS for c in classes):
        raise InputRefused(
            f"The condition {name!r} takes at most {MAX_CLASSES} classes of at most {LONGEST_CLASS} characters; "
            f"the training images have {len(classes)}; group them in the list of participants and import again."
        )
    return Condition(name, classes)


def _range(name: str, values: Sequence[float]) -> Condition:
    low, high = min(values), max(values)
    step = 10 ** math.floor(math.log10(high - low)) / 2 if high > low else 1.0
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    return Condition(name, (), low, high if high > low else low + step)


def given_rows(conditions: Sequence[Condition], images: Sequence[Mapping[str, Any]]) -> torch.Tensor | None:
    """(n, conditions) of what attributes tell of images, NaN where they do not; None where there are no conditions."""
    if not conditions:
        return None
    return torch.tensor([[_number(c, a.get(c.name), strict=False) for c in conditions] for a in images])


def given_row(conditions: Sequence[Condition], asked: Mapping[str, Any]) -> torch.Tensor:
    """Return (1, conditions) float32 of what is ``asked`` by name, NaN for the rest.

    Raises
    ------
    InputRefused
        An unknown name, an unknown class, a number outside of what was learnt.
    """
    names = [c.name for c in conditions]
    unknown = sorted(set(asked) - set(names))
    if unknown:
        known = f"it knows {', '.join(names)}" if names else "it knows none"
        raise InputRefused(
            f"This model knows no condition {unknown[0]!r} ({known}); leave it out or choose another."
        )
    return torch.tensor([[_number(c, asked.get(c.name), strict=True) for c in conditions]])


def _number(condition: Condition, value: Any, strict: bool) -> float:
    if value is None:
        return MISSING
    text = value.strip() if isinstance(value, str) else f"{value:g}"
    if condition.classes:
        if text in condition.classes:
            return float(condition.classes.index(text))
        expected = (
            f"one of {', '.join(condition.classes[:12])}{', ...' if len(condition.classes) > 12 else ''}"
        )
    else:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if condition.low <= number <= condition.high:
            return 2 * (number - condition.low) / (condition.high - condition.low) - 1
        expected = f"a number from {condition.low:g} to {condition.high:g}"
    if strict:
        raise InputRefused(f"The condition {condition.name} must be {expected}; got {text[:40]!r}.")
    return MISSING
