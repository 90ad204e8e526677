"""Write and read results: OME-Zarr and OME-TIFF, their axes, units and records."""
