"""8-bit convolutions summed in float32 are exact for all bytes, and hardly more careful than they must be."""

from __future__ import annotations

import numpy as np
import pytest
import truth
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.engine import conv2d_int8, integer_float, integer_winograd
from reference.engine.geometry import window_of
from reference.engine.integer_float import EXACT_TERMS, FloatConvolution
from reference.engine.integer_winograd import MAX_CHANNELS, exact_channels, input_bounds

B = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
"""F(2, 3)'s ``B^T`` (Lavin and Gray 2016, section 4.1)."""

TWICE_G = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]])
"""Twice its ``G``."""

KINDS = ("random", "lowest", "highest", "alternating", "sparse")


def convolve(x, w, padding=(1, 1, 1, 1), stride=1):
    """The oracle's result, exact because float64 holds integers up to 2^53."""
    return truth.convolve(x, w, None, (stride,) * 2, padding, (1, 1))


def bytes_of(kind, shape, seed):
    """Bytes of one kind; ``alternating`` ones reach the largest sums of the planes with differences."""
    rng = np.random.default_rng(seed)
    if kind in ("lowest", "highest"):
        return np.full(shape, -128 if kind == "lowest" else 127, np.int8)
    if kind == "alternating":
        rows, columns = np.ogrid[: shape[2], : shape[3]]
        signs = (rows // (1 + seed % 2) + columns // (1 + seed // 2 % 2)) % 2
        return np.broadcast_to(np.where(signs, -128, 127), shape).astype(np.int8)
    values = rng.integers(-128, 128, shape, dtype=np.int8)
    return values * (rng.random(shape) < 0.1).astype(np.int8) if kind == "sparse" else values


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    batch=st.integers(1, 2),
    channels=st.integers(32, 200),
    outputs=st.integers(32, 70),
    height=st.integers(1, 11),
    width=st.integers(1, 11),
    padding=st.tuples(*[st.integers(0, 2)] * 4),
    kinds=st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)),
    seed=st.integers(0, 3),
)
def test_layers_of_any_size_are_exact(batch, channels, outputs, height, width, padding, kinds, seed):
    """3 x 3 layers equal the definition for all sizes, paddings and extreme bytes."""
    top, bottom, left, right = padding
    height, width = max(height, 3 - top - bottom), max(width, 3 - left - right)
    x = bytes_of(kinds[0], (batch, channels, height, width), seed)
    w = bytes_of(kinds[1], (outputs, channels, 3, 3), seed + 1)
    actual = conv2d_int8(x, w, padding=padding, method="float32")
    assert actual.dtype == np.int32 and np.array_equal(actual, convolve(x, w, padding))


@pytest.mark.parametrize(
    ("shape", "outputs", "kernel", "stride", "algorithm"),
    [
        ((1, 64, 9, 7), 40, 3, 1, "winograd_f2"),
        ((1, 3, 9, 7), 40, 3, 1, "direct"),
        ((1, 64, 9, 12), 40, 3, 2, "direct"),
        ((1, 64, 9, 7), 40, 5, 1, "direct"),
        ((3, 64, 2, 3), 40, 3, 2, "gemm"),
        ((2, 700, 1, 1), 33, 1, 1, "gemm"),
    ],
)
def test_the_method_follows_the_shape(shape, outputs, kernel, stride, algorithm):
    """Winograd is for 3 x 3 with stride 1; the others are summed as defined, and exact as well."""
    rng = np.random.default_rng(5)
    x = rng.integers(-128, 128, shape, dtype=np.int8)
    w = rng.integers(-128, 128, (outputs, shape[1], kernel, kernel), dtype=np.int8)
    padding = kernel // 2
    assert FloatConvolution(window_of(shape, kernel, stride, padding), w).algorithm == algorithm
    actual = conv2d_int8(x, w, stride=stride, padding=padding, method="float32")
    assert np.array_equal(actual, convolve(x, w, (padding,) * 4, stride))


def test_input_bounds_are_reached():
    """The bound of each plane is the largest that a tile of bytes can give, found by choosing every byte for it."""
    largest = []
    for i in range(4):
        for j in range(4):
            factors = np.outer(B[i], B[j])
            tiles = np.where(factors > 0, 127, -128), np.where(factors > 0, -128, 127)
            largest.append(max(abs(int((tile * factors).sum())) for tile in tiles))
    assert np.array_equal(input_bounds(), largest) and max(largest) == 512


def worst_sums(weight, length):
    """Largest sum of a part of ``length`` channels over all planes and outputs, from the definition."""
    planes = np.abs(np.einsum("ia,kcab,jb->ijkc", TWICE_G, weight.astype(np.int64), TWICE_G))
    sums = np.add.reduceat(planes, np.arange(0, weight.shape[1], length), axis=3)
    return int((sums.reshape(16, -1).max(1) * input_bounds()).max())


@pytest.mark.parametrize("kind", ["random", "bell", "lowest", "uneven"])
def test_float_sums_are_as_long_as_they_may_be(kind):
    """No part of the channels can leave 2^24, and in one part fewer some could."""
    rng = np.random.default_rng(6)
    weight = rng.integers(-128, 128, (48, 400, 3, 3), dtype=np.int8)
    if kind == "bell":
        weight = rng.normal(0, 20, weight.shape).astype(np.int8)
    elif kind == "lowest":
        weight[:] = -128
    elif kind == "uneven":
        weight[:, 100:] //= 8
    taps = np.zeros((3, 3, 400, 48), np.float32)
    taps[...] = weight.transpose(2, 3, 1, 0)
    tiles = integer_winograd.TileSums(taps, (1, 1))
    definition = np.einsum("ia,kcab,jb->ijck", TWICE_G, weight.astype(np.int64), TWICE_G).reshape(16, 400, 48)
    assert np.array_equal(tiles.planes(), definition)
    length = tiles.channels_at_once
    parts = -(-400 // length)
    assert worst_sums(weight, length) <= 2**24
    assert parts == 1 or worst_sums(weight, -(-400 // (parts - 1))) > 2**24


def almost_largest(channels, outputs, size):
    """Inputs near -128 and weights near 127, of any parity: odd products that add up without cancelling."""
    rng = np.random.default_rng(7)
    x = rng.integers(-128, -125, (1, channels, size, size), dtype=np.int8)
    w = rng.integers(124, 128, (outputs, channels, 3, 3), dtype=np.int8)
    return x, w


def test_sums_in_the_transformed_domain_must_not_be_longer(monkeypatch):
    """At the bound every integer is right; with a bound of 2^25 the same layer is not."""
    x, w = almost_largest(224, 64, 12)
    expected = convolve(x, w)
    assert np.array_equal(conv2d_int8(x, w, padding=1, method="float32"), expected)
    monkeypatch.setattr(integer_winograd, "EXACT_FLOAT32", 2**25)
    assert not np.array_equal(conv2d_int8(x, w, padding=1, method="float32"), expected)


def test_direct_sums_must_not_be_longer(monkeypatch):
    """1024 products of two bytes are summed exactly; 2048 at a time are not."""
    x, w = almost_largest(2048, 40, 8)
    w = np.ascontiguousarray(w[:, :, :1, :1])
    expected = convolve(x, w, (0, 0, 0, 0))
    assert EXACT_TERMS == 1024
    assert np.array_equal(conv2d_int8(x, w, method="float32"), expected)
    monkeypatch.setattr(integer_float, "EXACT_TERMS", 2 * EXACT_TERMS)
    assert not np.array_equal(conv2d_int8(x, w, method="float32"), expected)


@pytest.mark.parametrize("channels", [MAX_CHANNELS, MAX_CHANNELS + 1])
def test_four_times_the_largest_output_fits_or_is_not_needed(channels):
    """All bytes -128: Winograd's sums just fit 32 bits; with one channel more the layer is summed directly."""
    x, w = np.full((1, channels, 5, 4), -128, np.int8), np.full((32, channels, 3, 3), -128, np.int8)
    chosen = FloatConvolution(window_of(x.shape, 3, 1, 0), w).algorithm
    assert chosen == ("winograd_f2" if channels == MAX_CHANNELS else "direct")
    actual = conv2d_int8(x, w, method="float32")
    assert np.array_equal(actual, np.full((1, 32, 3, 2), 9 * channels * 128 * 128))


def test_weights_that_are_not_bytes_are_refused():
    """A single transformed weight beyond 2^24 raises instead of being rounded."""
    with pytest.raises(ValueError, match="8-bit"):
        exact_channels(np.full((16, 3, 16), 2.0**16))
