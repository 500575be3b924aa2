"""Checks of LeNet-5: its parameters, its outputs and its gradients for given weights."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from grader.lab import Case, Sampled, check
from grader.lab.layer_cases import normal

from .checks_access import Part, parts_of, set_mode
from .checks_values import gradients, lenet_shapes, load, values_of

SIDE, CLASSES = 32, 10
CONVOLUTIONS = {"conv1", "conv3", "conv5"}


def course_lenet_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make what the handout runs: a picture and a batch of one channel, ten classes."""
    yield lenet_case(rng, "one picture", 1, 1, CLASSES)
    yield lenet_case(rng, "five pictures", 5, 1, CLASSES)


def more_lenet_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make three channels with seven classes."""
    yield lenet_case(rng, "three channels, seven classes", 2, 3, 7)


def lenet_case(rng: np.random.Generator, name: str, batch: int, in_channels: int, classes: int) -> Case:
    """Make one case; its parameters follow from its seed."""
    return Case.of(
        name,
        in_channels=in_channels,
        classes=classes,
        seed=int(rng.integers(1 << 31)),
        x=normal(rng, batch, in_channels, SIDE, SIDE),
        out_grad=normal(rng, batch, classes),
    )


def lenet_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make both."""
    return [*course_lenet_cases(rng), *(case.beyond() for case in more_lenet_cases(rng))]


def build_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the same, and a network that is looked at as it is made, before it is given any weights."""
    yield from lenet_cases(rng)
    yield Case.of("the first weights", in_channels=1, classes=CLASSES, fresh=True).beyond()


def lenet(student: Any, case: Case) -> tuple[Any, dict[str, Part], Any]:
    """Return a LeNet with the parameters of the case, its layers by name, and the parameters."""
    net = student.lenet5.Model_LeNet(in_channels=case.in_channels, num_classes=case.classes)
    values = values_of(lenet_shapes(case.in_channels, case.classes), case.seed, biased=CONVOLUTIONS)
    found = load_lenet(student, net, values)
    set_mode(net, True)
    return net, found, values


def load_lenet(student: Any, net: Any, values: Any) -> dict[str, Part]:
    """Put parameters into a LeNet: by name, or else in order, whichever way its fifth layer is made."""
    parts = parts_of(net)
    student.require(
        len(parts) == len(values),
        "Model_LeNet has {count} layers with parameters, expected {wanted}",
        count=len(parts),
        wanted=len(values),
    )
    if all(
        part.kind == ("conv" if name in CONVOLUTIONS else "linear")
        for part, name in zip(parts, values, strict=True)
    ):
        return load(student, net, values, "Model_LeNet")
    found = dict(zip(values, parts, strict=True))
    for name, part in found.items():
        for key, value in values[name].items():
            student.require(
                part.put(key, value),
                "{name} of Model_LeNet does not have {size} numbers",
                name=f"{name}.{key}",
                size=value.size,
            )
    return found


lenet_check = partial(check, tier=80, files=("lenet5.py", "op.py"))


@lenet_check(
    cases=build_cases,
    needs=("conv_forward", "max_pool_forward", "average_pool_forward", "linear_forward"),
    holes=("lenet_layers",),
)
def lenet_build(student, case):
    """LeNet-5: the number of parameters of every layer, 61 706 together."""
    net = student.lenet5.Model_LeNet(in_channels=case.in_channels, num_classes=case.classes)
    parts = parts_of(net)
    if "fresh" in case.config:
        for part in parts:
            weight = np.asarray(part.get("weight"))
            student.require(
                bool(np.any(weight != weight.flat[0])),
                "the weights of {layer} all begin as the same number, so that all its outputs learn the same: draw them",
                layer=part.place or part.kind,
            )
    return {"parameters": np.array([part.count[0] for part in parts])}


@lenet_check(cases=lenet_cases, needs=("lenet_build",), holes=("lenet_forward",))
def lenet_output(student, case):
    """LeNet-5, forward pass: the logits for given weights."""
    net, _, _ = lenet(student, case)
    return {"logits": net.forward(case.x.copy())}


@lenet_check(
    cases=lenet_cases,
    needs=("lenet_output", "conv_backward", "max_pool_backward", "average_pool_backward", "linear_backward"),
    holes=("lenet_backward",),
)
def lenet_backward(student, case):
    """LeNet-5, backward pass: the gradients of the pictures and of all parameters."""
    net, parts, values = lenet(student, case)
    net.forward(case.x.copy())
    student.emit("in_grad", Sampled(net.backward(case.out_grad.copy()), "in_grad"))
    found = gradients(student, parts, values)
    return {f"d_{name}": Sampled(value, name) for name, value in found.items()}
