"""``CnmlNet``, the network as the library's interface has it: calls are checked, printed and kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import CnmlError
from .program import WITH_PARAMETERS, Kind, Layer, Program, on_device, steps
from .quantization import QuantParam, require_usable
from .vectors import flat_numbers, shape_of_four, whole

NO_SHAPE = "The input shape is empty ! You should set input shape first ."
CREATING = {
    Kind.CONVOLUTION: "conv",
    Kind.RELU: "relu",
    Kind.POOL: "pooling",
    Kind.FLATTEN: "flatten",
    Kind.MLP: "mlp",
    Kind.SOFTMAX: "softmax",
}


class CnmlNet:
    """A network on the device, built layer by layer.

    Layers have indices from 0 in the order in which they are created. The library stores a hidden cast in front of
    them, and with the first `loadParams` another one behind; `size` counts so that it is one short before that.

    Parameters
    ----------
    core_num : int
        Cores of the device to use; it changes nothing here.
    core_version : int
        ``CNML_MLU270``, ``CNML_MLU220`` or ``CNML_MLU100``.
    """

    def __init__(self, core_num: int = 1, core_version: int = 5) -> None:
        self.core_num = whole(core_num, "core_num")
        self.core_version = whole(core_version, "core_version")
        print(f"CORE NUM: {self.core_num}")
        print(f"CORE VERSION: {self.core_version}")
        self._program: Program | None = None
        self._picture: np.ndarray | None = None
        self._output: np.ndarray | None = None
        self._watch: Callable[[Layer, np.ndarray], None] | None = None
        self._layer_seconds: list[tuple[str, float]] = []

    def setInputShape(self, dim_1: int, dim_2: int, dim_3: int, dim_4: int) -> None:
        """Begin the network with inputs of this shape: N, C, H, W.

        Raises
        ------
        CnmlError : it was called before. The library then stores a second hidden layer, and all indices are off.
        """
        shape = shape_of_four([dim_1, dim_2, dim_3, dim_4], "the input shape")
        if self._program is not None:
            raise CnmlError(
                "setInputShape was called a second time: the network is built already. Build it once for each CnmlNet"
            )
        self._program = Program(shape)
        print(f"input_shape: {_listed(shape)}")

    def createConvLayer(
        self,
        layer_name: str,
        out_channel: int,
        kernel_size: int,
        stride: int,
        dilation: int,
        pad: int,
        quant_param: QuantParam,
    ) -> None:
        """Append a convolution with a square kernel; its output has (H + 2 pad - kernel_size) // stride + 1 rows."""
        self._create(Kind.CONVOLUTION, layer_name, (out_channel, kernel_size, stride, dilation, pad), quant_param)

    def createReLuLayer(self, layer_name: str) -> None:
        """Append max(x, 0)."""
        self._create(Kind.RELU, layer_name, ())

    def createPoolingLayer(self, layer_name: str, kernel_size: int, stride: int) -> None:
        """Append max pooling without padding."""
        self._create(Kind.POOL, layer_name, (kernel_size, stride))

    def createFlattenLayer(self, layer_name: str, output_shape: Sequence[int]) -> None:
        """Append a layer that puts the numbers in the order N, H, W, C and gives them a shape of four."""
        self._create(Kind.FLATTEN, layer_name, shape_of_four(output_shape, f"output_shape of {layer_name}"))

    def createMlpLayer(self, layer_name: str, output_num: int, quant_param: QuantParam) -> None:
        """Append a fully connected layer that takes all C * H * W inputs; its output is (N, output_num, 1, 1)."""
        self._create(Kind.MLP, layer_name, (output_num,), quant_param)

    def createSoftmaxLayer(self, layer_name: str, axis: int) -> None:
        """Append a softmax along an axis; 1 is that of the channels."""
        self._create(Kind.SOFTMAX, layer_name, (axis,))

    def _create(self, kind: Kind, name: str, numbers: Sequence[Any], quant: Any = None) -> None:
        if not isinstance(name, str):
            raise TypeError(f"layer_name is {name!r}, expected text")
        program = self._built()
        if program.parameters:
            raise CnmlError(f"{name}: parameters are loaded already, so no layer can be added")
        if kind in WITH_PARAMETERS:
            quant = require_usable(quant, name)
        print(f"creating {CREATING[kind]} layer ...")
        values = tuple(whole(value, f"an argument of {name}") for value in numbers)
        layer = program.add(name, kind, values, quant)
        print(f"output_shape: {_listed(layer.shape)}")

    def _built(self) -> Program:
        if self._program is None:
            raise CnmlError(NO_SHAPE)
        return self._program

    def size(self) -> int:
        """Return how many layers the library stores, less two: one too few before the first `loadParams`."""
        if self._program is None:
            return -2
        return len(self._program.layers) - (0 if self._program.parameters else 1)

    def getLayerName(self, layer_id: int) -> str:
        """Return the name of a layer by its index from 0."""
        return self._layer(layer_id).name

    def needToBeQuantized(self, layer_id: int) -> bool:
        """Return whether a layer has parameters: whether it is a convolution or fully connected."""
        return self._layer(layer_id).kind in WITH_PARAMETERS

    def _layer(self, layer_id: int) -> Layer:
        layers = self._built().layers
        place = whole(layer_id, "layer_id")
        if not 0 <= place < len(layers):
            raise IndexError(f"layer_id is {place}, but the layers have the indices 0 to {len(layers) - 1}")
        return layers[place]

    def loadParams(self, layer_id: int, filter_data: Any, bias_data: Any, quant_param: QuantParam) -> None:
        """Load the weight, flat in the order (out, in, rows, columns) or (out, in), and the bias of a layer.

        ``quant_param`` says how the weight becomes bytes.

        Raises
        ------
        CnmlError : the layer has no parameters.
        ValueError : there are too many numbers, or too few.
        """
        layer = self._layer(layer_id)
        if layer.kind not in WITH_PARAMETERS:
            raise CnmlError(f"This layer is not conv or mlp ! {layer.name}")
        program = self._built()
        quant = require_usable(quant_param, layer.name)
        print(f"loading params for layer {layer.name} ...")
        weight = flat_numbers(filter_data, f"filter_data of {layer.name}")
        bias = flat_numbers(bias_data, f"bias_data of {layer.name}")
        print(f"weight size: {weight.size}")
        shape = program.weight_shape(int(layer_id))
        _require_length(f"the weight of {layer.name}", weight, shape)
        _require_length(f"the bias of {layer.name}", bias, shape[:1])
        program.parameters[int(layer_id)] = on_device(weight, bias, layer.kind, shape, quant)

    def setInputData(self, data: Any) -> None:
        """Take the picture, flat in the order N, C, H, W."""
        shape = self._built().input_shape
        numbers = flat_numbers(data, "the input")
        _require_length("the input", numbers, shape)
        self._picture = numbers.astype(np.float32)

    def forward(self) -> None:
        """Run all layers; `getOutputData` has the result.

        Raises
        ------
        CnmlError : a parameter or the picture is missing.
        """
        program = self._built()
        for place, layer in enumerate(program.layers):
            if layer.kind in WITH_PARAMETERS and place not in program.parameters:
                raise CnmlError(f"param of layer {layer.name} is not loaded !")
        if self._picture is None:
            raise CnmlError("the input is not set: call setInputData with the picture first")
        if not program.layers:
            raise CnmlError("the network has no layers")
        self._layer_seconds = []
        before = time.perf_counter()
        for layer, value in steps(program, self._picture):
            self._layer_seconds.append((layer.name, time.perf_counter() - before))
            if self._watch is not None:
                self._watch(layer, value)
            self._output = value
            before = time.perf_counter()

    def getOutputData(self) -> tuple[float, ...]:
        """Return the output of the last layer as a tuple of floats; an empty one before the first `forward`."""
        if self._output is None:
            return ()
        return tuple(self._output.astype(np.float32).reshape(-1).tolist())


def _listed(shape: Sequence[int]) -> str:
    return "[" + " ".join(map(str, shape)) + "]"


def _require_length(what: str, numbers: np.ndarray, shape: Sequence[int]) -> None:
    needed = int(np.prod(shape))
    if numbers.size != needed:
        product = " x ".join(map(str, shape))
        raise ValueError(f"{what} has {numbers.size} numbers, but {needed} are needed ({product})")
