"""The command line: its options come from declarations; its exit status tells the success."""

import signal
import threading
from dataclasses import fields

import pytest
from click.testing import CliRunner
from image_files import write

from napari_tf_deblur import METHODS
from napari_tf_deblur._files import command
from napari_tf_deblur._files.command import main
from napari_tf_deblur._files.command_options import METHOD_NAMES, PSF_KINDS
from napari_tf_deblur._files.saving import OMETIFF
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._layers.psf_kinds import KINDS_BY_NAME
from napari_tf_deblur._optics.optics import MICROSCOPE_NUMBERS
from napari_tf_deblur._preparation.layer_options import LayerOptions

QUICK = ("--method", "RichardsonLucy", "--set", "iterations=2", "--set", "background=0")
SIGMA = ("--sigma", "1.5,1.5")


def call(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments], catch_exceptions=False)


@pytest.fixture
def asked(monkeypatch):
    """Return the settings of a command line, without a run."""
    seen = []

    def look(_inputs, _output, settings, _options, _stop):
        seen.append(settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_run_and_report", look)

    def settings(*arguments):
        result = call("image.tif", "-o", "out", *arguments)
        assert result.exit_code != 2, result.output
        return seen.pop()

    return settings


def test_everything_that_is_declared_is_an_option():
    names = {name for option in main.params for name in option.opts}
    options = {field.name for field in fields(LayerOptions)} | set(MICROSCOPE_NUMBERS)
    flags = {name.replace("_", "-") for name in options}
    assert {f"--{name}" for name in flags} <= names
    assert set(PSF_KINDS) == {"automatic", *KINDS_BY_NAME} - {"array", "varying"}
    assert set(METHOD_NAMES) == {"auto", *(method.__name__ for method in METHODS)}
    text = call("--help").output
    for method in METHODS:
        for field in fields(method):
            assert field.name in text
    assert ":data:" not in text


def test_a_folder_is_deblurred_and_said(tmp_path):
    path = write(tmp_path, "uint16")
    result = call(path, "-o", tmp_path / "out", *SIGMA, *QUICK)
    assert result.exit_code == 0, result.output
    saved = tmp_path / "out" / "uint16_deblurred.ome.tif"
    assert f"1/1 {path}: done in" in result.output
    assert f"as {saved}. " in result.output
    assert "1 done." in result.output
    record = OMETIFF().read_record(saved)
    assert record["verdict"]["sentence"] in result.output
    assert record["psf"]["sigma"] == [1.5, 1.5]
    assert record["method"]["iterations"] == 2


def test_one_that_fails_is_said_in_the_exit_status(tmp_path):
    write(tmp_path, "empty")
    write(tmp_path, "uint8")
    result = call(tmp_path, "-o", tmp_path / "out", *SIGMA, *QUICK)
    assert result.exit_code == 1
    assert "empty.tif: failed: The file is empty." in result.output
    assert "1 done, 1 failed." in result.output
    assert call(tmp_path, "-o", tmp_path / "out", *SIGMA, *QUICK, "--resume").exit_code == 1


def test_a_dry_run_says_how_long_and_how_much(tmp_path):
    write(tmp_path, "volume")
    result = call(tmp_path, "-o", tmp_path / "out", "--dry-run", "--na", "1.2", "--emission", "520")
    assert result.exit_code == 0
    assert "planned as" in result.output
    assert "6 x 32 x 40 uint16, about" in result.output
    assert "FWHM" in result.output
    assert "GB of memory." in result.output
    assert not (tmp_path / "out").exists()


WRONG = [
    ("--smoothing", "0"),
    ("--smoothing", "much"),
    ("--boundary", "open"),
    ("--memory", "all"),
    ("--memory", "0"),
    ("--method", "Magic"),
    ("--method", "Wiener", "--set", "weight=1"),
    ("--method", "Wiener", "--set", "balance"),
    ("--method", "Wiener", "--set", "balance=much"),
    ("--method", "Wiener", "--set", "balance=1e9"),
    ("--set", "weight=1"),
    ("--psf", "measured"),
    ("--psf", "gaussian"),
    ("--psf", "gaussian", "--radius", "2"),
    ("--psf", "estimated", "--sigma", "2"),
    ("--radius", "2", "--length", "3"),
    ("--sigma", "a,b"),
    ("--radius", "0"),
    ("--microscope", "loupe"),
    ("--na", "high"),
    ("--settings", "nowhere.json"),
    ("--bead", "nowhere.tif"),
    ("--bead-window", "31"),
    ("--format", "jpeg"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=" ".join)
def test_wrong_usage_is_said_before_anything_is_done(tmp_path, wrong):
    write(tmp_path, "uint8")
    result = call(tmp_path, "-o", tmp_path / "out", *wrong)
    assert result.exit_code == 2, result.output
    assert "Error: " in result.output
    assert not (tmp_path / "out").exists()


def test_inputs_that_are_not_there_are_wrong_usage(tmp_path):
    result = call(tmp_path / "none.tif", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "There is no file or folder" in result.output
    assert call("-o", tmp_path / "out").exit_code == 2
    assert call(tmp_path).exit_code == 2


def test_options_become_settings(asked, tmp_path):
    settings = asked("--boundary", "zero", "--smoothing", "2", "--ignore-nan", "--axes", "planes")
    assert settings.options == LayerOptions(boundary="zero", smoothing=2.0, ignore_nan=True)
    assert settings.axes == "planes"
    assert asked("--memory", "2").options.memory == 2.0
    assert asked("--memory", "auto").options.memory == "auto"
    assert settings.method == "auto"
    assert settings.psf == Settings().psf
    bead = tmp_path / "bead.tif"
    bead.touch()
    assert asked("--bead", bead, "--bead-window", "41").psf.record()["window"] == 41
    assert "window" not in asked("--bead", bead).psf.record()
    given = asked("--emission", "520,610", "--na", "1.4", "--microscope", "confocal").psf
    assert not given.estimate_if_incomplete
    assert given.given == {
        "numerical_aperture": (1.4,),
        "emission": (520.0, 610.0),
        "microscope": ("confocal",),
    }
    mounted = asked("--mounting-index", "1.33", "--depth", "5000", "--first-plane", "deepest").psf
    assert mounted.given == {
        "mounting_index": (1.33,),
        "depth": (5000.0,),
        "first_plane": ("deepest",),
    }
    assert asked("--psf", "automatic", "--na", "1.4").psf.estimate_if_incomplete
    assert asked("--pixel-size", "65", "--z-step", "200").psf.pixel == 65.0
    assert asked("--length", "7", "--angle", "30").psf.kind.angle == 30.0
    assert asked("--psf", "estimated").psf.record() == {"kind": "estimated"}
    method = asked("--method", "RichardsonLucy", "--set", "accelerate=no").method
    assert method.accelerate is False


def test_settings_of_a_file_are_changed_by_options(asked, tmp_path):
    path = tmp_path / "settings.json"
    known = asked("--method", "Wiener", "--set", "balance=0.5", "--ignore-nan", "--radius", "2")
    path.write_text(known.as_json())
    assert asked("--settings", path) == known
    changed = asked("--settings", path, "--set", "balance=0.25", "--no-ignore-nan")
    assert (changed.method.balance, changed.options.ignore_nan) == (0.25, False)
    assert changed.psf == known.psf
    assert asked("--settings", path, "--method", "auto").method == "auto"
    assert asked("--settings", path, "--sigma", "1,1").psf.kind.sigma == (1.0, 1.0)


def test_a_settings_file_that_is_none_is_wrong_usage(tmp_path):
    path = tmp_path / "settings.json"
    path.write_bytes(b"\xff\xfe\x00")
    for content in (b"\xff\xfe\x00", b"{}", b"print(1)"):
        path.write_bytes(content)
        result = call("image.tif", "-o", tmp_path / "out", "--settings", path)
        assert result.exit_code == 2
        assert "Error: " in result.output


def test_ctrl_c_ends_after_the_current_step(tmp_path, monkeypatch):
    for kind in ("float32", "uint16", "uint8"):
        write(tmp_path, kind)
    show, main_thread = command._show, threading.main_thread().ident

    def interrupt(step):
        show(step)
        if step.number == 2 and step.message == "reading":
            signal.pthread_kill(main_thread, signal.SIGINT)

    monkeypatch.setattr(command, "_show", interrupt)
    before = signal.getsignal(signal.SIGINT)
    result = call(tmp_path, "-o", tmp_path / "out", *SIGMA, *QUICK)
    assert result.exit_code == 1
    assert "Stopping after this step" in result.output
    assert "1 done, 1 stopped, 1 not begun." in result.output
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["float32_deblurred.ome.tif", "report.html", "summary.csv"]
    assert signal.getsignal(signal.SIGINT) is before
