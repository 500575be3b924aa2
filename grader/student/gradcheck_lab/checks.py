"""Drives any layer of a submission for a gradient check: makes it, runs it on many inputs, runs it backward.

This is a lab of its own as far as the jail is concerned. Layers of several courses are made from the names of their
arguments, so that no lab has to say how.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from grader.lab.checks import Case, check, one_case

SEED = 5
IN_CHANNELS, OUT_CHANNELS = 3, 4
IN_FEATURES, OUT_FEATURES = 7, 5
# What a constructor's argument of this name gets, where the setting does not say.
ARGUMENTS: Mapping[str, Any] = {
    "in_channels": IN_CHANNELS,
    "channel_in": IN_CHANNELS,
    "c_in": IN_CHANNELS,
    "num_features": IN_CHANNELS,
    "out_channels": OUT_CHANNELS,
    "channel_out": OUT_CHANNELS,
    "c_out": OUT_CHANNELS,
    "in_features": IN_FEATURES,
    "num_input": IN_FEATURES,
    "out_features": OUT_FEATURES,
    "num_output": OUT_FEATURES,
}
LABEL_NAMES = ("labels", "label", "target", "targets", "y")
PARAMETERS = {
    "weight": ("d_weight", "grad_weight", "weight_grad", "dW"),
    "bias": ("d_bias", "grad_bias", "bias_grad"),
}


def made(student: Any, case: Case) -> Any:
    """Return the layer of this case, made once in a worker, with parameters that do not change."""

    def make() -> Any:
        kind = getattr(student.module(case.module), case.kind)
        settings = dict(case.settings)
        arguments = {}
        for name, parameter in inspect.signature(kind).parameters.items():
            if name in settings or name in ARGUMENTS:
                arguments[name] = settings.get(name, ARGUMENTS.get(name))
            elif parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                student.require(
                    False,
                    "it is not known what `{name}` of {kind} should be; use --set {name}=NUMBER",
                    name=name,
                    kind=case.kind,
                )
        layer = kind(**arguments)
        if not hasattr(layer, "weight") and hasattr(layer, "init_param"):
            layer.init_param()
        rng = np.random.default_rng(SEED)
        for name in PARAMETERS:
            value = getattr(layer, name, None)
            if isinstance(value, np.ndarray):
                setattr(layer, name, rng.standard_normal(value.shape))
        return layer

    return student.once(f"{case.kind} {sorted(dict(case.settings).items())}", make)


def wants_labels(layer: Any) -> bool:
    """Whether the forward pass takes labels too, as that of a loss does."""
    names = list(inspect.signature(layer.forward).parameters)
    return len(names) > 1 and names[1] in LABEL_NAMES


def forward_pass(layer: Any, case: Case, x: np.ndarray) -> Any:
    """Run the layer on a copy of ``x``."""
    return layer.forward(x, case.labels.copy()) if wants_labels(layer) else layer.forward(x.copy())


def needs_features(layer: Any) -> bool:
    """Whether the layer takes (N, features) and not (N, C, H, W)."""
    names = inspect.signature(type(layer)).parameters
    return wants_labels(layer) or any(ARGUMENTS.get(name) in (IN_FEATURES, OUT_FEATURES) for name in names)


@check(tier=None, cases=one_case(), group="gradients")
def describe(student: Any, case: Case) -> dict[str, Any]:
    """Say what input and which settings the layer takes, and return its parameters."""
    layer = made(student, case)
    shapes = {name: getattr(layer, name, None) for name in PARAMETERS}
    return {
        "features": np.array(needs_features(layer)),
        "accepted": np.array([name in inspect.signature(type(layer)).parameters for name in case.settings]),
        **{name: np.array(value) for name, value in shapes.items() if isinstance(value, np.ndarray)},
    }


@check(tier=None, cases=one_case(), group="gradients")
def forward(student: Any, case: Case) -> dict[str, Any]:
    """Run the layer on a stack of inputs, or on one input with a stack of values of one parameter."""
    layer = made(student, case)
    if case.vary == "x":
        return {"outputs": np.stack([np.asarray(forward_pass(layer, case, x.copy())) for x in case.stack])}
    kept = getattr(layer, case.vary)
    outputs = []
    try:
        for value in case.stack:
            setattr(layer, case.vary, value.copy())
            outputs.append(np.asarray(forward_pass(layer, case, case.x.copy())))
    finally:
        setattr(layer, case.vary, kept)
    return {"outputs": np.stack(outputs)}


@check(tier=None, cases=one_case(), group="gradients")
def backward(student: Any, case: Case) -> dict[str, Any]:
    """Run the layer forward and backward; return the gradient of the input, and of parameters where it is kept."""
    layer = made(student, case)
    forward_pass(layer, case, case.x.copy())
    takes_gradient = bool(inspect.signature(layer.backward).parameters)
    found = {"x": layer.backward(case.out_grad.copy()) if takes_gradient else layer.backward()}
    for name, places in PARAMETERS.items():
        value = next((getattr(layer, place) for place in places if getattr(layer, place, None) is not None), None)
        if value is not None:
            found[name] = value
    return found
