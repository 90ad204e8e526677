"""Estimate the blur of an image from its power spectrum."""
