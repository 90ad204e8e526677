"""How the blur of an image is told from its power spectrum."""
