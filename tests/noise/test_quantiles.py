import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_tf_deblur._noise.quantiles import median, quantile

VALUES = arrays(
    np.float32, st.integers(1, 40), elements=st.floats(-1e6, 1e6, width=32, allow_nan=False)
)


@given(VALUES, st.floats(0, 1))
def test_as_numpy_says(values, part):
    before = values.copy()
    assert quantile(values, part) == pytest.approx(np.quantile(values.astype(float), part), abs=1)
    assert median(values) == pytest.approx(np.median(values.astype(float)), rel=1e-6, abs=1e-6)
    np.testing.assert_array_equal(values, before)
