"""The dock "Deblur": its fields, the worker thread, the views of a result, the batch dialog."""
