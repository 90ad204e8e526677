"""Deblur images that are larger than memory: in pieces, by workers, into files."""
