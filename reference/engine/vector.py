"""Explicit vectors for numba: one cache line of float32 or float64 as a value.

LLVM turns a plain numba loop into vector code only when it can prove enough about it, and it never
keeps a block of a matrix in registers across a loop. Here a kernel says itself what is a vector:

>>> # y[i:i+16] = a * x[i:i+16] + y[i:i+16], for float32 arrays, one instruction
>>> # vstore(y, i, vfma(vset(a), vload(x, i), vload(y, i)))

A vector is 64 bytes (``processor.VECTOR_BYTES``): 16 float32 or 8 float64. The element type follows
the array, so one kernel source serves both precisions; ``lanes(x)`` is the number of elements, a
constant for the compiler. Arrays must be one-dimensional and contiguous; no index is checked.

:class:`Emitter` is the same vocabulary one level lower, for the modules that write LLVM code
directly (``tiles``, ``winograd_transforms``).
"""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from .processor import VECTOR_BYTES

INDEX = ir.IntType(64)
_INT32 = ir.IntType(32)
_IR_ELEMENT = {types.float32: ir.FloatType(), types.float64: ir.DoubleType(), types.int32: _INT32}


class VectorType(types.Type):
    """Numba's type of one vector; ``dtype`` is ``float32``, ``float64`` or ``int32``."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Vector({dtype})")


VECTORS = {dtype: VectorType(dtype) for dtype in _IR_ELEMENT}


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, frontend_type: VectorType) -> None:
        element = _IR_ELEMENT[frontend_type.dtype]
        super().__init__(manager, frontend_type, ir.VectorType(element, lane_count(frontend_type.dtype)))


def lane_count(dtype: Any) -> int:
    """Elements of ``dtype`` (a numba type) in one vector."""
    return VECTOR_BYTES * 8 // int(dtype.bitwidth)


def index(value: int) -> ir.Constant:
    """A constant index."""
    return ir.Constant(INDEX, value)


class Emitter:
    """Emits vector instructions for one element type.

    Parameters
    ----------
    context, builder : as numba hands them to an intrinsic.
    dtype : numba's float32 or float64; int32 vectors are only moved here, their sums are for the caller.
    lanes : elements of a vector, for code that works on a part of one; a whole one if not given.
    """

    def __init__(self, context: Any, builder: ir.IRBuilder, dtype: Any, lanes: int | None = None) -> None:
        self.context = context
        self.builder = builder
        self.element = _IR_ELEMENT[dtype]
        self.lanes = lanes or lane_count(dtype)
        self.vector = ir.VectorType(self.element, self.lanes)
        self._suffix = f"v{self.lanes}f{dtype.bitwidth}"
        # numba and numpy promise only the element's alignment; hardware is as fast for aligned addresses.
        self._align = int(dtype.bitwidth) // 8

    def pointer(self, array_type: Any, array: Any, offset: Any) -> Any:
        """Address of element ``offset`` of an array argument."""
        data = cgutils.create_struct_proxy(array_type)(self.context, self.builder, value=array).data
        return self.move(data, offset)

    def move(self, pointer: Any, offset: Any) -> Any:
        """Address ``offset`` elements further; ``offset`` is an int or an IR value."""
        step = index(offset) if isinstance(offset, int) else offset
        return self.builder.gep(pointer, [step], inbounds=True)

    def load(self, pointer: Any) -> Any:
        """The vector that starts at ``pointer``."""
        return self.builder.load(self.builder.bitcast(pointer, self.vector.as_pointer()), align=self._align)

    def store(self, pointer: Any, value: Any) -> None:
        """Write a vector to ``pointer``."""
        target = self.builder.bitcast(pointer, self.vector.as_pointer())
        self.builder.store(value, target, align=self._align)

    def constant(self, value: float) -> ir.Constant:
        """A vector with the same value in all lanes."""
        return ir.Constant(self.vector, [value] * self.lanes)

    def broadcast(self, scalar: Any) -> Any:
        """A vector with ``scalar`` in all lanes."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, ir.Constant(_INT32, 0))
        mask = ir.Constant(ir.VectorType(_INT32, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, undefined, mask)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """``a * b + c``, fused where the processor can (``fma`` would be a slow call elsewhere)."""
        signature = ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fmuladd.{self._suffix}"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, signature, name), [a, b, c])

    def at_least(self, value: Any, low: Any) -> Any:
        """``max(value, low)`` that keeps a NaN in ``value``."""
        return self.builder.select(self.builder.fcmp_ordered("<", value, low), low, value)

    def where_positive(self, condition: Any, value: Any) -> Any:
        """``value`` where ``condition > 0``, else 0: the mask of a ReLU's gradient."""
        zero = self.constant(0.0)
        return self.builder.select(self.builder.fcmp_ordered(">", condition, zero), value, zero)

    def prefetch(self, pointer: Any) -> None:
        """Ask for the cache line at ``pointer`` to be brought to the second-level cache."""
        byte = ir.IntType(8).as_pointer()
        signature = ir.FunctionType(ir.VoidType(), [byte, _INT32, _INT32, _INT32])
        function = cgutils.get_or_insert_function(self.builder.module, signature, "llvm.prefetch.p0")
        reading, locality, data = (ir.Constant(_INT32, value) for value in (0, 2, 1))
        self.builder.call(function, [self.builder.bitcast(pointer, byte), reading, locality, data])


@intrinsic
def lanes(typing_context: Any, array: Any) -> Any:
    """Elements of ``array``'s type in one vector, as a compile-time constant."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return index(lane_count(signature.args[0].dtype))

    return types.intp(array), emit


@intrinsic
def vload(typing_context: Any, array: Any, offset: Any) -> Any:
    """The vector ``array[offset : offset + lanes]``."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emitter = Emitter(context, builder, signature.args[0].dtype)
        return emitter.load(emitter.pointer(signature.args[0], *arguments))

    return VECTORS[array.dtype](array, types.intp), emit


@intrinsic
def vstore(typing_context: Any, array: Any, offset: Any, value: Any) -> Any:
    """``array[offset : offset + lanes] = value``."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emitter = Emitter(context, builder, signature.args[0].dtype)
        emitter.store(emitter.pointer(signature.args[0], arguments[0], arguments[1]), arguments[2])
        return context.get_dummy_value()

    return types.void(array, types.intp, VECTORS[array.dtype]), emit


@intrinsic
def vset(typing_context: Any, scalar: Any) -> Any:
    """A vector with ``scalar`` (float32 or float64) in all lanes."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return Emitter(context, builder, signature.args[0]).broadcast(arguments[0])

    return VECTORS[scalar](scalar), emit


@intrinsic
def vzero(typing_context: Any, array: Any) -> Any:
    """A vector of zeros of ``array``'s type."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return Emitter(context, builder, signature.args[0].dtype).constant(0.0)

    return VECTORS[array.dtype](array), emit


@intrinsic
def vfma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return Emitter(context, builder, signature.args[0].dtype).multiply_add(*arguments)

    return a(a, a, a), emit


def _arithmetic(instruction: str, formula: str) -> Any:
    def typed(typing_context: Any, a: Any, b: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, instruction)(*arguments)

        return a(a, a), emit

    typed.__doc__ = f"``{formula}``, lane by lane."
    return intrinsic(typed)


vadd = _arithmetic("fadd", "a + b")
vsub = _arithmetic("fsub", "a - b")
vmul = _arithmetic("fmul", "a * b")
vdiv = _arithmetic("fdiv", "a / b")


@intrinsic
def vmax(typing_context: Any, a: Any, b: Any) -> Any:
    """``max(a, b)``, lane by lane; ``a`` where it is NaN."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return Emitter(context, builder, signature.args[0].dtype).at_least(*arguments)

    return a(a, a), emit


@intrinsic
def vsqrt(typing_context: Any, a: Any) -> Any:
    """The square root of ``a``, lane by lane."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emitter = Emitter(context, builder, signature.args[0].dtype)
        function = ir.FunctionType(emitter.vector, [emitter.vector])
        name = f"llvm.sqrt.{emitter._suffix}"
        return builder.call(cgutils.get_or_insert_function(builder.module, function, name), arguments)

    return a(a), emit


def _choice(comparison: str, formula: str) -> Any:
    def typed(typing_context: Any, a: Any, b: Any, yes: Any, no: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, b, yes, no = arguments
            return builder.select(builder.fcmp_ordered(comparison, a, b), yes, no)

        return a(a, a, a, a), emit

    typed.__doc__ = f"``{formula}``, lane by lane."
    return intrinsic(typed)


vwhere_greater = _choice(">", "yes if a > b else no")
vwhere_equal = _choice("==", "yes if a == b else no")


@intrinsic
def vsum(typing_context: Any, a: Any) -> Any:
    """Sum of the lanes, added pairwise."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emitter = Emitter(context, builder, signature.args[0].dtype)
        function = ir.FunctionType(emitter.element, [emitter.element, emitter.vector])
        name = f"llvm.vector.reduce.fadd.{emitter._suffix}"
        call = cgutils.get_or_insert_function(builder.module, function, name)
        start = ir.Constant(emitter.element, 0.0)
        return builder.call(call, [start, arguments[0]], fastmath=("reassoc",))

    return a.dtype(a), emit


_EXP_TERMS = {32: 7, 64: 13}
"""Degree of exp's Taylor polynomial on [-ln(2)/2, ln(2)/2] that reaches the type's precision."""

_EXP_RANGE = {32: (-87.0, 88.0), 64: (-708.0, 709.0)}
"""Arguments outside are clipped: the result stays a normal finite number."""


@intrinsic
def vexp(typing_context: Any, a: Any) -> Any:
    """``exp(a)``, lane by lane, to about two units in the last place.

    ``exp(a) = 2^k exp(r)`` with ``k = round(a / ln 2)``; ln 2 is subtracted in two parts so that ``r`` is
    exact, and ``2^k`` is written directly into the exponent's bits.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        dtype = signature.args[0].dtype
        emitter, width = Emitter(context, builder, dtype), int(dtype.bitwidth)
        low, high = _EXP_RANGE[width]
        value = emitter.at_least(arguments[0], emitter.constant(low))
        top = emitter.constant(high)
        value = builder.select(builder.fcmp_ordered(">", value, top), top, value)
        function = ir.FunctionType(emitter.vector, [emitter.vector])
        rint = cgutils.get_or_insert_function(builder.module, function, f"llvm.rint.{emitter._suffix}")
        k = builder.call(rint, [builder.fmul(value, emitter.constant(1.4426950408889634))])
        # The leading part has few enough bits that k times it is exact.
        leading, rest = (
            (0.693359375, -2.12194440054690583e-4) if width == 32 else (0.6931471803691238, 1.9082149292705877e-10)
        )
        r = emitter.multiply_add(k, emitter.constant(-leading), value)
        r = emitter.multiply_add(k, emitter.constant(-rest), r)
        result = emitter.constant(1.0 / math.factorial(_EXP_TERMS[width]))
        for degree in range(_EXP_TERMS[width] - 1, -1, -1):
            result = emitter.multiply_add(result, r, emitter.constant(1.0 / math.factorial(degree)))
        bits = ir.VectorType(ir.IntType(width), emitter.lanes)
        mantissa, bias = (23, 127) if width == 32 else (52, 1023)
        exponent = builder.add(builder.fptosi(k, bits), ir.Constant(bits, [bias] * emitter.lanes))
        power = builder.shl(exponent, ir.Constant(bits, [mantissa] * emitter.lanes))
        return builder.fmul(result, builder.bitcast(power, emitter.vector))

    return a(a), emit
