"""Watches a submission's network at work, for labs whose networks keep their layers in a dict by name.

Like `grader.lab.checks`, this module runs inside the jail, beside the submission, and needs nothing but NumPy.
"""

from __future__ import annotations

import inspect
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from functools import partial
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

    def observed(name: str) -> Callable[..., Any]:
        original = methods[name]

        def call(*args: Any, **kwargs: Any) -> Any:
            value = original(*args, **kwargs)
            emit(name.lower(), Sampled(value, name.lower()))
            return value if after is None else after(name, value)

        return call

    if in_place:
        with replaced_methods({name: (originals[name], method, observed(name)) for name in originals}):
            yield
        return
    for name, layer in originals.items():
        layers[name] = Double(layer, {method: observed(name)})
    try:
        yield
    finally:
        layers.update(originals)


def send_layers(
    student: Any,
    layers: Sequence[tuple[str, Any]],
    run: Callable[[], Any],
    cost: Callable[[Any, np.ndarray], tuple[int, int]],
) -> None:
    """Run a network twice, and send ``NAME/shape`` of what each layer returns, and ``costs``.

    What is sent serves ``summary``. ``costs`` has a row for each call, in their order: what ``cost(layer, output)``
    returns, parameters and the multiply-adds of one picture, and the nanoseconds of the second run.
    """
    calls: list[tuple[str, Any, np.ndarray, int]] = []

    def seen(name: str, layer: Any) -> Callable[..., Any]:
        forward = layer.forward

        def call(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter_ns()
            value = forward(*args, **kwargs)
            calls.append((name, layer, value, time.perf_counter_ns() - began))
            return value

        return call

    with replaced_methods({name: (layer, "forward", seen(name, layer)) for name, layer in layers}):
        run()
        calls.clear()
        run()
    costs, times = [], Counter[str]()
    for name, layer, value, taken_ns in calls:
        times[name] += 1
        parameters, work = cost(layer, np.asarray(value))
        # Parameters that are used again are the same ones.
        costs.append((parameters if times[name] == 1 else 0, work, taken_ns))
        unlike = name if times[name] == 1 else f"{name} (call {times[name]})"
        student.emit(f"{unlike}/shape", np.array(np.shape(value)))
    student.emit("costs", np.array(costs, np.int64).reshape(-1, 3))


class Returned:
    """What layers returned, as it was then: layers may share a buffer, which the next one writes over."""

    def __init__(self) -> None:
        self.arrays: list[tuple[Any, Any]] = []

    def note(self, _name: str, value: Any) -> Any:
        """Keep a copy of what a layer returns, and pass it on."""
        if isinstance(value, np.ndarray):
            self.arrays.append((value, value.copy()))
        return value

    def at_first(self, array: Any) -> Any:
        """Return an array as it was when a layer returned it; any other as it is."""
        return next((copy for value, copy in self.arrays if value is array), array)


class DeadWindows:
    """Leaves out, of a pooling's gradient, what the ReLU before it makes 0 again.

    Where ReLU has made a whole window 0, all its entries are equal maxima, and which of them gets the gradient is
    left open; it ends in that ReLU whoever gets it. `note` looks at the forward pass, `sent` at the backward one.
    """

    def __init__(self, is_pooling: Callable[[str], bool]) -> None:
        self.is_pooling = is_pooling
        self.passes: dict[str, np.ndarray] = {}
        self._above: np.ndarray | None = None

    def note(self, name: str, value: Any) -> Any:
        """Keep where the output of the layer before a pooling is not 0, and pass the value on."""
        if self.is_pooling(name) and self._above is not None:
            self.passes[name.lower()] = self._above
        is_array = isinstance(value, np.ndarray) and value.dtype.kind in "fiub"
        self._above = value != 0 if is_array else None
        return value

    def sent(self, emit: Emit) -> Emit:
        """Return an ``emit`` for gradients, without those of a pooling that end in the ReLU before it."""

        def send(name: str, value: Any) -> None:
            passes = self.passes.get(name)
            if isinstance(value, Sampled) and passes is not None and np.shape(value.value) == passes.shape:
                value = Sampled(np.where(passes, value.value, 0), value.name)
            emit(name, value)

        return send


class Double:
    """Stands for a layer, of whose methods some are replaced; everything else is the layer's own.

    It works for whatever a layer is: with ``__slots__``, or with methods that are properties.
    """

    def __init__(self, layer: Any, methods: Mapping[str, Callable[..., Any]]) -> None:
        object.__setattr__(self, "_double_of", layer)
        object.__setattr__(self, "_methods", dict(methods))

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # type: ignore[override]
        return type(self._double_of)

    def __getattr__(self, name: str) -> Any:
        methods = object.__getattribute__(self, "_methods")
        return methods[name] if name in methods else getattr(object.__getattribute__(self, "_double_of"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._double_of, name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return type(self._double_of).__call__(self, *args, **kwargs)


@contextmanager
def replaced_methods(wanted: Mapping[str, tuple[Any, str, Callable[..., Any]]]) -> Iterator[None]:
    """Let methods of objects be others for a while: ``name: (object, method, replacement)``.

    An object that takes no such attribute has it replaced in its class, for itself alone.
    """
    undo: list[Callable[[], None]] = []
    of_class: dict[tuple[type, str], dict[int, Callable[..., Any]]] = {}
    try:
        for target, method, replacement in wanted.values():
            own = method in getattr(target, "__dict__", {})
            before = getattr(target, "__dict__", {}).get(method)
            try:
                setattr(target, method, replacement)
            except AttributeError:
                key = (type(target), method)
                if key not in of_class:
                    of_class[key] = {}
                    undo.append(_class_replaced(type(target), method, of_class[key]))
                of_class[key][id(target)] = replacement
            else:
                undo.append(partial(setattr, target, method, before) if own else partial(delattr, target, method))
        yield
    finally:
        for step in reversed(undo):
            step()


def _class_replaced(kind: type, method: str, table: Mapping[int, Callable[..., Any]]) -> Callable[[], None]:
    """Replace a method of a class by one that looks its objects up in ``table``; return what undoes that."""
    original = inspect.getattr_static(kind, method)
    own = method in vars(kind)

    def dispatch(self: Any) -> Any:
        return table[id(self)] if id(self) in table else original.__get__(self, type(self))

    setattr(kind, method, property(dispatch))
    return partial(setattr, kind, method, original) if own else partial(delattr, kind, method)


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

    with replaced_methods(
        {name: (layers[name], "load_param", note(name, layers[name].load_param)) for name in wanted}
    ):
        load()
    for name in wanted:
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


def require_settings(student: Any, layer: Any, name: str, settings: Mapping[str, Any]) -> None:
    """Require the settings of a layer, such as its stride, where it has attributes of these names."""
    for setting, value in settings.items():
        found = getattr(layer, setting, value)
        student.require(
            found == value,
            "{name} has {setting} {found}, expected {value}",
            name=name,
            setting=setting,
            found=found,
            value=value,
        )
