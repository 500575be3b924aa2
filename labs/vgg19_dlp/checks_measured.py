"""What each layer of a network costs: what `summary` shows."""

from __future__ import annotations

import numpy as np

from .pycnml import CnmlNet
from .pycnml.program import WITH_PARAMETERS, Program


def costs(net: CnmlNet) -> np.ndarray:
    """Return parameters, multiply-adds of one picture and nanoseconds of the last run, for each layer."""
    program = net._program if net._program is not None else Program(())
    found = []
    for place, (layer, (_name, taken_s)) in enumerate(zip(program.layers, net._layer_seconds, strict=True)):
        taken_ns = round(taken_s * 1e9)
        if layer.kind in WITH_PARAMETERS:
            weight = int(np.prod(program.weight_shape(place)))
            # A weight has a bias for each output, and each of its entries meets every pixel of an output.
            found.append((weight + layer.shape[1], weight * layer.shape[2] * layer.shape[3], taken_ns))
        else:
            found.append((0, 0, taken_ns))
    return np.array(found, np.int64).reshape(-1, 3)
