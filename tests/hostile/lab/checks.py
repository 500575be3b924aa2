"""Three checks in two groups; the last one is timed and calls the same layer twice, on fresh inputs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from grader.lab import Case, check


def _case(rng: np.random.Generator, name: str, batch: int, rows: int, columns: int) -> Case:
    inputs = rng.standard_normal((batch, 3, rows, columns)).astype(np.float32)
    return Case.of(
        name,
        inputs=inputs,
        again=rng.standard_normal(inputs.shape).astype(np.float32),
        weight=rng.standard_normal((4, 3, 3, 3)).astype(np.float32),
        bias=rng.standard_normal(4).astype(np.float32),
        grad_output=rng.standard_normal((batch, 4, rows - 2, columns - 2)).astype(np.float32),
    )


def cases(rng: np.random.Generator) -> Iterable[Case]:
    """Two cases of equal shapes, so that an answer remembered by its shape is caught, and another one."""
    yield _case(rng, "small", 2, 8, 9)
    yield _case(rng, "the same sizes again", 2, 8, 9)
    yield _case(rng, "one sample", 1, 12, 7)


@check(tier=60, cases=cases, holes=["forward"], files=["layer.py"], group="forward")
def forward(student, case):
    """Forward pass."""
    return {"outputs": student.layer.Layer(case.weight, case.bias).forward(case.inputs)}


@check(tier=80, cases=cases, holes=["backward"], files=["layer.py"], group="both")
def backward(student, case):
    """Backward pass."""
    layer = student.layer.Layer(case.weight, case.bias)
    layer.forward(case.inputs)
    return {"grad_input": layer.backward(case.grad_output), "grad_weight": layer.grad_weight}


@check(tier=100, cases=cases, holes=["forward"], files=["layer.py"], group="both")
def repeated(student, case):
    """Two forward passes of one layer."""
    layer = student.layer.Layer(case.weight, case.bias)
    student.emit("first", layer.forward(case.inputs))
    student.emit("second", layer.forward(case.again))
