"""Lazy images are read in pieces, each chunk once, until reading is stopped."""

from threading import Event

import dask.array as da
import numpy as np
import pytest
from common import drain
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_tf_deblur._core.errors import OutOfMemoryError
from napari_tf_deblur._layers import reading as module
from napari_tf_deblur._layers.reading import read_in_steps


@settings(deadline=None, max_examples=15)
@given(
    shape=st.lists(st.integers(1, 7), min_size=2, max_size=4),
    chunk=st.integers(1, 4),
    data=st.data(),
)
def test_all_is_read_each_chunk_once(shape, chunk, data):
    image = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    read = []
    chunks = [data.draw(st.integers(1, n)) for n in shape]
    lazy = da.from_array(image, chunks=chunks).map_blocks(
        lambda block: read.append(1) or block, dtype=image.dtype, meta=np.empty((0,) * image.ndim)
    )
    parts, values = drain(read_in_steps(lazy, Event()))
    np.testing.assert_array_equal(values, image)
    assert values.dtype == image.dtype
    assert len(read) == lazy.npartitions
    assert parts[-1] == 1
    assert parts == sorted(parts)


def test_a_numpy_array_is_not_copied():
    image = np.eye(4)
    assert drain(read_in_steps(image, Event())) == ([], image)


def test_it_stops_before_the_next_piece(monkeypatch):
    monkeypatch.setattr(module, "STEP_SECONDS", 0.0)  # one chunk at a time
    read = []
    lazy = da.from_array(np.zeros((9, 4, 4)), chunks=(1, 4, 4)).map_blocks(
        lambda block: read.append(1) or block, dtype=float, meta=np.empty((0, 0, 0))
    )
    stop = Event()
    pieces = read_in_steps(lazy, stop)
    next(pieces)
    next(pieces)
    stop.set()
    drain(pieces)
    assert 2 <= len(read) <= 3


def test_what_does_not_fit_into_memory_is_refused_before_it_is_read():
    with pytest.raises(OutOfMemoryError, match="GB"):
        next(read_in_steps(da.zeros((10**6, 10**6, 10), chunks=10**4), Event()))
