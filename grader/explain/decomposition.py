"""Finds which terms of a convolution or a fully connected layer a submission added up, and which it did not.

A rule (`grader.explain.convolution_rules`) is told only if the submission's own output follows from it in every
case, wrong or right. Where none fits, least squares over the terms of each channel and tap says which were added.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np

from grader.compare import Finding
from grader.explain import linear_rules
from grader.explain.calls import EARLIER, once_named
from grader.explain.case_run import CaseRun
from grader.explain.comparison import Comparison, one_or_other
from grader.explain.convolution_rules import ALSO, FLATTENED_BY, Rules, pairs
from grader.explain.gradient_rules import RULES
from grader.explain.linear_rules import Products, inputs_left_out, left_out_text, products_of
from grader.explain.linear_terms import Geometry, Terms, convolved, kernels_of
from grader.explain.patterns import comparison
from grader.explain.single_maps import with_channels
from grader.language.translation import _, joined, listed

# Products in the sums of one case; what is larger takes too long to be tried with every rule.
MAX_PRODUCTS = 1 << 20
# Outputs that labs name otherwise.
KINDS = {"d_kernel": "d_weight"}
# What two roundings may differ by, in units of what is allowed.
SLACK = 4.0
WHOLE = 1e-3
MAX_NAMED_TERMS = 4
# Of cases that cannot all be taken apart, so many have to agree, and such a share of them.
MIN_CASES, MIN_SHARE = 4, 0.75
# Of arrays that are too large, so many channels of the output are looked at.
KEPT_CHANNELS = 2


def terms_of(run: CaseRun, output: str) -> Terms | None:
    """Return the terms of a case; None if it is no convolution whose right result these terms give."""
    view = compared(run, output)
    if view is None or not _is_convolution(run):
        return None
    case = run.recorded.case
    pictures, raw = view.inputs["x"].astype(np.float64), case.arrays["weight"].astype(np.float64)
    gradient = view.inputs.get("out_grad", np.zeros((0, 0, 0, 0))).astype(np.float64)
    geometry = Geometry.of(case.config, *pictures.shape[2:])
    if geometry is None:
        return None
    none = np.zeros(0)
    for bias in (case.arrays.get("bias", none).astype(np.float64).reshape(-1), none):
        for order, kernel in kernels_of(raw).items():
            fits = kernel.shape[1:] == (pictures.shape[1], *geometry.kernel)
            if not fits or (bias.size and len(bias) != len(kernel)):
                continue
            found = _cut(Terms(view, geometry, order, kernel, bias, pictures, gradient, raw, bias))
            if found is not None and _is_right(found):
                return found
    return None


def _cut(terms: Terms) -> Terms | None:
    """Return terms that can be tried with every rule: of large arrays those of the first channels of the output.

    A rule that needs all of these channels then fits less, never more. None if they are still too many.
    """
    view = terms.view
    if _products(terms) <= MAX_PRODUCTS:
        return terms
    axis = {"outputs": 0, "in_grad": 1}.get(view.output)
    if axis is None:
        return None
    first = np.s_[:, :KEPT_CHANNELS]
    cut = replace(
        terms,
        view=replace(view, expected=view.expected[first], actual=view.actual[first]),
        kernel=terms.kernel[:KEPT_CHANNELS] if axis == 0 else terms.kernel[first],
        bias=terms.bias[:KEPT_CHANNELS] if axis == 0 else terms.bias,
        pictures=terms.pictures if axis == 0 else terms.pictures[first],
        cut_axis=axis,
    )
    return cut if _products(cut) <= MAX_PRODUCTS else None


def _products(terms: Terms) -> int:
    """Return how many products the sums of an output have."""
    return terms.pictures[:, 0].size * terms.kernel.size


def compared(run: CaseRun, output: str) -> Comparison | None:
    """Return an output of a case (of several calls the first one's) without what earlier gradients add to it."""
    kind = KINDS.get(output, output)
    called = [name for name in run.recorded.expected if once_named(name) == output]
    view = comparison(run, Finding(called[0], "values")) if called else None
    if view is None:
        return None
    earlier = view.inputs.get(f"{EARLIER}{output}")
    if earlier is None or earlier.shape != view.expected.shape:
        return replace(view, output=kind)
    return replace(view, output=kind, expected=view.expected - earlier, actual=view.actual - earlier)


def _is_convolution(run: CaseRun) -> bool:
    arrays = run.recorded.case.arrays
    has_both = {"x", "weight"} <= set(arrays)
    return has_both and arrays["weight"].ndim == 4 and arrays["x"].ndim == 4 and len(arrays["x"]) > 0


def _is_right(terms: Terms) -> bool:
    """Whether the right rule gives the expected result."""
    expected = terms.view.expected
    if terms.view.output in ("in_grad", "d_weight", "d_bias") and terms.gradient.shape[1:2] != (len(terms.kernel),):
        return False
    _text, right = next(iter(RULES[terms.view.output](terms).values()))
    return right.shape == expected.shape and bool((np.abs(right - expected) <= SLACK * terms.view.allowed).all())


def by_terms(runs: Sequence[CaseRun]) -> str:
    """Return which terms a layer adds up, if that explains what it returned in every case; else nothing.

    Where several outputs are wrong, each is told by itself, with its name before what is said of it.
    """
    runs = [with_channels(run) for run in runs]
    failing = [run for run in runs if not run.passed]
    if not failing or any(run.outcome.verdict is not None or not run.findings for run in failing):
        return ""
    if any(finding.kind != "values" for run in failing for finding in run.findings):
        return ""
    wrong = list(dict.fromkeys(once_named(finding.output) for run in failing for finding in run.findings))
    told = {output: _of_output(runs, output) for output in wrong if KINDS.get(output, output) in RULES}
    texts = {output: text for output, text in told.items() if text}
    if len(wrong) == 1 or len(set(told.values())) == 1:
        return next(iter(texts.values()), "") if len(told) == len(wrong) else ""
    return joined([_("`{output}`: {text}", output=output, text=text) for output, text in texts.items()])


def _of_output(runs: Sequence[CaseRun], output: str) -> str:
    """Return what one output is made of instead of what it should be."""
    kind = KINDS.get(output, output)
    ran = [run for run in runs if run.outcome.verdict is None]
    fails = [any(once_named(finding.output) == output for finding in run.findings) for run in ran]
    failing = [run for run, failed in zip(ran, fails, strict=True) if failed]
    passing = [run for run, failed in zip(ran, fails, strict=True) if not failed]
    made = [terms for run in failing if (terms := terms_of(run, output)) is not None]
    if _are_enough(made, failing):
        right = [terms for run in passing if (terms := terms_of(run, output)) is not None]
        alive = _alive(RULES[kind], made, right)
        # Where several rules give the same, two others at once are no explanation.
        told = _one_of(alive) if alive or kind != "outputs" else _left_out(made) or _by_pair(made, right)
        return of_those(told, len(made), len(failing))
    products = [found for run in failing if (found := products_of_run(run, output)) is not None]
    if _are_enough(products, failing):
        right_ones = [found for run in passing if (found := products_of_run(run, output)) is not None]
        alive = _alive(linear_rules.RULES[kind], products, right_ones)
        told = _one_of(alive) if alive or kind != "outputs" else _inputs_left_out(products)
        return of_those(told, len(products), len(failing))
    return ""


def _are_enough(made: Sequence[object], failing: Sequence[CaseRun]) -> bool:
    """Whether all failing cases can be taken apart, or nearly all: some are too large, or of another geometry."""
    return bool(made) and (len(made) == len(failing) or MIN_SHARE * len(failing) <= len(made) >= MIN_CASES)


def of_those(told: str, count: int, total: int) -> str:
    """Say in how many of the failing cases something was found, if not in all."""
    if not told or count == total:
        return told
    return _(
        "{text} (In {count} of {total} cases that fail; the rest was not taken apart.)",
        text=told,
        count=count,
        total=total,
    )


def products_of_run(run: CaseRun, output: str) -> Products | None:
    """Return the products of a case; None if it is no fully connected layer whose right result these give."""
    view = compared(run, output)
    return None if view is None else next(filter(_is_right_product, products_of(run, view)), None)


def _is_right_product(products: Products) -> bool:
    expected, output = products.view.expected, products.view.output
    if output != "outputs" and products.gradient.shape != (len(products.inputs), len(products.weight)):
        return False
    _text, right = linear_rules.RULES[output](products)["right"]
    return right.shape == expected.shape and bool((np.abs(right - expected) <= SLACK * products.view.allowed).all())


class _Made(Protocol):
    """What a rule is asked of: one output of one case."""

    @property
    def view(self) -> Comparison:
        """What is required and what was returned."""


AnyMade = TypeVar("AnyMade", bound=_Made)


def _alive(
    rules: Callable[[AnyMade], Rules], failing: Sequence[AnyMade], passing: Sequence[AnyMade]
) -> dict[str, str]:
    """Return the rules, by name, that give what was returned in every case, wrong or right, and what each says."""
    alive = {name: text for name, (text, array) in rules(failing[0]).items() if failing[0].view.equals(array)}
    for made in [*failing[1:], *passing]:
        if not alive:
            return {}
        found = rules(made)
        alive = {name: text for name, text in alive.items() if name in found and made.view.equals(found[name][1])}
    return alive


def _one_of(alive: Mapping[str, str]) -> str:
    """Say the one rule, or both if the cases allow two.

    Two rules at once are said only where no single one gives the same; of orders in which windows and weight are
    flattened is spoken only where no other rule gives the same, such as rows and columns that are exchanged.
    """
    plain = [text for name, text in alive.items() if ALSO not in name and FLATTENED_BY not in name]
    single = [text for name, text in alive.items() if ALSO not in name]
    return one_or_other(plain or single or alive.values())


def _by_pair(failing: Sequence[Terms], passing: Sequence[Terms]) -> str:
    """Return the two rules that together give what was returned in every case; nothing if several pairs do."""
    failing = sorted(failing, key=lambda terms: terms.windows.size * len(terms.kernel))
    alive = {name: text for name, text, array in pairs(failing[0]) if failing[0].view.equals(array)}
    for terms in [*failing[1:], *passing]:
        if not alive:
            return ""
        fits = {name for name, _text, array in pairs(terms, alive) if terms.view.equals(array)}
        alive = {name: text for name, text in alive.items() if name in fits}
    texts = list(dict.fromkeys(alive.values()))
    return joined([_("Two mistakes at once give exactly these numbers."), texts[0]]) if len(texts) == 1 else ""


def _inputs_left_out(made: Sequence[Products]) -> str:
    """Say which inputs are left out, if the same are in every failing case that can be solved."""
    solved = {places for products in made if (places := inputs_left_out(products)) is not None}
    if len(solved) != 1 or len(made) < 1:
        return ""
    places = solved.pop()
    for products in made:
        kept = products.inputs.copy()
        kept[:, [place for place in places if place < kept.shape[1]]] = 0
        bias = products.bias[None] if products.bias.size else 0.0
        if not products.view.equals(kept @ products.weight.T + bias):
            return ""
    return left_out_text(places)


def _left_out(made: Sequence[Terms]) -> str:
    """Solve for how often each term was added; say which were left out, if the same are in every failing case."""
    named: set[tuple[int, int, int]] | None = None
    for terms in made:
        times = _times_added(terms)
        if times is None:
            continue
        if np.abs(times - np.round(times)).max() > WHOLE or not np.isin(np.round(times), (0, 1)).all():
            return ""
        missing = {(int(c), int(i), int(j)) for c, i, j in np.argwhere(np.round(times) == 0)}
        if not missing or (named is not None and missing != named):
            return ""
        named = missing
    if not named or len(named) > MAX_NAMED_TERMS:
        return ""
    if not all(terms.view.equals(_without(terms, named)) for terms in made):
        return ""
    places = [
        _("input channel {channel}, row {row}, column {column}", channel=c, row=i, column=j)
        for c, i, j in sorted(named)
    ]
    return _("The sum leaves out the products of the kernel at {places}.", places=listed(places))


def _without(terms: Terms, places: Collection[tuple[int, int, int]]) -> np.ndarray:
    """Return the output without the products at these places of the kernel, where it has them."""
    kernel = terms.kernel.copy()
    for place in places:
        if all(index < length for index, length in zip(place, kernel.shape[1:], strict=True)):
            kernel[(slice(None), *place)] = 0
    sums = convolved(terms.windows, kernel)
    return sums + terms.bias[None, :, None, None] if terms.bias.size else sums


def _times_added(terms: Terms) -> np.ndarray | None:
    """Return how often each product (C_in, K, K) is in the sum, by least squares; None if that cannot be told."""
    parts = terms.windows[:, None] * terms.kernel[None, :, :, :, :, None, None]
    columns = np.moveaxis(parts, (2, 3, 4), (-3, -2, -1)).reshape(-1, int(np.prod(terms.kernel.shape[1:])))
    wanted = terms.view.actual
    if terms.bias.size:
        wanted = wanted - terms.bias[None, :, None, None]
    if columns.shape[0] < 2 * columns.shape[1] or columns.size > MAX_PRODUCTS:
        return None
    solved, _residual, rank, _values = np.linalg.lstsq(columns, wanted.reshape(-1), rcond=None)
    if rank < columns.shape[1]:
        return None
    fits = np.abs(columns @ solved - wanted.reshape(-1)) <= SLACK * terms.view.allowed.reshape(-1)
    return solved.reshape(terms.kernel.shape[1:]) if fits.all() else np.full(terms.kernel.shape[1:], 0.5)
