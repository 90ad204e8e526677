"""What a run needs before it begins: the image taken apart, calibration, memory."""
