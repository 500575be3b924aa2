"""The same with whole numbers in Python, entry by entry, and with libraries' own functions."""

import math

import numpy as np


def quant_param(absmax):
    if not absmax:
        return (0, 1.0)
    fraction, exponent = math.frexp(absmax / 127)
    # absmax / 127 = fraction * 2^exponent, fraction from 0.5 to below 1
    position = exponent if absmax > 127 or fraction > 0.5 else exponent - 1
    position = min(max(position, -32), 32)
    return position, math.ldexp(127.0, position) / absmax


def quantize(x, position, scale):
    scaled = np.float32(x) * np.float32(scale)
    scaled = np.ldexp(scaled, -position).astype(np.float32)
    magnitude = np.floor(np.abs(np.clip(scaled, -128, 127)).astype(np.float64) + 0.5)
    return np.copysign(magnitude, scaled).astype(np.int8)


def int8_conv(qx, qw, stride, pad):
    x = np.pad(qx, ((0, 0), (0, 0), (pad, pad), (pad, pad))).astype(np.int64)
    size = qw.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    return np.tensordot(windows, qw.astype(np.int64), ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2).astype(np.int32)


def dequantize(sums, input_pair, filter_pair, bias):
    unit = np.float32(2.0 ** (input_pair[0] + filter_pair[0]))
    unit /= np.float32(input_pair[1]) * np.float32(filter_pair[1])
    return np.add(np.multiply(np.float32(sums), unit), np.float32(bias)[:, None, None])
