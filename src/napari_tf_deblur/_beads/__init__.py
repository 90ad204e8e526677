"""A PSF from a picture of beads: found, fitted, aligned, averaged; NumPy and SciPy only."""
