"""napari layers in and out: sources, masks, PSFs, jobs and results; no Qt."""
