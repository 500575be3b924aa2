"""Headers say exactly what follows them, and a header that contradicts itself is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.inside import frames

SHAPES = st.lists(st.integers(0, 4), max_size=frames.MAX_AXES).map(tuple)


@given(st.sampled_from(sorted(frames.DTYPES)), SHAPES, st.text(max_size=20))
def test_a_header_is_read_as_it_was_written(code, shape, name):
    """Dtype, shape, name and number of bytes come back."""
    name = name.encode("utf-8", "replace").decode()
    array = np.zeros(shape, code)
    packed, data = frames.pack_array(name, array)
    header = frames.unpack_array(packed[: frames.ARRAY.size])
    assert (header.dtype, header.shape, header.nbytes) == (array.dtype, shape, array.nbytes)
    assert data.nbytes == array.nbytes
    assert packed[frames.ARRAY.size :] == name.encode()
    assert header.name_bytes == len(name.encode())


@given(st.binary(min_size=frames.ARRAY.size, max_size=frames.ARRAY.size))
def test_any_header_is_consistent_or_refused(data):
    """No bytes whatever give a header whose shape and size disagree."""
    try:
        header = frames.unpack_array(data)
    except frames.FrameError:
        return
    assert header.nbytes == header.dtype.itemsize * int(np.prod([1, *map(int, header.shape)], dtype=object))


@pytest.mark.parametrize("dtype", ["O", "U3", "c8", "M8[s]", "S2", "V4", "f4,f4"])
def test_other_dtypes_are_named(dtype):
    """An array that is no array of real numbers is refused with its dtype in the message."""
    with pytest.raises(TypeError, match="dtype"):
        frames.pack_array("y", np.zeros(2, dtype))
