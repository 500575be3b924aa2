"""Where an error sits, part by part of an array; never an expected value."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from grader.drawing import Plane
from grader.explain import comparison
from grader.explain.case_run import CaseRun
from grader.explain.comparison import Comparison
from grader.explain.conditions import INPUT_NAMES
from grader.explain.orientation import grid_axes, is_picture, is_weight
from grader.lab.checks import sample_positions
from grader.language.translation import _

# An error this many times the allowed one has the darkest shade.
DARKEST = 1e5
LEAST_SEVERITY = 0.2
LEVELS = 5
# What a drawn plane is shrunk to.
MAX_ROWS, MAX_COLUMNS = 24, 60
BINS = 16
# A matrix that im2col makes: a column for each window.
COLUMNS = "columns"


@dataclass(frozen=True)
class ErrorMap:
    """How wrong each entry of an array is.

    Attributes
    ----------
    view : the array beside the recorded one.
    planes : its parts, (rows, columns) or (count,): 0 right to 1 worst, NaN where it is not known.
    places : the indices of each part.
    """

    view: Comparison
    planes: tuple[Plane, ...]
    places: tuple[tuple[int, ...], ...]

    @property
    def worst(self) -> int:
        """Number of the plane with the most wrong entries."""
        return int(np.argmax([np.nansum(plane.values > 0) for plane in self.planes]))


def map_of(run: CaseRun) -> ErrorMap | None:
    """Return where the first wrong output of a run is wrong; None if there is nothing to draw."""
    for finding in run.findings:
        view = comparison(run, finding)
        if view is None or view.expected.size < 2:
            continue
        layer, _slash, part = finding.output.rpartition("/")
        if not part or not layer:
            return error_map(view)
        shape = run.recorded.expected.get(f"{layer}/shape")
        if shape is not None:
            return sampled_map(view, layer, tuple(int(n) for n in shape), grid_axes(run.recorded.case))
    return None


def error_map(view: Comparison) -> ErrorMap:
    """Return the map of an array: one plane for each sample and channel, or for each index of its leading axes."""
    places = tuple(np.ndindex(view.actual.shape[:-2]))
    severity = _severity(view)
    samples = len(next((array for name, array in view.inputs.items() if name in INPUT_NAMES), ()))
    axes = axes_of(view.output, view.actual, samples)
    planes = [Plane(part_of(view.output, view.actual, place), plane_at(severity, place), axes) for place in places]
    return ErrorMap(view, tuple(planes), places)


def sampled_map(view: Comparison, layer: str, shape: tuple[int, ...], grid: tuple[int, int] = (2, 3)) -> ErrorMap:
    """Return the map of a sampled activation with four axes: what its sample tells about rows and columns.

    ``grid`` are the axes of these.
    """
    total = int(np.prod(shape))
    positions = sample_positions(layer, total, view.expected.size)
    severity = _severity(view).reshape(-1)
    if len(shape) != 4 or min(shape[axis] for axis in grid) < 2 or positions.size != severity.size:
        return ErrorMap(view, (Plane(_("entries in order"), severity, ("", _("entry"))),), ((),))
    places = np.unravel_index(positions, shape)
    sizes = tuple(min(BINS, shape[axis]) for axis in grid)
    plane = np.full(sizes, np.nan)
    bins = (places[axis] * size // shape[axis] for axis, size in zip(grid, sizes, strict=True))
    for row, column, value in zip(*bins, severity, strict=True):
        plane[row, column] = np.fmax(plane[row, column], value)
    title = _("{layer}, worst of the sampled entries", layer=layer)
    span = (shape[grid[0]], shape[grid[1]])
    return ErrorMap(view, (Plane(title, plane, (_("row"), _("column")), span=span),), ((),))


def _severity(view: Comparison) -> np.ndarray:
    error = np.abs(view.actual - view.expected)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.log(error / view.allowed) / np.log(DARKEST)
    return np.where(view.right, 0.0, np.clip(np.nan_to_num(size, nan=1.0), LEAST_SEVERITY, 1.0))


def plane_at(array: np.ndarray, place: tuple[int, ...]) -> np.ndarray:
    """Return a part of an array; a matrix of a single row or column is a vector."""
    part = np.asarray(array[place])
    return part.reshape(-1) if array.ndim < 2 or (array.ndim == 2 and 1 in part.shape) else part


def part_of(name: str, array: np.ndarray, place: tuple[int, ...]) -> str:
    """Return which part of an array stands at the indices ``place``, in words or as one would index it."""
    if is_picture(name, array.ndim):
        return _("sample {n}, channel {c}", n=place[0], c=place[1])
    return f"{name}[{', '.join(map(str, place))}]" if place else _("all of `{name}`", name=name)


def axes_of(name: str, array: np.ndarray, samples: int) -> tuple[str, str]:
    """Return what the last two axes of an array are, as far as its name and the number of samples tell."""
    if is_picture(name, array.ndim):
        return _("row"), _("column")
    if array.ndim == 2 and name == COLUMNS:
        return _("entry of the window"), _("window")
    if array.ndim == 2 and not is_weight(name) and len(array) == samples:
        return _("sample"), _("feature")
    return _("axis {number}", number=max(0, array.ndim - 2)), _("axis {number}", number=array.ndim - 1)


def as_levels(found: ErrorMap) -> list[list[int | None]]:
    """Return the worst plane, shrunk: 0 right, 1 to 5 for each power of ten of the error beyond what is allowed."""
    worst = found.planes[found.worst]
    return [
        [None if math.isnan(value) else math.ceil(LEVELS * value - 1e-9) for value in row]
        for row in _smaller(_wrapped(worst.values)).tolist()
    ]


def _wrapped(plane: np.ndarray) -> np.ndarray:
    """Write a vector in lines."""
    if plane.ndim == 2:
        return plane
    columns = min(MAX_COLUMNS // 2, plane.size)
    filled = np.full(-(-plane.size // columns) * columns, np.nan)
    filled[: plane.size] = plane
    return filled.reshape(-1, columns)


def _smaller(plane: np.ndarray) -> np.ndarray:
    """Shrink a large plane; a cell shows the worst of what it stands for."""
    for axis, most in ((0, MAX_ROWS), (1, MAX_COLUMNS // 2)):
        length = plane.shape[axis]
        if length > most:
            edges = np.linspace(0, length, most + 1).astype(int)[:-1]
            plane = np.fmax.reduceat(plane, edges, axis=axis)
    return plane
