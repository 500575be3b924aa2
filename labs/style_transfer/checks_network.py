"""Checks of the network: its layers and parameters, pictures as files, both passes, and one iteration.

`lab.yaml` says why the picture is small.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from grader.lab import Case, Sampled, check, one_case
from grader.lab.layer_cases import normal
from grader.lab.observing import (
    START,
    DeadWindows,
    as_outputs,
    layers_observed,
    parameters_given,
    require_settings,
)

from .checks_layers import NOISE_BOUND

IMAGE_MEAN = (123.68, 116.779, 103.939)  # RGB, of values 0 to 255
# Like the pictures of the course, they halve five times without a rest.
SMALL_ROWS, SMALL_COLUMNS = 32, 64
EXPERIMENT_SIZE = (192, 320)  # rows and columns
CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
BACKWARD_FROM = "relu3_1"
CONTENT_WEIGHT, STYLE_WEIGHT = 1.0, 500.0
# The seeded network's gradients are small, 0.0002. With trained weights they are so large that it makes no difference
# where Adam's epsilon stands.
TO_THE_COURSES_SIZE = 1000.0
LOAD_LIMIT_S = 60.0
NETWORK_LIMIT_S = 480.0
PICTURES = Path(__file__).with_name("pictures")
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
    """Make picture files that every way of scaling turns into the same numbers: they have the right size already.

    What is painted may be lighter than white and darker than black: by ``lighter``, where it is written again.
    """
    import cv2

    rows, columns = int(rng.integers(3, 5)) * 16, int(rng.integers(6, 9)) * 16
    tiles = rng.integers(20, 236, size=(rows // 16, columns // 16, 3), dtype=np.uint8)
    image = tiles.repeat(16, axis=0).repeat(16, axis=1)
    written, data = cv2.imencode(".png", image[:, :, ::-1])
    assert written
    for name, lighter in (("coloured tiles", 0), ("lighter than white", 60), ("darker than black", -60)):
        case = Case.of(name, rows=rows, columns=columns, lighter=lighter, picture=data.reshape(-1))
        # The course gives the line that clips, and does not look at it.
        yield case.beyond() if lighter else case


network_check = partial(check, files=NETWORK_FILES, group="network", slow=True)


@check(tier=80, cases=one_case(), holes=("network_layers",), files=NETWORK_FILES)
def network_build(student, case):
    """VGG19: the 37 layers."""
    network = student.exp_3_3_style_transfer.VGG19()
    network.build_model()
    names = tuple(str(name) for name in network.param_layer_name)
    student.require(names == NETWORK_LAYERS, "`param_layer_name` does not hold the 37 names from conv1_1 to pool5")
    channels = 3
    for name in NETWORK_LAYERS:
        student.require(name in network.layers, "`layers` has no {name}", name=repr(name))
        if name.startswith("conv"):
            width = STAGES[int(name[4]) - 1][0]
            sizes = {"kernel_size": 3, "channel_in": channels, "channel_out": width, "padding": 1, "stride": 1}
            channels = width
        else:
            sizes = {"kernel_size": 2, "stride": 2} if name.startswith("pool") else {}
        require_settings(student, network.layers[name], name, sizes)


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
        # Not the picture that was read but its mirror image, which no network has kept. A quarter is added, so that
        # cutting and rounding to whole numbers give the same.
        network.save_image(image[..., ::-1] + (case.lighter + 0.25), shape, target)
        written = cv2.imread(target, cv2.IMREAD_COLOR)
    student.require(written is not None, "`save_image` wrote no picture")
    return {"image": Sampled(image, "image"), "written": Sampled(written.astype(np.float32), "written")}


@network_check(
    tier=80,
    cases=network_cases,
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
    student.require(not missing, "`forward` did not return the output of {missing}", missing=", ".join(missing))
    return {f"{name} returned": Sampled(features[name], name).parts()["stats"] for name in wanted}


@network_check(
    tier=80,
    cases=network_cases,
    metric="l2",
    limit_s=NETWORK_LIMIT_S,
    holes=("network_backward",),
    needs=("network_forward", "conv_backward", "max_pool_backward", "relu_backward"),
)
def network_backward(student, case):
    """VGG19 backward: every layer's gradient from relu3_1 down to the picture."""
    network = loaded_network(student)
    windows = DeadWindows(lambda name: name.startswith("pool"))
    with layers_observed(network.layers, lambda _name, _value: None, after=windows.note):
        network.forward(case.x.copy(), [BACKWARD_FROM])
    student.emit(START, 0)
    with layers_observed(network.layers, windows.sent(student.emit), "backward"):
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
    picture = optimiser.update(case.x.astype(np.float64), gradient * TO_THE_COURSES_SIZE)
    return {"losses": np.array(values), "gradient": gradient, "move": np.asarray(picture) - case.x}


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
