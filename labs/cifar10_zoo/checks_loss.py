"""Checks of the loss and of Adam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from grader.lab import Case
from grader.lab.layer_cases import normal

from .checks_layers import large_logits, layer_check

STEPS = 3


def course_losses(rng: np.random.Generator) -> Iterable[Case]:
    """Make probabilities of ten classes and labels as CIFAR-10 comes: one in each row."""
    for name, batch in (("a batch of 8", 8), ("one picture", 1)):
        yield loss_case(rng, name, probabilities(rng, batch), False)


def more_losses(rng: np.random.Generator) -> Iterable[Case]:
    """Make probabilities beyond the bounds, logits, and logits for which exp overflows in float32."""
    extreme = probabilities(rng, 4)
    labels = rng.integers(10, size=4).astype(np.int64)
    extreme[0] = 0
    extreme[0, (labels[0] + 1) % 10] = 1
    extreme[1, labels[1]] = 1e-9
    yield loss_case(rng, "probabilities 0 and nearly 0", extreme, False, labels)
    yield loss_case(rng, "logits", normal(rng, 6, 10) * 2, True)
    yield loss_case(rng, "logits near 90", large_logits(rng), True)
    # Whole numbers, so that rounding makes no 1 what is just below it, which lies within the bounds.
    sure = np.eye(10, dtype=np.int64)[[labels[0], labels[1], (labels[2] + 1) % 10]]
    yield loss_case(rng, "probabilities of exactly 0 and 1", sure, False, labels[:3])


def probabilities(rng: np.random.Generator, batch: int) -> np.ndarray:
    """Return (batch, 10) probabilities, float32."""
    powers = np.exp(rng.uniform(-1, 1, (batch, 10)))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def loss_case(
    rng: np.random.Generator, name: str, outputs: np.ndarray, logits: bool, labels: np.ndarray | None = None
) -> Case:
    """Make one case."""
    if labels is None:
        labels = rng.integers(10, size=len(outputs)).astype(np.int64)
    return Case.of(name, from_logits=logits, outputs=outputs, labels=labels.reshape(-1, 1))


def loss_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make both."""
    yield from course_losses(rng)
    yield from (case.beyond() for case in more_losses(rng))


def course_steps(rng: np.random.Generator) -> Iterable[Case]:
    """Make gradients for three steps with Keras' default settings."""
    yield steps_case(rng, "three steps with the defaults", {}, 0.1)


def more_steps(rng: np.random.Generator) -> Iterable[Case]:
    """Make other settings, and gradients so small that epsilon matters."""
    yield steps_case(rng, "other settings", {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.95}, 0.5)
    yield steps_case(rng, "gradients so small that epsilon matters", {"learning_rate": 0.1}, 3e-6)


def steps_case(rng: np.random.Generator, name: str, settings: dict[str, float], size: float) -> Case:
    """Make the first values of two variables and their gradients in every step."""
    gradients = {
        f"gradient {variable} {step}": normal(rng, *shape) * np.float32(size)
        for step in range(1, STEPS + 1)
        for variable, shape in (("kernel", (3, 4)), ("bias", (4,)))
    }
    return Case.of(name, settings=settings, kernel=normal(rng, 3, 4), bias=normal(rng, 4), **gradients)


def adam_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make both."""
    yield from course_steps(rng)
    yield from (case.beyond() for case in more_steps(rng))


def loss_of(student: Any, case: Case) -> tuple[Any, Any]:
    """Return the loss object and its value."""
    loss = student.layers.SparseCategoricalCrossentropy(from_logits=case.from_logits)
    outputs = case.outputs.copy() if case.outputs.dtype.kind == "f" else case.outputs.astype(np.float32)
    return loss, loss(case.labels.copy(), outputs)


@layer_check(tier=60, cases=loss_cases, holes=("loss_forward",))
def loss_forward(student, case):
    """Sparse categorical cross-entropy: the loss of probabilities and of logits."""
    return {"loss": loss_of(student, case)[1]}


@layer_check(tier=80, cases=loss_cases, needs=("loss_forward",), holes=("loss_backward",))
def loss_backward(student, case):
    """Sparse categorical cross-entropy, gradient."""
    loss, _ = loss_of(student, case)
    return {"in_grad": loss.backward()}


@layer_check(tier=80, cases=adam_cases, holes=("adam",))
def adam_steps(student, case):
    """Adam: both variables after each of three steps."""
    optimizer = student.layers.Adam(**case.settings)
    variables = {name: student.tape.Variable(name, case.arrays[name].copy()) for name in ("kernel", "bias")}
    for step in range(1, STEPS + 1):
        optimizer.apply_gradients(
            [(case.arrays[f"gradient {name} {step}"].copy(), variable) for name, variable in variables.items()]
        )
        for name, variable in variables.items():
            student.emit(f"{name} {step}", np.array(variable.value))
