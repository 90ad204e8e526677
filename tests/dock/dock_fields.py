"""Short ways to the fields and results of the dock."""


def gaussian(dock):
    """Return the fields of a Gaussian PSF."""
    return dock.fields.psf.fields_by_title["Gaussian"]


def psf_layer_field(dock):
    """Return the field of the layer that shows the PSF."""
    return dock.fields.psf.fields_by_title["Bead image"].layer


def use_layer(dock, layer):
    """Choose a layer as PSF, as the user would."""
    dock.fields.psf.kind.value = "Bead image"
    psf_layer_field(dock).value = layer


def microscope(dock):
    """Return the fields of a microscope."""
    return dock.fields.psf.fields_by_title["Microscope"]


def results_of(viewer, name):
    """Return the results of the image of this name, in the order of the layers."""
    found = []
    for layer in viewer.layers:
        record = layer.metadata.get("napari_tf_deblur", {})
        if (record.get("kind"), record.get("source")) == ("result", name):
            found.append(layer)
    return found


def result_of(viewer, name):
    """Return the last result of the image of this name; None if there is none."""
    return (results_of(viewer, name) or [None])[-1]
