"""The exercises with the engine's sums of bytes; see `vgg19_demo`."""

import math

import numpy as np
from engine.integer import conv2d_int8


def quant_param(absmax):
    if absmax == 0:
        return 0, 1.0
    exponent = math.log2(absmax / 127)
    position = min(max(math.trunc(exponent + (exponent > 0)), -32), 32)
    return position, 127 * 2.0**position / absmax


def quantize(x, position, scale):
    scaled = np.clip(np.float32(x) * np.float32(scale) * np.float32(2.0**-position), -128, 127).astype(np.float64)
    return (np.sign(scaled) * np.floor(np.abs(scaled) + 0.5)).astype(np.int8)


def int8_conv(qx, qw, stride, pad):
    return conv2d_int8(qx, qw, stride=stride, padding=pad)


def dequantize(sums, input_pair, filter_pair, bias):
    (position, scale), (other_position, other_scale) = input_pair, filter_pair
    unit = np.float32(2.0 ** (position + other_position)) / (np.float32(scale) * np.float32(other_scale))
    return np.float32(sums) * unit + np.float32(bias)[:, None, None]
