"""The checks of the VGG19 lab: every layer on small arrays, then the network, with all its channels, on a picture.

`lab.yaml` says why the picture is small. Every call into a submission gets fresh copies: some right submissions
change their input in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from grader.lab import Case, Sampled, check, course_cases, one_case
from grader.lab.calls import forward_outputs
from grader.lab.layer_cases import (
    as_vgg_convolves,
    as_vgg_pools,
    convolution_cases,
    flatten_cases,
    fully_connected_cases,
    logits_cases,
    normal,
    one_sample,
    pooling_cases,
    random_crop,
    relu_cases,
    repeated_convolution_cases,
    repeated_pooling_cases,
    square_convolution_cases,
    square_pooling_cases,
)
from grader.lab.observing import (
    START,
    Emit,
    as_outputs,
    layers_observed,
    parameters_given,
    require_names,
    require_settings,
)

IMAGE_SIZE = 224
IMAGE_MEAN = (123.68, 116.779, 103.939)  # RGB, of values 0 to 255
# Square, as the handout's picture is.
SMALL_ROWS, SMALL_COLUMNS = 64, 64
POOL5_SIZE = 7  # rows and columns that the first fully connected layer needs
CLASSES = 1000
DEMO_PICTURE = Path(__file__).with_name("pictures") / "chelsea.png"
# Reading 550 MiB and filling 140 million random numbers before that takes 8 s on an idle core.
LOAD_LIMIT_S = 180.0
# Four loops with a NumPy sum inside take 15 to 30 s on one core of a server.
NETWORK_LIMIT_S = 240.0
FULL_SIZE_LIMIT_S = 240.0
FULL_SIZE_BUDGET_S = 60.0
FULL_SIZE_SCALE = IMAGE_SIZE**2 / (SMALL_ROWS * SMALL_COLUMNS)
NETWORK_FILES = ("layers_1.py", "layers_2.py", "vgg_cpu.py")
WITH_PARAMETERS = ("convolution", "fully connected")


@dataclass(frozen=True)
class LayerFacts:
    """What the handout demands of one layer of the network.

    Attributes
    ----------
    kind : ``convolution``, ``max pooling``, ``ReLU``, ``flatten``, ``fully connected`` or ``softmax``.
    settings : the layer's attributes and their values.
    """

    name: str
    kind: str
    settings: tuple[tuple[str, int], ...] = ()


def _vgg19() -> Iterable[LayerFacts]:
    channels = 3
    for stage, (width, convolutions) in enumerate(((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)), start=1):
        for position in range(1, convolutions + 1):
            settings = {"kernel_size": 3, "channel_in": channels, "channel_out": width, "padding": 1, "stride": 1}
            yield LayerFacts(f"conv{stage}_{position}", "convolution", tuple(settings.items()))
            yield LayerFacts(f"relu{stage}_{position}", "ReLU")
            channels = width
        yield LayerFacts(f"pool{stage}", "max pooling", (("kernel_size", 2), ("stride", 2)))
    yield LayerFacts("flatten", "flatten")
    features = channels * POOL5_SIZE**2
    for number, width in ((6, 4096), (7, 4096), (8, CLASSES)):
        yield LayerFacts(f"fc{number}", "fully connected", (("num_input", features), ("num_output", width)))
        if number < 8:
            yield LayerFacts(f"relu{number}", "ReLU")
        features = width
    yield LayerFacts("softmax", "softmax")


NETWORK_LAYERS: tuple[LayerFacts, ...] = tuple(_vgg19())
CONVOLUTION_NAMES = tuple(facts.name for facts in NETWORK_LAYERS if facts.kind == "convolution")
FULLY_CONNECTED_NAMES = tuple(facts.name for facts in NETWORK_LAYERS if facts.kind == "fully connected")


class ReachedPool5(BaseException):
    """Ends a forward pass at pool5. Not an `Exception`, so that a submission does not catch it by accident."""


def small_picture_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Crop and mirror the cat, scaled to few pixels; made where the lab is published."""
    yield Case.of("cat, 64 x 64 pixels", image=cropped_cat(rng, SMALL_ROWS, SMALL_COLUMNS))


def pool5_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the small picture, and one for the network's own way through layers that only count."""
    yield from small_picture_cases(rng)
    yield Case.of("forward of its own, with layers that only count", own=True).beyond()


def full_picture_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Crop and mirror the cat at the network's own size."""
    yield Case.of("cat, 224 x 224 pixels", image=cropped_cat(rng, IMAGE_SIZE, IMAGE_SIZE))


def cropped_cat(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Return a crop of the lab's picture as bytes (rows, columns, 3), red first."""
    import cv2

    image = cv2.cvtColor(cv2.imread(str(DEMO_PICTURE), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return cv2.resize(random_crop(rng, image), (columns, rows), interpolation=cv2.INTER_AREA)


def picture_file_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make picture files that every way of scaling turns into the same numbers.

    One has the right size already; the other is of one colour.
    """
    import cv2

    tiles = rng.integers(0, 256, size=(14, 14, 3), dtype=np.uint8)
    tiled = tiles.repeat(IMAGE_SIZE // 14, axis=0).repeat(IMAGE_SIZE // 14, axis=1)
    plain = np.empty((int(rng.integers(90, 200)), int(rng.integers(230, 330)), 3), np.uint8)
    plain[:] = (220, 120, 30) + rng.integers(-20, 21, size=3)
    for name, image in (("coloured tiles, 224 x 224", tiled), ("one colour, another size", plain)):
        written, data = cv2.imencode(".png", image[:, :, ::-1])
        assert written
        yield Case.of(name, picture=data.reshape(-1), suffix=".png")


def normalised(image: np.ndarray) -> np.ndarray:
    """Return a picture of bytes (rows, columns, 3) as the network takes it: (1, 3, rows, columns), float32."""
    tensor = image.astype(np.float32) - np.array(IMAGE_MEAN, np.float32)
    return np.ascontiguousarray(tensor.transpose((2, 0, 1))[None])


def all_convolutions(rng: np.random.Generator) -> Iterable[Case]:
    """Make every convolution, those on square pictures, and some whose layer is called more than once."""
    for cases in (square_convolution_cases, convolution_cases, repeated_convolution_cases):
        yield from cases(rng, layout="IHWO")


def all_poolings(rng: np.random.Generator) -> Iterable[Case]:
    """Make every pooling, one on a square picture, and one whose layer is called more than once."""
    for cases in (square_pooling_cases, pooling_cases, repeated_pooling_cases):
        yield from cases(rng)


def softmax_inputs(rng: np.random.Generator) -> Iterable[Case]:
    """Make logits of the network's thousand classes, and of other numbers of classes and samples."""
    yield Case.of("one sample of the network's classes", logits=normal(rng, 1, CLASSES) * np.float32(3))
    yield from logits_cases(rng, few=5, many=40)


def square(case: Case) -> bool:
    """Whether a case has a square picture, which was not called before."""
    return case.x.shape[2] == case.x.shape[3] and "earlier_x" not in case.arrays


# The course is what the handout's network does with one photograph of 224 x 224: square pictures, 3x3 kernels with
# padding 1 and stride 1, windows of 2x2 that do not overlap, a thousand classes; each layer is called once.
conv_cases = course_cases(all_convolutions, lambda case: square(case) and as_vgg_convolves(case))
pool_cases = course_cases(all_poolings, lambda case: square(case) and as_vgg_pools(case))
flat_cases = course_cases(flatten_cases, one_sample)
linear_cases = course_cases(partial(fully_connected_cases, layout="IO"), one_sample)
softmax_cases = course_cases(softmax_inputs, lambda case: case.logits.shape == (1, CLASSES))
network_check = partial(check, files=NETWORK_FILES, group="network", slow=True)


@check(
    tier=60,
    cases=conv_cases,
    holes=("conv_forward",),
    files=("layers_2.py",),
)
def conv_forward(student, case):
    """Convolution."""
    layer = student.layers_2.ConvolutionalLayer(case.k, case.c_in, case.c_out, case.padding, case.stride)
    layer.init_param()
    layer.load_param(case.weight.copy(), case.bias.copy())
    return forward_outputs(layer, case)


@check(tier=60, cases=pool_cases, holes=("max_pool_forward",), files=("layers_2.py",))
def max_pool_forward(student, case):
    """Max pooling."""
    return forward_outputs(student.layers_2.MaxPoolingLayer(case.k, case.stride), case)


@check(tier=80, cases=relu_cases, holes=("relu_forward",), files=("layers_1.py",))
def relu_forward(student, case):
    """ReLU."""
    return {"outputs": student.layers_1.ReLULayer().forward(case.x.copy())}


@check(tier=80, cases=one_case(), holes=("network_layers",), files=NETWORK_FILES)
def network_build(student, case):
    """VGG19: the 44 layers, their order and their sizes."""
    network = student.vgg_cpu.VGG19()
    network.build_model()
    layers = getattr(network, "layers", None)
    student.require(
        hasattr(layers, "keys"),
        "`layers` is {name}, expected a dict from layer names to layers",
        name=type(layers).__name__,
    )
    names = [str(name) for name in getattr(network, "param_layer_name", ())]
    # The handout writes SOFTMAX in one place and softmax in another.
    plain = [name.lower() if name.lower() == NETWORK_LAYERS[-1].name else name for name in names]
    require_names(student, plain, [facts.name for facts in NETWORK_LAYERS], "param_layer_name")
    for name, facts in zip(names, NETWORK_LAYERS, strict=True):
        student.require(
            name in layers, "`layers` has no {name}; `build_model` makes one object for every name", name=repr(name)
        )
        require_kind(student, layers[name], facts)


@network_check(tier=80, cases=one_case(), needs=("network_build",), holes=("network_load",), limit_s=LOAD_LIMIT_S)
def network_load(student, case):
    """VGG19: loading the parameters of the convolutions."""
    return loaded_parameters(student, CONVOLUTION_NAMES)


@network_check(
    tier=80,
    cases=picture_file_cases,
    needs=("network_load",),
    holes=("picture_input",),
    limit_s=LOAD_LIMIT_S,
)
def picture_input(student, case):
    """Reading a picture and subtracting the mean."""
    network = loaded_network(student)
    network.load_image(case.write_file("picture", case.suffix))
    return {"input_image": Sampled(network.input_image, "input_image")}


@network_check(
    tier=80,
    cases=pool5_cases,
    limit_s=NETWORK_LIMIT_S,
    holes=("network_forward",),
    needs=("network_load", "conv_forward", "max_pool_forward", "relu_forward"),
)
def network_pool5(student, case):
    """VGG19 on a picture, as far as pool5: every layer's output."""

    def stop(name: str, value: Any) -> Any:
        if name == "pool5":
            raise ReachedPool5
        return value

    network = loaded_network(student)
    if "own" in case.config:
        return {"order": own_order(network)}
    network.input_image = normalised(case.image)
    try:
        run_as_the_course(network, student.emit, stop)
    except ReachedPool5:
        return None
    student.require(False, "`forward` did not run the layer pool5; it runs all layers in the order of their names")
    return None


@check(
    tier=100,
    cases=linear_cases,
    holes=("fully_connected_forward",),
    files=("layers_1.py",),
)
def fully_connected_forward(student, case):
    """Fully connected layer."""
    layer = student.layers_1.FullyConnectedLayer(case.in_features, case.out_features)
    layer.init_param()
    layer.load_param(case.weight.copy(), case.bias.reshape(1, -1).copy())
    return {"outputs": layer.forward(case.x.copy())}


@check(tier=100, cases=flat_cases, holes=("flatten_forward",), files=("layers_2.py",))
def flatten_forward(student, case):
    """Flatten, in MatConvNet's order."""
    shape = list(case.x.shape[1:])
    size = int(np.prod(shape))
    try:
        outputs = student.layers_2.FlattenLayer(shape, [size]).forward(case.x.copy())
    except TypeError:
        # A network of one's own may give the size itself where the course gives a list of it.
        try:
            outputs = student.layers_2.FlattenLayer(shape, size).forward(case.x.copy())
        except Exception:
            outputs = None
        if outputs is None:
            raise
    return {"outputs": outputs}


@check(
    tier=100,
    cases=softmax_cases,
    holes=("softmax_forward",),
    files=("layers_1.py",),
)
def softmax_forward(student, case):
    """Softmax."""
    return {"probabilities": student.layers_1.SoftmaxLossLayer().forward(case.logits.copy())}


@network_check(
    tier=100,
    cases=one_case(),
    needs=("network_load",),
    holes=("network_load",),
    limit_s=LOAD_LIMIT_S,
)
def network_load_fully_connected(student, case):
    """VGG19: loading the parameters of the fully connected layers."""
    return loaded_parameters(student, FULLY_CONNECTED_NAMES)


@network_check(
    tier=100,
    cases=small_picture_cases,
    limit_s=NETWORK_LIMIT_S,
    needs=(
        "network_pool5",
        "picture_input",
        "network_load_fully_connected",
        "fully_connected_forward",
        "flatten_forward",
        "softmax_forward",
    ),
)
def network_class(student, case):
    """VGG19 on a picture, to the end: every layer's output, the probabilities and the class."""
    network = loaded_network(student)
    network.input_image = normalised(case.image)
    probabilities = run_as_the_course(network, student.emit, tiled)
    return {"probabilities": probabilities, "class": np.argmax(np.asarray(probabilities), axis=-1)}


@network_check(
    tier=None,
    cases=full_picture_cases,
    limit_s=FULL_SIZE_LIMIT_S,
    needs=("network_class",),
    budget=("network_class", FULL_SIZE_SCALE, FULL_SIZE_BUDGET_S),
)
def network_full_size(student, case):
    """VGG19 on a picture of 224 x 224 pixels."""
    network = loaded_network(student)
    network.input_image = normalised(case.image)
    probabilities = run_as_the_course(network, student.emit)
    return {"probabilities": probabilities, "class": np.argmax(np.asarray(probabilities), axis=-1)}


def run_as_the_course(
    network: Any, emit: Emit, after: Callable[[str, Any], Any] | None = None
) -> np.ndarray | None:
    """Run the network by its `forward`; where that raises before any layer has run, one layer after another.

    The course's main program runs the layers itself, in the order of their names, and never calls `forward`.
    """
    returned: list[str] = []

    def noted(name: str, value: Any) -> None:
        returned.append(name)
        emit(name, value)

    with layers_observed(network.layers, noted, after=after):
        try:
            return network.forward()
        except Exception:
            if returned:
                raise
        current = network.input_image
        for name in network.param_layer_name:
            current = network.layers[name].forward(current)
        return current


class Counting:
    """Stands for a layer: notes that it ran, and returns what it is given."""

    def __init__(self, number: int, order: list[int]) -> None:
        self.number, self.order = number, order

    def forward(self, x: Any) -> Any:
        """Return ``x``."""
        self.order.append(self.number)
        return x


def own_order(network: Any) -> np.ndarray:
    """Return the places, in `param_layer_name`, of the layers that `forward` runs, in order."""
    order: list[int] = []
    layers = dict(network.layers)
    network.input_image = np.zeros((1, 3, 1, 1), np.float32)
    try:
        network.layers.update({name: Counting(n, order) for n, name in enumerate(network.param_layer_name)})
        network.forward()
    finally:
        network.layers.update(layers)
    return np.array(order, np.int64)


def tiled(name: str, value: Any) -> Any:
    """Repeat the output of pool5, (1, 512, rows, columns), like tiles until it has 7 x 7 entries for each channel."""
    if name != "pool5":
        return value
    array = np.asarray(value)
    rows = np.arange(POOL5_SIZE) % array.shape[2]
    columns = np.arange(POOL5_SIZE) % array.shape[3]
    return np.ascontiguousarray(array[:, :, rows][:, :, :, columns])


def loaded_network(student: Any) -> Any:
    """Return the network of this worker with the lab's parameters loaded, once."""

    def load() -> Any:
        network = student.vgg_cpu.VGG19(param_path=student.resource_file("checkpoint"))
        network.build_model()
        network.init_model()
        given = parameters_given(network.layers, CONVOLUTION_NAMES + FULLY_CONNECTED_NAMES, network.load_model)
        student.once("given parameters", dict).update(given)
        return network

    return student.once("loaded network", load)


def loaded_parameters(student: Any, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Return samples of what `load_model` gave to the layers of these names."""
    loaded_network(student)
    return as_outputs(student.once("given parameters", dict), names)


def require_kind(student: Any, layer: Any, facts: LayerFacts) -> None:
    """Require the sizes of a layer, without running it. The class may have any name."""
    require_settings(student, layer, facts.name, dict(facts.settings))
    loads = hasattr(layer, "load_param")
    wanted = facts.kind in WITH_PARAMETERS
    about = {"name": facts.name, "name2": type(layer).__name__, "kind": facts.kind}
    student.require(loads or not wanted, "{name} ({name2}) has no `load_param`; expected a {kind} layer", **about)
    student.require(wanted or not loads, "{name} ({name2}) has a `load_param`; expected a {kind} layer", **about)
    others = {"channel_in": "convolution", "num_input": "fully connected", "kernel_size": "max pooling"}
    own = {setting for setting, _ in facts.settings}
    for setting, kind in others.items():
        student.require(
            setting in own or not hasattr(layer, setting),
            "{name} is a {kind} layer ({name2}), expected {kind2}",
            name=facts.name,
            kind=kind,
            name2=type(layer).__name__,
            kind2=facts.kind,
        )


def demo(student, case):
    """Classify a picture file, given as its bytes, with the submission's own `load_image`."""
    network = loaded_network(student)
    network.load_image(case.write_file("picture", case.suffix))
    student.emit(START, 0)
    with layers_observed(network.layers, student.emit):
        return {"probabilities": network.forward()}
