"""The installed manifest: napari finds the commands and opens the dock and the samples."""

from importlib.metadata import version

import pytest
from napari.layers import Layer
from npe2 import PluginManifest

NAME = "napari-tf-deblur"


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_distribution(NAME)


def test_everything_it_names_can_be_imported(manifest):
    manifest.validate_imports()
    assert (manifest.name, manifest.display_name) == (NAME, NAME)
    assert manifest.package_version == version(NAME)


def test_menu_is_one_that_napari_fills(manifest):
    from napari._app_model.constants._menus import is_menu_contributable

    assert list(manifest.contributions.menus) == ["napari/layers/filter"]
    assert all(is_menu_contributable(menu) for menu in manifest.contributions.menus)


def actions(viewer, start):
    """Return the actions whose text holds "Deblur" in a menu and its submenus."""
    found = []
    start.aboutToShow.emit()
    for action in start.actions():
        if action.menu() is not None:
            found += actions(viewer, action.menu())
        elif "Deblur" in action.text():
            found.append(action)
    return found


def test_menus_and_command_open_the_same_dock(make_napari_viewer):
    viewer = make_napari_viewer(strict_qt="raise")
    window = viewer.window
    _, widget = window.add_plugin_dock_widget(NAME, "Deblur")
    _, again = window.add_plugin_dock_widget(NAME, "Deblur")
    assert again is widget
    in_plugins = actions(viewer, window.plugins_menu)
    in_layers = actions(viewer, window.layers_menu)
    assert in_plugins
    assert in_layers
    for action in (in_plugins[0], in_layers[0]):
        action.trigger()
        assert len([name for name in window.dock_widgets if "Deblur" in name]) == 1


@pytest.mark.parametrize("menu", ["plugins_menu", "layers_menu"])
def test_each_menu_opens_the_dock(make_napari_viewer, menu):
    viewer = make_napari_viewer(strict_qt="raise")
    actions(viewer, getattr(viewer.window, menu))[0].trigger()
    names = [name for name in viewer.window.dock_widgets if "Deblur" in name]
    _, widget = viewer.window.add_plugin_dock_widget(NAME, "Deblur")
    assert names == ["Deblur (napari-tf-deblur)"]
    assert viewer.window.dock_widgets[names[0]] is widget


def test_samples_open(make_napari_viewer, manifest):
    viewer = make_napari_viewer(strict_qt="raise")
    keys = [sample.key for sample in manifest.contributions.sample_data]
    assert keys == ["blurred_astronaut", "blurred_coffee", "blurred_cells"]
    for key in keys:
        (layer,) = viewer.open_sample(NAME, key)
        assert isinstance(layer, Layer)
        assert layer.name == key.replace("_", " ")
