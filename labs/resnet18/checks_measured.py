"""What each layer of a network costs: what `summary` shows."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.lab.observing import send_layers

from .checks_access import parts_of, set_mode

SIDE = 32


def layers(student, case):
    """Run the network of the case on one picture and send what each layer costs."""
    if case.net == "LeNet-5":
        net = student.lenet5.Model_LeNet(1, 10)
    else:
        net = student.resnet.Model_ResNet18(in_channels=1, num_classes=10)
    student.require(
        hasattr(net, "named_layers"),
        "`{net}` is no `Layer` of `nndl.py`, so that its layers are not found",
        net=type(net).__name__,
    )
    set_mode(net, False)
    named = [(f"{place} {kind(layer)}", layer) for place, layer in net.named_layers() if not layer.children()]
    counts = {id(part.layer): part.count for part in parts_of(net)}
    picture = np.random.default_rng(1).random((1, 1, SIDE, SIDE), np.float32)

    def cost(layer: Any, output: np.ndarray) -> tuple[int, int]:
        weight = getattr(layer, "weight", None)
        if np.ndim(weight) not in (2, 4):
            return counts.get(id(layer), (0, 0))[0], 0
        # Each entry of a kernel meets every output pixel of its map; a matrix is used once.
        places = int(np.prod(output.shape[2:])) if np.ndim(weight) == 4 else 1
        return counts.get(id(layer), (0, 0))[0], places * int(np.size(weight))

    send_layers(student, named, lambda: net.forward(picture.copy()), cost)


def kind(layer: Any) -> str:
    """Return the name of a layer's class; of a pooling with what it takes of a window."""
    name = type(layer).__name__
    mode = str(getattr(layer, "mode", ""))
    return f"{mode.capitalize()}{name}" if "Pool" in name and mode in ("max", "avg") else name
