"""Batches of files: find, open and deblur them one after another; save and report the results."""
