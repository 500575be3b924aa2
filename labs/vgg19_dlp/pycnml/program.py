"""What a network on the device is: a list of layers, their parameters as bytes, and how to run it.

Nothing here prints or knows of the library's interface, so a recorded network can be run by anybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from . import arithmetic
from .quantization import QuantParam, quantized, unit

Shape = tuple[int, ...]


class Kind(IntEnum):
    """Kinds of layers, numbered as in the library."""

    CAST = 0
    CONVOLUTION = 1
    LRN = 2
    MLP = 3
    NORMALIZE = 4
    RELU = 5
    SOFTMAX = 6
    POOL = 7
    FLATTEN = 8


WITH_PARAMETERS = (Kind.CONVOLUTION, Kind.MLP)


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes
    ----------
    numbers : what it was created with, in the order of the library's arguments: a convolution has (outputs, kernel
        size, stride, dilation, pad), a pooling (kernel size, stride), a fully connected layer (outputs,), a softmax
        (axis,), a flattening its four lengths.
    quant : how its inputs become bytes; None for layers without parameters.
    shape : of its output, (N, C, H, W).
    """

    name: str
    kind: Kind
    numbers: Shape
    quant: QuantParam | None
    shape: Shape


@dataclass(frozen=True)
class Parameters:
    """What a layer holds on the device: an int8 weight, outputs first, a float16 bias, and how the weight was made."""

    weight: np.ndarray
    bias: np.ndarray
    quant: QuantParam


@dataclass
class Program:
    """A network: the shape of its input, its layers in order and, by their place from 0, their parameters."""

    input_shape: Shape
    layers: list[Layer] = field(default_factory=list)
    parameters: dict[int, Parameters] = field(default_factory=dict)

    @property
    def shape(self) -> Shape:
        """Shape of what the last layer returns."""
        return self.layers[-1].shape if self.layers else self.input_shape

    def add(self, name: str, kind: Kind, numbers: Shape, quant: QuantParam | None = None) -> Layer:
        """Append a layer and return it.

        Raises
        ------
        ValueError : it does not fit what comes before.
        """
        layer = Layer(name, kind, numbers, quant, output_shape(name, kind, numbers, self.shape))
        self.layers.append(layer)
        return layer

    def weight_shape(self, place: int) -> Shape:
        """Return the shape of a layer's weight, outputs first."""
        layer = self.layers[place]
        before = self.layers[place - 1].shape if place else self.input_shape
        if layer.kind is Kind.CONVOLUTION:
            return (layer.numbers[0], before[1], layer.numbers[1], layer.numbers[1])
        return (layer.numbers[0], before[1] * before[2] * before[3])


def output_shape(name: str, kind: Kind, numbers: Shape, before: Shape) -> Shape:
    """Return the shape that a layer makes of the shape before it.

    Raises
    ------
    ValueError : the layer does not fit.
    """
    samples, channels, height, width = before
    if kind is Kind.CONVOLUTION:
        outputs, size, stride, dilation, pad = numbers
        if min(outputs, size, stride, dilation) < 1 or pad < 0:
            raise ValueError(
                f"{name}: out_channel {outputs}, kernel_size {size}, stride {stride}, dilation {dilation} and pad "
                f"{pad} do not make a convolution"
            )
        if dilation != 1:
            raise ValueError(
                f"{name}: dilation {dilation} is not supported, only 1; the arguments are out_channel, kernel_size, "
                "stride, dilation, pad"
            )
        return (samples, outputs, *(_windows(name, length, size, stride, pad) for length in (height, width)))
    if kind is Kind.POOL:
        size, stride = numbers
        if min(size, stride) < 1:
            raise ValueError(f"{name}: kernel_size {size} and stride {stride} do not make a pooling")
        return (samples, channels, *(_windows(name, length, size, stride, 0) for length in (height, width)))
    if kind is Kind.MLP:
        if numbers[0] < 1:
            raise ValueError(f"{name}: output_num is {numbers[0]}, expected at least 1")
        return (samples, numbers[0], 1, 1)
    if kind is Kind.FLATTEN:
        if int(np.prod(numbers)) != int(np.prod(before)):
            raise ValueError(
                f"{name}: output_shape {list(numbers)} has {int(np.prod(numbers))} entries, but the layer before "
                f"gives {list(before)}, {int(np.prod(before))}"
            )
        return numbers
    if kind is Kind.SOFTMAX and not 0 <= numbers[0] < 4:
        raise ValueError(f"{name}: axis is {numbers[0]}, expected 0 to 3; 1 is that of the channels")
    return before


def _windows(name: str, length: int, size: int, stride: int, pad: int) -> int:
    if size > length + 2 * pad:
        raise ValueError(
            f"{name}: a window of {size} does not fit into {length} entries with {pad} added on each side"
        )
    return (length + 2 * pad - size) // stride + 1


def steps(program: Program, picture: np.ndarray) -> Iterator[tuple[Layer, np.ndarray]]:
    """Run a network whose parameters are complete and yield each layer with its output, float16.

    ``picture`` is float32 in the program's input shape.

    Raises
    ------
    arithmetic.Overflow : a number is larger than float16 can hold; the message names the layer.
    """
    name = "the input"
    try:
        value = arithmetic.as_halves(picture.reshape(program.input_shape).astype(np.float32, copy=False))
        for place, layer in enumerate(program.layers):
            name = layer.name
            value = _output(program, place, value)
            yield layer, value
    except arithmetic.Overflow as error:
        raise arithmetic.Overflow(f"{name}: {error}") from None


def _output(program: Program, place: int, value: np.ndarray) -> np.ndarray:
    layer = program.layers[place]
    if layer.kind in WITH_PARAMETERS:
        held = program.parameters[place]
        assert layer.quant is not None
        data, worth = quantized(value, layer.quant), unit(layer.quant, held.quant)
        if layer.kind is Kind.CONVOLUTION:
            _, _, stride, _, pad = layer.numbers
            return arithmetic.convolution(data, held.weight, held.bias, worth, stride, pad)
        return arithmetic.fully_connected(data.reshape(len(data), -1), held.weight, held.bias, worth)
    if layer.kind is Kind.RELU:
        return arithmetic.relu(value)
    if layer.kind is Kind.POOL:
        return arithmetic.max_pooling(value, *layer.numbers)
    if layer.kind is Kind.FLATTEN:
        return arithmetic.flatten(value, layer.numbers)
    return arithmetic.softmax(value, layer.numbers[0])


def on_device(weight: np.ndarray, bias: np.ndarray, kind: Kind, shape: Shape, quant: QuantParam) -> Parameters:
    """Return flat float64 parameters as the device holds them.

    A convolution's weight goes from float32 to bytes, that of a fully connected layer by way of float16.

    Raises
    ------
    arithmetic.Overflow : a number does not fit into float16 on the way.
    """
    result = np.empty(weight.size, np.int8)
    for start in range(0, weight.size, BLOCK):
        part = weight[start : start + BLOCK].astype(np.float32)
        result[start : start + BLOCK] = quantized(arithmetic.as_halves(part) if kind is Kind.MLP else part, quant)
    return Parameters(result.reshape(shape), arithmetic.as_halves(bias.astype(np.float32)), quant)


BLOCK = 1 << 20
