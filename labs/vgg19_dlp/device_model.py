"""How long a device with 8-bit arithmetic would need for each layer: an estimate, by the roofline model [1]_.

A layer takes as long as its arithmetic at the peak rate, or as long as its weights, inputs and outputs take to come
from memory and to go there, whichever is longer. A ReLU is counted with the layer before it, which may do it while it
writes its output. Real devices are slower: they start layers, move weights between cores, and reach neither rate.

.. [1] S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for multicore
   architectures", Communications of the ACM 52(4), 2009.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .pycnml.program import WITH_PARAMETERS, Kind, Program

# The vendor's figures for the card of the course's servers.
DEVICE_OPERATIONS_PER_S = 128e12  # of 8 bits; a multiply-add counts as two
DEVICE_BYTES_PER_S = 102e9
DEVICE_BALANCE = DEVICE_OPERATIONS_PER_S / DEVICE_BYTES_PER_S  # operations a byte at which neither waits
CPU_OPERATIONS_PER_S = 0.1e12  # of float32, one good core or a few plain ones
CPU_BYTES_PER_S = 20e9
LINK_BYTES_PER_S = 12e9  # between processor and device, PCI Express 3.0 with 16 lanes, nearly
HALF_BYTES, SINGLE_BYTES = 2, 4


@dataclass(frozen=True)
class Work:
    """What one layer asks for.

    Attributes
    ----------
    operations : twice the multiply-adds.
    weights : entries of the weight.
    moved : entries of its input and output.
    """

    operations: int
    weights: int
    moved: int

    def device_s(self) -> float:
        """Return the estimated seconds on the device: bytes as weights, float16 between layers."""
        traffic = self.weights + HALF_BYTES * self.moved
        return max(self.operations / DEVICE_OPERATIONS_PER_S, traffic / DEVICE_BYTES_PER_S)

    def cpu_s(self) -> float:
        """Return the estimated seconds on a processor that computes in float32."""
        traffic = SINGLE_BYTES * (self.weights + self.moved)
        return max(self.operations / CPU_OPERATIONS_PER_S, traffic / CPU_BYTES_PER_S)

    def intensity(self) -> float:
        """Return the operations for each byte that the device moves."""
        return self.operations / (self.weights + HALF_BYTES * self.moved)


def work_of(program: Program) -> dict[str, Work]:
    """Return what each layer of a network but the ReLUs asks for, by name."""
    found = {}
    before = program.input_shape
    for place, layer in enumerate(program.layers):
        inputs, outputs = int(np.prod(before)), int(np.prod(layer.shape))
        before = layer.shape
        if layer.kind is Kind.RELU:
            continue
        weights = int(np.prod(program.weight_shape(place))) if layer.kind in WITH_PARAMETERS else 0
        # Each entry of a convolution's weight meets every output pixel; a pooling or softmax looks at each input.
        pixels = layer.shape[2] * layer.shape[3]
        operations = 2 * weights * pixels if weights else inputs
        found[layer.name] = Work(operations, weights, inputs + outputs)
    return found


def round_trips_s(program: Program) -> float:
    """Return the estimated seconds that it takes to send every layer's output to the processor and back."""
    entries = sum(int(np.prod(layer.shape)) for layer in program.layers)
    return 2 * HALF_BYTES * entries / LINK_BYTES_PER_S


def group_of(name: str) -> str:
    """Return the group under which a layer's time is shown: ``conv1`` to ``conv5``, ``fc``, ``ReLU``, ``pooling``."""
    if name.startswith("conv"):
        return name.split("_")[0]
    for start, group in (("relu", "ReLU"), ("pool", "pooling"), ("fc", "fc")):
        if name.startswith(start):
            return group
    return "others"


def grouped(times: Mapping[str, float]) -> dict[str, float]:
    """Add up times of layers by group, in order of appearance."""
    found: dict[str, float] = {}
    for name, value in times.items():
        found[group_of(name)] = found.get(group_of(name), 0.0) + value
    order = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc", "ReLU", "pooling", "others"]
    return {group: found[group] for group in order if group in found}
