"""The arithmetic of the device by hand: numbers to bytes, sums of bytes, and back. Exercises without points."""

import math

import numpy as np


def quant_param(absmax):
    """Return (position, scale) for numbers of magnitude up to `absmax`: formulas (1) and (2) of the README."""
    # TODO(quant_param): return (position, scale) by formulas (1) and (2)
    raise NotImplementedError("TODO quant_param: return (position, scale) by formulas (1) and (2)")


def quantize(x, position, scale):
    """Return the bytes of the float32 array `x`, int8, of the same shape: formula (3)."""
    # TODO(quantize): return int8 by formula (3), halves away from zero
    raise NotImplementedError("TODO quantize: return int8 by formula (3), halves away from zero")


def int8_conv(qx, qw, stride, pad):
    """Return the sums of a convolution of int8 qx (N, C, H, W) with int8 qw (O, C, K, K), int32: formula (4)."""
    # TODO(int8_conv): return the sums by formula (4), int32
    raise NotImplementedError("TODO int8_conv: return the sums by formula (4), int32")


def dequantize(sums, input_pair, filter_pair, bias):
    """Return float32 numbers for int32 sums (N, O, H, W), with the bias (O,) added: formula (5)."""
    # TODO(dequantize): return the numbers by formula (5), float32
    raise NotImplementedError("TODO dequantize: return the numbers by formula (5), float32")
