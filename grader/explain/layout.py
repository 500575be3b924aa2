"""Right numbers at the wrong places: transposed, flipped, shifted, reordered."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from grader.explain.comparison import MIN_ENTRIES, Comparison, Fingerprint
from grader.lab.checks import LAYOUT
from grader.language.translation import _, listed, marked

MAX_SHIFT = 2
MIN_OVERLAP = 0.4
FLIPS = (
    ((2,), "flipped_rows", marked("Every channel is right, but turned upside down.")),
    ((3,), "flipped_columns", marked("Every channel is right, but mirrored left to right.")),
    ((2, 3), "flipped_both", marked("Every channel is right, but turned by 180 degrees.")),
)


def layouts(view: Comparison) -> list[Fingerprint]:
    """Find a reordering of the expected array that the submission returned."""
    if view.expected.size < MIN_ENTRIES or not view.actual.any():
        return []
    for search in (_transposed, _flipped, _reversed, _exchanged, _axes, _shifted, _permuted):
        found = list(search(view))
        if found:
            return found[:1]
    return []


def _transposed(view: Comparison) -> Iterator[Fingerprint]:
    if view.expected.ndim >= 2 and view.equals(view.expected.swapaxes(-1, -2)):
        yield Fingerprint("transposed", _("It is right after a transpose: rows and columns are exchanged."))


def _flipped(view: Comparison) -> Iterator[Fingerprint]:
    if not view.on_grid:
        return
    for axes, name, text in FLIPS:
        if view.equals(np.flip(view.expected, axes)):
            yield Fingerprint(name, _(text))


def _reversed(view: Comparison) -> Iterator[Fingerprint]:
    if view.expected.ndim < 2:
        return
    if view.expected.shape[0] > 1 and view.equals(view.expected[::-1]):
        # Of two, a reverse order is any other.
        two = _("The two samples of the batch are exchanged.")
        text = _("The samples of the batch come in reverse order.") if len(view.expected) > 2 else two
        yield Fingerprint("samples_reversed", text)
    if view.expected.shape[1] > 1 and view.equals(view.expected[:, ::-1]):
        two = _("The two channels are exchanged.")
        text = _("The channels come in reverse order.") if view.expected.shape[1] > 2 else two
        yield Fingerprint("channels_reversed", text)


def _exchanged(view: Comparison) -> Iterator[Fingerprint]:
    """Every channel (or sample) is right, but stands in another's place."""
    for axis, name, what in ((1, "channels", _("channels")), (0, "samples", _("samples"))):
        if view.expected.ndim != 4 or view.expected.shape[axis] < 2:
            continue
        order = _order(view, axis)
        if order is not None and view.equals(view.expected.take(order, axis=axis)):
            if len(set(order)) == 1:
                text = _("All {what} hold what belongs to number {number}.", what=what, number=order[0])
            else:
                text = _("The {what} are right, but in another order.", what=what)
            yield Fingerprint(f"{name}_exchanged", text)


def _order(view: Comparison, axis: int) -> list[int] | None:
    """Return, for each slice of the actual array, the nearest expected one."""
    length = view.expected.shape[axis]
    if length > 64:
        return None
    wanted = np.moveaxis(view.expected, axis, 0).reshape(length, -1)
    seen = np.moveaxis(view.actual, axis, 0).reshape(length, -1)
    return [int(np.argmin(np.abs(wanted - row).max(axis=1))) for row in seen]


def _axes(view: Comparison) -> Iterator[Fingerprint]:
    """The right numbers, written out in another order of the axes and then reshaped."""
    yield from _flattened(view)
    if view.expected.ndim == 4 or (view.expected.ndim == 2 and view.expected.shape[0] > 1):
        for order in permutations(range(view.expected.ndim)):
            if order != tuple(range(view.expected.ndim)) and view.equals(
                view.expected.transpose(order).reshape(view.expected.shape)
            ):
                yield Fingerprint(
                    "axes_reordered",
                    _(
                        "The numbers are right, but written in the order of axes {order}: reshape does not move "
                        "axes, transpose does.",
                        order=order,
                    ),
                )
                return


def _flattened(view: Comparison) -> Iterator[Fingerprint]:
    """A picture that was flattened in another order of its axes; the first one, of the samples, stays."""
    picture = view.inputs.get("x", np.zeros(0)).astype(np.float64)
    if picture.ndim != 4 or view.expected.ndim != 2 or view.expected.size != picture.size:
        return
    names = (_("channel"), _("row"), _("column"))
    for order in permutations((1, 2, 3)):
        if view.equals(picture.transpose(0, *order).reshape(view.expected.shape)):
            if LAYOUT in view.config:
                counted = listed([names[axis - 1] for axis in order])
                text = _("The features come in the order {order}, the slowest first.", order=counted)
            else:
                # Nothing says which axis of the input the channels are.
                counted = listed([str(axis) for axis in order])
                text = _(
                    "The features come in the order of the axes {order} of the input, the slowest first.",
                    order=counted,
                )
            yield Fingerprint("flattened", text)
            return
    if len(picture) > 1 and view.equals(picture.reshape(-1, len(picture)).T.reshape(view.expected.shape)):
        text = _("The samples are mixed: reshape to (N, …) at once, not to (…, N) and then transpose.")
        yield Fingerprint("flattened_by_columns", text)


def _shifted(view: Comparison) -> Iterator[Fingerprint]:
    if not view.on_grid:
        return
    rows, columns = view.expected.shape[2:]
    for down in range(-MAX_SHIFT, MAX_SHIFT + 1):
        for right in range(-MAX_SHIFT, MAX_SHIFT + 1):
            if (down, right) == (0, 0) or (rows - abs(down)) * (
                columns - abs(right)
            ) < MIN_OVERLAP * rows * columns:
                continue
            wanted = view.expected[..., _part(-down, rows), _part(-right, columns)]
            seen = view.actual[..., _part(down, rows), _part(right, columns)]
            allowed = view.allowed[..., _part(-down, rows), _part(-right, columns)]
            if wanted.any() and (np.abs(seen - wanted) <= allowed).all():
                yield Fingerprint(
                    "shifted",
                    _(
                        "It is right, but shifted by {down} rows and {right} columns (positive: down, right).",
                        down=down,
                        right=right,
                    ),
                )
                return


def _part(shift: int, length: int) -> slice:
    return slice(max(shift, 0), length + min(shift, 0))


def _permuted(view: Comparison) -> Iterator[Fingerprint]:
    wanted, seen = np.sort(view.expected, axis=None), np.sort(view.actual, axis=None)
    values = np.unique(wanted.round(6)).size
    if values > view.expected.size // 2 and (np.abs(wanted - seen) <= 2 * view.allowed.max()).all():
        yield Fingerprint("permuted", _("All the right numbers are there, but at other places."))
