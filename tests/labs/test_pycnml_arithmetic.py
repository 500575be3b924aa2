"""The emulated device, bit for bit, against its definition and against other exact integer kernels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labs.vgg19_dlp.pycnml import CnmlNet, QuantParam, arithmetic
from labs.vgg19_dlp.pycnml.quantization import quantized
from reference.engine.integer import conv2d_int8, linear_int8
from tests.labs import device_definition as definition

seeds = st.integers(0, 2**32 - 1)
many = settings(
    max_examples=2500, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)


def random_quant(rng: np.random.Generator, largest: float) -> QuantParam:
    """Return parameters that nearly fit numbers up to ``largest``, some too narrow, so that bytes are clipped."""
    reach = max(largest, 1e-3) * rng.choice([0.6, 1.0, 1.0, 1.7])
    position = int(np.floor(np.log2(reach / 127))) + int(rng.integers(0, 2))
    return QuantParam(position, float(127 * 2.0**position / reach))


def run_layer(create, shape, picture, weight=None, bias=None, filters=None) -> np.ndarray:
    """Return what a network of one layer gives, flat, float32."""
    net = CnmlNet()
    net.setInputShape(*shape)
    create(net)
    if weight is not None:
        net.loadParams(0, weight.astype(np.float64).reshape(-1), bias.astype(np.float64), filters)
    net.setInputData(picture.astype(np.float64).reshape(-1))
    net.forward()
    return np.array(net.getOutputData(), np.float32)


def same_bits(seen: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether float32 numbers have the bits of float16 ones."""
    return np.array_equal(seen.astype(np.float16).view(np.uint16), wanted.reshape(-1).view(np.uint16))


@many
@given(
    seeds, st.integers(1, 2), st.integers(1, 4), st.integers(1, 3), st.integers(1, 4), st.integers(1, 3),
    st.integers(0, 2), st.integers(4, 6), st.integers(4, 7),
)  # fmt: skip
def test_convolution_has_the_bits_of_its_definition(
    seed, samples, channels, outputs, size, stride, pad, height, width
):
    """Any convolution: no bit differs from products of whole numbers added one by one."""
    rng = np.random.default_rng(seed)
    shape = (samples, channels, height, width)
    x = (rng.standard_normal(shape) * 3).astype(np.float16)
    weight = (rng.standard_normal((outputs, channels, size, size)) * 0.2).astype(np.float32)
    bias = rng.standard_normal(outputs).astype(np.float32)
    inputs, filters = (random_quant(rng, float(np.abs(values).max())) for values in (x, weight))
    seen = run_layer(
        lambda net: net.createConvLayer("conv", outputs, size, stride, 1, pad, inputs),
        shape,
        x,
        weight,
        bias,
        filters,
    )
    pairs = [(quant.position, quant.scale) for quant in (inputs, filters)]
    assert same_bits(seen, definition.convolution(x, weight, bias, *pairs, stride, pad))


@many
@given(seeds, st.integers(1, 3), st.integers(1, 5), st.integers(1, 3), st.integers(1, 8))
def test_fully_connected_layer_has_the_bits_of_its_definition(seed, samples, channels, side, outputs):
    """Any fully connected layer: no bit differs, and its weight passes float16."""
    rng = np.random.default_rng(seed)
    shape = (samples, channels, side, side)
    x = (rng.standard_normal(shape) * 10).astype(np.float16)
    weight = (rng.standard_normal((outputs, channels * side * side)) * 0.05).astype(np.float32)
    bias = rng.standard_normal(outputs).astype(np.float32)
    inputs, filters = (random_quant(rng, float(np.abs(values).max())) for values in (x, weight))
    seen = run_layer(lambda net: net.createMlpLayer("fc", outputs, inputs), shape, x, weight, bias, filters)
    pairs = [(quant.position, quant.scale) for quant in (inputs, filters)]
    assert same_bits(seen, definition.fully_connected(x, weight, bias, *pairs))


@many
@given(seeds, st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(3, 7), st.integers(3, 7))
def test_pooling_relu_and_flatten_have_the_bits_of_their_definitions(seed, channels, size, stride, height, width):
    """Any pooling, ReLU and flattening, negative numbers and both zeros included: no bit differs."""
    rng = np.random.default_rng(seed)
    shape = (2, channels, height, width)
    x = (rng.integers(-4, 5, shape) * np.float16(0.25) * rng.choice([-1.0, 1.0], shape)).astype(np.float16)
    pooled = run_layer(lambda net: net.createPoolingLayer("pool", size, stride), shape, x)
    assert same_bits(pooled, definition.max_pooling(x, size, stride))
    assert same_bits(run_layer(lambda net: net.createReLuLayer("relu"), shape, x), definition.relu(x))
    flat = (2, channels * height * width, 1, 1)
    seen = run_layer(lambda net: net.createFlattenLayer("flatten", list(flat)), shape, x)
    assert same_bits(seen, definition.flatten(x, flat))


@many
@given(seeds, st.integers(1, 60), st.sampled_from([0.1, 1.0, 8.0, 500.0]))
def test_softmax_has_the_bits_of_its_definition(seed, classes, reach):
    """Any softmax: no bit differs, however far apart its inputs are."""
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal((1, classes, 1, 1)) * reach).astype(np.float16)
    seen = run_layer(lambda net: net.createSoftmaxLayer("softmax", 1), x.shape, x)
    assert same_bits(seen, np.array(definition.softmax(list(x.reshape(-1)))))


@many
@given(st.floats(-70000, 70000, width=32), st.integers(-12, 12), st.floats(0.5, 2.0, width=32))
def test_a_byte_is_that_of_its_definition(value, position, scale):
    """Any number, position and scale: the same byte as by fractions."""
    seen = quantized(np.array([value], np.float32), QuantParam(position, scale))
    assert int(seen[0]) == definition.byte(value, (position, scale))


def test_halves_are_rounded_away_from_zero_and_minus_128_is_reached():
    """2.5 becomes 3, -2.5 becomes -3, the number just below a half becomes 0, and clipping ends at -128 and 127."""
    values = np.array([0.5, 2.5, -2.5, 0.49999997, -0.49999997, -127.5, -200, 127.5, 126.5], np.float32)
    assert quantized(values, QuantParam(0, 1.0)).tolist() == [1, 3, -3, 0, 0, -128, -128, 127, 127]


@pytest.mark.parametrize(
    ("channels", "size"), [(3, 3), (64, 3), (113, 3), (114, 3), (512, 3), (1024, 1), (1025, 1), (1500, 2)]
)
def test_sums_are_exact_where_float32_alone_is_not(channels, size):
    """Sums of the largest bytes agree with the engine's integer kernels and with 64-bit sums beyond 2^24."""
    rng = np.random.default_rng(channels)
    x = rng.integers(-128, 128, (1, channels, 6, 5), dtype=np.int8)
    weight = rng.integers(-128, 128, (7, channels, size, size), dtype=np.int8)
    x[:, :, :3], weight[:3] = -128, -128
    wanted = conv2d_int8(x, weight, stride=1, padding=1)
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(x.astype(np.int64), ((0, 0), (0, 0), (1, 1), (1, 1))), (size, size), axis=(2, 3)
    )
    assert np.array_equal(wanted, np.einsum("nchwij,ocij->nohw", windows, weight.astype(np.int64)))
    unit = np.float32(2.0**-20)
    seen = arithmetic.convolution(x, weight, np.zeros(7, np.float16), unit, 1, 1)
    assert np.array_equal(seen, (wanted.astype(np.float32) * unit).astype(np.float16))


def test_long_rows_of_a_fully_connected_layer_are_exact():
    """As many inputs as fc6 has, the largest bytes among them: the engine's sums and those of 64 bits."""
    rng = np.random.default_rng(6)
    x = rng.integers(-128, 128, (1, 25088), dtype=np.int8)
    weight = rng.integers(-128, 128, (8, 25088), dtype=np.int8)
    weight[0], x[0, :20000] = -128, -128
    wanted = linear_int8(x, weight)
    assert np.array_equal(wanted, x.astype(np.int64) @ weight.astype(np.int64).T)
    unit = np.float32(2.0**-16)
    seen = arithmetic.fully_connected(x, weight, np.zeros(8, np.float16), unit)
    assert np.array_equal(seen.reshape(1, 8), (wanted.astype(np.float32) * unit).astype(np.float16))
