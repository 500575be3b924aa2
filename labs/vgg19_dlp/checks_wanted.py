"""What a submission must ask the device for: the layers of VGG19 and of a small network built alike.

What was recorded of a submission is compared with it in the grader's process, array by array; the first difference
becomes the message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from grader.lab import Unlike

from .pycnml import QuantParam
from .pycnml.program import Kind, Layer, Parameters, Program, on_device
from .pycnml.record import RecordError, program_in

IMAGE_SIZE = 224
CLASSES = 1000
PAIRS = 19
Arrays = Mapping[str, np.ndarray]

KIND_NAMES = {
    Kind.CONVOLUTION: "convolution",
    Kind.RELU: "ReLU",
    Kind.POOL: "max pooling",
    Kind.FLATTEN: "flatten",
    Kind.MLP: "fully connected",
    Kind.SOFTMAX: "softmax",
}
ARGUMENTS = {
    Kind.CONVOLUTION: ("out_channel", "kernel_size", "stride", "dilation", "pad"),
    Kind.POOL: ("kernel_size", "stride"),
    Kind.MLP: ("output_num",),
    Kind.SOFTMAX: ("axis",),
}


@dataclass(frozen=True)
class Wanted:
    """One layer as the handout demands it; ``numbers`` as in `pycnml.program.Layer`."""

    name: str
    kind: Kind
    numbers: tuple[int, ...] = ()

    @property
    def has_parameters(self) -> bool:
        """Whether it has a weight and a bias."""
        return self.kind in (Kind.CONVOLUTION, Kind.MLP)


STAGES = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))


def _layers(
    convolutions: Sequence[tuple[int, ...]],
    poolings: Sequence[tuple[int, int]],
    features: int,
    widths: Sequence[int],
) -> Iterable[Wanted]:
    settings = iter(convolutions)
    for stage, (_, count) in enumerate(STAGES, start=1):
        for position in range(1, count + 1):
            yield Wanted(f"conv{stage}_{position}", Kind.CONVOLUTION, next(settings))
            yield Wanted(f"relu{stage}_{position}", Kind.RELU)
        yield Wanted(f"pool{stage}", Kind.POOL, poolings[stage - 1])
    yield Wanted("flatten", Kind.FLATTEN, (1, features, 1, 1))
    for number, width in zip((6, 7, 8), widths, strict=True):
        yield Wanted(f"fc{number}", Kind.MLP, (width,))
        if number < 8:
            yield Wanted(f"relu{number}", Kind.RELU)
    yield Wanted("softmax", Kind.SOFTMAX, (1,))


# The layers in order, as messages name them: a sentence about a hidden case has only words that stand in here.
# 1 conv1_1, 2 relu1_1, 3 conv1_2, 4 relu1_2, 5 pool1, 6 conv2_1, 7 relu2_1, 8 conv2_2, 9 relu2_2, 10 pool2,
# 11 conv3_1, 12 relu3_1, 13 conv3_2, 14 relu3_2, 15 conv3_3, 16 relu3_3, 17 conv3_4, 18 relu3_4, 19 pool3,
# 20 conv4_1, 21 relu4_1, 22 conv4_2, 23 relu4_2, 24 conv4_3, 25 relu4_3, 26 conv4_4, 27 relu4_4, 28 pool4,
# 29 conv5_1, 30 relu5_1, 31 conv5_2, 32 relu5_2, 33 conv5_3, 34 relu5_3, 35 conv5_4, 36 relu5_4, 37 pool5,
# 38 flatten, 39 fc6, 40 relu6, 41 fc7, 42 relu7, 43 fc8, 44 softmax.
VGG19_LAYERS: tuple[Wanted, ...] = tuple(
    _layers(
        [(width, 3, 1, 1, 1) for width, count in STAGES for _ in range(count)],
        [(2, 2)] * 5,
        512 * 7 * 7,
        (4096, 4096, CLASSES),
    )
)
# The same 44 names and kinds at the same places, but kernel, stride and pad differ from one another, and no two
# neighbouring layers have as many channels: what VGG19's equal numbers hide shows here.
SMALL_LAYERS: tuple[Wanted, ...] = tuple(
    _layers(
        [
            (4, 5, 3, 1, 1), (5, 3, 1, 1, 2),
            (6, 1, 1, 1, 0), (5, 4, 2, 1, 1),
            (7, 3, 1, 1, 1), (6, 2, 1, 1, 1), (8, 3, 1, 1, 0), (7, 5, 1, 1, 2),
            (9, 2, 1, 1, 0), (8, 3, 1, 1, 2), (9, 1, 1, 1, 1), (8, 4, 1, 1, 1),
            (7, 3, 1, 1, 1), (9, 2, 1, 1, 1), (6, 3, 1, 1, 1), (8, 4, 1, 1, 2),
        ],
        [(3, 2), (2, 1), (3, 1), (3, 3), (4, 1)],
        8 * 4 * 4,
        (24, 18, CLASSES),
    )
)  # fmt: skip
# Names of the file's layers: it has none called flatten, and its last one is called prob.
FILE_LAYERS = tuple(
    layer.name.replace("softmax", "prob") for layer in VGG19_LAYERS if layer.kind is not Kind.FLATTEN
)


def pairs_in(flat: np.ndarray) -> list[QuantParam]:
    """Return quantisation parameters from (position, scale, position, scale, ...), as the course's file has them."""
    return [QuantParam(int(position), float(scale)) for position, scale in np.reshape(flat, (-1, 2))]


def program_of(layers: Iterable[Wanted], inputs: Sequence[QuantParam]) -> Program:
    """Return a network of these layers for one picture; ``inputs`` are those of the layers with parameters."""
    program = Program((1, 3, IMAGE_SIZE, IMAGE_SIZE))
    own = iter(inputs)
    for layer in layers:
        program.add(layer.name, layer.kind, layer.numbers, next(own) if layer.has_parameters else None)
    return program


def require_layers(sent: Arrays, wanted: Program) -> Program:
    """Return the network that was asked for, if it is the wanted one.

    Raises
    ------
    Unlike : it is not; the message says where it first differs.
    """
    try:
        program = program_in(sent)
    except RecordError as error:
        raise Unlike("the network that was asked for cannot be read: {error}", error=error) from None
    if program.input_shape != wanted.input_shape:
        raise Unlike(
            "the input shape is {own}, expected {needed}: call setInputShape",
            own=list(program.input_shape),
            needed=list(wanted.input_shape),
        )
    quants = [layer.quant for layer in wanted.layers if layer.quant is not None]
    for place, (seen, expected) in enumerate(zip(program.layers, wanted.layers, strict=False), start=1):
        _require_layer(place, seen, expected, quants)
    if len(program.layers) != len(wanted.layers):
        own, needed = len(program.layers), len(wanted.layers)
        which = (program.layers if own > needed else wanted.layers)[min(own, needed)].name
        about = {"own": own, "needed": needed, "which": which}
        if own < needed:
            raise Unlike("the network has {own} layers, expected {needed}: `{which}` is missing", **about)
        raise Unlike("the network has {own} layers, expected {needed}: `{which}` should not be there", **about)
    return program


def _require_layer(place: int, seen: Layer, expected: Layer, quants: Sequence[QuantParam]) -> None:
    about = {"place": place, "name": seen.name}
    # The course writes softmax in one place and Softmax in another.
    if seen.name.lower() != expected.name:
        raise Unlike("layer {place} is called `{name}`, expected `{name2}`", **about, name2=expected.name)
    if seen.kind is not expected.kind:
        raise Unlike(
            "layer {place}, `{name}`, is a {kind} layer, expected a {kind2} layer",
            **about,
            kind=KIND_NAMES.get(seen.kind, str(seen.kind)),
            kind2=KIND_NAMES[expected.kind],
        )
    for argument, own, needed in zip(ARGUMENTS.get(seen.kind, ()), seen.numbers, expected.numbers, strict=False):
        if own != needed:
            raise Unlike(
                "layer {place}, `{name}`, has {argument} {own}, expected {needed}",
                **about,
                argument=argument,
                own=own,
                needed=needed,
            )
    if seen.shape[:2] != expected.shape[:2]:
        raise Unlike(
            "layer {place}, `{name}`, has the output shape {own}, expected {needed}",
            **about,
            own=list(seen.shape),
            needed=list(expected.shape),
        )
    if expected.quant is not None and not _same(seen.quant, expected.quant):
        right = next(number for number, other in enumerate(quants) if _same(expected.quant, other))
        taken = next((number for number, other in enumerate(quants) if _same(seen.quant, other)), None)
        if taken is None:
            raise Unlike(
                "layer {place}, `{name}`, gets another QuantParam than `input_quant_params[{right}]`",
                **about,
                right=right,
            )
        raise Unlike(
            "layer {place}, `{name}`, gets `input_quant_params[{taken}]`, expected `input_quant_params[{right}]`",
            **about,
            taken=taken,
            right=right,
        )


def _same(one: QuantParam | None, other: QuantParam) -> bool:
    return one is not None and (one.position, one.scale) == (other.position, other.scale)


def layer_outputs(program: Program) -> dict[str, np.ndarray]:
    """Return a list of layers as outputs that are compared: kinds, shapes and the QuantParam of each."""
    return {
        "kinds": np.array([layer.kind for layer in program.layers], np.int64),
        "output shapes": np.array([layer.shape for layer in program.layers], np.int64),
        "quant params": np.array(
            [
                (0.0, 0.0) if layer.quant is None else (layer.quant.position, layer.quant.scale)
                for layer in program.layers
            ]
        ),
    }


def require_loaded(program: Program, filters: Sequence[QuantParam]) -> dict[str, Parameters]:
    """Return the parameters of a network by layer name, if all are there with the right pairs.

    Raises
    ------
    Unlike : one is missing, or was loaded with the QuantParam of another layer.
    """
    found = {}
    wanted = [(place, layer) for place, layer in enumerate(program.layers) if layer.quant is not None]
    for number, (place, layer) in enumerate(wanted):
        if place not in program.parameters:
            raise Unlike("param of layer {name} is not loaded !", name=layer.name)
        held = program.parameters[place]
        if not _same(held.quant, filters[number]):
            taken = next((n for n, other in enumerate(filters) if _same(held.quant, other)), None)
            about = {"name": layer.name, "number": number}
            if taken is None:
                raise Unlike(
                    "the weight of `{name}` is loaded with another QuantParam than `filter_quant_params[{number}]`",
                    **about,
                )
            raise Unlike(
                "the weight of `{name}` is loaded with `filter_quant_params[{taken}]`, expected "
                "`filter_quant_params[{number}]`",
                **about,
                taken=taken,
            )
        found[layer.name] = held
    return found


def require_axes(name: str, seen: Parameters, stored: np.ndarray, kind: Kind) -> None:
    """Require that a weight has the order of the device; ``stored`` is it in the file, (rows, columns, in, out).

    Raises
    ------
    Unlike : it has another order, which the message names if it is one of the axes.
    """
    right = (3, 2, 0, 1) if kind is Kind.CONVOLUTION else (3, 0, 1, 2)
    if np.array_equal(seen.weight, _as_bytes(stored.transpose(right), seen, kind)):
        return
    for axes in permutations(range(4)):
        if axes != right and np.array_equal(seen.weight, _as_bytes(stored.transpose(axes), seen, kind)):
            raise Unlike(
                "the weight of `{name}` was loaded in the order of axes {axes}; expected {right} of the file's (rows, "
                "columns, in, out)",
                name=name,
                axes=list(axes),
                right=list(right),
            )
    raise Unlike(
        "the weight of `{name}` does not hold the file's numbers in the order of axes {right}",
        name=name,
        right=list(right),
    )


def _as_bytes(array: np.ndarray, seen: Parameters, kind: Kind) -> np.ndarray:
    flat = array.reshape(-1).astype(np.float64)
    return on_device(flat, np.zeros(1), kind, seen.weight.shape, seen.quant).weight
