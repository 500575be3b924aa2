"""From the 32-bit sums of one 8-bit layer to the bytes that the next one takes, as accelerators of a kind do it.

    x = half(max(0, sum * factor + bias)),   q = round(clip(x * scale, -128, 127))

``half`` rounds to float16, in which such a device keeps what lies between layers; ``round`` takes halves away from
zero. Everything else is float32. A 2 x 2 maximum comes before the rounding, which keeps the order of numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.core import cgutils
from numba.extending import intrinsic

from .buffers import Array
from .compilation import kernel
from .processor import thread_count
from .vector import VECTORS, Emitter, vadd, vload, vmax, vmul, vset, vstore

LANES = 16
"""Elements of a vector of float32 or int32; layers have a multiple of them as outputs."""

_SMALLEST_NORMAL = 2.0**-14
_INT32 = ir.IntType(32)
_SUMS = ir.VectorType(_INT32, LANES)


@intrinsic
def as_float(typing_context: Any, sums: Any) -> Any:
    """A vector of int32 as float32, rounded to the nearest."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.sitofp(arguments[0], ir.VectorType(ir.FloatType(), LANES))

    return VECTORS[types.float32](sums), emit


@intrinsic
def half(typing_context: Any, a: Any) -> Any:
    """Numbers below 65520 rounded to the nearest float16, halves to even."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emitter, value = Emitter(context, builder, signature.args[0].dtype), arguments[0]

        def bits(word: int) -> ir.Constant:
            return ir.Constant(_SUMS, [word] * LANES)

        # Thirteen bits of float32's mantissa go: add a half of the last that stays, less one if that is even.
        word = builder.bitcast(value, _SUMS)
        odd = builder.and_(builder.lshr(word, bits(13)), bits(1))
        word = builder.and_(builder.add(word, builder.add(odd, bits(0xFFF))), bits(-0x2000))
        normal = builder.bitcast(word, emitter.vector)
        # Below the smallest normal number the spacing is 2^-24, that of float32 from 0.5 to 1.
        shift = emitter.constant(0.75)
        small = builder.fsub(builder.fadd(value, shift), shift)
        negated = builder.fsub(emitter.constant(0.0), value)
        size = builder.select(builder.fcmp_ordered("<", value, emitter.constant(0.0)), negated, value)
        below = builder.fcmp_ordered("<", size, emitter.constant(_SMALLEST_NORMAL))
        return builder.select(below, small, normal)

    return a(a), emit


@intrinsic
def store_bytes(typing_context: Any, target: Any, offset: Any, a: Any) -> Any:
    """``target[offset ..] = round(clip(a, -128, 127))``, halves away from zero, as int8."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, offset, value = arguments
        emitter = Emitter(context, builder, signature.args[2].dtype)
        value = emitter.at_least(value, emitter.constant(-128.0))
        top = emitter.constant(127.0)
        value = builder.select(builder.fcmp_ordered(">", value, top), top, value)
        whole = builder.fptosi(value, _SUMS)
        rest = builder.fsub(value, builder.sitofp(whole, emitter.vector))
        one, none = ir.Constant(_SUMS, [1] * LANES), ir.Constant(_SUMS, [0] * LANES)
        up = builder.select(builder.fcmp_ordered(">=", rest, emitter.constant(0.5)), one, none)
        down = builder.select(builder.fcmp_ordered("<=", rest, emitter.constant(-0.5)), one, none)
        bytes_type = ir.VectorType(ir.IntType(8), LANES)
        packed = builder.trunc(builder.sub(builder.add(whole, up), down), bytes_type)
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, value=array).data
        place = builder.bitcast(builder.gep(data, [offset]), bytes_type.as_pointer())
        builder.store(packed, place, align=1)
        return context.get_dummy_value()

    return types.void(target, types.intp, a), emit


@kernel(parallel=True)
def _to_bytes(sums, image, row, pixel, factor, bias, low, scale, pool, q, images, height, width, outputs, threads):
    """q (images, height, width, outputs) from sums; with ``pool`` these have twice as many rows and columns."""
    for thread in prange(threads):
        times, bound, unit = vset(factor), vset(low), vset(scale)
        for r in range(images * height * thread // threads, images * height * (thread + 1) // threads):
            n = r // height
            h = r - n * height
            for w in range(width):
                at = n * image + (2 * h * row + 2 * w * pixel if pool else h * row + w * pixel)
                to = (r * width + w) * outputs
                for c in range(0, outputs, LANES):
                    value = as_float(vload(sums, at + c))
                    if pool:
                        value = vmax(value, as_float(vload(sums, at + pixel + c)))
                        value = vmax(value, as_float(vload(sums, at + row + c)))
                        value = vmax(value, as_float(vload(sums, at + row + pixel + c)))
                    value = half(vmax(vadd(vmul(value, times), vload(bias, c)), bound))
                    store_bytes(q, to + c, vmul(value, unit))


@kernel(parallel=True)
def _to_halves(sums, factor, bias, low, y, outputs, threads):
    for thread in prange(threads):
        times, bound = vset(factor), vset(low)
        groups = outputs // LANES
        for c in range(groups * thread // threads * LANES, groups * (thread + 1) // threads * LANES, LANES):
            value = vadd(vmul(as_float(vload(sums, c)), times), vload(bias, c))
            vstore(y, c, half(vmax(value, bound)))


def _flat(sums: Array) -> tuple[Array, list[int]]:
    """The memory from the first sum to the last, and the distances of images, rows and pixels in it."""
    distances = [step // sums.itemsize for step in sums.strides[:3]]
    length = sum((size - 1) * step for size, step in zip(sums.shape[:3], distances, strict=True)) + sums.shape[3]
    return np.lib.stride_tricks.as_strided(sums, (length,), (sums.itemsize,)), distances


def to_bytes(sums: Array, factor: float, bias: Array, scale: float, *, rectify: bool, pool: bool) -> Array:
    """The next layer's bytes (N, H, W, outputs) from sums (N, H', W', outputs); ``factor`` must be positive.

    Parameters
    ----------
    sums : int32, as :meth:`integer.IntegerConvolution.run` returns them.
    factor : what one unit of the sums stands for.
    bias : (outputs,) float32.
    scale : bytes per unit of the result.
    rectify, pool : ReLU; maximum of 2 x 2, a last odd row and column left out.
    """
    images, height, width, outputs = sums.shape
    if pool:
        height, width = height // 2, width // 2
    flat, distances = _flat(sums)
    result = np.empty((images, height, width, outputs), np.int8)
    low = np.float32(0.0 if rectify else -np.inf)
    _to_bytes(flat, *distances, np.float32(factor), bias, low, np.float32(scale), pool, result.reshape(-1), images,
              height, width, outputs, thread_count())  # fmt: skip
    return result


def to_halves(sums: Array, factor: float, bias: Array) -> Array:
    """The last layer's numbers (outputs,) of one sample, rounded to float16, as float32."""
    flat, _ = _flat(sums)
    result = np.empty(len(bias), np.float32)
    _to_halves(flat, np.float32(factor), bias, np.float32(-np.inf), result, len(bias), thread_count())
    return result
