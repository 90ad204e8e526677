"""Methods of other libraries, one module per library."""
