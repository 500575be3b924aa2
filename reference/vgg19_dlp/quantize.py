"""The arithmetic of the device by hand: numbers to bytes, sums of bytes, and back. Exercises without points."""

import math

import numpy as np


def quant_param(absmax):
    """Return (position, scale) for numbers of magnitude up to `absmax`: formulas (1) and (2) of the README."""
    ### BEGIN SOLUTION quant_param: return (position, scale) by formulas (1) and (2)
    if absmax == 0:
        return 0, 1.0
    exponent = math.log2(absmax / 127)
    if exponent > 0:
        exponent += 1
    position = max(-32, min(32, int(exponent)))
    return position, 127 * 2.0**position / absmax
    ### END SOLUTION


def quantize(x, position, scale):
    """Return the bytes of the float32 array `x`, int8, of the same shape: formula (3)."""
    ### BEGIN SOLUTION quantize: return int8 by formula (3), halves away from zero
    scaled = np.asarray(x, np.float32) * np.float32(scale) * np.float32(2.0**-position)
    clipped = np.clip(scaled, -128, 127)
    whole = np.trunc(clipped)
    rest = clipped - whole
    return (whole + (rest >= 0.5) - (rest <= -0.5)).astype(np.int8)
    ### END SOLUTION


def int8_conv(qx, qw, stride, pad):
    """Return the sums of a convolution of int8 qx (N, C, H, W) with int8 qw (O, C, K, K), int32: formula (4)."""
    ### BEGIN SOLUTION int8_conv: return the sums by formula (4), int32
    size = qw.shape[2]
    padded = np.pad(qx.astype(np.int32), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    rows, columns = ((length - size) // stride + 1 for length in padded.shape[2:])
    sums = np.zeros((len(qx), len(qw), rows, columns), np.int32)
    for i in range(size):
        for j in range(size):
            part = padded[
                :,
                :,
                i : i + (rows - 1) * stride + 1 : stride,
                j : j + (columns - 1) * stride + 1 : stride,
            ]
            sums += np.einsum("nchw,oc->nohw", part, qw[:, :, i, j].astype(np.int32))
    return sums
    ### END SOLUTION


def dequantize(sums, input_pair, filter_pair, bias):
    """Return float32 numbers for int32 sums (N, O, H, W), with the bias (O,) added: formula (5)."""
    ### BEGIN SOLUTION dequantize: return the numbers by formula (5), float32
    (input_position, input_scale), (filter_position, filter_scale) = input_pair, filter_pair
    unit = np.float32(2.0 ** (input_position + filter_position))
    unit = unit / (np.float32(input_scale) * np.float32(filter_scale))
    return sums.astype(np.float32) * unit + np.asarray(bias, np.float32).reshape(1, -1, 1, 1)
    ### END SOLUTION
