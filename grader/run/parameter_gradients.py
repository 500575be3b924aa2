"""Compares the gradients of parameters that a backward check returns with central differences of its forward pass.

`grader.run.properties` does so for the input. For the others it is publishing that has to know: a slip that the
reference and all variants share, such as a doubled gradient of the bias, is a slip of every expected value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grader.lab.checks import Case, Check
from grader.language.message import Message, sentence
from grader.run.properties import PropertyResult, gradients_of, is_worse, layers, nothing_to_compare
from grader.run.property_rules import EXACT_DIFFERENCES, GRADIENT, DidNotRun, Layer, Probe, along_directions, wide
from grader.run.session import Running

# Array of a case with what was in a gradient before: a submission adds to it, and differences know nothing of it.
EARLIER = "earlier_"


@dataclass
class _Worst:
    """What was found so far for one output of one layer."""

    error: float = 0.0
    bound: float = EXACT_DIFFERENCES[1]
    cases: int = 0
    case: str = ""
    skipped: int = 0
    message: Message | str = ""


def parameter_gradients(
    session: Running, checks: Mapping[str, Check], cases: Mapping[str, Sequence[Case]]
) -> list[PropertyResult]:
    """Return, for each gradient that a backward check returns besides that of the input, how far it is from
    central differences over all cases that have it. The name of the layer says which output it is."""
    found = []
    for layer in layers(checks):
        if layer.backward is None:
            continue
        worst: dict[str, _Worst] = {}
        for number, case in enumerate(cases.get(layer.forward.id, ())):
            rng = np.random.Generator(np.random.Philox(key=number))
            _one_case(Probe(session, layer, case), layer, rng, worst)
        found += [_result(f"{layer.name}, {output}", item) for output, item in worst.items()]
    return found


def _result(name: str, item: _Worst) -> PropertyResult:
    if not item.cases and item.skipped and not item.message:
        item.error, item.message = float("nan"), nothing_to_compare(name)
    return PropertyResult(name, GRADIENT, item.error, item.bound, item.cases, item.case, item.skipped, item.message)


def _one_case(probe: Probe, layer: Layer, rng: np.random.Generator, worst: dict[str, _Worst]) -> None:
    assert layer.backward is not None
    wanted = {
        output: array
        for output, array in gradients_of(layer.backward, probe.case).items()
        if array != probe.input_name
    }
    wanted = {output: array for output, array in wanted.items() if array in probe.case.arrays}
    if not wanted:
        return
    arrays = {name: wide(array) for name, array in probe.case.arrays.items()}
    outcome = probe.session.run(layer.backward, replace(probe.case, arrays=arrays))
    for output, array in wanted.items():
        if outcome.verdict is None and output not in outcome.outputs:
            continue
        item = worst.setdefault(output, _Worst())
        if item.message:
            continue
        if outcome.verdict is not None:
            item.error, item.message = float("nan"), sentence("{check} did not return", check=layer.backward.id)
            continue
        earlier = arrays.get(EARLIER + output)
        given = wide(np.asarray(outcome.outputs[output])) - (0.0 if earlier is None else earlier)
        _compare(probe, array, given, rng, item)


def _compare(probe: Probe, array: str, given: np.ndarray, rng: np.random.Generator, item: _Worst) -> None:
    if given.size != probe.array(array).size:
        item.error = float("nan")
        item.message = sentence("it has another size than `{array}`", array=array)
        return
    skipped: list[int] = []
    try:
        found = list(along_directions(probe, array, given.reshape(probe.array(array).shape), rng, skipped=skipped))
    except DidNotRun as error:
        item.error, item.message = float("nan"), error.message
        return
    item.skipped += len(skipped)
    item.cases += bool(found)
    for one in found:
        if is_worse(one, (item.error, item.bound)):
            (item.error, item.bound), item.case = one, probe.case.name
