"""The network of the VGG16 lab: which layers it must have, and how it is built, loaded and run by the checks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from grader.lab import Case
from grader.lab.observing import DeadWindows, Emit, layers_observed, require_settings

IMAGE_SIZE = 224
IMAGE_MEAN = (125.307, 122.961, 113.8575)  # RGB, of values 0 to 255
IMAGE_DEVIATION = (51.5865, 50.847, 51.255)
NUM_CLASSES = 4
WINDOWS = {
    "convolution": {"kernel_size": 3, "stride": 1, "padding": 1},
    "max pooling": {"kernel_size": 2, "stride": 2},
}


@dataclass(frozen=True)
class LayerFacts:
    """What the handout demands of one layer of the network.

    Attributes
    ----------
    kind : ``convolution``, ``max pooling``, ``relu``, ``flatten`` or ``fully connected``.
    weight_shape : shape of ``weight``, empty for a layer without parameters.
    """

    name: str
    kind: str
    weight_shape: tuple[int, ...] = ()


def _vgg16() -> Iterable[LayerFacts]:
    size, channels = IMAGE_SIZE, 3
    for stage, (width, convolutions) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), start=1):
        for index in range(1, convolutions + 1):
            shape = (width, channels, 3, 3)
            yield LayerFacts(f"layer{stage}_conv{index}", "convolution", shape)
            yield LayerFacts(f"layer{stage}_relu{index}", "relu")
            channels = width
        yield LayerFacts(f"layer{stage}_maxpool", "max pooling")
        size //= 2
    yield LayerFacts("flatten", "flatten")
    features = channels * size * size
    for index, width in enumerate((4096, 4096, NUM_CLASSES), start=1):
        yield LayerFacts(f"fullyconnect{index}", "fully connected", (width, features))
        if index < 3:
            yield LayerFacts(f"relu{index}", "relu")
        features = width


NETWORK_LAYERS: tuple[LayerFacts, ...] = tuple(_vgg16())


def normalised(image: np.ndarray) -> np.ndarray:
    """Return a scaled picture (224, 224, 3) of bytes as the network takes it: (1, 3, 224, 224), float32."""
    tensor = image.astype(np.float32)
    tensor -= IMAGE_MEAN
    tensor /= IMAGE_DEVIATION
    return np.ascontiguousarray(tensor.transpose((2, 0, 1))[None])


def built_network(student: Any) -> Any:
    """Return the network of this worker, built once."""
    return student.once("network", lambda: student.vgg.VGG16(NUM_CLASSES))


def loaded_network(student: Any) -> Any:
    """Return the network of this worker with the lab's checkpoint loaded, once."""

    def load() -> Any:
        network = built_network(student)
        network.resume_weights(student.resource("checkpoint"))
        return network

    return student.once("loaded network", load)


def run_forward(student: Any, case: Case, emit: Emit | None) -> Any:
    """Run the network on the case's picture, send every layer's output if asked, and return the logits.

    The layers keep what a backward pass on the same picture needs; which picture that is gets noted.
    """
    network = loaded_network(student)
    kept = student.once("forward", dict)
    kept.clear()
    x = normalised(case.image)
    windows = DeadWindows(lambda name: name.endswith("maxpool"))
    with layers_observed(network.graph_layers, emit or _sends_nothing, after=windows.note, in_place=True):
        logits = network.forward(x)
    kept.update(image=case.image.tobytes(), logits=np.array(logits), windows=windows)
    return logits


def _sends_nothing(_name: str, _value: Any) -> None:
    pass


def require_kind(student: Any, layer: Any, facts: LayerFacts) -> None:
    """Require the kind and the sizes of a layer, without running a convolution or a pooling that tells its window.

    The class may have any name: what counts is its parameters, its window, and what it does to a few numbers.
    """
    called = f"{facts.name} ({type(layer).__name__})"
    has_weight = np.size(getattr(layer, "weight", ())) > 0
    wanted = bool(facts.weight_shape)
    about = {"called": called, "kind": facts.kind}
    student.require(has_weight or not wanted, "{called} has no `weight`; expected a {kind} layer", **about)
    student.require(wanted or not has_weight, "{called} has a `weight`; expected a {kind} layer", **about)
    if facts.weight_shape:
        for parameter, shape in (("weight", facts.weight_shape), ("bias", facts.weight_shape[:1])):
            found = np.shape(getattr(layer, parameter, None))
            student.require(
                found == shape,
                "the {parameter} of {name} has shape {found}, expected {shape}",
                parameter=parameter,
                name=facts.name,
                found=found,
                shape=shape,
            )
    require_settings(student, layer, facts.name, WINDOWS.get(facts.kind, {}))
    if facts.kind in ("relu", "flatten"):
        student.require(
            not hasattr(layer, "kernel_size"),
            "{called} has a window; expected a {kind} layer",
            called=called,
            kind=facts.kind,
        )
    if facts.kind == "max pooling" and not (hasattr(layer, "kernel_size") and hasattr(layer, "stride")):
        require_shape(student, layer, facts, (1, 2, 4, 4), (1, 2, 2, 2))
    if facts.kind == "flatten":
        require_shape(student, layer, facts, (1, 2, 3, 4), (1, 24))
    if facts.kind == "relu":
        x = np.array([-2.0, 0.0, 3.0, -0.5], np.float32).reshape(1, 2, 1, 2)
        student.require(
            np.array_equal(layer.forward(x.copy()), np.maximum(x, 0)),
            "{called} does not compute max(0, x); expected a ReLU layer",
            called=called,
        )


def require_shape(
    student: Any, layer: Any, facts: LayerFacts, given: tuple[int, ...], wanted: tuple[int, ...]
) -> None:
    """Require that a layer turns an array of one shape into one of another."""
    found = np.shape(layer.forward(np.ones(given, np.float32)))
    student.require(
        found == wanted,
        "{name} ({name2}) turns shape {given} into {found}; expected {wanted}, from a {kind} layer",
        name=facts.name,
        name2=type(layer).__name__,
        given=given,
        found=found,
        wanted=wanted,
        kind=facts.kind,
    )


def given_main() -> ModuleType:
    """Import the lab's ``main.py``, which has the preprocessing of pictures."""
    spec = util.spec_from_file_location("_vgg16_main", Path(__file__).with_name("main.py"))
    main = util.module_from_spec(spec)
    spec.loader.exec_module(main)
    return main
