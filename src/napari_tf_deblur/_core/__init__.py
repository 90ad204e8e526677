"""What all rooms need: errors, parameters, PSFs, the forward model, planes and pixels."""
