"""The network in bytes against plain numpy, bit for bit, by every method that this processor has."""

from __future__ import annotations

import numpy as np
import pytest
import truth

from reference.engine.integer import available_methods
from reference.engine.nets.quantized import QuantizedLayer, QuantizedNetwork
from reference.engine.nets.vgg import POOL
from reference.engine.requantize import to_bytes, to_halves

PLAN = (16, POOL, 48, 32, POOL)
POOLED = (0, 2)
SHAPES = ((16, 3, 3, 3), (48, 16, 3, 3), (32, 48, 3, 3), (32, 32 * 3 * 2), (10, 32))


def rounded(values):
    """Halves away from zero, clipped to bytes."""
    clipped = np.clip(values, -128, 127).astype(np.float64)
    return np.sign(clipped) * np.floor(np.abs(clipped) + 0.5)


def numbers(sums, layer):
    """What sums stand for, in float32 and then float16."""
    factor = np.float32(layer.unit / layer.scale)
    return sums.astype(np.int32).astype(np.float32) * factor + layer.bias.reshape(-1, *[1] * (sums.ndim - 1))


def network():
    rng = np.random.default_rng(0)
    return [
        QuantizedLayer(
            rng.integers(-128, 128, shape, dtype=np.int8),
            rng.standard_normal(shape[0]).astype(np.float32),
            127 / 4.0,
            float(np.sqrt(2 / np.prod(shape[1:])) / 74),
        )
        for shape in SHAPES
    ]


def expected(picture, layers):
    """The same by definition: NCHW, float64 sums, numpy's float16."""
    value = rounded(picture.astype(np.float16).astype(np.float32) * np.float32(layers[0].scale))
    for number, layer in enumerate(layers):
        if layer.weight.ndim == 4:
            sums = truth.convolve(value[None], layer.weight, None, (1, 1), (1, 1, 1, 1), (1, 1))[0]
        else:
            flat = value.transpose(1, 2, 0).reshape(-1) if value.ndim == 3 else value
            sums = layer.weight.astype(np.float64) @ flat
        value = numbers(sums, layer)
        if number == len(layers) - 1:
            break
        value = np.maximum(value, 0).astype(np.float16).astype(np.float32)
        if number in POOLED:
            c, h, w = value.shape
            value = value[:, : h // 2 * 2, : w // 2 * 2].reshape(c, h // 2, 2, w // 2, 2).max((2, 4))
        value = rounded(value * np.float32(layers[number + 1].scale))
    return value.astype(np.float16).astype(np.float32)


@pytest.mark.parametrize("method", available_methods())
def test_a_network_in_bytes_equals_its_definition_by_each_method_of_this_processor(method):
    """Every bit of the last layer is right, odd sizes included."""
    layers, picture = network(), np.random.default_rng(1).standard_normal((3, 13, 10)).astype(np.float32)
    wanted = expected(picture, layers)
    assert np.abs(wanted).max() > 0.5
    assert np.array_equal(QuantizedNetwork(PLAN, layers, 13, 10, method).forward(picture), wanted)


def test_every_float16_and_what_lies_between_rounds_as_numpy_does():
    """Ties, numbers below the smallest normal one, both signs."""
    every = np.arange(0x7BFF, dtype=np.uint16).view(np.float16).astype(np.float64)
    between = np.concatenate([every[1:], (every[1:] + every[:-1]) / 2, every[:-1] * 0.75 + every[1:] * 0.25])
    # The sums are integers: each number is an integer of 14 bits times a power of two.
    for exponent in range(-26, 4):
        chosen = between[(between >= 2.0**exponent * 4096) & (between < 2.0**exponent * 8192)]
        counts = (chosen / 2.0**exponent).astype(np.int32)
        counts = np.concatenate([counts, -counts, np.zeros(-2 * len(counts) % 16, np.int32)])
        found = to_halves(counts.reshape(1, 1, 1, -1), 2.0**exponent, np.zeros(len(counts), np.float32))
        assert np.array_equal(found, (counts * 2.0**exponent).astype(np.float16).astype(np.float32))


def test_bytes_round_halves_away_from_zero_and_saturate():
    """-0.5 becomes -1 and 0.5 becomes 1; far numbers end at -128 and 127."""
    sums = np.array([-1000, -257, -256, -255, -3, -2, -1, 0, 1, 2, 3, 252, 253, 254, 255, 1000], np.int32)
    found = to_bytes(sums.reshape(1, 1, 1, 16), 0.5, np.zeros(16, np.float32), 1.0, rectify=False, pool=False)
    assert np.array_equal(found.ravel(), rounded(sums * 0.5))
