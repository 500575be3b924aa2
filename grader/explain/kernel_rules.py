"""Rules by which the taps or channels of a kernel meet other entries of the picture than their own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from grader.language.translation import _


def gathered(kernel: np.ndarray, axis: int, place: int) -> np.ndarray:
    """Return the kernel whose weights along an axis all stand at one place, added up."""
    made = np.zeros_like(kernel)
    index = [slice(None)] * kernel.ndim
    index[axis] = slice(place, None) if place < 0 else slice(place, place + 1)
    made[tuple(index)] = kernel.sum(axis=axis, keepdims=True)
    return made


def meeting_others(kernel: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield rules by which the taps of a kernel meet other pixels of their window."""
    yield (
        "first_pixel",
        _("Every tap of the kernel meets the first pixel of the window."),
        gathered(gathered(kernel, 2, 0), 3, 0),
    )
    rows, columns = kernel.shape[2:]
    diagonal = np.eye(rows, columns)
    if rows <= columns:
        text = _("The column of the pixel is counted with the index of the kernel's row.")
        yield "column_by_row", text, kernel.sum(axis=3, keepdims=True) * diagonal
    if columns <= rows:
        text = _("The row of the pixel is counted with the index of the kernel's column.")
        yield "row_by_column", text, kernel.sum(axis=2, keepdims=True) * diagonal
