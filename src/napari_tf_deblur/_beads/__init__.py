"""Measure a PSF from a picture of beads: find, fit, align and average them (NumPy and SciPy)."""
