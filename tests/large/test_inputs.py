"""All kinds of lazy images: results in pieces agree with those in memory."""

import pickle

import numpy as np
import pytest

from napari_tf_deblur import TotalVariation, deconvolve, gaussian_psf

PSF = gaussian_psf(1.0)

METHOD = TotalVariation(iterations=30, weight=3e-3)

da = pytest.importorskip("dask.array")

pytestmark = pytest.mark.usefixtures("small_pieces")


class Reader:
    """An image with only a shape, a dtype and indexing."""

    def __init__(self, values):
        self._values = values
        self.shape, self.dtype, self.ndim = values.shape, values.dtype, values.ndim

    def __getitem__(self, region):
        return self._values[region]


def of_zarr(values, folder):
    import zarr

    return zarr.create_array(folder / "a.zarr", data=values, chunks=(50, 40), shards=(100, 80))


def of_zarr_in_memory(values, _folder):
    import zarr

    return zarr.create_array(zarr.storage.MemoryStore(), data=values, chunks=(50, 40))


def of_hdf5(values, folder):
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset("group/image", data=values, chunks=(50, 40))
    return h5py.File(folder / "a.h5", "r")["group/image"]


def of_hdf5_in_memory(values, _folder):
    import h5py

    file = h5py.File("nowhere", "w", driver="core", backing_store=False)
    return file.create_dataset("image", data=values)


def of_xarray(values, _folder):
    import xarray

    return xarray.DataArray(values, dims=("y", "x"))


def of_xarray_of_dask(values, folder):
    return of_xarray(values, folder).chunk({"y": 50})


def of_xarray_in_a_file(values, folder):
    import xarray

    of_xarray(values, folder).to_dataset(name="image").to_netcdf(folder / "a.nc", engine="scipy")
    return xarray.open_dataset(folder / "a.nc", engine="scipy")["image"]


def of_memmap(values, folder):
    mapped = np.memmap(folder / "a.raw", values.dtype, "w+", 16, values.shape)
    mapped[:] = values
    mapped.flush()
    return np.memmap(folder / "a.raw", values.dtype, "r", 16, values.shape)


def of_a_part_of_a_memmap(values, folder):
    padded = np.pad(values[:, ::-1], ((3, 2), (4, 1)))
    return of_memmap(padded, folder)[3:-2, -2:3:-1]


def of_layer_levels(values, _folder):
    from napari.layers._multiscale_data import MultiScaleData

    return MultiScaleData([da.from_array(values, chunks=50), da.from_array(values[::2, ::2])])


def of_reader(values, _folder):
    return Reader(values)


def of_reader_that_stays(values, _folder):
    class Staying(Reader):
        def __reduce__(self):
            raise pickle.PicklingError("it stays here")

    return Staying(values)


def of_dask(values, _folder):
    return da.from_array(values, chunks=(50, 40))


KINDS = [value for name, value in list(globals().items()) if name.startswith("of_")]


@pytest.fixture(scope="module")
def expected(spots):
    return deconvolve(spots, PSF, METHOD).image


def close(found, expected):
    """Compare by 0.03 of the range, because pixels in corners of pieces differ most."""
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    same = np.isfinite(expected)
    np.testing.assert_array_equal(np.isfinite(found), same)
    largest = np.abs(np.asarray(found)[same] - expected[same]).max()
    assert largest <= 0.03 * np.ptp(expected[same]), largest / np.ptp(expected[same])


@pytest.mark.parametrize("make", KINDS)
def test_lazy_images_give_lazy_results(make, spots, expected, tmp_path):
    image = make(spots, tmp_path)
    result = deconvolve(image, PSF, METHOD).image
    if make is of_xarray:  # which is in memory
        assert isinstance(result, np.ndarray)
    else:
        assert isinstance(result, da.Array)
    assert result.dtype == np.float32
    close(np.asarray(result), expected)


@pytest.mark.parametrize("make", KINDS)
def test_all_kinds_of_images_are_written(make, spots, expected, tmp_path, client):
    image = make(spots, tmp_path)
    result = deconvolve(image, PSF, METHOD, output=tmp_path / "out.ome.zarr")
    assert "in 6 pieces" in result.pieces
    close(np.asarray(result.image), expected)


def test_an_image_that_workers_hold_is_read_by_the_caller(spots, expected, tmp_path, client):
    image = da.from_array(spots, chunks=50).persist()
    close(np.asarray(deconvolve(image, PSF, METHOD).image), expected)
    written = deconvolve(image, PSF, METHOD, output=tmp_path / "out.ome.zarr")
    close(np.asarray(written.image), expected)


@pytest.mark.parametrize("dtype", [">u2", "<f8", "f2", "?", "i1"])
def test_types_of_pixels(dtype, spots):
    values = (spots > 100) if dtype == "?" else np.clip(spots, 0, 120 if dtype == "i1" else 1e4)
    values = values.astype(dtype)
    expected = deconvolve(values, PSF, METHOD).image
    close(np.asarray(deconvolve(da.from_array(values, chunks=64), PSF, METHOD).image), expected)


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(lambda v: da.from_array(v, chunks=50)[da.from_array(v[:, 0]) > 10], id="size"),
        pytest.param(lambda v: da.from_array(v)[:0], id="empty"),
        pytest.param(lambda v: da.from_array(v.astype(complex)), id="complex"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(image, spots, tmp_path):
    image = image(spots)
    for output in (None, tmp_path / "a.ome.zarr"):
        with pytest.raises((ValueError, TypeError), match=r"must be known|real numbers"):
            deconvolve(image, PSF, METHOD, output=output)
    assert not list(tmp_path.iterdir())
