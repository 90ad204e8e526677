"""The contents of the wheel and the sdist, and the manifest in all its places."""

import email
import importlib.util
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution, version
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from npe2 import PluginManifest

import napari_tf_deblur

CHECKOUT = Path(__file__).parent.parent
SOURCE = "src/napari_tf_deblur"
MANIFEST = f"{SOURCE}/napari.yaml"

pytestmark = pytest.mark.skipif(
    not (CHECKOUT / "pyproject.toml").exists(), reason="needs the checkout"
)


def _build(checkout: Path, target: str, folder: Path) -> Path:
    """Build with hatchling itself: the same files as ``python -m build``, without a network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


def _unpacked_sdist(checkout: Path, folder: Path) -> Path:
    with tarfile.open(_build(checkout, "sdist", folder / "sdist")) as archive:
        if hasattr(tarfile, "data_filter"):  # Debian 12's Python 3.11.2 has none
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(folder)
    return folder / f"napari_tf_deblur-{version('napari-tf-deblur')}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(_build(CHECKOUT, "wheel", tmp_path_factory.mktemp("wheel"))) as archive:
        yield archive


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _unpacked_sdist(CHECKOUT, tmp_path_factory.mktemp("source"))


@pytest.fixture
def checkout_without_links(tmp_path: Path) -> Path:
    """Make a checkout as git does on systems without symbolic links."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(CHECKOUT / name, copy)
    shutil.copytree(CHECKOUT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "napari.yaml").write_text(MANIFEST)
    return copy


def test_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    folder = CHECKOUT / SOURCE
    there = {
        path.relative_to(folder.parent).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == there
    assert {"napari_tf_deblur/napari.yaml", "napari_tf_deblur/py.typed"} <= packed


def test_wheel_names_its_manifest_and_licence(wheel: zipfile.ZipFile) -> None:
    info = f"napari_tf_deblur-{version('napari-tf-deblur')}.dist-info"
    entry_points = wheel.read(f"{info}/entry_points.txt").decode()
    assert entry_points == (
        "[console_scripts]\nnapari-tf-deblur = napari_tf_deblur._files.command:main\n\n"
        "[napari.manifest]\nnapari-tf-deblur = napari_tf_deblur:napari.yaml\n"
    )
    assert b"BSD 3-Clause" in wheel.read(f"{info}/licenses/LICENSE")


def test_base_dependencies_bring_no_qt_binding(wheel: zipfile.ZipFile) -> None:
    info = f"napari_tf_deblur-{version('napari-tf-deblur')}.dist-info"
    metadata = email.message_from_bytes(wheel.read(f"{info}/METADATA"))
    required = [need for need in metadata.get_all("Requires-Dist", []) if "extra ==" not in need]
    names = {need.split(">")[0].lower() for need in required}
    assert {"tensorflow", "napari"} <= names
    assert not names & {"pyqt5", "pyqt6", "pyside2", "pyside6"}
    assert "Framework :: napari" in metadata.get_all("Classifier", [])


def test_sdist_holds_both_manifests_and_builds_the_same_wheel(
    sdist: Path, wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    manifest = (CHECKOUT / MANIFEST).read_bytes()
    assert (sdist / MANIFEST).read_bytes() == manifest
    assert (sdist / "napari.yaml").read_bytes() == manifest
    assert (sdist / SOURCE / "py.typed").exists()
    assert (sdist / "tests" / Path(__file__).name).exists()
    with zipfile.ZipFile(_build(sdist, "wheel", tmp_path)) as again:
        assert sorted(again.namelist()) == sorted(wheel.namelist())


def test_manifest_at_the_top_is_the_one_in_the_package() -> None:
    at_the_top = (CHECKOUT / "napari.yaml").read_text("utf-8")
    # Without symbolic links, git writes the name of the target into an ordinary file.
    assert at_the_top in {(CHECKOUT / MANIFEST).read_text("utf-8"), MANIFEST}


def test_checkout_without_symbolic_links_packs_the_real_manifest(
    checkout_without_links: Path, wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    built = _build(checkout_without_links, "wheel", tmp_path / "wheel")
    with zipfile.ZipFile(built) as archive:
        name = "napari_tf_deblur/napari.yaml"
        assert archive.read(name) == wheel.read(name)
    unpacked = _unpacked_sdist(checkout_without_links, tmp_path)
    assert PluginManifest.from_file(unpacked / MANIFEST).name == "napari-tf-deblur"


def test_the_installed_package_has_a_manifest_and_a_command() -> None:
    entries = {entry.group: entry for entry in distribution("napari-tf-deblur").entry_points}
    assert set(entries) == {"napari.manifest", "console_scripts"}
    assert entries["napari.manifest"].value == "napari_tf_deblur:napari.yaml"
    command = entries["console_scripts"]
    assert command.name == "napari-tf-deblur"
    assert callable(command.load())


def test_changelog_has_an_entry_for_this_version() -> None:
    assert napari_tf_deblur.__version__ == version("napari-tf-deblur")
    assert f"## {version('napari-tf-deblur')}" in (CHECKOUT / "CHANGELOG.md").read_text("utf-8")


def _environment() -> ModuleType:
    script = CHECKOUT / ".ci" / "environment.py"
    spec = importlib.util.spec_from_file_location("environment", script)
    assert spec is not None
    assert spec.loader is not None
    environment = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(environment)
    return environment


def test_setup_script_knows_the_same_pythons(wheel: zipfile.ZipFile) -> None:
    environment = _environment()
    info = f"napari_tf_deblur-{version('napari-tf-deblur')}.dist-info"
    metadata = email.message_from_bytes(wheel.read(f"{info}/METADATA"))
    prefix = "Programming Language :: Python :: 3."
    classifiers = [c for c in metadata.get_all("Classifier", []) if c.startswith(prefix)]
    pythons = sorted(f"{major}.{minor}" for major, minor in environment.PYTHONS)
    assert [c.rsplit(" ", 1)[1] for c in classifiers] == pythons
    newest = environment.PYTHONS[0][1]
    assert metadata["Requires-Python"] == f"<3.{newest + 1},>={pythons[0]}"


def test_hosted_checks_have_the_oldest_and_the_newest_python_and_both_bindings() -> None:
    workflow = CHECKOUT / ".github" / "workflows" / "ci.yml"
    if not workflow.exists():
        pytest.skip("not in a checkout")
    matrix = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]["linux"]["strategy"]["matrix"]
    oldest, *_, newest = sorted(f"{major}.{minor}" for major, minor in _environment().PYTHONS)
    assert matrix == {"python": [oldest, newest], "qt": ["pyqt6", "pyside6"]}
