"""Code that all rooms use: errors, parameters, PSFs, the forward model, planes and pixels."""
