"""Rules by which the gradients of a convolution are made of other terms, and what each of them gives.

As of the output, the right rule comes first, with an empty text (`grader.explain.convolution_rules`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from grader.explain.convolution_rules import Rules, kernels_used, outputs_of
from grader.explain.geometry_rules import places_elsewhere, windows_elsewhere
from grader.explain.linear_terms import ORDERS, Geometry, Terms
from grader.language.translation import _

OVERWRITTEN = "overwritten"
# Windows that are set one by one take a loop; of more than these it is not tried.
MAX_WINDOWS = 1 << 12


def _in_grad(terms: Terms) -> dict[str, tuple[str, np.ndarray]]:
    """Return what each rule gives for the gradient of the input."""
    size = terms.pictures.shape[2:]

    def back(kernel: np.ndarray, geometry: Geometry = terms.geometry) -> np.ndarray:
        return geometry.scattered(_parts(terms, kernel), *size)

    found = {"right": ("", back(terms.kernel))}
    for name, text, kernel in kernels_used(terms, _("output channel"), axis=0):
        found[name] = (text, back(kernel))
    samples = len(terms.gradient)
    found["divided_by_samples"] = (_("It is divided by the number of samples."), found["right"][1] / samples)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if down or right:
                text = _(
                    "The gradient is added {rows} rows and {columns} columns away from where it belongs "
                    "(positive: down, right).",
                    rows=down,
                    columns=right,
                )
                found[f"moved_{down}_{right}"] = (text, back(terms.kernel, terms.geometry.moved(down, right)))
    for name, text, rows, columns in places_elsewhere(terms.geometry):
        if not name.startswith("moved"):
            parts = _parts(terms, terms.kernel)
            found[name] = (text, terms.geometry.added(parts, size[0], size[1], rows, columns))
    found["corner"] = (
        _("The padding is cut off at one end only: the result begins in the padding."),
        back(terms.kernel, terms.geometry.moved(terms.geometry.above, terms.geometry.left)),
    )
    for name, array in _overwritten(terms):
        text = _("Where windows overlap, their gradients are overwritten: `+=` instead of `=`.")
        found[name] = (text, array)
    return found


def _parts(terms: Terms, kernel: np.ndarray) -> np.ndarray:
    """Return what each window sends to each tap, (N, C_in, K, K, P, Q)."""
    return np.moveaxis(np.tensordot(kernel, terms.gradient, axes=(0, 1)), 3, 0)


def _overwritten(terms: Terms) -> Iterator[tuple[str, np.ndarray]]:
    """Yield gradients in which the last one wins: of the taps, of the windows, of the windows of each channel."""
    geometry, (height, width) = terms.geometry, terms.pictures.shape[2:]
    parts = _parts(terms, terms.kernel)
    rows, columns = geometry.places()
    low_rows, low_columns = -min(0, int(rows.min())), -min(0, int(columns.min()))
    shape = (max(height, int(rows.max()) + 1) + low_rows, max(width, int(columns.max()) + 1) + low_columns)
    inside = np.s_[:, :, low_rows : low_rows + height, low_columns : low_columns + width]
    result = np.zeros((*parts.shape[:2], *shape))
    for i, row in enumerate(rows + low_rows):
        for j, column in enumerate(columns + low_columns):
            result[:, :, row[:, None], column[None]] = parts[:, :, i, j]
    yield "taps_overwritten", result[inside]
    if parts.shape[4] * parts.shape[5] > MAX_WINDOWS:
        return
    for name, sent in (("windows_overwritten", parts), ("channels_overwritten", _parts(terms, _only_last(terms)))):
        result = np.zeros((*parts.shape[:2], *shape))
        for p in range(parts.shape[4]):
            for q in range(parts.shape[5]):
                at = np.s_[:, :, (rows[:, p] + low_rows)[:, None], (columns[:, q] + low_columns)[None]]
                result[at] = sent[..., p, q]
        yield name, result[inside]


def _only_last(terms: Terms) -> np.ndarray:
    """Return the kernel of the last output channel alone."""
    kernel = np.zeros_like(terms.kernel)
    kernel[-1] = terms.kernel[-1]
    return kernel


def _d_weight(terms: Terms) -> dict[str, tuple[str, np.ndarray]]:
    """Return what each rule gives for the gradient of the weight, in the order of the lab."""
    made = _sums(terms, _each_weight(terms, terms.windows))
    whole = made["right"][1]
    made["flipped"] = (_("The gradient of the kernel is turned by 180 degrees."), whole[:, :, ::-1, ::-1])
    if terms.kernel.shape[2] == terms.kernel.shape[3]:
        made["transposed"] = (_("Rows and columns of the kernel's gradient are exchanged."), whole.swapaxes(2, 3))
    for name, text, windows in windows_elsewhere(terms.geometry, terms.pictures):
        made[name] = (text, _each_weight(terms, windows).sum(axis=0))
    axes = np.argsort(ORDERS[terms.order])
    return {name: (text, array.transpose(axes)) for name, (text, array) in made.items()}


def _each_weight(terms: Terms, windows: np.ndarray) -> np.ndarray:
    """Return the gradient of the weight (N, C_out, C_in, K, K) of each sample."""
    return np.stack([
        np.tensordot(gradient, met, axes=([1, 2], [3, 4]))
        for gradient, met in zip(terms.gradient, windows, strict=True)
    ])  # fmt: skip


def _d_bias(terms: Terms) -> dict[str, tuple[str, np.ndarray]]:
    """Return what each rule gives for the gradient of the bias."""
    return _sums(terms, terms.gradient.sum(axis=(2, 3)))


def _sums(terms: Terms, each: np.ndarray) -> dict[str, tuple[str, np.ndarray]]:
    samples, places = len(each), int(np.prod(terms.geometry.output))
    whole = each.sum(axis=0)
    return sums_over_samples(each) | {
        "divided_by_places": (_("It is divided by the rows times the columns of the output."), whole / places),
        "divided_by_all": (
            _("It is divided by the samples times the rows times the columns of the output."),
            whole / (samples * places),
        ),
    }


def sums_over_samples(each: np.ndarray) -> dict[str, tuple[str, np.ndarray]]:
    """Return what each rule makes of a parameter's gradients, one of each sample along the first axis."""
    whole = each.sum(axis=0)
    return {
        "right": ("", whole),
        "only_last_sample": (_("Only the last sample counts: `=` where `+=` is needed."), each[-1]),
        "only_first_sample": (_("Only sample 0 counts."), each[0]),
        "divided_by_samples": (_("It is divided by the number of samples."), whole / len(each)),
        "twice": (_("It is added up twice."), 2 * whole),
        "negated": (_("It has the opposite sign."), -whole),
    }


RULES: Mapping[str, Callable[[Terms], Rules]] = {
    "outputs": outputs_of, "in_grad": _in_grad, "d_weight": _d_weight, "d_bias": _d_bias,
}  # fmt: skip
