"""Pictures of where an error sits: as text for a terminal, as PNG. They show errors, never an expected value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grader.explain.comparison import Comparison
from grader.lab.checks import sample_positions
from grader.language.translation import _

SHADES = (" ", "░", "▒", "▓", "█")
SHADES_ASCII = (".", "-", "+", "*", "#")
MAX_COLUMNS = 60
MAX_ROWS = 24
MAX_PLANES = 64
# An error this many times the allowed one has the darkest shade.
DARKEST = 1e5
LEAST_SEVERITY = 0.2
PIXELS_OF_A_PLANE = 160
GAP = 6
RIGHT_COLOUR = (235, 240, 235)
WRONG_COLOURS = ((150, 190, 255), (30, 30, 180))
BINS = 16


@dataclass(frozen=True)
class ErrorMap:
    """How wrong each entry is: ``planes`` (count, rows, columns), 0 right to 1 worst, NaN where it is not known."""

    planes: np.ndarray
    labels: tuple[str, ...]

    @property
    def worst(self) -> int:
        """Number of the plane with the most wrong entries."""
        return int(np.nansum(self.planes > 0, axis=(1, 2)).argmax())


def error_map(view: Comparison) -> ErrorMap:
    """Return the map of an array: one plane for each sample and channel, or one for the whole array."""
    return ErrorMap(*_planes(_severity(view)))


def sampled_map(view: Comparison, layer: str, shape: tuple[int, ...], grid: tuple[int, int] = (2, 3)) -> ErrorMap:
    """Return the map of a sampled activation with four axes: what its sample tells about rows and columns.

    ``grid`` are the axes of these.
    """
    total = int(np.prod(shape))
    positions = sample_positions(layer, total, view.expected.size)
    severity = _severity(view).reshape(-1)
    if len(shape) != 4 or min(shape[axis] for axis in grid) < 2 or positions.size != severity.size:
        return _wrapped(severity)
    places = np.unravel_index(positions, shape)
    sizes = tuple(min(BINS, shape[axis]) for axis in grid)
    plane = np.full(sizes, np.nan)
    bins = (places[axis] * size // shape[axis] for axis, size in zip(grid, sizes, strict=True))
    for row, column, value in zip(*bins, severity, strict=True):
        plane[row, column] = np.fmax(plane[row, column], value)
    return ErrorMap(plane[None], (_("{layer}, worst of the sampled entries", layer=layer),))


def _wrapped(severity: np.ndarray) -> ErrorMap:
    columns = min(MAX_COLUMNS, max(1, severity.size))
    rows = math.ceil(severity.size / columns)
    plane = np.full(rows * columns, np.nan)
    plane[: severity.size] = severity
    return ErrorMap(plane.reshape(1, rows, columns), (_("entries in order"),))


def _severity(view: Comparison) -> np.ndarray:
    error = np.abs(view.actual - view.expected)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.log(error / view.allowed) / np.log(DARKEST)
    return np.where(view.right, 0.0, np.clip(np.nan_to_num(size, nan=1.0), LEAST_SEVERITY, 1.0))


def _planes(severity: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    if severity.ndim == 4:
        samples, channels = severity.shape[:2]
        labels = [_("sample {n}, channel {c}", n=n, c=c) for n in range(samples) for c in range(channels)]
        planes = severity.reshape(-1, *severity.shape[2:])
        return planes[:MAX_PLANES], tuple(labels[:MAX_PLANES])
    if severity.ndim == 2:
        return severity[None], (_("rows: samples"),)
    wrapped = _wrapped(severity.reshape(-1))
    return wrapped.planes, wrapped.labels


def as_text(found: ErrorMap, *, unicode: bool = True) -> list[str]:
    """Return the worst plane as lines: a blank (or ``.``) is right, darker is worse."""
    shades = SHADES if unicode else SHADES_ASCII
    plane = _smaller(found.planes[found.worst])
    lines = []
    for row in plane:
        text = "".join(
            "?" if math.isnan(value) else shades[0 if value <= 0 else 1 + int(value * (len(shades) - 2))] * 2
            for value in row
        )
        lines.append(f"|{text}|")
    return [found.labels[found.worst], *lines]


def _smaller(plane: np.ndarray) -> np.ndarray:
    """Shrink to what fits into a terminal; a cell shows the worst of what it stands for."""
    for axis, most in ((0, MAX_ROWS), (1, MAX_COLUMNS // 2)):
        length = plane.shape[axis]
        if length > most:
            edges = np.linspace(0, length, most + 1).astype(int)[:-1]
            plane = np.fmax.reduceat(plane, edges, axis=axis)
    return plane


def write_png(found: ErrorMap, file: Path) -> None:
    """Write all planes side by side.

    Raises
    ------
    OSError : the file cannot be written.
    """
    import cv2

    count, rows, columns = found.planes.shape
    zoom = max(1, PIXELS_OF_A_PLANE // max(rows, columns))
    across = math.ceil(math.sqrt(count))
    down = math.ceil(count / across)
    height, width = rows * zoom + GAP, columns * zoom + GAP
    page = np.full((down * height + GAP, across * width + GAP, 3), 255, np.uint8)
    for number, plane in enumerate(found.planes):
        top, left = (number // across) * height + GAP, (number % across) * width + GAP
        tile = _coloured(plane).repeat(zoom, axis=0).repeat(zoom, axis=1)
        page[top : top + rows * zoom, left : left + columns * zoom] = tile
    done, data = cv2.imencode(".png", page)
    if not done:
        raise OSError(f"{file}: the picture could not be encoded")
    file.write_bytes(data.tobytes())


def _coloured(plane: np.ndarray) -> np.ndarray:
    """Return blue-green-red bytes: light where right, red where wrong, grey where nothing is known."""
    light, dark = (np.array(colour, np.float64) for colour in WRONG_COLOURS)
    share = np.nan_to_num(plane)[..., None]
    colours = light + share * (dark - light)
    colours = np.where(share == 0, np.array(RIGHT_COLOUR, np.float64), colours)
    return np.where(np.isnan(plane)[..., None], 200, colours).astype(np.uint8)
