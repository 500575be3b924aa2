"""Exercises without points: the arithmetic of bytes by hand, and a network whose sizes all differ."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from grader.lab import Case, check

from . import pycnml
from .checks_cases import random_pairs
from .checks_wanted import Arrays, Wanted, layer_outputs, pairs_in, require_layers
from .pycnml.program import Kind, Program
from .pycnml.record import layers_asked_for

SECOND_SHAPE = (1, 3, 40, 52)
SECOND_LAYERS = (
    Wanted("conv1", Kind.CONVOLUTION, (8, 5, 2, 1, 3)),
    Wanted("relu1", Kind.RELU),
    Wanted("pool1", Kind.POOL, (3, 2)),
    Wanted("conv2", Kind.CONVOLUTION, (12, 4, 1, 1, 2)),
    Wanted("relu2", Kind.RELU),
    Wanted("flatten", Kind.FLATTEN, (1, 12 * 11 * 14, 1, 1)),
    Wanted("fc3", Kind.MLP, (10,)),
    Wanted("softmax", Kind.SOFTMAX, (1,)),
)
exercise = partial(check, tier=None, files=("quantize.py",), exact=True)


def magnitude_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make largest magnitudes: exact powers, their neighbours, zero, tiny and huge ones, and any."""
    powers = 127 * 2.0 ** rng.integers(-12, 9, 4)
    yield Case.of("127 times a power of two", absmax=np.array([127.0, 63.5, 254.0, *powers]))
    yield Case.of("just above a power of two", absmax=np.array([127.1, 255.0, *(powers * 1.000001)]))
    yield Case.of("any magnitude", absmax=np.exp(rng.uniform(-9, 9, 12)))
    yield Case.of("zero, tiny and huge", absmax=np.array([0.0, 1e-20, 1e15]))


def number_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make arrays with what separates rules of rounding and clipping."""

    def case(name: str, x: np.ndarray, position: int, scale: float) -> Case:
        return Case.of(name, x=x.astype(np.float32), position=position, scale=scale)

    halves = rng.permutation(np.arange(-20, 21) + 0.5)
    yield case("halves between whole numbers", halves.reshape(1, 1, 1, -1), 0, 1.0)
    yield case("just below a half", np.array([[0.49999997, -0.49999997, 8.499999, -8.499999]]), 0, 1.0)
    yield case("outside the range of a byte", rng.uniform(-900, 900, (2, 3, 4, 5)), 1, 1.5)
    yield case("numbers of a layer", rng.normal(0, 0.4, (1, 4, 6, 6)), -8, float(rng.uniform(1, 2)))


def byte_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make convolutions of bytes, one with sums that neither 16 bits nor float32 hold."""
    shapes = (
        ("3x3 kernel, padding 1", (1, 3, 7, 6), 4, 3, 1, 1),
        ("stride 2, two samples", (2, 5, 9, 8), 3, 3, 2, 0),
        ("5x5 kernel, stride 3, padding 2", (1, 2, 10, 12), 2, 5, 3, 2),
    )
    for name, shape, outputs, size, stride, pad in shapes:
        qx = rng.integers(-128, 128, shape, dtype=np.int8)
        qw = rng.integers(-128, 128, (outputs, shape[1], size, size), dtype=np.int8)
        yield Case.of(name, qx=qx, qw=qw, stride=stride, pad=pad)
    qx = rng.integers(100, 128, (1, 300, 5, 5), dtype=np.int8)
    qw = rng.integers(100, 128, (2, 300, 3, 3), dtype=np.int8)
    yield Case.of("sums beyond 2^24", qx=qx, qw=qw, stride=1, pad=1)


def sum_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make sums with pairs and biases."""
    for name, reach in (("small sums", 2000), ("large sums", 2**23)):
        sums = rng.integers(-reach, reach, (2, 3, 4, 5), dtype=np.int32)
        pairs = np.reshape(random_pairs(rng)[:4], (2, 2))
        yield Case.of(name, sums=sums, pairs=pairs, bias=rng.normal(0, 1, 3).astype(np.float16).astype(np.float32))


def second_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make three pairs."""
    yield Case.of("three pairs", pairs=random_pairs(rng)[:6])


@exercise(cases=magnitude_cases, holes=("quant_param",))
def quant_param(student, case):
    """Exercise: position and scale from the largest magnitude."""
    found = [student.quantize.quant_param(float(value)) for value in case.absmax]
    return {
        "position": np.array([int(position) for position, _ in found], np.int64),
        "scale": np.array([float(scale) for _, scale in found]),
    }


@exercise(cases=number_cases, holes=("quantize",))
def quantize(student, case):
    """Exercise: numbers to bytes."""
    return {"q": student.quantize.quantize(case.x.copy(), case.position, case.scale)}


@exercise(cases=byte_cases, holes=("int8_conv",))
def int8_conv(student, case):
    """Exercise: the sums of a convolution of bytes."""
    return {"sums": student.quantize.int8_conv(case.qx.copy(), case.qw.copy(), case.stride, case.pad)}


@exercise(cases=sum_cases, holes=("dequantize",))
def dequantize(student, case):
    """Exercise: sums of bytes to numbers."""
    pairs = [(int(position), float(scale)) for position, scale in case.pairs]
    outputs = np.asarray(student.quantize.dequantize(case.sums.copy(), *pairs, case.bias.copy()))
    student.require(
        outputs.dtype == np.float32, "`dequantize` returns {dtype}, expected float32", dtype=outputs.dtype
    )
    # As whole numbers, so that no bit may differ.
    return {"bits": np.ascontiguousarray(outputs).view(np.int32)}


def second_wanted(case: Case, sent: Arrays) -> dict[str, np.ndarray]:
    """Compare the list of layers of the second network."""
    program = Program(SECOND_SHAPE)
    own = iter(pairs_in(case.pairs))
    for layer in SECOND_LAYERS:
        program.add(layer.name, layer.kind, layer.numbers, next(own) if layer.has_parameters else None)
    return layer_outputs(require_layers(sent, program))


@check(
    tier=None,
    files=("second_network.py",),
    cases=second_cases,
    holes=("second_network",),
    derive=second_wanted,
    exact=True,
)
def second_network(student, case):
    """Exercise: a network whose sizes all differ."""
    module = student.second_network
    net = pycnml.CnmlNet()
    module.build(net, pairs_in(case.pairs))
    return layers_asked_for(net)
