"""What is drawn of a wrong array: what went in, what came out, and the error; never an expected value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from grader.drawing import Difference, Plane
from grader.explain.comparison import Comparison
from grader.explain.conditions import INPUT_NAMES
from grader.explain.orientation import is_picture, is_weight
from grader.explain.picture import COLUMNS, ErrorMap, axes_of, part_of, plane_at
from grader.lab.layer_geometry import output_shape
from grader.language.translation import _

GRADIENT_NAMES = ("out_grad", "grad_output", "grads")
# The logarithmic scale of `ErrorMap`, from right to worst.
TICKS = ((0.0, "≤ 1"), (0.2, "≤ 10"), (0.4, "100"), (0.6, "1000"), (0.8, "10⁴"), (1.0, "≥ 10⁵"))


def difference(found: ErrorMap, title: str, *, hidden: bool) -> Difference:
    """Return the part with most wrong entries, ready to be drawn.

    Of a ``hidden`` case only the error is there: its inputs are secret, and so is what was expected.
    """
    view, plane, place = found.view, found.planes[found.worst], found.places[found.worst]
    error = replace(plane, title=_titled(_("error"), plane.title))
    if plane.span is not None or "/" in view.output:
        return Difference(title, (), error, found.planes, TICKS)
    size = np.where(view.right, 0.0, np.abs(view.actual - view.expected))[place]
    entry = tuple(int(index) for index in np.unravel_index(size.argmax(), size.shape))
    cell = (0, int(size.argmax()), 1, 1) if plane.values.ndim == 1 else (entry[0], entry[1], 1, 1)
    error = replace(error, window=cell)
    if hidden:
        return Difference(title, (), error, found.planes, TICKS)
    values = plane_at(view.actual, place)
    yours = Plane(_titled(_("yours"), plane.title), values, plane.axes, cell)
    return Difference(title, (*_source(view, place, entry), yours), error, found.planes, TICKS)


def _titled(what: str, part: str) -> str:
    return f"{what}\n{part}"


def _source(view: Comparison, place: tuple[int, ...], entry: tuple[int, ...]) -> Iterator[Plane]:
    """Yield the part of the input that belongs to a part of the output, with the window of its worst entry."""
    output, pictured = view.actual, is_picture(view.output, view.actual.ndim)
    gradient = "grad" in view.output
    first = GRADIENT_NAMES if gradient else () if view.output == COLUMNS else (COLUMNS,)
    name = next((name for name in (*first, *INPUT_NAMES) if name in view.inputs), "")
    if not name or not (pictured or output.ndim == 2) or is_weight(view.output):
        # What a gradient of a weight is made of has no part that belongs to one entry.
        return
    array, window = view.inputs[name], None
    source: tuple[int, ...] = ()
    if is_picture(name, array.ndim):
        by_sample = len(array) == len(output) and view.output != COLUMNS
        sample = (*place, *entry)[0] if by_sample else 0
        source = (sample, place[1] if pictured and array.shape[1] == output.shape[1] else 0)
        if pictured and not gradient:
            window = window_of(view.config, array.shape[2:], output.shape[2:], entry)
    elif array.ndim > 2 or array.size < 2:
        return
    part = part_of(name, array, source)
    what = _("input `{name}`", name=name) if source else _("input")
    yield Plane(_titled(what, part), plane_at(array, source), axes_of(name, array, len(output)), window)


def window_of(
    config: Mapping[str, Any], shape: Sequence[int], output: Sequence[int], entry: Sequence[int]
) -> tuple[int, int, int, int] | None:
    """Return what a kernel or pooling window covers of its input for one entry of the output, None if it has none.

    First row, first column, rows, columns; a negative first row is padding. ``shape``, ``output`` and ``entry`` are
    rows and columns.
    """
    side = config.get("k")
    kernel = (side, side) if isinstance(side, int) else config.get("kernel_shape")
    stride, dilation = config.get("stride", 1), config.get("dilation", 1)
    pad = config.get("pad", config.get("padding", 0))
    if not (kernel and isinstance(stride, int) and isinstance(dilation, int)):
        return None
    if output_shape((shape[0], shape[1]), kernel, pad, stride, dilation) != tuple(output):
        return None
    rows, columns = (dilation * (length - 1) + 1 for length in kernel)
    if pad == "same":
        # Of an odd number of zeros the one more stands at the end.
        above, left = (rows - 1) // 2, (columns - 1) // 2
    else:
        above, left = (0, 0) if pad == "valid" else (pad, pad) if isinstance(pad, int) else (pad[0], pad[2])
    return entry[0] * stride - above, entry[1] * stride - left, rows, columns
