"""Where a network first goes wrong: the first layer whose output differs though its input was right.

Parameters, and their gradients, have names of two words and are no layers.

Layers send ``<layer>/shape``, ``<layer>/stats`` and ``<layer>/values``, in the order in which they ran. All layers
before the first that differs are right, so that layer was given the reference's input, up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grader.compare import Finding, spread, spread_allowed
from grader.explain.case_run import CaseRun
from grader.lab.checks import Check
from grader.language.translation import _, joined, listed, ngettext

MAX_NAMED_PARAMETERS = 4
# How the ids of checks end that compare a network's layers and their settings with what the lab demands.
BUILD = "_build"
# Words in the ids of checks of losses.
LOSSES = ("loss", "cross_entropy")
STATISTICS_TOLERANCE = 1e-6
JUMP = 10.0


@dataclass(frozen=True)
class Divergence:
    """The first layer that differs.

    Attributes
    ----------
    layer : its name; empty if all layers are right and only what is made of them is wrong.
    before : number of layers before it, all right.
    what : ``missing``, ``shape``, ``values``, or ``after`` if no layer differs.
    given_right : whether what it was given is far nearer to what is required than what it returned.
    """

    layer: str
    before: int
    what: str
    given_right: bool = True


def first_divergence(run: CaseRun) -> Divergence | None:
    """Return where the layers of a network first differ; None if the outputs are not those of layers."""
    layers = list(dict.fromkeys(name.split("/")[0] for name in run.recorded.expected if _is_of_layer(name)))
    if len(layers) < 3:
        return None
    wrong = {finding.output: finding for finding in run.findings}
    for number, layer in enumerate(layers):
        parts = [wrong[name] for name in (f"{layer}/shape", f"{layer}/stats", f"{layer}/values") if name in wrong]
        if not parts:
            continue
        kind = "shape" if f"{layer}/shape" in wrong or parts[0].kind == "shape" else "values"
        if any(part.kind == "missing" for part in parts):
            kind = "missing"
        return Divergence(layer, number, kind, _is_jump(run, layers[:number], parts))
    return Divergence("", len(layers), "after")


def _is_of_layer(output: str) -> bool:
    """Whether an output is what a layer returned; those of parameters have two words, such as ``conv1 weight``."""
    return "/" in output and " " not in output.split("/")[0]


def _is_jump(run: CaseRun, before: Sequence[str], wrong: Sequence[Finding]) -> bool:
    """Whether the error of a layer, in units of what is allowed, is far larger than that of any layer before it.

    An error that grows slowly from layer to layer exceeds what is allowed somewhere, and that place means nothing.
    """
    found = [finding.error / finding.allowed for finding in wrong if finding.allowed > 0]
    if not found:
        return True
    earlier = 0.0
    for name, expected in run.recorded.expected.items():
        actual = run.output(name)
        if name.split("/")[0] not in before or expected.dtype.kind != "f" or actual is None:
            continue
        tolerance = run.recorded.tolerances[name]
        allowed = spread_allowed(expected, tolerance)
        if allowed > 0:
            earlier = max(earlier, spread(expected, actual, tolerance.metric) / allowed)
    return max(found) >= JUMP * earlier


def describe_divergence(found: Divergence, backward: bool) -> str:
    """Say in one or two sentences where the network goes wrong, and what that rules out."""
    if found.what == "after":
        return _(
            "The outputs of all layers are right; what is returned in the end is not. Look at what happens after "
            "the last layer."
        )
    sentences = []
    if found.before:
        sentences.append(
            ngettext(
                "One layer is right, in the order in which they run.",
                "{count} layers are right, in the order in which they run.",
                found.before,
            )
        )
        layer = _("The next one, `{layer}`,", layer=found.layer)
    elif backward:
        layer = _("`{layer}`, the first to run backward,", layer=found.layer)
    else:
        layer = _("`{layer}`, the first to run,", layer=found.layer)
    if found.what == "missing":
        what = _("{layer} was not run, or returned nothing.", layer=layer)
    elif found.what == "shape" and backward:
        what = _("{layer} returns gradients of another shape.", layer=layer)
    elif found.what == "shape":
        what = _("{layer} returns outputs of another shape.", layer=layer)
    elif not found.given_right and backward:
        what = _("{layer} is the first whose gradient differs by more than is allowed.", layer=layer)
    elif not found.given_right:
        what = _("{layer} is the first whose output differs by more than is allowed.", layer=layer)
    elif backward:
        what = _("{layer} returns a wrong gradient, although what it is given is right.", layer=layer)
    else:
        what = _("{layer} returns a wrong output, although what it is given is right.", layer=layer)
    return joined([*sentences, what])


def is_of_network(run: CaseRun) -> bool:
    """Whether a run returned what the layers or the parameters of a network did."""
    return run.outcome.verdict is None and any("/" in name for name in run.recorded.expected)


def builds_on(check: Check, other: Check) -> bool:
    """Whether ``other`` is of a single layer, in the direction of ``check``, or of the settings of all.

    A loss is no layer of the network: what a layer returns does not rest on it.
    """
    way = "backward" if "backward" in check.id else "forward"
    if other.id == check.id or any(word in other.id for word in LOSSES):
        return False
    return other.id.endswith(BUILD) or (other.id.endswith(way) and not other.slow)


def in_network(check: Check, run: CaseRun, failed: Sequence[str] = ()) -> Iterator[str]:
    """Name the first layer that differs, or the parameters and steps that do.

    ``failed`` are the titles of checks that this one builds on (`builds_on`) and that did not pass: what they say
    comes first.
    """
    if not is_of_network(run):
        return
    found = first_divergence(run)
    if found is not None and found.layer:
        if failed:
            yield _("What the network is made of is not right yet: see {checks} first.", checks=listed(failed))
            return
        yield describe_divergence(found, backward="backward" in check.id)
        if found.given_right and check.needs:
            yield _(
                "This kind of layer and the parameters have checks of their own. If those pass, look at how the "
                "network hands arrays to `{layer}`, and at the settings it was built with.",
                layer=found.layer,
            )
        return
    if any(" " in name for name in _wrong_parts(run)):
        yield from _parameters(check, run)
    elif found is not None:
        yield describe_divergence(found, backward="backward" in check.id)


def _wrong_parts(run: CaseRun) -> list[str]:
    """Return what stands before the ``/`` in the names of wrong outputs, in order."""
    return list(dict.fromkeys(finding.output.split("/")[0] for finding in run.findings if "/" in finding.output))


def _parameters(check: Check, run: CaseRun) -> Iterator[str]:
    exchanged = exchanged_parameters(run)
    for name, source in exchanged[:MAX_NAMED_PARAMETERS]:
        yield _("The {name} holds the values of the {source}.", name=name, source=source)
    if not exchanged:
        wrong = [name for name in _wrong_parts(run) if " " in name]
        names = wrong[:MAX_NAMED_PARAMETERS]
        if len(wrong) > len(names):
            names.append(_("{count} more", count=len(wrong) - len(names)))
        if "load" in check.id:
            yield _("Wrong after loading: {names}.", names=listed(names))
        else:
            yield _("Wrong: {names}.", names=listed(names))


def exchanged_parameters(run: CaseRun) -> list[tuple[str, str]]:
    """Return (parameter, the one whose values it holds) for parameters that were loaded from another's place.

    Both are recognised by their four statistics, which are exact for the same numbers.
    """
    known = {
        name[: -len("/stats")]: array for name, array in run.recorded.expected.items() if name.endswith("/stats")
    }
    pairs = []
    for finding in run.findings:
        name, _slash, part = finding.output.rpartition("/")
        seen = run.output(f"{name}/stats")
        if part != "stats" or seen is None or name not in known:
            continue
        source = _same_statistics(seen, known, name)
        if source:
            pairs.append((name, source))
    return pairs


def _same_statistics(seen: np.ndarray, known: Mapping[str, np.ndarray], own: str) -> str:
    for other, array in known.items():
        if other != own and array.shape == seen.shape:
            scale = float(np.abs(array).max()) or 1.0
            if (np.abs(array - seen) <= STATISTICS_TOLERANCE * scale).all():
                return other
    return ""
