"""Rules of im2col and col2im: which pixels the matrix holds, and how its columns are added up again.

Rows and columns of the matrix may be counted in any order, and the lab sorts them by a picture in which no number
occurs twice. A rule is put through the same: it is told only if what was returned follows from it in every case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations

import numpy as np

from grader.explain.case_run import CaseRun
from grader.explain.comparison import one_or_other
from grader.explain.decomposition import MIN_CASES, MIN_SHARE, of_those
from grader.explain.geometry_rules import gradients_elsewhere, windows_elsewhere
from grader.explain.linear_terms import Geometry
from grader.explain.orientation import channels_first
from grader.language.translation import _

SLACK = 4.0
# What is larger takes too long to be tried with every rule.
MAX_ENTRIES = 1 << 17
# Axes of windows (N, C, rows of the kernel, its columns, P, Q) that a row of the matrix counts, and a column.
OF_ROWS, OF_COLUMNS = (1, 2, 3), (0, 4, 5)
RIGHT = "right"
Rule = tuple[str, str, Callable[[], np.ndarray]]


@dataclass(frozen=True)
class Matrix:
    """A case of im2col: its pictures (N, C, rows, columns), float64, and where the windows lie."""

    pictures: np.ndarray
    geometry: Geometry

    @property
    def numbered(self) -> np.ndarray:
        """Pictures in which no number occurs twice, counted as they lie in memory with the channels last."""
        n, c, rows, columns = self.pictures.shape
        return np.moveaxis(np.arange(1.0, 1 + self.pictures.size).reshape(n, rows, columns, c), 3, 1)


def by_columns(runs: Sequence[CaseRun]) -> str:
    """Return what the matrix of im2col holds, or how col2im adds it up, if what was returned follows from it."""
    failing = [run for run in runs if not run.passed]
    if not failing or any(run.outcome.verdict is not None for run in runs):
        return ""
    if any(finding.kind != "values" for run in failing for finding in run.findings):
        return ""
    wanted, given = set(failing[0].recorded.expected), set(failing[0].recorded.case.arrays)
    output = next(iter(wanted & {"columns", "image"}), "")
    if not output or not {"x", "weight"} <= given or (output == "image" and "columns" not in given):
        return ""
    if any(finding.output != output for run in failing for finding in run.findings):
        return ""
    alive: dict[str, str] | None = None
    solved = 0
    for run in sorted(runs, key=lambda run: run.passed):
        matrix = _matrix(run)
        if matrix is None:
            continue
        solved += not run.passed
        rules = _matrices(matrix) if output == "columns" else _images(matrix, run.recorded.case.arrays["columns"])
        fits: dict[str, str] = {}
        for name, text, make in rules:
            if name == RIGHT and not _equal(run, output, make(), run.recorded.expected[output]):
                return ""
            if (alive is None or name in alive) and _equal(run, output, make(), run.outcome.outputs[output]):
                fits[name] = text
        alive = fits
        if not alive:
            return ""
    if solved < len(failing) and not MIN_SHARE * len(failing) <= solved >= MIN_CASES:
        return ""
    return of_those(one_or_other((alive or {}).values()), solved, len(failing))


def _matrix(run: CaseRun) -> Matrix | None:
    case = run.recorded.case
    if case.arrays["x"].ndim != 4 or case.arrays["x"].size * case.arrays["weight"][..., 0].size > MAX_ENTRIES:
        return None
    pictures = channels_first("x", case.arrays["x"].astype(np.float64), case)
    geometry = Geometry.of(case.config, *pictures.shape[2:])
    return None if geometry is None else Matrix(pictures, geometry)


def _equal(run: CaseRun, output: str, rule: np.ndarray, array: np.ndarray) -> bool:
    if output == "image":
        array = channels_first(output, array, run.recorded.case)
    if rule.shape != array.shape or not np.isfinite(array).all():
        return False
    tolerance = run.recorded.tolerances[output]
    allowed = SLACK * (tolerance.atol + tolerance.rtol * np.abs(rule)) + 1e-12
    return bool((np.abs(rule - array) <= allowed).all())


# ------------------------------------------------------------------------------------------------------ im2col


def _flat(windows: np.ndarray) -> np.ndarray:
    """Return windows as a matrix: rows by kernel row, column and channel, columns by sample and place."""
    rows = int(np.prod(windows.shape[1:4]))
    return windows.transpose(2, 3, 1, 0, 4, 5).reshape(rows, -1)


def _orders(numbered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the orders of rows and columns in which all right matrices are the same, as the lab reads them off."""
    columns = np.lexsort(np.sort(numbered, axis=0)[::-1])
    return np.lexsort(numbered[:, columns].T[::-1]), columns


def _sorted(numbered: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return a matrix with its rows and columns in the order that the numbered picture gives by the same rule."""
    rows, columns = _orders(numbered)
    return np.asarray(own[rows][:, columns])


def _matrices(matrix: Matrix) -> Iterator[Rule]:
    """Yield what each rule makes of im2col."""
    geometry = matrix.geometry
    both = (matrix.numbered, matrix.pictures)
    numbered, own = (geometry.windows(pictures) for pictures in both)
    yield RIGHT, "", lambda: _sorted(_flat(numbered), _flat(own))
    for (name, text, first), (_name, _text, second) in zip(
        *(windows_elsewhere(geometry, pictures) for pictures in both), strict=True
    ):
        yield name, text, partial(_sorted, _flat(first), _flat(second))
    size = matrix.pictures.shape[1] * int(np.prod(geometry.kernel))
    text = _(
        "The windows are reshaped to the matrix without their axes being exchanged before: its columns hold pixels "
        "of several windows."
    )
    for order in _reshaped():
        pair = [windows.transpose(order).reshape(size, -1) for windows in (numbered, own)]
        yield f"reshaped_{order}", text, partial(_sorted, *pair)
    samples, channels = (np.arange(length) for length in own.shape[:2])
    for name, text, part in (
        ("first_sample", _("Every sample has the windows of sample 0."), (0 * samples, channels)),
        ("last_sample", _("Every sample has the windows of the last one."), (0 * samples - 1, channels)),
        ("first_channel", _("Every channel has the pixels of channel 0."), (samples, 0 * channels)),
    ):
        taken = [_flat(windows[np.ix_(*part)]) for windows in (numbered, own)]
        yield name, text, partial(_sorted, *taken)


def _reshaped() -> Iterator[tuple[int, ...]]:
    """Yield the orders of the axes of windows in which those of a row do not come first."""
    for taps in ((2, 3), (3, 2)):
        for places in ((4, 5), (5, 4)):
            for order in permutations(((0,), (1,), taps, places)):
                if set(order[:2]) != {(1,), taps}:
                    yield tuple(axis for group in order for axis in group)


# ------------------------------------------------------------------------------------------------------ col2im


def _images(matrix: Matrix, columns: np.ndarray) -> Iterator[Rule]:
    """Yield what each rule makes of col2im from the lab's matrix of ``columns``."""
    geometry, size = matrix.geometry, matrix.pictures.shape[2:]
    shape = geometry.windows(matrix.pictures).shape

    def read(written: Sequence[int], taken: Sequence[int]) -> np.ndarray:
        """Return the windows of a matrix that im2col counts in one order of axes and col2im in another."""
        rows = int(np.prod([shape[axis] for axis in written[:3]]))
        numbered = geometry.windows(matrix.numbered).transpose(written).reshape(rows, -1)
        own = np.empty(numbered.shape)
        own[np.ix_(*_orders(numbered))] = columns.astype(np.float64)
        found = own.reshape([shape[axis] for axis in taken])
        return found.transpose(np.argsort(taken))

    def reordered(written: Sequence[int], taken: Sequence[int]) -> np.ndarray:
        return geometry.scattered(read(written, taken), size[0], size[1])

    plain = (*OF_ROWS, *OF_COLUMNS)
    windows = read(plain, plain)
    sums = geometry.scattered(windows, size[0], size[1])
    yield RIGHT, "", lambda: sums
    overwritten = _("Where windows overlap, their numbers are overwritten: `+=` instead of `=`.")
    yield "overwritten_by_taps", overwritten, partial(_assigned, geometry, windows, size, by_taps=True)
    yield "overwritten_by_windows", overwritten, partial(_assigned, geometry, windows, size, by_taps=False)
    often = geometry.scattered(np.ones_like(windows), size[0], size[1])
    text = _("The sum of each pixel is divided by the number of windows that it lies in: col2im adds up, no more.")
    yield "averaged", text, lambda: sums / np.maximum(often, 1)
    for name, text, rows, places in gradients_elsewhere(geometry):
        yield name, text, partial(geometry.added, windows, size[0], size[1], rows, places)
    yield (
        "first_sample",
        _("Every sample has the sums of sample 0."),
        lambda: np.repeat(sums[:1], len(sums), axis=0),
    )
    for text, axes, keep in (
        (_("The rows of the matrix are read in another order than im2col counts them."), OF_ROWS, OF_COLUMNS),
        (_("The columns of the matrix are read in another order than im2col counts them."), OF_COLUMNS, OF_ROWS),
    ):
        orders = list(permutations(axes))
        for written in orders:
            for taken in orders:
                if written != taken:
                    pair = [(*order, *keep) if axes == OF_ROWS else (*keep, *order) for order in (written, taken)]
                    name = f"order_{pair}"
                    yield name, text, partial(reordered, *pair)


def _assigned(geometry: Geometry, windows: np.ndarray, size: Sequence[int], by_taps: bool) -> np.ndarray:
    """Return pictures in which each number is assigned, by taps or by windows, one after another."""
    result = np.zeros((*windows.shape[:2], *size))
    rows, columns = geometry.places()
    taps, places = list(np.ndindex(*geometry.kernel)), list(np.ndindex(*geometry.output))
    steps = (
        ((tap, place) for tap in taps for place in places)
        if by_taps
        else ((tap, place) for place in places for tap in taps)
    )
    for (i, j), (p, q) in steps:
        row, column = rows[i, p], columns[j, q]
        if 0 <= row < size[0] and 0 <= column < size[1]:
            result[:, :, row, column] = windows[:, :, i, j, p, q]
    return result
