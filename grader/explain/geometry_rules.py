"""Rules by which the windows of a convolution or pooling lie elsewhere, and what the taps then meet."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from grader.explain.linear_terms import Geometry
from grader.language.translation import _


def windows_elsewhere(geometry: Geometry, pictures: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield what each tap meets, (N, C, K, K, P, Q), for every rule by which windows lie elsewhere."""
    for name, text, rows, columns in places_elsewhere(geometry):
        yield name, text, geometry.met(pictures, rows, columns)
    rows, columns = geometry.places()
    height, width = pictures.shape[2:]
    yield (
        "border_repeated",
        _("The border of the picture is repeated where zeros belong."),
        pictures[:, :, rows.clip(0, height - 1)[:, None, :, None], columns.clip(0, width - 1)[None, :, None, :]],
    )
    outside = (rows < 0) | (rows >= height), (columns < 0) | (columns >= width)
    beyond = outside[0][:, None, :, None] | outside[1][None, :, None, :]
    yield "ones", _("The padding holds ones where zeros belong."), geometry.windows(pictures) + beyond
    if (
        rows.min() > -height
        and rows.max() < 2 * height - 1
        and columns.min() > -width
        and columns.max() < 2 * width - 1
    ):
        yield (
            "mirrored",
            _("The picture is mirrored at its border where zeros belong."),
            pictures[:, :, _mirrored(rows, height)[:, None, :, None], _mirrored(columns, width)[None, :, None, :]],
        )
    yield (
        "wrapped",
        _("Indices below 0 count from the other end of the picture: the padding is missing."),
        _wrapped(geometry, pictures),
    )


def _mirrored(places: np.ndarray, length: int) -> np.ndarray:
    inside = np.abs(places)
    return np.asarray(np.where(inside >= length, 2 * length - 2 - inside, inside))


def _wrapped(geometry: Geometry, pictures: np.ndarray) -> np.ndarray:
    rows, columns = geometry.places()
    height, width = pictures.shape[2:]
    rows, columns = np.where(rows < 0, rows + height, rows), np.where(columns < 0, columns + width, columns)
    return geometry.met(pictures, rows, columns)


def gradients_elsewhere(geometry: Geometry) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Yield the same for a gradient, which is added at these places and then has the padding cut off."""
    for name, text, rows, columns in places_elsewhere(geometry):
        if not name.startswith(("moved", "padding")):
            yield name, text, rows, columns
    rows, columns = geometry.places()
    text = _("The padding is cut off at one end only: the result begins in the padding.")
    yield "corner", text, rows + geometry.above, columns + geometry.left


def places_elsewhere(geometry: Geometry) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Yield rules by which windows lie elsewhere, with rows (K, P) and columns (K, Q) that the taps meet.

    All of them, also those that change nothing in this case: a rule has to hold in every case.
    """
    rows, columns = geometry.places()
    taps = [np.arange(length)[:, None] for length in geometry.kernel]
    steps = [np.arange(length)[None] for length in geometry.output]
    stride, dilation = geometry.stride, geometry.dilation

    def at(step: int, apart: int) -> tuple[np.ndarray, np.ndarray]:
        return step * steps[0] + apart * taps[0] - geometry.above, step * steps[1] + apart * taps[1] - geometry.left

    beside = at(1, dilation)
    yield "stride_ignored", _("The stride is ignored: windows lie one pixel apart."), *beside
    yield "row_stride_ignored", _("The stride is ignored in the rows."), beside[0], columns
    yield "column_stride_ignored", _("The stride is ignored in the columns."), rows, beside[1]
    yield "stride_inside", _("The stride is also the step inside a window."), *at(stride, stride * dilation)
    text = _("The windows lie as far apart as they are large, whatever the stride.")
    yield "stride_is_kernel", text, at(geometry.kernel[0], dilation)[0], at(geometry.kernel[1], dilation)[1]
    yield "dilation_ignored", _("The dilation is ignored: the taps of a window lie side by side."), *at(stride, 1)
    text = _("All zeros of the padding lie below and on the right.")
    yield "padding_at_the_end", text, rows + geometry.above, columns + geometry.left
    text = _("All zeros of the padding lie above and on the left.")
    yield "padding_in_front", text, rows - geometry.above, columns - geometry.left
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if down or right:
                text = _(
                    "Every window begins {rows} rows and {columns} columns away from where it should (positive: "
                    "down, right).",
                    rows=down,
                    columns=right,
                )
                yield f"moved_{down}_{right}", text, rows + down, columns + right
