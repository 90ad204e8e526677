"""Prepare a run: check the arguments, split the image into planes, measure it, plan the memory."""
