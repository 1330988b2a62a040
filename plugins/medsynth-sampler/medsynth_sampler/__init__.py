"""Synthetic images from a diffusion model: the Sample panel."""
