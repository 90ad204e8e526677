"""Files of results: OME-Zarr and OME-TIFF, their axes and units."""
