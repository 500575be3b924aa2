"""The checks of the style transfer lab: layers in both versions, losses, optimiser, and the network's gradients.

`lab.yaml` says why the picture is small. Every call into a submission gets fresh copies: some right submissions
change their input in place.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from grader.checks import Case, Sampled, Speed, check, one_case
from grader.layer_cases import convolution_cases, few_values, normal, pooling_cases, relu_cases
from grader.observing import START, as_outputs, layers_observed, parameters_given

IMAGE_MEAN = (123.68, 116.779, 103.939)  # RGB, of values 0 to 255
SMALL_ROWS, SMALL_COLUMNS = 32, 48
EXPERIMENT_SIZE = (192, 320)  # rows and columns
NOISE_BOUND = 20.0
CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
BACKWARD_FROM = "relu3_1"
CONTENT_WEIGHT, STYLE_WEIGHT = 1.0, 500.0
RAW, SPEEDUP = 0, 1
TIMED_CHANNELS, TIMED_ROWS, TIMED_COLUMNS = 256, 24, 40
# Each repeat is one of these; the first call in a process does not count.
TIMED_CASES = 5
# The reference's loops are timed on so many of the rows: what one output takes does not depend on their number.
BASELINE_ROWS = 2
TIMES_AS_FAST = 5.0
# Four loops take 10 to 40 s for the timed layer, forward and backward, and 2 minutes for the whole step.
LOOPS_LIMIT_S = 240.0
LOAD_LIMIT_S = 60.0
NETWORK_LIMIT_S = 480.0
PICTURES = Path(__file__).with_name("pictures")
LAYER_FILES = ("layers_2.py",)
NETWORK_FILES = ("layers_1.py", "layers_2.py", "layers_3.py", "exp_3_3_style_transfer.py")
STAGES = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
NETWORK_LAYERS = tuple(
    name
    for stage, (_, count) in enumerate(STAGES, start=1)
    for name in (
        *(f"{kind}{stage}_{number}" for number in range(1, count + 1) for kind in ("conv", "relu")),
        f"pool{stage}",
    )
)
CONVOLUTIONS = tuple(name for name in NETWORK_LAYERS if name.startswith("conv"))


def backward_pooling_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the pooling cases in which no pixel belongs to two windows.

    The handout assigns the gradient where windows overlap, which is right for its network only; neither way counts.
    """
    return [case for case in pooling_cases(rng) if case.stride >= case.k]


def timed_layer(rng: np.random.Generator, rows: int, weight: np.ndarray, turn: int = 0) -> Case:
    """Make the layer that the course times, or some rows of it.

    The weight is stored once for all repeats; each turns its input channels by another number, `turned`.
    """
    channels = TIMED_CHANNELS
    return Case.of(
        f"{channels} to {channels} channels on {rows} x {TIMED_COLUMNS}, as the course times it",
        c_in=channels,
        c_out=channels,
        k=3,
        padding=1,
        stride=1,
        turn=turn,
        x=few_values(rng, 1, channels, rows, TIMED_COLUMNS),
        weight=weight,
        bias=normal(rng, channels),
        out_grad=few_values(rng, 1, channels, rows, TIMED_COLUMNS),
    )


def timed_weight(rng: np.random.Generator) -> np.ndarray:
    """Make a weight that leads to outputs near 1."""
    return few_values(rng, TIMED_CHANNELS, 3, 3, TIMED_CHANNELS) / np.float32(np.sqrt(9 * TIMED_CHANNELS))


def speedup_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make repeats of the timed layer, no two with the same numbers."""
    weight = timed_weight(rng)
    turns = rng.permutation(TIMED_CHANNELS)[:TIMED_CASES]
    return [timed_layer(rng, TIMED_ROWS, weight, int(turn)) for turn in turns]


def loops_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the timed layer once: with loops it takes long enough."""
    yield timed_layer(rng, TIMED_ROWS, timed_weight(rng))


def baseline_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the few rows on which the reference's loops are timed again and again."""
    yield timed_layer(rng, BASELINE_ROWS, timed_weight(rng))


def turned(weight: np.ndarray, turn: int) -> np.ndarray:
    """Return a copy of a weight (C_in, K, K, C_out) whose input channels begin with another one."""
    return np.roll(weight, turn, axis=0)


def loss_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make features of two pictures, of one and of several samples, rows and columns never the same number."""
    for name, batch, channels in (
        ("one sample", 1, 5),
        ("two samples", 2, 3),
        ("more channels than pixels", 1, 40),
    ):
        rows = int(rng.integers(3, 6))
        shape = (batch, channels, rows, rows + int(rng.integers(1, 3)))
        yield Case.of(name, x=normal(rng, *shape), target=normal(rng, *shape) + np.float32(0.3))


def optimiser_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the gradients of several steps; tiny ones show where epsilon stands."""
    for name, scale, rate in (("usual gradients", 1.0, 1.0), ("tiny gradients", 1e-7, 0.5)):
        yield Case.of(
            name, rate=rate, x=normal(rng, 1, 3, 4, 5), grads=normal(rng, 5, 1, 3, 4, 5) * np.float32(scale)
        )


def network_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Crop and scale the two pictures, and mix noise into the first."""
    content, style = (cropped(rng, name) for name in ("china.jpg", "starry_night.jpg"))
    noise = rng.uniform(-NOISE_BOUND, NOISE_BOUND, content.shape).astype(np.float32)
    x = np.float32(0.5) * (content + noise)
    out_grad = normal(rng, 1, 256, SMALL_ROWS // 4, SMALL_COLUMNS // 4)
    yield Case.of("a small picture", x=x, content=content, style=style, out_grad=out_grad)


def cropped(rng: np.random.Generator, name: str) -> np.ndarray:
    """Return a crop of a picture as the network takes it: (1, 3, rows, columns), float32, mean subtracted."""
    import cv2

    image = cv2.cvtColor(cv2.imread(str(PICTURES / name), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    height, width = image.shape[:2]
    rows, columns = (int(size * rng.uniform(0.7, 0.9)) for size in (height, width))
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    crop = np.ascontiguousarray(image[top : top + rows, left : left + columns])
    small = cv2.resize(crop, (SMALL_COLUMNS, SMALL_ROWS), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.ascontiguousarray((small - np.array(IMAGE_MEAN, np.float32)).transpose((2, 0, 1))[None])


def picture_file_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make a picture file that every way of scaling turns into the same numbers: it has the right size already."""
    import cv2

    rows, columns = int(rng.integers(3, 5)) * 16, int(rng.integers(6, 9)) * 16
    tiles = rng.integers(20, 236, size=(rows // 16, columns // 16, 3), dtype=np.uint8)
    image = tiles.repeat(16, axis=0).repeat(16, axis=1)
    written, data = cv2.imencode(".png", image[:, :, ::-1])
    assert written
    yield Case.of("coloured tiles", rows=rows, columns=columns, picture=data.reshape(-1))


def convolution(student: Any, case: Case, type: int) -> Any:
    """Return a convolution with the parameters of the case."""
    layer = student.layers_2.ConvolutionalLayer(case.k, case.c_in, case.c_out, case.padding, case.stride, type)
    layer.init_param()
    layer.load_param(turned(case.weight, case.config.get("turn", 0)), case.bias.copy())
    return layer


def input_gradient(layer: Any, case: Case) -> np.ndarray:
    """Return the gradient of the input, after the forward pass that it builds on."""
    layer.forward(case.x.copy())
    return layer.backward(case.out_grad.copy())


layer_check = partial(check, files=LAYER_FILES)
network_check = partial(check, files=NETWORK_FILES, group="network", slow=True)
conv_cases = partial(convolution_cases, layout="IHWO")


@layer_check(tier=60, cases=conv_cases, holes=("conv_forward_raw",))
def conv_forward(student, case):
    """Convolution with loops, forward pass."""
    return {"outputs": convolution(student, case, RAW).forward(case.x.copy())}


@layer_check(tier=60, cases=conv_cases, needs=("conv_forward",), holes=("conv_backward_raw",))
def conv_backward(student, case):
    """Convolution with loops, backward pass: the gradients of input, weight and bias."""
    layer = convolution(student, case, RAW)
    in_grad = input_gradient(layer, case)
    return {"in_grad": in_grad, "d_weight": layer.d_weight, "d_bias": np.reshape(layer.d_bias, -1)}


@layer_check(tier=60, cases=pooling_cases, holes=("pool_forward_raw",))
def max_pool_forward(student, case):
    """Max pooling with loops, forward pass."""
    return {"outputs": student.layers_2.MaxPoolingLayer(case.k, case.stride, RAW).forward(case.x.copy())}


@layer_check(tier=60, cases=backward_pooling_cases, needs=("max_pool_forward",), holes=("pool_backward_raw",))
def max_pool_backward(student, case):
    """Max pooling with loops, backward pass."""
    return {"in_grad": input_gradient(student.layers_2.MaxPoolingLayer(case.k, case.stride, RAW), case)}


@check(tier=80, cases=relu_cases, holes=("relu_forward",), files=("layers_1.py",))
def relu_forward(student, case):
    """ReLU, forward pass."""
    return {"outputs": student.layers_1.ReLULayer().forward(case.x.copy())}


@check(tier=80, cases=relu_cases, needs=("relu_forward",), holes=("relu_backward",), files=("layers_1.py",))
def relu_backward(student, case):
    """ReLU, backward pass."""
    return {"in_grad": input_gradient(student.layers_1.ReLULayer(), case)}


@check(tier=80, cases=loss_cases, holes=("content_loss_forward",), files=("layers_3.py",))
def content_loss_forward(student, case):
    """Content loss."""
    return {"loss": student.layers_3.ContentLossLayer().forward(case.x.copy(), case.target.copy())}


@check(
    tier=80,
    cases=loss_cases,
    needs=("content_loss_forward",),
    holes=("content_loss_backward",),
    files=("layers_3.py",),
)
def content_loss_backward(student, case):
    """Gradient of the content loss."""
    layer = student.layers_3.ContentLossLayer()
    layer.forward(case.x.copy(), case.target.copy())
    return {"in_grad": layer.backward(case.x.copy(), case.target.copy())}


@check(tier=80, cases=loss_cases, holes=("style_loss_forward",), files=("layers_3.py",))
def style_loss_forward(student, case):
    """Style loss."""
    return {"loss": student.layers_3.StyleLossLayer().forward(case.x.copy(), case.target.copy())}


@check(
    tier=80,
    cases=loss_cases,
    needs=("style_loss_forward",),
    holes=("style_loss_backward",),
    files=("layers_3.py",),
)
def style_loss_backward(student, case):
    """Gradient of the style loss."""
    layer = student.layers_3.StyleLossLayer()
    layer.forward(case.x.copy(), case.target.copy())
    return {"in_grad": layer.backward(case.x.copy(), case.target.copy())}


@check(tier=80, cases=optimiser_cases, holes=("adam_update",), files=("exp_3_3_style_transfer.py",))
def adam_update(student, case):
    """Adam: the picture after each of five steps."""
    optimiser = student.exp_3_3_style_transfer.AdamOptimizer(case.rate, case.x.shape)
    x = case.x.astype(np.float64)
    moves = []
    for grad in case.grads:
        before = x.copy()
        x = np.array(optimiser.update(x, grad.astype(np.float64)))
        moves.append(x - before)
    return {"moves": np.stack(moves)}


@check(tier=80, cases=loss_cases, files=("exp_3_3_style_transfer.py",))
def random_image(student, case):
    """The picture to start from: content mixed with noise between -20 and 20."""
    noise = 0.25
    image = student.exp_3_3_style_transfer.get_random_img(case.x.copy(), noise)
    student.require(np.shape(image) == case.x.shape, f"its shape is {np.shape(image)}, expected {case.x.shape}")
    mixed_in = (np.asarray(image) - (1 - noise) * case.x) / noise
    student.require(
        bool(np.all(np.abs(mixed_in) <= NOISE_BOUND * 1.001)) and float(np.std(mixed_in)) > NOISE_BOUND / 4,
        "it is not noise * n + content * (1 - noise) with numbers n spread evenly between -20 and 20",
    )


@check(tier=80, cases=one_case(), holes=("network_layers",), files=NETWORK_FILES)
def network_build(student, case):
    """VGG19: the 37 layers."""
    network = student.exp_3_3_style_transfer.VGG19()
    network.build_model()
    names = tuple(str(name) for name in network.param_layer_name)
    student.require(names == NETWORK_LAYERS, "`param_layer_name` does not hold the 37 names from conv1_1 to pool5")
    channels = 3
    for name in NETWORK_LAYERS:
        student.require(name in network.layers, f"`layers` has no {name!r}")
        if name.startswith("conv"):
            width = STAGES[int(name[4]) - 1][0]
            sizes = {"kernel_size": 3, "channel_in": channels, "channel_out": width, "padding": 1, "stride": 1}
            channels = width
        else:
            sizes = {"kernel_size": 2, "stride": 2} if name.startswith("pool") else {}
        for setting, value in sizes.items():
            found = getattr(network.layers[name], setting, value)
            student.require(found == value, f"{name} has {setting} {found}, expected {value}")


@network_check(tier=80, cases=one_case(), needs=("network_build",), holes=("network_load",), limit_s=LOAD_LIMIT_S)
def network_load(student, case):
    """VGG19: loading the parameters."""
    loaded_network(student)
    return as_outputs(student.once("given parameters", dict), CONVOLUTIONS)


@network_check(tier=80, cases=picture_file_cases, needs=("network_load",), limit_s=LOAD_LIMIT_S)
def picture_files(student, case):
    """Reading a picture, and writing it again."""
    import cv2

    network = loaded_network(student)
    with TemporaryDirectory() as folder:
        source, target = str(Path(folder, "source.png")), str(Path(folder, "target.png"))
        Path(source).write_bytes(case.picture.tobytes())
        image, shape = network.load_image(source, case.rows, case.columns)
        image = np.array(image)
        # A half is added, so that cutting and rounding to whole numbers give the same.
        network.save_image(image + 0.25, shape, target)
        written = cv2.imread(target, cv2.IMREAD_COLOR)
    student.require(written is not None, "`save_image` wrote no picture")
    return {"image": Sampled(image, "image"), "written": Sampled(written.astype(np.float32), "written")}


@network_check(
    tier=80,
    cases=network_cases,
    timed=True,
    limit_s=NETWORK_LIMIT_S,
    holes=("network_forward",),
    needs=("network_load", "conv_forward", "max_pool_forward", "relu_forward"),
)
def network_forward(student, case):
    """VGG19 on a picture: every layer's output, and those that are asked for."""
    network = loaded_network(student)
    wanted = [CONTENT_LAYER, *STYLE_LAYERS]
    with layers_observed(network.layers, student.emit):
        features = network.forward(case.x.copy(), wanted)
    missing = [name for name in wanted if name not in features]
    student.require(not missing, f"`forward` did not return the output of {', '.join(missing)}")
    return {f"{name} returned": Sampled(features[name], name).parts()["stats"] for name in wanted}


@network_check(
    tier=80,
    cases=network_cases,
    metric="l2",
    timed=True,
    limit_s=NETWORK_LIMIT_S,
    holes=("network_backward",),
    needs=("network_forward", "conv_backward", "max_pool_backward", "relu_backward"),
)
def network_backward(student, case):
    """VGG19 backward: every layer's gradient from relu3_1 down to the picture."""
    network = loaded_network(student)
    network.forward(case.x.copy(), [BACKWARD_FROM])
    with layers_observed(network.layers, student.emit, "backward"):
        grad = network.backward(case.out_grad.copy(), BACKWARD_FROM)
    return {"picture": Sampled(grad, "picture")}


@network_check(
    tier=80,
    cases=network_cases,
    metric="l2",
    limit_s=NETWORK_LIMIT_S,
    needs=("network_backward", "content_loss_backward", "style_loss_backward", "adam_update"),
)
def style_step(student, case):
    """One iteration on a picture: both losses, the gradient of the picture, and the picture after it."""
    network = loaded_network(student)
    wanted = [CONTENT_LAYER, *STYLE_LAYERS]
    content = dict(copied(network.forward(case.content.copy(), [CONTENT_LAYER])))
    style = dict(copied(network.forward(case.style.copy(), list(STYLE_LAYERS))))
    features = dict(copied(network.forward(case.x.copy(), wanted)))
    losses = student.layers_3.ContentLossLayer(), student.layers_3.StyleLossLayer()
    optimiser = student.exp_3_3_style_transfer.AdamOptimizer(1.0, case.x.shape)
    gradient = np.zeros(case.x.shape)
    values = []
    for name in wanted:
        loss, target, weight = (
            (losses[0], content[name], CONTENT_WEIGHT)
            if name == CONTENT_LAYER
            else (losses[1], style[name], STYLE_WEIGHT / len(STYLE_LAYERS))
        )
        values.append(float(loss.forward(features[name].copy(), target.copy())))
        dloss = loss.backward(features[name].copy(), target.copy())
        gradient += weight * network.backward(dloss, name)
    picture = optimiser.update(case.x.astype(np.float64), gradient.copy())
    return {"losses": np.array(values), "gradient": gradient, "picture": picture}


@layer_check(tier=100, cases=conv_cases, holes=("conv_forward_speedup",))
def conv_forward_speedup(student, case):
    """Faster convolution, forward pass."""
    return {"outputs": convolution(student, case, SPEEDUP).forward(case.x.copy())}


@layer_check(tier=100, cases=conv_cases, needs=("conv_forward_speedup",), holes=("conv_backward_speedup",))
def conv_backward_speedup(student, case):
    """Faster convolution, backward pass."""
    return {"in_grad": input_gradient(convolution(student, case, SPEEDUP), case)}


@layer_check(tier=100, cases=pooling_cases, holes=("pool_forward_speedup",))
def max_pool_forward_speedup(student, case):
    """Faster max pooling, forward pass."""
    return {"outputs": student.layers_2.MaxPoolingLayer(case.k, case.stride, SPEEDUP).forward(case.x.copy())}


@layer_check(
    tier=100,
    cases=backward_pooling_cases,
    needs=("max_pool_forward_speedup",),
    holes=("pool_backward_speedup",),
)
def max_pool_backward_speedup(student, case):
    """Faster max pooling, backward pass."""
    return {"in_grad": input_gradient(student.layers_2.MaxPoolingLayer(case.k, case.stride, SPEEDUP), case)}


def timed_passes(student: Any, case: Case, type: int) -> dict[str, Any]:
    """Run both passes; the forward one is sent as soon as it is there, so that each has its time."""
    layer = convolution(student, case, type)
    student.emit("forward", Sampled(layer.forward(case.x.copy()), "forward"))
    return {"backward": Sampled(layer.backward(case.out_grad.copy()), "backward")}


timing_check = partial(check, files=LAYER_FILES, timed=True, slow=True, group="timing", limit_s=LOOPS_LIMIT_S)


@timing_check(tier=None, cases=loops_cases, needs=("conv_backward",))
def loops_timing(student, case):
    """Convolution with loops, 256 to 256 channels on 24 x 40: right, and how long it takes."""
    return timed_passes(student, case, RAW)


@timing_check(
    tier=100,
    cases=speedup_cases,
    needs=("conv_backward_speedup",),
    speed=Speed(
        "loops_timing",
        at_least=TIMES_AS_FAST,
        cases=baseline_cases,
        scale=TIMED_ROWS / BASELINE_ROWS,
        multiply_adds=2 * 9 * TIMED_CHANNELS**2 * TIMED_ROWS * TIMED_COLUMNS,
        hint="Multiply matrices instead of looping over the outputs: all windows as rows of one array (im2col), or one "
        "product for each of the nine places of the kernel. See section 2 of the README.",
    ),
)
def speedup_timing(student, case):
    """Faster convolution, 256 to 256 channels on 24 x 40: right, and fast enough."""
    return timed_passes(student, case, SPEEDUP)


def copied(features: dict[str, Any]) -> Iterable[tuple[str, np.ndarray]]:
    """Yield a network's outputs as arrays of our own: the next forward pass may write into the old ones."""
    return ((name, np.array(value)) for name, value in features.items())


def loaded_network(student: Any) -> Any:
    """Return the network of this worker with the lab's parameters loaded, once."""

    def load() -> Any:
        network = student.exp_3_3_style_transfer.VGG19(param_path=student.resource_file("checkpoint"))
        network.build_model()
        network.init_model()
        given = parameters_given(network.layers, CONVOLUTIONS, network.load_model)
        student.once("given parameters", dict).update(given)
        return network

    return student.once("loaded network", load)


def demo(student, case):
    """Run the network forward on a picture file, given as its bytes, at the size of the experiment."""
    network = loaded_network(student)
    with TemporaryDirectory() as folder:
        file = Path(folder, f"picture{case.suffix}")
        file.write_bytes(case.picture.tobytes())
        image, _ = network.load_image(str(file), *EXPERIMENT_SIZE)
    student.emit(START, 0)
    with layers_observed(network.layers, student.emit):
        network.forward(image, [])
