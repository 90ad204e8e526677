"""Fixture for all tests of layers: the readers and writers of all plugins."""

import pytest
from npe2 import PluginManager


@pytest.fixture(scope="session", autouse=True)
def _plugins():
    PluginManager.instance().discover(include_npe1=True)
