"""Copies in disguise: real images found again after a flip, a turn, a shift, another scale or contrast, or in part."""
