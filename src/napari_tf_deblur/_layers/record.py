"""What a result keeps of its run, and how it is written into a file and read from one."""

KEY = "napari_tf_deblur"
"""Where layers made here keep their record, in ``layer.metadata``."""
