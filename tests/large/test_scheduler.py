"""The workers of a scheduler deblur a layer; its address is given in scripts and in the dock."""

import socket
import sys
import time

import numpy as np
import pytest
import zarr
from napari.layers import Image
from qtpy.QtCore import QTimer

from napari_tf_deblur import RichardsonLucy, deblur_layer, deconvolve, gaussian_psf
from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._files.cost import describe_large_jobs
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._large import distributed_run
from napari_tf_deblur._large import scheduler as scheduler_module
from napari_tf_deblur._large.scheduler import SCHEDULER_VARIABLE
from napari_tf_deblur._layers import large_job
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.psf_kinds import GaussianPSF
from napari_tf_deblur._layers.script import write_script
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._preparation.layer_options import LayerOptions
from napari_tf_deblur._storage.record_file import METADATA_KEY, record_from_json, record_to_json

QUICK = RichardsonLucy(iterations=3, background=0.0)

CONNECT_TIMEOUT = 2.0
"""Time to wait for the answer of a wrong address, in seconds; users wait longer."""


@pytest.fixture(scope="module")
def scheduler():
    """The address of a scheduler with one worker process."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def layer(spots, tmp_path):
    """A layer of an image that workers can read."""
    array = zarr.create_array(tmp_path / "spots.zarr", data=spots, chunks=(64, 64))
    return Image(array, name="spots", contrast_limits=(0, 1000))


@pytest.fixture(autouse=True)
def _no_workers_here(monkeypatch):
    def refused(*_):
        raise AssertionError("workers were started on this machine")

    monkeypatch.setattr(distributed_run, "start_local_workers", refused)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder to which the dock writes results."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / large_job.RESULTS_FOLDER


def has_worked(address):
    """Whether the workers of a scheduler have loaded TensorFlow."""
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        return all(client.run(lambda: "tensorflow" in sys.modules).values())


@pytest.fixture
def _short_wait(monkeypatch):
    monkeypatch.setattr(scheduler_module, "CONNECT_TIMEOUT", CONNECT_TIMEOUT)


@pytest.fixture
def refusing(_short_wait):
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def silent(_short_wait):
    """An address at which something listens that is no scheduler."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"tcp://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.usefixtures("small_pieces")
def test_a_layer_is_deblurred_by_the_workers_of_a_scheduler(scheduler, layer, spots, tmp_path):
    whole = deblur_layer(Image(spots), gaussian_psf(1.0), QUICK)
    path = tmp_path / "out.ome.zarr"
    done = deblur_layer(layer, gaussian_psf(1.0), QUICK, scheduler=f" {scheduler}\n", output=path)
    assert has_worked(scheduler)
    difference = abs(np.asarray(done.data[0]) - whole.data)[12:-12, 12:-12]
    assert difference.max() < 0.01 * np.ptp(whole.data)
    assert "in 6 pieces" in done.metadata[METADATA_KEY]["pieces"]


@pytest.mark.usefixtures("small_pieces")
def test_the_dock_tells_the_scheduler(scheduler, layer, viewer, dock, finished, home, monkeypatch):
    monkeypatch.setattr(large_job, "exceeds_budget", lambda *_: True)
    viewer.add_layer(layer)
    dock.fields.methods.choice.value = RichardsonLucy
    dock.fields.methods.forms[RichardsonLucy].background.value = 0.0
    assert "by the workers" not in dock.fields.pieces.text()
    dock.fields.options["scheduler"].value = scheduler
    assert f"in pieces, by the workers of the scheduler of dask at {scheduler}. The result is " in (
        dock.fields.pieces.text()
    )
    dock.deblur()
    finished(dock)
    assert has_worked(scheduler)
    assert len(list(home.iterdir())) == 1
    (result,) = [one for one in viewer.layers if one is not layer]
    record = result.metadata[METADATA_KEY]
    assert record["scheduler"] == scheduler
    assert f"scheduler={scheduler!r}" in write_script(record)
    assert Settings.from_record(record).options.scheduler == scheduler
    dock.fields.options["scheduler"].value = ""
    dock.fields.restore(record)
    assert dock.fields.options["scheduler"].value == scheduler


@pytest.mark.parametrize("kind", ["refusing", "silent"])
def test_a_wrong_address_is_said_soon_and_changes_nothing(
    request, kind, layer, viewer, dock, qtbot, home, monkeypatch, told
):
    monkeypatch.setattr(large_job, "exceeds_budget", lambda *_: True)
    address = request.getfixturevalue(kind)
    viewer.add_layer(layer)
    dock.fields.options["scheduler"].value = address
    ticks = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(10)
    began = time.monotonic()
    dock.deblur()
    qtbot.waitUntil(lambda: dock.deblur_button.enabled)
    timer.stop()
    assert dock.status.text() == (
        f"No scheduler of dask answers at '{address}'. Start one with 'dask scheduler', and "
        "workers with 'dask worker', or leave the address empty."
    )
    assert len(ticks) > 10 * CONNECT_TIMEOUT  # of 100 in a second: the window goes on
    assert time.monotonic() - began < 10 * CONNECT_TIMEOUT
    assert list(viewer.layers) == [layer]
    assert not home.exists()
    assert told == [dock.status.text()]


def test_a_wrong_address_is_said_before_anything_is_read(refusing, tmp_path):
    import dask.array as da

    def block(_):
        raise AssertionError("a pixel was read")

    image = da.zeros((200, 300), chunks=100).map_blocks(block, dtype=np.float32)
    output = tmp_path / "out.ome.zarr"
    with pytest.raises(InvalidValueError, match="No scheduler of dask answers at"):
        deconvolve(image, gaussian_psf(1.0), QUICK, scheduler=refusing, output=output)


def test_a_scheduler_without_workers_is_said(layer, tmp_path):
    from distributed import LocalCluster

    output = tmp_path / "out.ome.zarr"
    with LocalCluster(n_workers=0, dashboard_address=":0") as cluster:
        told = {"scheduler": cluster.scheduler_address, "output": output}
        with pytest.raises(InvalidValueError, match="The scheduler of dask has no workers"):
            deblur_layer(layer, gaussian_psf(1.0), QUICK, **told)


def test_a_small_image_is_deblurred_here(refusing, spots):
    psf = gaussian_psf(1.0)
    done = deblur_layer(Image(spots), psf, QUICK, scheduler=refusing)
    np.testing.assert_array_equal(done.data, deblur_layer(Image(spots), psf, QUICK).data)
    assert done.metadata[METADATA_KEY]["scheduler"] == refusing


def test_no_image_file_names_the_scheduler(refusing, spots):
    """The answers of a scheduler may contain code; only files of settings are trusted."""
    record = deblur_layer(Image(spots), gaussian_psf(1.0), QUICK, scheduler=refusing).metadata[
        METADATA_KEY
    ]
    assert record_from_json(record_to_json(record))["scheduler"] == ""
    settings = Settings(options=LayerOptions(scheduler=refusing))
    assert Settings.from_json(settings.as_json()) == settings
    assert settings.digest == Settings().digest


def test_the_scheduler_of_the_environment_is_named(layer, refusing, monkeypatch):
    monkeypatch.setattr(large_job, "exceeds_budget", lambda *_: True)
    monkeypatch.setenv(SCHEDULER_VARIABLE, refusing)
    job = Job(read_source(layer), GaussianPSF((1.0, 1.0)), QUICK)
    assert f"by the workers of the scheduler of dask at {refusing}" in describe_large_jobs([job])


@pytest.mark.parametrize("wrong", [None, 3, ["tcp://a:1"]])
def test_an_address_is_text(wrong):
    with pytest.raises(InvalidTypeError, match="it must be text"):
        LayerOptions(scheduler=wrong)
