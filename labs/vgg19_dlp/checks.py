"""The checks of the device lab. A submission asks `pycnml` for layers, loads parameters and sets a picture.

What it asked for is recorded beside it and sent as plain arrays. `derive` compares the arrays with what is wanted and
runs the network with the grader's own copy of the emulator, so that nothing that a submission does to the module
beside it counts. The parameters are sent whole, as the bytes that the device holds: a hash made beside the submission
would only be its word.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from grader.lab import Case, Sampled, check
from grader.lab.observing import START

from . import checks_exercises, pycnml
from .checks_cases import cat_cases, pair_cases, picture_cases, small_cases
from .checks_derived import (
    LOADED,
    PICTURE,
    QUANTIZATION,
    SEEN,
    counts_printed,
    layers_wanted,
    network_run,
    parameters_wanted,
    picture_set,
    small_parameters,
    small_run,
)
from .checks_measured import costs
from .checks_wanted import SMALL_LAYERS, pairs_in
from .pycnml import record
from .pycnml.program import Kind

__all__ = ["checks_exercises", "layers"]

FOLDER = Path(__file__).parent
FILES = ("vgg19_demo.py",)
CLASS_NAMES = FOLDER / "synset_words.txt"
# Reading 550 MiB, turning 144 million numbers into float64 and these into bytes takes 10 to 15 s on an idle core.
LOAD_LIMIT_S = 180.0
NETWORK_LIMIT_S = 120.0
PRINTED_BYTES = 1 << 16
# Bytes are whole numbers, and the emulator rounds by its definition on every computer.
program_check = partial(check, files=FILES, exact=True)
network_check = partial(check, files=FILES, group="network", slow=True, exact=True)


def new_network(student: Any) -> Any:
    """Return a fresh `VGG19` of the submission over the lab's own `pycnml`, whatever lies beside the submission."""
    sys.modules["pycnml"] = pycnml
    module = student.vgg19_demo
    student.require(
        hasattr(module, "VGG19") or not hasattr(module, "DlpModel"),
        "vgg19_demo.py has a class `DlpModel`, not `VGG19`: that is another year's interface; this lab asks for VGG19 "
        "with build_model, load_model, load_image, forward, get_top5 and evaluate",
    )
    network = module.VGG19()
    # The course's main program calls it so, and some versions of `evaluate` rely on that.
    module.vgg = network
    return network


def built(student: Any, quant_param_path: str) -> Any:
    """Return a network whose layers were created from a file of quantisation parameters."""
    network = new_network(student)
    network.build_model(param_path=str(FOLDER / "not-read.mat"), quant_param_path=quant_param_path)
    student.require(
        isinstance(getattr(network, "net", None), pycnml.CnmlNet),
        "`net` is no pycnml.CnmlNet: `__init__` makes one, and all calls go to it",
    )
    return network


def small(student: Any, case: Case) -> Any:
    """Return a network of the submission's class around a small net that was built here, not by the submission."""
    network = new_network(student)
    network.net = pycnml.CnmlNet(16)
    inputs = pairs_in(case.input)
    network.input_quant_params, network.filter_quant_params = inputs, pairs_in(case.filter)
    network.net.setInputShape(1, 3, 224, 224)
    own = iter(inputs)
    create = {
        Kind.CONVOLUTION: lambda name, *numbers: network.net.createConvLayer(name, *numbers, next(own)),
        Kind.RELU: network.net.createReLuLayer,
        Kind.POOL: network.net.createPoolingLayer,
        Kind.FLATTEN: lambda name, *numbers: network.net.createFlattenLayer(name, list(numbers)),
        Kind.MLP: lambda name, width: network.net.createMlpLayer(name, width, next(own)),
        Kind.SOFTMAX: network.net.createSoftmaxLayer,
    }
    for layer in SMALL_LAYERS:
        create[layer.kind](layer.name, *layer.numbers)
    network.param_path = case.write_file("mat", ".mat")
    with CLASS_NAMES.open(encoding="utf-8") as file:
        network.labels = file.readlines()
    return network


def small_loaded(student: Any, case: Case) -> Any:
    """Return the same with the parameters loaded."""
    network = small(student, case)
    network.load_model()
    # Each file has more than a MiB, and what lies in the box's folder for files counts against its limit.
    os.unlink(network.param_path)
    return network


def full_loaded(student: Any) -> Any:
    """Return VGG19 with the lab's parameters loaded, once in this worker."""

    def load() -> Any:
        network = new_network(student)
        network.build_model(param_path=student.resource_file("checkpoint"), quant_param_path=str(QUANTIZATION))
        network.load_model()
        return network

    return student.once("loaded network", load)


def send_asked(student: Any, net: Any) -> None:
    """Send the list of layers."""
    for name, array in record.layers_asked_for(net).items():
        student.emit(f"{SEEN}{name}", array)


def send_loaded(student: Any, net: Any) -> None:
    """Send the parameters as the device holds them."""
    for name, array in record.parameters_loaded(net).items():
        student.emit(f"{LOADED}{name}", array)


@program_check(tier=60, cases=pair_cases, holes=("network_layers", "fully_connected_layers"), derive=layers_wanted)
def network_build(student, case):
    """The network that is built: 44 layers, their order, sizes and QuantParams."""
    with tempfile.NamedTemporaryFile(suffix=".npz", delete=False) as file:
        np.savez(file, input=case.input, filter=case.filter)
    send_asked(student, built(student, file.name).net)


@check(tier=80, files=FILES, cases=picture_cases, holes=("picture_input",), derive=picture_set)
def picture_input(student, case):
    """The picture in the device's order."""
    network = small(student, case)
    # Whether parameters are loaded rightly has a check of its own; some take the average picture from the file.
    with contextlib.suppress(Exception):
        network.load_model()
    os.unlink(network.param_path)
    network.load_image(case.write_file("picture", case.suffix))
    student.emit(PICTURE, record.picture_set(network.net))


@network_check(
    tier=80,
    cases=lambda rng: [Case.of("default")],
    needs=("network_build",),
    holes=("conv_weight", "fc_weight"),
    limit_s=LOAD_LIMIT_S,
    derive=parameters_wanted,
)
def network_load(student, case):
    """VGG19: the parameters of all layers, as the device holds them."""
    network = full_loaded(student)
    send_asked(student, network.net)
    send_loaded(student, network.net)


@program_check(tier=100, cases=small_cases, holes=("conv_weight", "fc_weight"), derive=small_parameters)
def small_load(student, case):
    """A small network of unequal sizes: its parameters in the device's order."""
    network = small_loaded(student, case)
    send_asked(student, network.net)
    send_loaded(student, network.net)


@program_check(tier=100, cases=small_cases, needs=("small_load", "picture_input"), derive=small_run)
def small_class(student, case):
    """A small network of unequal sizes on a picture: the probabilities and the class."""
    network = small_loaded(student, case)
    network.load_image(case.write_file("picture0", ".png"))
    network.forward()
    send_asked(student, network.net)
    send_loaded(student, network.net)
    student.emit(PICTURE, record.picture_set(network.net))


@program_check(tier=100, cases=small_cases, needs=("small_class",))
def top_five(student, case):
    """Whether a label is the likeliest class, and whether it is among the first five."""
    network = small_loaded(student, case)
    network.load_image(case.write_file("picture0", ".png"))
    answers = [network.get_top5(int(label)) for label in case.asked]
    student.require(
        all(isinstance(answer, tuple | list) and len(answer) == 2 for answer in answers),
        "`get_top5` does not return two values, (top1, top5)",
    )
    return {
        "top1": np.array([bool(answer[0]) for answer in answers]),
        "top5": np.array([bool(answer[1]) for answer in answers]),
    }


@program_check(tier=100, cases=small_cases, needs=("top_five",), derive=counts_printed)
def evaluate_counts(student, case):
    """How many pictures of a list are right."""
    network = small_loaded(student, case)
    names = []
    for number, label in enumerate(case.labels):
        names.append(f"{case.write_file(f'picture{number}', '.png')} {label}\n")
    listed = Path("listed_by_the_check").absolute()
    listed.write_text("".join(names), encoding="utf-8")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        network.evaluate(str(listed))
    text = printed.getvalue().encode("utf-8", "replace")[-PRINTED_BYTES:]
    student.emit("printed", np.frombuffer(text, np.uint8))


@network_check(
    tier=100,
    cases=cat_cases,
    limit_s=NETWORK_LIMIT_S,
    needs=("network_load", "picture_input"),
    derive=network_run,
)
def network_class(student, case):
    """VGG19 on a picture of 224 x 224 pixels: every layer's output, the probabilities and the class."""
    network = full_loaded(student)
    send_asked(student, network.net)
    send_loaded(student, network.net)
    network.load_image(case.write_file("picture", case.suffix))
    student.emit(PICTURE, record.picture_set(network.net))
    student.emit(START, 0)
    with watched(network.net, lambda name, value: student.emit(name, Sampled(value.astype(np.float32), name))):
        network.forward()


def layers(student, case):
    """Run VGG19 on a picture and send what each layer costs, on the emulator."""
    network = full_loaded(student)
    network.load_image(case.write_file("picture", case.suffix))
    with watched(network.net, lambda name, value: student.emit(f"{name}/shape", np.array(np.shape(value)))):
        network.forward()
    network.forward()
    return {"costs": costs(network.net)}


@contextlib.contextmanager
def watched(net: Any, see: Any) -> Iterator[None]:
    """Call ``see(name, output)`` after each layer of a forward pass."""
    net._watch = lambda layer, value: see(layer.name.lower(), value)
    try:
        yield
    finally:
        net._watch = None
