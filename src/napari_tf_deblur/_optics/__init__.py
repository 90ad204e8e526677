"""Compute the PSF of a microscope from its optics."""
