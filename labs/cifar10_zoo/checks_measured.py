"""What each layer of a network costs: what `summary` shows."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.lab.observing import send_layers

from .checks_nets import SIDE, STAGES
from .checks_plans import Watched, kind_of

ARGUMENTS: dict[str, tuple[Any, ...]] = {"Inception10": (2, 10), "ResNet18": (STAGES,)}


def layers(student, case):
    """Run the network of the case on one picture and send what each layer costs."""
    net = getattr(student.nets, case.net)(*ARGUMENTS.get(case.net, ()))
    picture = np.random.default_rng(1).random((1, SIDE, SIDE, 3), np.float32)
    watched = Watched(student, net, picture)
    found: dict[int, tuple[str, Any]] = {}
    for place, record in enumerate(watched.records, start=1):
        if record.layer is not None:
            found.setdefault(id(record.layer), (f"{place} {kind_of(record)}", record.layer))

    def run() -> None:
        net(student.tape.Tape(False).watch(picture))

    send_layers(student, list(found.values()), run, cost)


def cost(layer: Any, output: np.ndarray) -> tuple[int, int]:
    """Return how many numbers a layer has, and the multiply-adds of its kernel for one picture."""
    kernel = getattr(layer, "kernel", None)
    work = 0 if kernel is None else int(np.prod(output.shape[1:])) * int(np.prod(kernel.shape[:-1]))
    return sum(int(np.size(variable.value)) for variable in layer.variables), work
