"""Which formula of the output's size gives the rows and columns that were returned.

``(rows + above + below - dilation * (K - 1) - 1) // stride + 1`` is the right one, for columns likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from grader.explain.linear_terms import Geometry
from grader.lab.checks import Case
from grader.language.translation import _, marked

# rows or columns, all padding of that axis, reach of the window, its pixels, stride
Size = Callable[[int, int, int, int, int], float]
SIZES: Mapping[str, tuple[str, Size]] = {
    "no_one": (marked("+ 1 is missing."), lambda n, p, f, k, s: (n + p - f) // s),
    "one_first": (
        marked("+ 1 is added before the division instead of after it."),
        lambda n, p, f, k, s: (n + p - f + 1) // s,
    ),
    "up": (marked("the division is rounded up."), lambda n, p, f, k, s: -((f - n - p) // s) + 1),
    "no_padding": (marked("the padding is not counted."), lambda n, p, f, k, s: (n - f) // s + 1),
    "once": (marked("the padding is counted for one side only."), lambda n, p, f, k, s: (n + p / 2 - f) // s + 1),
    "twice": (marked("the padding is counted twice."), lambda n, p, f, k, s: (n + 2 * p - f) // s + 1),
    "no_stride": (marked("the stride is not counted."), lambda n, p, f, k, s: n + p - f + 1),
    "no_kernel": (marked("the window is not subtracted."), lambda n, p, f, k, s: (n + p) // s),
    "no_dilation": (marked("the dilation is not counted."), lambda n, p, f, k, s: (n + p - k) // s + 1),
    "input": (marked("the output is made as large as the input."), lambda n, p, f, k, s: n),
    "padded": (marked("the output is made as large as the padded input."), lambda n, p, f, k, s: n + p),
    "by_kernel": (marked("the window is taken as the stride."), lambda n, p, f, k, s: (n + p - f) // k + 1),
}  # fmt: skip


def sizes_that_give(case: Case, picture: tuple[int, int], seen: tuple[int, int]) -> dict[str, str]:
    """Return what each wrong formula that gives the rows and columns ``seen`` does, by a stable name.

    ``picture`` are rows and columns of the input. Empty if the case has no such settings.
    """
    geometry = Geometry.of(case.config, *picture)
    padding = _padding(case.config)
    if geometry is None or padding is None:
        return {}
    found = {}
    for name, (text, size) in SIZES.items():
        made = []
        for axis in (0, 1):
            kernel = geometry.kernel[axis]
            reach = geometry.dilation * (kernel - 1) + 1
            made.append(size(picture[axis], padding[axis], reach, kernel, geometry.stride))
        if tuple(made) == tuple(seen):
            found[name] = _(text)
    return found


def _padding(config: Mapping[str, Any]) -> list[int] | None:
    """Return all zeros of rows and of columns; None if the settings do not say it by numbers."""
    pad = config.get("pad", config.get("padding", 0))
    if isinstance(pad, str):
        return None
    return [2 * pad, 2 * pad] if isinstance(pad, int) else [pad[0] + pad[1], pad[2] + pad[3]]
