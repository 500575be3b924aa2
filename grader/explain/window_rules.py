"""Which pixel of each pooling window a submission used, forward and backward.

As for convolutions, a rule is told only if the submission's own output follows from it in every case, wrong or
right; which rule is the right one is read off the expected output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from grader.compare import Finding
from grader.explain.case_run import CaseRun
from grader.explain.comparison import Comparison, one_or_other
from grader.explain.convolution_rules import Rules
from grader.explain.decomposition import MIN_CASES, MIN_SHARE, of_those
from grader.explain.geometry_rules import gradients_elsewhere, windows_elsewhere
from grader.explain.linear_terms import Geometry
from grader.explain.patterns import comparison
from grader.language.translation import _, marked

MAX_ENTRIES = 1 << 17
# Rules that others may be the same as in every case, the plainest first, and what two of them are where only the
# pixels of the picture count.
PLAIN = ("maximum", "mean", "maximum_inside", "mean_inside")
OF_THE_PADDING = {
    "maximum": marked("The zeros of the padding take part in the maximum: only the pixels of the picture count."),
    "mean": marked("The zeros of the padding are counted in the mean: only the pixels of the picture count."),
}
# What may be taken for equal to a maximum.
TOLERANCES = (1.0, 0.5, 0.1, 0.05, 0.01, 1e-3)


def by_windows(runs: Sequence[CaseRun]) -> str:
    """Return which pixels of its windows a pooling used, if that explains what it returned in every case."""
    failing = [run for run in runs if not run.passed]
    if not failing or any(
        run.outcome.verdict is not None or any(finding.kind != "values" for finding in run.findings)
        for run in failing
    ):
        return ""
    output = failing[0].findings[0].output
    ask = RULES.get(output)
    small = [run for run in runs if _is_small(run)]
    if ask is None or not any(not run.passed for run in small):
        return ""
    alive: dict[str, str] | None = None
    solved, total = 0, sum(not run.passed for run in small)
    right: set[str] | None = None
    same: dict[str, set[str]] = {}
    for run in sorted(small, key=lambda run: run.passed):
        view = comparison(run, Finding(output, "values"))
        geometry = _geometry(view) if view is not None else None
        if view is None or geometry is None:
            continue
        solved += not run.passed
        rules = ask(view, geometry)
        required = {name for name, (_text, array) in rules.items() if _equal(view, array, view.expected)}
        if not required:
            return ""
        right = required if right is None else right & required
        fits = {name: text for name, (text, array) in rules.items() if _equal(view, array, view.actual)}
        alive = fits if alive is None else {name: text for name, text in alive.items() if name in fits}
        if not alive:
            return ""
        for name in alive:
            plain = {other for other in PLAIN if other in rules and np.array_equal(rules[name][1], rules[other][1])}
            same[name] = same.get(name, set(PLAIN)) & plain
    if solved < total and not MIN_SHARE * total <= solved >= MIN_CASES:
        return ""
    # A rule that changes nothing in any case is told as the plain one that it is the same as.
    told = {name: text for name, text in (alive or {}).items() if not same[name] - {name}}
    for name, text in OF_THE_PADDING.items():
        if name in told and f"{name}_inside" in (right or ()):
            told[name] = _(text)
    return of_those(one_or_other(told.values()), solved, total)


def _is_small(run: CaseRun) -> bool:
    arrays = run.recorded.case.arrays
    return "x" in arrays and arrays["x"].ndim == 4 and "weight" not in arrays and arrays["x"].size <= MAX_ENTRIES


def _geometry(view: Comparison) -> Geometry | None:
    return Geometry.of(view.config, *view.inputs["x"].shape[2:])


def _equal(view: Comparison, rule: np.ndarray, array: np.ndarray) -> bool:
    return rule.shape == array.shape and bool((np.abs(rule - array) <= 4 * view.allowed).all())


def _taken(view: Comparison, geometry: Geometry) -> np.ndarray:
    """Return the pixels of each window, (N, C, pixels, P, Q), with zeros around the picture."""
    windows = geometry.windows(view.inputs["x"].astype(np.float64))
    return windows.reshape(*windows.shape[:2], -1, *windows.shape[4:])


def _outputs(view: Comparison, geometry: Geometry) -> Rules:
    taken = _taken(view, geometry)
    count = taken.shape[2]
    if taken.max(axis=2).shape != view.expected.shape:
        return {}
    inside = _inside(view, geometry)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_inside = taken.sum(axis=2) / inside.sum(axis=2)
    is_mean = _equal(view, taken.mean(axis=2), view.expected) or _equal(view, mean_inside, view.expected)
    rows, columns = geometry.kernel
    inner = taken.reshape(*taken.shape[:2], rows, columns, *taken.shape[3:])
    found = {
        "maximum": (_("It is the maximum of each window."), taken.max(axis=2)),
        "mean": (_("It is the mean of each window."), taken.mean(axis=2)),
        "mean_inside" if is_mean else "maximum_inside": (
            _("The zeros of the padding are left out of each window: they count as well."),
            mean_inside if is_mean else np.where(inside, taken, -np.inf).max(axis=2),
        ),
        "minimum": (_("It is the minimum of each window."), taken.min(axis=2)),
        "sum": (_("It is the sum of each window."), taken.sum(axis=2)),
        "median": (_("It is the median of each window."), np.median(taken, axis=2)),
        "first": (_("It is the first pixel of each window."), taken[:, :, 0]),
        "last": (_("It is the last pixel of each window."), taken[:, :, -1]),
        "magnitude": (_("It is the largest magnitude of each window."), np.abs(taken).max(axis=2)),
        "by_magnitude": (
            _("It is the pixel of largest magnitude of each window."),
            np.take_along_axis(taken, np.abs(taken).argmax(axis=2)[:, :, None], axis=2)[:, :, 0],
        ),
        "from_zero": (
            _("It is the maximum of each window and 0: a maximum must not start at 0."),
            np.maximum(taken.max(axis=2), 0),
        ),
    }
    if not is_mean:
        found["mean_of_inside"] = (_("It is the mean of each window."), mean_inside)
    for name, text, windows in windows_elsewhere(geometry, view.inputs["x"].astype(np.float64)):
        moved = windows.reshape(taken.shape)
        found[name] = (text, moved.mean(axis=2) if is_mean else moved.max(axis=2))
    over = taken.mean(axis=(1, 2)) if is_mean else taken.max(axis=(1, 2))
    text = _("The windows run over all channels: each channel has windows of its own.")
    found["over_channels"] = (text, np.broadcast_to(over[:, None], view.expected.shape))
    stride = geometry.stride
    for name, text, number in (
        ("by_stride", _("The sum of each window is divided by the square of the stride."), stride * stride),
        ("by_side", _("The sum of each window is divided by its rows plus its columns."), rows + columns),
        ("by_rows", _("The sum of each window is divided by its rows only."), rows),
        ("by_columns", _("The sum of each window is divided by its columns only."), columns),
    ):
        found[name] = (text, taken.sum(axis=2) / number)
    if count > 1:
        for name, text, part in (
            ("but_last_row", _("The last row of each window is left out."), inner[:, :, :-1]),
            ("but_last_column", _("The last column of each window is left out."), inner[:, :, :, :-1]),
            ("but_first_row", _("The first row of each window is left out."), inner[:, :, 1:]),
            ("but_first_column", _("The first column of each window is left out."), inner[:, :, :, 1:]),
            (
                "but_last_row_and_column", _("The last row and column of each window are left out."),
                inner[:, :, :-1, :-1],
            ),
            ("but_last", _("The last pixel of each window is left out."), taken[:, :, :-1]),
            ("but_first", _("The first pixel of each window is left out."), taken[:, :, 1:]),
        ):  # fmt: skip
            left = part.reshape(*taken.shape[:2], -1, *taken.shape[3:])
            if is_mean:
                found[name] = (text, left.sum(axis=2) / count)
                found[f"{name}_of_rest"] = (text, left.sum(axis=2) / max(left.shape[2], 1))
            else:
                found[name] = (text, left.max(axis=2, initial=-np.inf))
    return found


def _inside(view: Comparison, geometry: Geometry) -> np.ndarray:
    """Return which pixels of each window lie in the picture, as `_taken` has them."""
    ones = {"x": np.ones_like(view.inputs["x"])}
    return np.asarray(_taken(replace(view, inputs=ones), geometry) > 0)


def _in_grad(view: Comparison, geometry: Geometry) -> Rules:
    """Return what each rule gives for the gradient; zeros of the padding count in the maximum if they have to."""
    taken = _taken(view, geometry)
    rules = _gradients(view, geometry, taken)
    if any(_equal(view, array, view.expected) for _text, array in rules.values()):
        return rules
    return _gradients(view, geometry, np.where(_inside(view, geometry), taken, -np.inf))


def _gradients(view: Comparison, geometry: Geometry, taken: np.ndarray) -> Rules:
    count, gradient = taken.shape[2], view.inputs["out_grad"].astype(np.float64)[:, :, None]
    largest = taken == taken.max(axis=2, keepdims=True)
    pixels = np.arange(count)[None, None, :, None, None]
    first, last = largest.argmax(axis=2), count - 1 - largest[:, :, ::-1].argmax(axis=2)
    rows, columns = geometry.kernel

    def back(share: np.ndarray, overwrite: bool = False, zeros: bool = False) -> np.ndarray:
        terms = np.broadcast_to(share, taken.shape) * gradient
        terms = terms.reshape(*taken.shape[:2], rows, columns, *taken.shape[3:])
        size = view.inputs["x"].shape[2:]
        return (
            geometry.scattered(terms, size[0], size[1])
            if not overwrite
            else _overwritten(geometry, terms, size, zeros)
        )

    turned = first % columns * rows + first // columns
    is_mean = _equal(view, back(np.array(1.0 / count)), view.expected)
    more = {}
    for name, text, index in (
        ("no_last_row", _("The last row of the gradient that arrives is left out."), np.s_[..., -1, :]),
        ("no_last_column", _("The last column of the gradient that arrives is left out."), np.s_[..., -1]),
        ("no_first_row", _("The first row of the gradient that arrives is left out."), np.s_[..., 0, :]),
        ("no_first_column", _("The first column of the gradient that arrives is left out."), np.s_[..., 0]),
        ("no_last_sample", _("The last sample is left out."), np.s_[-1:]),
    ):
        kept = np.ones(gradient.shape)
        kept[index] = 0
        more[name] = (text, back((np.array(1.0 / count) if is_mean else pixels == first[:, :, None]) * kept))
    for name, text, down, right in gradients_elsewhere(geometry):
        share = np.array(1.0 / count) if is_mean else pixels == first[:, :, None]
        terms = np.broadcast_to(share, taken.shape) * gradient
        terms = terms.reshape(*taken.shape[:2], rows, columns, *taken.shape[3:])
        size = view.inputs["x"].shape[2:]
        more[name] = (text, geometry.added(terms, size[0], size[1], down, right))
    if not is_mean:
        text = _("All values near the maximum get the gradient: equal is not near, compare places.")
        for near in TOLERANCES:
            more[f"near_{near}"] = (text, back(taken >= taken.max(axis=2, keepdims=True) - near))
    else:
        for name, text, number in (
            ("by_stride", _("The gradient is divided by the square of the stride."), geometry.stride**2),
            ("by_rows", _("The gradient is divided by the rows of the window only."), rows),
            ("by_samples", _("The gradient is divided by the number of samples, too."), count * len(taken)),
        ):
            more[name] = (text, back(np.array(1.0 / number)))
    return more | {
        "first_maximum": (
            _("The gradient goes to the first of equal maxima."), back(pixels == first[:, :, None])
        ),
        "last_maximum": (_("The gradient goes to the last of equal maxima."), back(pixels == last[:, :, None])),
        "all_maxima": (_("The gradient goes to all of equal maxima, to each as a whole."), back(largest)),
        "shared": (
            _("The gradient is shared out among equal maxima."), back(largest / largest.sum(axis=2, keepdims=True))
        ),
        "mean": (_("The gradient is shared out among all pixels of the window."), back(np.array(1.0 / count))),
        "whole": (_("All pixels of the window get the whole gradient."), back(np.array(1.0))),
        "first": (_("The gradient goes to the first pixel of each window."), back(pixels == 0)),
        "minimum": (
            _("The gradient goes to the minimum of each window."),
            back(pixels == taken.argmin(axis=2)[:, :, None]),
        ),
        "columns_first": (
            _("The place of the maximum in its window is counted by columns, and read by rows."),
            back(pixels == turned[:, :, None]),
        ),
        "maximum_overwritten": (
            _("Where windows overlap, their gradients are overwritten: `+=` instead of `=`."),
            back(pixels == first[:, :, None], overwrite=True),
        ),
        "window_overwritten": (
            _("Where windows overlap, their gradients are overwritten: `+=` instead of `=`."),
            back(pixels == first[:, :, None], overwrite=True, zeros=True),
        ),
        "mean_overwritten": (
            _("Where windows overlap, their gradients are overwritten: `+=` instead of `=`."),
            back(np.array(1.0 / count), overwrite=True),
        ),
        **{
            name: (
                _("Where windows overlap, their gradients are overwritten: `+=` instead of `=`."),
                _last_tap(geometry, np.broadcast_to(share, taken.shape) * gradient, view),
            )
            for name, share in (("taps_overwritten", pixels == first[:, :, None]), ("mean_taps", 1.0 / count))
        },
        "both": (
            _("The gradients of maximum and mean are added up."),
            back((pixels == first[:, :, None]) + 1.0 / count),
        ),
    }  # fmt: skip


def _overwritten(geometry: Geometry, terms: np.ndarray, size: Sequence[int], zeros: bool) -> np.ndarray:
    """Return the gradient if each window, by rows and columns, overwrites the pixels that it sends one to.

    With ``zeros`` it overwrites all of its pixels.
    """
    result = np.zeros((*terms.shape[:2], *size))
    rows, columns = geometry.places()
    for p in range(geometry.output[0]):
        for q in range(geometry.output[1]):
            for i, row in enumerate(rows[:, p]):
                for j, column in enumerate(columns[:, q]):
                    if 0 <= row < size[0] and 0 <= column < size[1]:
                        part = terms[:, :, i, j, p, q]
                        result[:, :, row, column] = (
                            part if zeros else np.where(part != 0, part, result[:, :, row, column])
                        )
    return result


def _last_tap(geometry: Geometry, terms: np.ndarray, view: Comparison) -> np.ndarray:
    """Return the gradient if the shares of one pixel of all windows overwrite those of the pixels before."""
    size = view.inputs["x"].shape[2:]
    result = np.zeros((*terms.shape[:2], *size))
    rows, columns = geometry.places()
    for number in range(terms.shape[2]):
        row, column = (axis[tap] for axis, tap in zip((rows, columns), divmod(number, len(columns)), strict=True))
        inside = np.ix_((row >= 0) & (row < size[0]), (column >= 0) & (column < size[1]))
        at = np.ix_(range(len(terms)), range(terms.shape[1]), row[inside[0].ravel()], column[inside[1].ravel()])
        result[at] = terms[:, :, number][:, :, inside[0].ravel()][..., inside[1].ravel()]
    return result


RULES: Mapping[str, Callable[[Comparison, Geometry], Rules]] = {"outputs": _outputs, "in_grad": _in_grad}
