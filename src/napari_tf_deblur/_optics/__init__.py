"""The PSF of a microscope from its optics; lengths are in wavelengths in the immersion."""
