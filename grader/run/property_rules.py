"""The properties that can be asked of a layer, and what they run it on: scaled, added, shifted inputs.

Each yields pairs of an error and its bound, both relative to the largest magnitude.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from grader.lab.checks import CHANNELS_LAST, LAYOUT, Case, Check
from grader.language.message import Message, sentence
from grader.language.translation import marked
from grader.run.session import Running
from grader.verdicts import WORDS

GRADIENT = marked("gradient by differences")
# Relative to the largest magnitude. A submission may compute in float32 whatever it is given; a property that does
# not hold is missed by far more.
BOUND = 2e-5
BOUND_OF_HALF_PRECISION = 2e-2
# Central differences: step, bound, and by how much a derivative may change, relative to the gradient's length,
# while a step is gone: more is a kink. For layers that compute in float64, and for those that compute in float32.
EXACT_DIFFERENCES = (1e-5, 1e-6, 1e-3)
ROUGH_DIFFERENCES = (1e-2, 2e-2, 2e-2)
INVISIBLE = 1e-11
DIRECTIONS = 3
SHARE_OF_ENTRIES = 0.5


class DidNotRun(Exception):
    """A check did not return; properties of the layer cannot be tested."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class Layer:
    """The two checks of a layer."""

    name: str
    forward: Check
    backward: Check | None


@dataclass(frozen=True)
class Probe:
    """Runs a layer on changed inputs. All arrays of fractions are float64."""

    session: Running
    layer: Layer
    case: Case

    @property
    def input_name(self) -> str:
        """Name of the array that is the layer's input."""
        return next(iter(self.case.arrays))

    @property
    def inputs(self) -> np.ndarray:
        """The layer's input, float64."""
        return np.asarray(self.case.arrays[self.input_name].astype(np.float64))

    def array(self, name: str) -> np.ndarray:
        """Return another array of the case."""
        return np.asarray(self.case.arrays[name])

    def forward(self, inputs: np.ndarray | None = None, **arrays: np.ndarray) -> np.ndarray:
        """Return the output."""
        return self._run(self.layer.forward, inputs, arrays)

    def backward(self, inputs: np.ndarray | None = None, **arrays: np.ndarray) -> np.ndarray:
        """Return the gradient of the input."""
        if self.layer.backward is None:
            raise DidNotRun(sentence("there is no backward check"))
        return self._run(self.layer.backward, inputs, arrays)

    def _run(self, check: Check, inputs: np.ndarray | None, changed: Mapping[str, np.ndarray]) -> np.ndarray:
        arrays = {name: wide(array) for name, array in self.case.arrays.items()}
        arrays[self.input_name] = wide(self.inputs if inputs is None else inputs)
        arrays.update({name: wide(array) for name, array in changed.items()})
        outcome = self.session.run(check, replace(self.case, arrays=arrays))
        if outcome.verdict is not None:
            ended = sentence("{check}: {verdict}", check=check.id, verdict=Message(WORDS[outcome.verdict]))
            said = sentence("{what}: {why}", what=ended, why=outcome.message) if outcome.message else ended
            raise DidNotRun(said)
        return np.asarray(next(iter(outcome.outputs.values())))

    @property
    def channel_axis(self) -> int:
        """Axis of the channels of pictures."""
        return -1 if self.case.config.get(LAYOUT) == CHANNELS_LAST else 1

    @property
    def grid(self) -> tuple[int, int]:
        """Axes of the rows and columns of pictures."""
        return (1, 2) if self.case.config.get(LAYOUT) == CHANNELS_LAST else (2, 3)

    def has(self, *names: str) -> bool:
        """Whether the case has these arrays or settings."""
        return all(name in self.case.arrays or name in self.case.config for name in names)


Property = Callable[[Probe, np.random.Generator], "Iterator[tuple[float, float]]"]


def wide(array: np.ndarray) -> np.ndarray:
    """Return fractions as float64, anything else unchanged."""
    return np.ascontiguousarray(array, dtype=np.float64 if array.dtype.kind == "f" else array.dtype)


def bound_for(*arrays: np.ndarray) -> float:
    """Return the bound for results of this precision."""
    halves = any(array.dtype.kind == "f" and array.dtype.itemsize == 2 for array in arrays)
    return BOUND_OF_HALF_PRECISION if halves else BOUND


def difference(actual: np.ndarray, expected: np.ndarray) -> tuple[float, float]:
    """Return (error relative to the largest magnitude, bound)."""
    if actual.shape != expected.shape:
        return float("inf"), 0.0
    scale = float(np.abs(expected).max(initial=0.0)) or 1.0
    error = float(np.abs(actual.astype(np.float64) - expected).max(initial=0.0)) / scale
    return error, bound_for(actual, expected)


def linear_in_input(probe: Probe, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """f(a x1 + b x2) = a f(x1) + b f(x2) without bias."""
    if probe.has("weight", "bias"):
        bias = np.zeros_like(probe.array("bias"))
        first, second = probe.inputs, rng.standard_normal(probe.inputs.shape)
        mixed = probe.forward(2.0 * first - 3.0 * second, bias=bias)
        apart = 2.0 * wide(probe.forward(first, bias=bias)) - 3.0 * wide(probe.forward(second, bias=bias))
        yield difference(mixed, apart.astype(mixed.dtype))


def linear_in_weight(probe: Probe, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """f(x; w1 + w2) = f(x; w1) + f(x; w2) without bias."""
    if probe.has("weight", "bias"):
        bias = np.zeros_like(probe.array("bias"))
        first = probe.array("weight").astype(np.float64)
        second = rng.standard_normal(first.shape)
        mixed = probe.forward(weight=first + second, bias=bias)
        apart = wide(probe.forward(weight=first, bias=bias)) + wide(probe.forward(weight=second, bias=bias))
        yield difference(mixed, apart.astype(mixed.dtype))


def bias_once(probe: Probe, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """f(x; w, b) - f(x; w, 0) = b in every entry of its channel."""
    if probe.has("weight", "bias"):
        bias = rng.standard_normal(probe.array("bias").shape)
        plain = probe.forward(bias=np.zeros_like(bias))
        shape = [1] * plain.ndim
        shape[probe.channel_axis if plain.ndim == 4 else 1] = -1
        shifted = probe.forward(bias=bias)
        yield difference(shifted, (wide(plain) + bias.reshape(shape)).astype(shifted.dtype))


def adjoint(probe: Probe, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """<f(x), y> = <x, backward(y)> without bias."""
    if probe.layer.backward is not None and probe.has("weight", "bias", "out_grad"):
        bias = np.zeros_like(probe.array("bias"))
        inputs = rng.standard_normal(probe.inputs.shape)
        outputs = probe.forward(inputs, bias=bias)
        out_grad = rng.standard_normal(outputs.shape)
        in_grad = probe.backward(inputs, bias=bias, out_grad=out_grad)
        if in_grad.shape != inputs.shape:
            yield float("inf"), 0.0
            return
        left, right = float((wide(outputs) * out_grad).sum()), float((wide(in_grad) * inputs).sum())
        scale = float(np.linalg.norm(wide(outputs)) * np.linalg.norm(out_grad)) or 1.0
        yield abs(left - right) / scale, bound_for(outputs, in_grad)


def shift_equivariant(probe: Probe, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Shifting the input by one stride shifts the output by one entry, away from the border."""
    if not probe.has("k", "stride") or probe.inputs.ndim != 4:
        return
    stride, size = int(probe.case.config["stride"]), int(probe.case.config["k"])
    padding = int(probe.case.config.get("padding", 0))
    inputs = probe.inputs
    outputs = probe.forward(inputs)
    for axis in probe.grid:
        length = inputs.shape[axis]
        first = -(-padding // stride)
        last = (length - size + padding) // stride - 1
        if last < first:
            continue
        shifted = probe.forward(np.roll(inputs, stride, axis=axis))
        before = outputs.take(range(first, last + 1), axis=axis)
        yield difference(shifted.take(range(first + 1, last + 2), axis=axis), before)


def samples_independent(probe: Probe, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Each sample alone gives the same as in a batch, where the output is to have an entry for each sample."""
    inputs = probe.inputs
    if "labels" in probe.case.arrays or len(inputs) < 2:
        return
    if probe.has("out_grad") and len(probe.array("out_grad")) != len(inputs):
        return
    outputs = probe.forward(inputs)
    for number in range(len(inputs)):
        yield difference(probe.forward(inputs[number : number + 1]), outputs[number : number + 1])


def maximum_moves_along(probe: Probe, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """A maximum grows with what is added to all inputs, and with a positive factor."""
    if "max" in probe.layer.name and probe.has("k"):
        outputs = probe.forward()
        moved = probe.forward(3.0 * probe.inputs - 7.0)
        yield difference(moved, (3.0 * wide(outputs) - 7.0).astype(moved.dtype))


def maximum_keeps_gradient(probe: Probe, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """The gradient of a maximum goes somewhere as a whole: sums over each channel are equal."""
    if "max" in probe.layer.name and probe.layer.backward is not None and probe.has("k", "out_grad"):
        arriving = wide(probe.array("out_grad")).sum(axis=probe.grid)
        in_grad = probe.backward()
        yield difference(wide(in_grad).sum(axis=probe.grid).astype(in_grad.dtype), arriving)


def gradient(
    probe: Probe, rng: np.random.Generator, skipped: list[int] | None = None
) -> Iterator[tuple[float, float]]:
    """The gradient of the input against central differences, in directions of a few entries each."""
    if probe.layer.backward is None:
        return
    in_grad = wide(probe.backward(probe.inputs))
    if in_grad.shape != probe.inputs.shape:
        yield float("inf"), 0.0
        return
    yield from along_directions(probe, probe.input_name, in_grad, rng, SHARE_OF_ENTRIES, skipped)


def along_directions(
    probe: Probe,
    name: str,
    given: np.ndarray,
    rng: np.random.Generator,
    share: float = 1.0,
    skipped: list[int] | None = None,
) -> Iterator[tuple[float, float]]:
    """<given, d> = (<f(p + e d), g> - <f(p - e d), g>) / 2e for random directions d of the array p called ``name``.

    ``share`` is how many of its entries a direction moves. A direction along which the two one-sided differences
    disagree crosses a kink: it is left out, and noted in ``skipped``.
    """
    value = np.asarray(probe.array(name).astype(np.float64))
    outputs = probe.forward(**{name: value})
    arriving = wide(probe.array("out_grad")) if probe.has("out_grad") else np.ones(outputs.shape)
    middle = float((wide(outputs) * arriving).sum())

    def along(direction: np.ndarray, distance: float) -> float:
        return float((wide(probe.forward(**{name: value + distance * direction})) * arriving).sum())

    # A change that float32 cannot see: an output that stays the same was computed with float32 inside.
    exact = not np.array_equal(probe.forward(**{name: value * (1 + INVISIBLE)}), outputs)
    step, bound, kink = EXACT_DIFFERENCES if exact else ROUGH_DIFFERENCES
    scale = float(np.linalg.norm(given)) * share**0.5 or 1.0
    for _ in range(DIRECTIONS):
        direction = rng.standard_normal(value.shape)
        if share < 1:
            direction = direction * (rng.random(value.shape) < share)
        ahead, behind = along(direction, step), along(direction, -step)
        # What is no number lies across no kink; it agrees with nothing.
        if not abs((ahead - middle) - (middle - behind)) / step / scale > kink:
            yield abs((ahead - behind) / (2 * step) - float((given * direction).sum())) / scale, bound
        elif skipped is not None:
            skipped.append(1)


PROPERTIES: dict[str, Property] = {
    marked("linear in the input"): linear_in_input,
    marked("linear in the weight"): linear_in_weight,
    marked("bias added once"): bias_once,
    marked("adjoint"): adjoint,
    marked("equivariant to shifts"): shift_equivariant,
    marked("samples independent"): samples_independent,
    marked("maximum moves along"): maximum_moves_along,
    marked("maximum keeps the gradient"): maximum_keeps_gradient,
    GRADIENT: gradient,
}
