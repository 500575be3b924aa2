"""Watches a submission's network at work, for labs whose networks keep their layers in a dict by name.

Like `grader.lab.checks`, this module runs inside the jail, beside the submission, and needs nothing but NumPy.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from grader.lab.checks import Sampled

Emit = Callable[[str, Any], None]
Parts = dict[str, np.ndarray]
PARAMETERS = ("weight", "bias")
# Sent when the network is about to run: what came before, such as loading it, is no layer's time.
START = "start"


@contextmanager
def layers_observed(
    layers: MutableMapping[str, Any],
    emit: Emit,
    method: str = "forward",
    after: Callable[[str, Any], Any] | None = None,
    *,
    in_place: bool = False,
) -> Iterator[None]:
    """Send a sample of what each layer's ``method`` returns, as long as the context lasts.

    A sample is taken at once: a later layer may change the array in place. What a layer returns goes through
    ``after(name, value)`` before anybody else gets it. One object may stand under several names, so each name gets
    a copy, whose methods work on the original; ``in_place`` changes the objects themselves, for networks that also
    reach their layers by another way than this dict.
    """
    originals = dict(layers)

    methods = {name: getattr(layer, method) for name, layer in originals.items()}

    def observed(name: str) -> Any:
        original = methods[name]
        layer = originals[name] if in_place else _acting_for(originals[name])

        def call(*args: Any, **kwargs: Any) -> Any:
            value = original(*args, **kwargs)
            emit(name.lower(), Sampled(value, name.lower()))
            return value if after is None else after(name, value)

        setattr(layer, method, call)
        return layer

    for name in originals:
        layers[name] = observed(name)
    try:
        yield
    finally:
        layers.update(originals)
        if in_place:
            for name, layer in originals.items():
                setattr(layer, method, methods[name])


def _acting_for(layer: Any) -> Any:
    """Return a copy of a layer whose two passes are those of the layer itself."""
    double = copy.copy(layer)
    for method in ("forward", "backward"):
        if callable(getattr(layer, method, None)):
            setattr(double, method, getattr(layer, method))
    return double


def parameters_given(
    layers: MutableMapping[str, Any], names: Iterable[str], load: Callable[[], Any]
) -> dict[tuple[str, str], Parts]:
    """Return samples of the weight and bias that each layer is given while ``load()`` runs.

    A layer may keep its parameters in any form, so it is the arguments of ``load_param`` that are looked at; a
    submission that sets the attributes itself is asked for those. A bias may lie in a row or not.
    """
    given: dict[tuple[str, str], Parts] = {}
    wanted = list(names)

    def keep(name: str, weight: Any, bias: Any) -> None:
        given[name, "weight"] = Sampled(weight, f"{name} weight").parts()
        given[name, "bias"] = Sampled(np.reshape(bias, -1), f"{name} bias").parts()

    def note(name: str, original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def load_param(weight: Any, bias: Any) -> Any:
            keep(name, weight, bias)
            return original(weight, bias)

        return load_param

    for name in wanted:
        layers[name].load_param = note(name, layers[name].load_param)
    load()
    for name in wanted:
        vars(layers[name]).pop("load_param", None)
        if (name, "weight") not in given:
            keep(name, layers[name].weight, layers[name].bias)
    return given


def as_outputs(given: dict[tuple[str, str], Parts], names: Iterable[str]) -> Parts:
    """Return samples of `parameters_given` as a check's outputs."""
    return {
        f"{name} {parameter}/{part}": array
        for name in names
        for parameter in PARAMETERS
        for part, array in given[name, parameter].items()
    }


def require_names(student: Any, found: Sequence[str], wanted: Sequence[str], place: str) -> None:
    """Require the names of a network's layers in order; say which is the first that differs, and where."""
    for position, (name, expected) in enumerate(zip(found, wanted, strict=False), start=1):
        student.require(
            name == expected,
            "layer {position} of `{place}` is {name}, expected {expected}",
            position=position,
            place=place,
            name=repr(name[:40]),
            expected=repr(expected),
        )
    student.require(
        len(found) == len(wanted),
        "`{place}` has {found} layers, expected {wanted}: {first}, {second}, ..., {last}",
        place=place,
        found=len(found),
        wanted=len(wanted),
        first=wanted[0],
        second=wanted[1],
        last=wanted[-1],
    )
