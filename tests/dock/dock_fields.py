"""Short ways to the fields of the dock."""


def gaussian(dock):
    """Return the fields of a Gaussian PSF."""
    return dock.fields.psf.of_kind["Gaussian"]


def psf_layer_field(dock):
    """Return the field of the layer that shows the PSF."""
    return dock.fields.psf.of_kind["Image layer"].layer


def use_layer(dock, layer):
    """Choose a layer as PSF, as the user would."""
    dock.fields.psf.kind.value = "Image layer"
    psf_layer_field(dock).value = layer
