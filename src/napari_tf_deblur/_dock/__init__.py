"""The dock "Deblur": its fields, the worker thread, the loss curve."""
