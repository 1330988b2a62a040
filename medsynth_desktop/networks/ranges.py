"""Ranges of the numbers that describe a network; a ValueError says what lies outside."""

from __future__ import annotations

MAX_CHANNELS = 1024
MAX_LEVELS = 6
MAX_RES_BLOCKS = 4
MAX_CODES = 1 << 16
MAX_CONDITIONS, MAX_CLASSES = 16, 1000


def check_conditions(conditions: tuple[int, ...], width: int) -> None:
    """Refuse numbers of classes, or a width of tokens, out of range."""
    check_range("the number of conditions", len(conditions), 0, MAX_CONDITIONS)
    for classes in conditions:
        check_range("classes of a condition", classes, 0, MAX_CLASSES)
    check_range("condition_width", width, 1, 1024)


def check_range(name: str, value: int, low: int, high: int) -> None:
    """Refuse what is no whole number from ``low`` to ``high``."""
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}; got {value!r}")


def check_flags(name: str, values: tuple[bool, ...]) -> None:
    """Refuse what is neither true nor false."""
    if not all(type(value) is bool for value in values):
        raise ValueError(f"{name} must be true or false; got {values!r}")


def check_levels(dims: int, channels: tuple[int, ...], res_blocks: tuple[int, ...], groups: int) -> None:
    """Refuse levels whose numbers are out of range or do not go together."""
    check_range("spatial_dims", dims, 2, 3)
    check_range("the number of levels", len(channels), 1, MAX_LEVELS)
    check_range("norm_groups", groups, 1, 64)
    if len(res_blocks) != len(channels):
        raise ValueError(f"res_blocks needs {len(channels)} entries; got {len(res_blocks)}")
    for blocks in res_blocks:
        check_range("res_blocks", blocks, 1, MAX_RES_BLOCKS)
    for width in channels:
        check_range("channels", width, 1, MAX_CHANNELS)
        if width % groups:
            raise ValueError(f"norm_groups {groups} must divide every channel count; got {width}")
