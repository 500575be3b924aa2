"""What a network was asked for, as plain arrays, and the network of such arrays again.

The arrays are all that leaves the process in which a submission runs. Whoever reads them builds a network of their own
and runs it with their own copy of the emulator.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .net import CnmlNet
from .program import WITH_PARAMETERS, Kind, Layer, Parameters, Program, steps
from .quantization import QuantParam, require_usable

NAME_BYTES = 32
MOST_NUMBERS = 5
MOST_LAYERS = 1000
LARGEST_OUTPUT = 1 << 26
Arrays = Mapping[str, np.ndarray]


class RecordError(ValueError):
    """The arrays do not describe a network that can be run."""


def layers_asked_for(net: CnmlNet) -> dict[str, np.ndarray]:
    """Return the list of layers: ``input_shape``, and for each ``names``, ``kinds``, ``numbers`` and ``quants``.

    ``names`` holds 32 bytes a layer, ``numbers`` the arguments followed by -1, ``quants`` (position, scale), zeros
    where there is none.
    """
    program = net._program if net._program is not None else Program(())
    names = np.zeros((len(program.layers), NAME_BYTES), np.uint8)
    numbers = np.full((len(program.layers), MOST_NUMBERS), -1, np.int64)
    quants = np.zeros((len(program.layers), 2))
    for place, layer in enumerate(program.layers):
        text = layer.name.encode()[:NAME_BYTES]
        names[place, : len(text)] = np.frombuffer(text, np.uint8)
        numbers[place, : len(layer.numbers)] = layer.numbers
        quants[place] = _pair(layer.quant)
    return {
        "input_shape": np.array(program.input_shape, np.int64),
        "names": names,
        "kinds": np.array([layer.kind for layer in program.layers], np.int64),
        "numbers": numbers,
        "quants": quants,
    }


def parameters_loaded(net: CnmlNet) -> dict[str, np.ndarray]:
    """Return, for the place of each layer that has them, ``PLACE weight``, ``PLACE bias`` and ``PLACE quant``."""
    program = net._program if net._program is not None else Program(())
    found = {}
    for place, held in sorted(program.parameters.items()):
        found[f"{place} weight"] = held.weight
        found[f"{place} bias"] = held.bias
        found[f"{place} quant"] = _pair(held.quant)
    return found


def picture_set(net: CnmlNet) -> np.ndarray:
    """Return the picture as it was set, flat, float32; empty if none was."""
    return np.empty(0, np.float32) if net._picture is None else net._picture


def _pair(quant: QuantParam | None) -> np.ndarray:
    return np.zeros(2) if quant is None else np.array([quant.position, quant.scale], np.float64)


def layers_in(arrays: Arrays) -> list[Layer]:
    """Return the layers of a record.

    Raises
    ------
    RecordError : an array is missing, of another form, or describes no network.
    """
    return program_in(arrays).layers


def program_in(arrays: Arrays) -> Program:
    """Return the network of a record, with those parameters that are among the arrays.

    Raises
    ------
    RecordError : an array is missing, of another form, or describes no network.
    """
    try:
        return _program(arrays)
    except RecordError:
        raise
    except (KeyError, IndexError, ValueError, TypeError, OverflowError, UnicodeDecodeError) as error:
        raise RecordError(f"what was recorded is no network: {type(error).__name__}: {error}"[:400]) from None


def _program(arrays: Arrays) -> Program:
    shape = tuple(int(length) for length in _array(arrays, "input_shape", "i", (4,)))
    if min(shape) < 1 or int(np.prod(shape, dtype=object)) > LARGEST_OUTPUT:
        raise RecordError("the input has no usable shape")
    count = len(arrays["kinds"])
    if count > MOST_LAYERS:
        raise RecordError(f"there are {count} layers, more than {MOST_LAYERS}")
    names = _array(arrays, "names", "u", (count, NAME_BYTES))
    kinds = _array(arrays, "kinds", "i", (count,))
    numbers = _array(arrays, "numbers", "i", (count, MOST_NUMBERS))
    quants = _array(arrays, "quants", "f", (count, 2))
    program = Program(shape)
    for place in range(count):
        kind = Kind(int(kinds[place]))
        own = tuple(int(value) for value in numbers[place] if value >= 0)
        name = bytes(names[place]).rstrip(b"\0").decode()
        quant = _quant(quants[place], name) if kind in WITH_PARAMETERS else None
        layer = program.add(name, kind, own, quant)
        if int(np.prod(layer.shape, dtype=object)) > LARGEST_OUTPUT:
            raise RecordError(f"{name} has too large an output")
    for place, layer in enumerate(program.layers):
        if layer.kind in WITH_PARAMETERS and f"{place} weight" in arrays:
            weight_shape = program.weight_shape(place)
            weight = _array(arrays, f"{place} weight", "i", weight_shape)
            if weight.dtype != np.int8:
                raise RecordError(f"the weight of {layer.name} is {weight.dtype}, not int8")
            bias = _array(arrays, f"{place} bias", "f", weight_shape[:1]).astype(np.float16)
            program.parameters[place] = Parameters(weight, bias, _quant(arrays[f"{place} quant"], layer.name))
    return program


def _array(arrays: Arrays, name: str, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    array = arrays[name]
    if array.dtype.kind != kind or array.shape != shape:
        raise RecordError(f"{name} is {array.dtype} {array.shape}, expected {kind} {shape}")
    return array


def _quant(pair: np.ndarray, name: str) -> QuantParam:
    position, scale = (float(value) for value in pair)
    if position != int(position):
        raise RecordError(f"the position of {name} is no whole number")
    return require_usable(QuantParam(int(position), scale), name)


def run(program: Program, picture: np.ndarray) -> np.ndarray:
    """Run a recorded network and return what its last layer gives, flat, float32.

    Raises
    ------
    RecordError : a parameter or the picture is missing, or a number leaves float16.
    """
    missing = [
        layer.name
        for place, layer in enumerate(program.layers)
        if layer.kind in WITH_PARAMETERS and place not in program.parameters
    ]
    if missing or not program.layers:
        raise RecordError(f"param of layer {missing[0]} is not loaded !" if missing else "there are no layers")
    if picture.dtype.kind != "f" or picture.size != int(np.prod(program.input_shape)):
        raise RecordError(f"the picture has {picture.size} numbers, expected {int(np.prod(program.input_shape))}")
    value = np.empty(0, np.float16)
    try:
        for _, value in steps(program, picture):
            pass
    except ValueError as error:
        raise RecordError(str(error)) from None
    return value.astype(np.float32).reshape(-1)
