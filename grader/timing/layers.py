"""Time of every layer of the full network, from the moments at which its outputs reached the grader."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from grader.lab.observing import START
from grader.language.translation import marked
from grader.prepare.weights import checkpoint_shapes
from grader.project.contract import Lab
from grader.run.session import Outcome
from grader.score.document import LayerTime

MS_PER_S = 1000.0
MAX_AXES = 8
MAX_LENGTH = 1 << 32


def layer_times(lab: Lab, outcomes: Mapping[str, Outcome]) -> list[LayerTime]:
    """Return the layers of the lab's network in order, with what was measured of each.

    A layer's time is what passed between the arrival of the previous layer's output and that of its own, on the
    grader's clock; it includes what the submission does between two layers.
    """
    network = lab.facts.network
    if network is None or network.forward not in outcomes:
        return []
    forward = outcomes[network.forward]
    forward_s = steps(forward.arrived_s)
    backward_s = steps(outcomes[network.backward].arrived_s) if network.backward in outcomes else {}
    shapes = checkpoint_shapes(lab.facts.resources[network.parameters].options)
    total_s = sum(forward_s.values())
    layers = []
    for name, seconds in forward_s.items():
        weight = shapes.get(f"{name}.weight")
        multiply_adds = count_multiply_adds(weight, forward.outputs.get(f"{name}/shape"))
        layers.append(
            LayerTime(
                name=name,
                kind=kind_of(name, weight),
                forward_ms=round(seconds * MS_PER_S, 3),
                backward_ms=round(backward_s[name] * MS_PER_S, 3) if name in backward_s else None,
                forward_share=round(seconds / total_s, 4) if total_s else None,
                multiply_adds=multiply_adds,
                forward_gflops=round(2e-9 * multiply_adds / seconds, 2) if multiply_adds and seconds else None,
            )
        )
    return layers


def steps(arrived_s: Mapping[str, float]) -> dict[str, float]:
    """Turn arrival times of ``layer/part`` outputs into the seconds that each layer took, in order of arrival.

    Outputs without a part belong to no layer. One named `START` says when the first layer began.
    """
    last: dict[str, float] = {}
    for output, moment in arrived_s.items():
        layer, _, part = output.partition("/")
        if part:
            last[layer] = max(moment, last.get(layer, 0.0))
    seconds = {}
    before = arrived_s.get(START, 0.0)
    for layer, moment in sorted(last.items(), key=lambda item: item[1]):
        seconds[layer] = moment - before
        before = moment
    return seconds


def count_multiply_adds(weight: tuple[int, ...] | None, output_shape: np.ndarray | None) -> int | None:
    """Return the multiply-adds of a convolution or a fully connected layer: one weight row per output entry.

    The shape is what the submission says; None if it is no shape of an array.
    """
    if weight is None or output_shape is None or output_shape.dtype.kind not in "iu" or output_shape.ndim != 1:
        return None
    axes: list[int] = output_shape.tolist()
    if len(axes) > MAX_AXES or not all(0 < length <= MAX_LENGTH for length in axes):
        return None
    return math.prod(axes) * math.prod(weight[1:])


# What a name tells of a layer; the first word that is in it counts.
KINDS = (
    ("batchnorm", marked("batch normalisation")),
    ("avg", marked("average pooling")),
    ("average", marked("average pooling")),
    ("pool", marked("max pooling")),
    ("relu", marked("ReLU")),
    ("flatten", marked("flatten")),
    ("conv", marked("convolution")),
    ("dense", marked("fully connected")),
    ("linear", marked("fully connected")),
    ("fc", marked("fully connected")),
    ("softmax", marked("softmax")),
    ("activation", marked("activation")),
    ("dropout", marked("dropout")),
)


def kind_of(name: str, weight: tuple[int, ...] | None) -> str:
    """Return what kind of layer one is, by the axes of its weight, or by its name if it has none."""
    if weight is not None:
        return marked("convolution") if len(weight) == 4 else marked("fully connected")
    for word, kind in KINDS:
        if word in name.lower():
            return kind
    return ""
