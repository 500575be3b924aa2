"""Calls a layer as a case says: once; after other pictures; or several times on the same ones.

A case with ``earlier_x`` (and ``earlier_out_grad`` for a backward pass) gives the layer these first: what it keeps
of them must not reach the result. A case with ``calls`` repeats the last call; every result is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from grader.lab.checks import Case

Outputs = dict[str, Any]


def forward_outputs(layer: Any, case: Case, name: str = "outputs") -> Outputs:
    """Return what the layer's forward pass gives: ``name``, with the number of the call if there are several."""
    if "earlier_x" in case.arrays:
        layer.forward(case.earlier_x.copy())
    return dict(_named(name, case, lambda: layer.forward(case.x.copy())))


def backward_outputs(layer: Any, case: Case, parameters: Callable[[], Outputs] | None = None) -> Outputs:
    """Return the gradient of the input after a forward pass, and those of ``parameters()`` after it.

    With ``earlier_x`` there is a whole pass on that before, and the backward pass itself is run twice; the second
    one is compared.
    """
    twice = "earlier_x" in case.arrays
    if twice:
        layer.forward(case.earlier_x.copy())
        layer.backward(case.earlier_out_grad.copy())
    layer.forward(case.x.copy())
    if twice:
        layer.backward(case.out_grad.copy())
    found = dict(_named("in_grad", case, lambda: layer.backward(case.out_grad.copy())))
    return found | (parameters() if parameters is not None else {})


def _named(name: str, case: Case, call: Callable[[], Any]) -> Iterator[tuple[str, Any]]:
    calls = int(case.config.get("calls", 1))
    for number in range(1, calls + 1):
        # A layer may write its next result into the same array.
        result = call()
        kept = result.copy() if isinstance(result, np.ndarray) else result
        # Large arrays have names of their own, so that their rounding widens no other array's tolerance.
        yield (name if calls == 1 else f"{name}, call {number}"), kept
