"""Where an array is wrong: what went in, what came out and the error side by side, and the errors of all parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.drawing.appearance import BLACK, BLUE, PAPER, VERMILLION, as_drawn, new_figure
from grader.language.translation import _

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure, SubFigure

# Paper is nothing, a tint of green right, grey not known; the more wrong, the darker.
RIGHT_COLOUR, UNKNOWN_COLOUR, DARKEST_COLOUR = "#E3F2EC", "#B0B0B0", "#6B2A00"
# Inches.
PANEL_WIDTH, PICTURE_SIDE, PART_SIDE, FRAME_HEIGHT = 3.3, 2.2, 1.0, 1.2
OVERVIEW_COLUMNS, MAX_OVERVIEW = 8, 32


@dataclass(frozen=True)
class Plane:
    """A part of an array: ``values`` (rows, columns) or (count,); NaN where nothing is known.

    Attributes
    ----------
    title : which part it is.
    axes : what rows and columns are; for a vector the second is what its entries are.
    window : first row, first column, rows and columns of a part to mark; it may reach over the border.
    span : rows and columns that the values stand for, if they are blocks of more.
    """

    title: str
    values: np.ndarray
    axes: tuple[str, str]
    window: tuple[int, int, int, int] | None = None
    span: tuple[int, int] | None = None


@dataclass(frozen=True)
class Difference:
    """A wrong array.

    Attributes
    ----------
    title : which array of which check and case.
    shown : planes of numbers, such as what went in and what came out.
    error : the part with the worst error: 0 right, else more than 0, up to 1.
    all_errors : the errors of all parts.
    ticks : values of the error's scale, and what they mean.
    """

    title: str
    shown: Sequence[Plane]
    error: Plane
    all_errors: Sequence[Plane]
    ticks: Sequence[tuple[float, str]]


def draw_difference(found: Difference) -> Figure:
    """Draw the panels in a row and, if there is more than one part, the errors of all parts below."""
    parts = found.all_errors[:MAX_OVERVIEW] if len(found.all_errors) > 1 else ()
    below = -(-len(parts) // OVERVIEW_COLUMNS)
    height = FRAME_HEIGHT + PICTURE_SIDE * max(_form(plane) for plane in (*found.shown, found.error))
    heights = [height, *([FRAME_HEIGHT / 2 + below * (0.25 + PART_SIDE * _form(found.error))] if below else [])]
    panels = max(len(found.shown) + 1, 3 if parts else 2)
    figure = new_figure(PANEL_WIDTH * panels, sum(heights), found.title)
    upper, *lower = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    row = upper.subplots(1, panels, squeeze=False)[0]
    for axes, plane in zip(row, found.shown, strict=False):
        _draw_values(axes, plane)
    _draw_error(row[len(found.shown)], found.error, found.ticks)
    for axes in row[len(found.shown) + 1 :]:
        axes.set_axis_off()
    for part in lower:
        _draw_overview(part, parts, len(found.all_errors))
    return figure


def _draw_values(axes: Axes, plane: Plane) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    axes.set_title(as_drawn(plane.title), linespacing=1.5)
    if plane.values.ndim == 1:
        axes.plot(plane.values, "o", color=BLUE, markersize=3)
        axes.axhline(0, color=BLACK, linewidth=0.6)
        axes.set_xlabel(plane.axes[1])
        axes.set_ylabel(_("value"))
    else:
        largest = float(np.nanmax(np.abs(plane.values), initial=0.0)) or 1.0
        colours = LinearSegmentedColormap.from_list("values", [BLUE, PAPER, VERMILLION])
        image = axes.imshow(plane.values, cmap=colours, vmin=-largest, vmax=largest, **_place(plane))
        axes.figure.colorbar(image, ax=axes, label=_("value"), shrink=0.75)
        _label(axes, plane)
    _mark(axes, plane)


def _draw_error(axes: Axes, plane: Plane, ticks: Sequence[tuple[float, str]]) -> None:
    axes.set_title(as_drawn(plane.title), linespacing=1.5)
    places, texts = [value for value, _text in ticks], [text for _value, text in ticks]
    label = _("error ÷ allowed error")
    if plane.values.ndim == 1:
        wrong = plane.values > 0
        for chosen, colour, name in ((~wrong, BLUE, _("right entry")), (wrong, VERMILLION, _("wrong entry"))):
            indices = np.flatnonzero(chosen)
            if indices.size:
                axes.vlines(indices, 0, plane.values[indices], color=colour, linewidth=1)
                axes.plot(indices, plane.values[indices], "o", color=colour, markersize=3, label=name)
        axes.set_ylim(-0.03, 1.35)
        axes.set_yticks(places, texts)
        axes.set_xlabel(plane.axes[1])
        axes.set_ylabel(label)
        axes.legend(loc="upper left", ncols=2)
    else:
        image = _error_image(axes, plane)
        bar = axes.figure.colorbar(image, ax=axes, label=label, shrink=0.75, extend="min")
        bar.set_ticks(places, labels=texts)
        _label(axes, plane)
    _mark(axes, plane)


def _draw_overview(figure: SubFigure, parts: Sequence[Plane], count: int) -> None:
    """Draw all errors small, with those colours, but no scale of their own."""
    if len(parts) == count:
        title = _("the errors of all parts")
    else:
        title = _("the errors of the first {shown} of {count} parts", shown=len(parts), count=count)
    figure.suptitle(title, fontsize=9)
    grid = figure.subplots(-(-len(parts) // OVERVIEW_COLUMNS), OVERVIEW_COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, plane in zip(grid.flat, parts, strict=False):
        axes.set_axis_on()
        axes.set_title(as_drawn(plane.title), fontsize=7, pad=2)
        _error_image(axes, Plane(plane.title, np.atleast_2d(plane.values), plane.axes))
        axes.set_xticks([])
        axes.set_yticks([])


def _error_image(axes: Axes, plane: Plane) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    colours: Colormap = LinearSegmentedColormap.from_list("error", ["#F9DCC8", VERMILLION, DARKEST_COLOUR])
    colours = colours.with_extremes(under=RIGHT_COLOUR, bad=UNKNOWN_COLOUR)
    # Nothing that is wrong has an error of less than the smallest positive one: what is below is right.
    return axes.imshow(plane.values, cmap=colours, vmin=1e-6, vmax=1, **_place(plane))


def _place(plane: Plane) -> dict[str, Any]:
    """Return where a picture stands on its axes: on the rows and columns that it stands for."""
    rows, columns = plane.span or plane.values.shape
    # Very wide or tall matrices fill their panel; pictures keep their form.
    aspect = "equal" if max(rows, columns) <= 4 * min(rows, columns) else "auto"
    return {"extent": (-0.5, columns - 0.5, rows - 0.5, -0.5), "aspect": aspect, "interpolation": "nearest"}


def _form(plane: Plane) -> float:
    """Return how high a picture is for its width, within what fits on a page."""
    rows, columns = plane.span or np.atleast_2d(plane.values).shape
    return 1.0 if plane.values.ndim == 1 else float(np.clip(rows / columns, 0.5, 1.5))


def _label(axes: Axes, plane: Plane) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_ylabel(plane.axes[0])
    axes.set_xlabel(plane.axes[1])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True, nbins=6))


def _mark(axes: Axes, plane: Plane) -> None:
    """Frame the window; the part of it that lies over the border is padding, which the axes then show as well."""
    from matplotlib.patches import Rectangle

    if plane.window is None:
        return
    top, left, rows, columns = plane.window
    if plane.values.ndim == 1:
        axes.axvspan(left - 0.5, left + columns - 0.5, ymax=0.85, facecolor="none", edgecolor=BLACK, linewidth=1.2)
        return
    # A light edge, so that the dark one is seen on every colour.
    for colour, width in ((PAPER, 3.5), (BLACK, 1.6)):
        corner = (left - 0.5, top - 0.5)
        axes.add_patch(
            Rectangle(corner, columns, rows, fill=False, edgecolor=colour, linewidth=width, clip_on=False, zorder=3)
        )
    height, length = plane.span or plane.values.shape
    axes.set_xlim(min(0, left) - 0.5, max(length, left + columns) - 0.5)
    axes.set_ylim(max(height, top + rows) - 0.5, min(0, top) - 0.5)
