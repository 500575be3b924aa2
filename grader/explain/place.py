"""Errors that are confined to a part of the array, or spare one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from grader.explain.comparison import MIN_ENTRIES, Comparison, Fingerprint
from grader.explain.orientation import is_weight
from grader.language.translation import _, marked, ngettext

STEPS = (2, 3, 4)


def places(view: Comparison) -> list[Fingerprint]:
    """Find where the wrong entries are: samples, steps, zeros, channels, the border, between steps."""
    if view.expected.size < MIN_ENTRIES or view.expected.ndim < 2:
        return [*_along_first_axis(view), *negatives_cut(view), *_zeros(view)]
    found: list[Fingerprint] = []
    for search in (negatives_cut, _samples, _along_first_axis, _zeros, _channels, _border, _edges, _steps):
        found += search(view)
    return found


def negatives_cut(view: Comparison) -> list[Fingerprint]:
    """Find zeros exactly where negative numbers belong."""
    negative = view.expected < -view.allowed
    if not view.by_entry or not negative.any() or view.actual[negative].any():
        return []
    if not view.right[~negative].all():
        return []
    text = _("Negative values are cut off to 0: by a ReLU, or by a maximum that starts at 0.")
    return [Fingerprint("negatives_cut", text)]


def _samples(view: Comparison) -> Iterator[Fingerprint]:
    if view.samples:
        yield from _slices(view, 0, "sample", _("sample"), _("samples"))


def _along_first_axis(view: Comparison) -> Iterator[Fingerprint]:
    """Find the first wrong step where the first axis is no sample, as in losses or in the moves of an optimiser."""
    if view.samples or is_weight(view.output) or "bias" in view.output or not view.expected.ndim:
        return
    right = np.asarray(view.right.reshape(view.expected.shape[0], -1).all(axis=1))
    if len(right) < 2 or right.all():
        return
    first = int(np.argmin(right))
    if first and not right[first:].any():
        yield Fingerprint(
            "from_entry_on",
            ngettext(
                "Along the first axis the first entry is right; all after it are wrong.",
                "Along the first axis the first {count} entries are right; all after them are wrong.",
                first,
            ),
        )


def _channels(view: Comparison) -> Iterator[Fingerprint]:
    if view.expected.ndim == 4 and not is_weight(view.output):
        yield from _slices(view, 1, "channel", _("channel"), _("channels"))


def _slices(view: Comparison, axis: int, name: str, one: str, many: str) -> Iterator[Fingerprint]:
    length = view.expected.shape[axis]
    if length < 2:
        return
    right = np.asarray(np.moveaxis(view.right, axis, 0).reshape(length, -1).all(axis=1))
    if right.all() or not right.any():
        return
    if right[0] and not right[1:].any():
        yield Fingerprint(f"only_first_{name}", _("Only the first {what} is right.", what=one))
    elif right[-1] and not right[:-1].any():
        yield Fingerprint(f"only_last_{name}", _("Only the last {what} is right.", what=one))
    elif right[:-1].all():
        yield Fingerprint(f"last_{name}_wrong", _("All is right but the last {what}.", what=one))
    elif right[1:].all():
        yield Fingerprint(f"first_{name}_wrong", _("All is right but the first {what}.", what=one))
    else:
        text = _(
            "{wrong} of {count} {what} are wrong, others right.", wrong=int((~right).sum()), count=length, what=many
        )
        yield Fingerprint(f"some_{name}s", text)


def _zeros(view: Comparison) -> Iterator[Fingerprint]:
    wrong = view.wrong
    if view.right.any() and (view.actual[wrong] == 0).all() and not negatives_cut(view):
        yield from _ends_unfilled(view)
        count = int(wrong.sum())
        yield Fingerprint(
            "unfilled",
            ngettext(
                "{count} entry of {total} is 0 where it should not be; all others are right.",
                "{count} entries of {total} are 0 where they should not be; all others are right.",
                count,
                total=view.actual.size,
            ),
        )


def _ends_unfilled(view: Comparison) -> Iterator[Fingerprint]:
    """Zeros in the whole last row, the whole last column, or both, and nothing else wrong."""
    if not view.on_grid:
        return
    wrong, filled = np.asarray(view.wrong.any(axis=(0, 1))), np.asarray((view.actual != 0).any(axis=(0, 1)))
    for name, index, text in (
        ("last_row_unfilled", np.s_[-1:, :], _("The last row is 0, as if it was never written.")),
        ("last_column_unfilled", np.s_[:, -1:], _("The last column is 0, as if it was never written.")),
        ("last_ends_unfilled", None, _("The last row and the last column are 0, as if they were never written.")),
    ):
        there = np.zeros_like(wrong)
        if index is None:
            there[-1:, :] = there[:, -1:] = True
        else:
            there[index] = True
        if wrong[~there].any() or filled[there].any() or wrong[there].mean() < 0.5:
            continue
        yield Fingerprint(name, text)
        return


def _border(view: Comparison) -> Iterator[Fingerprint]:
    if not view.on_grid:
        return
    rows, columns = view.expected.shape[2:]
    wrong = np.asarray(view.wrong.any(axis=(0, 1)))
    for width in range(1, (min(rows, columns) - 1) // 2 + 1):
        inside = wrong[width : rows - width, width : columns - width]
        if not inside.any():
            sides = _sides(wrong, width)
            if sides and (len(sides) > 1 or width > 1):
                yield Fingerprint(
                    "border",
                    ngettext(
                        "Only the border is wrong, {count} pixel wide ({sides}): look at the padding.",
                        "Only the border is wrong, {count} pixels wide ({sides}): look at the padding.",
                        width,
                        sides=_(", ").join(_(side) for side in sides),
                    ),
                )
            return


def _sides(wrong: np.ndarray, width: int) -> list[str]:
    parts = {
        marked("top"): wrong[:width],
        marked("bottom"): wrong[-width:],
        marked("left"): wrong[:, :width],
        marked("right"): wrong[:, -width:],
    }
    # A corner belongs to two sides, which count if most of what lies between their corners is wrong.
    between = {
        name: part[:, width:-width] if name in ("top", "bottom") else part[width:-width]
        for name, part in parts.items()
    }
    return [name for name, part in between.items() if part.size and part.mean() > 0.5]


def _edges(view: Comparison) -> Iterator[Fingerprint]:
    """Wrong only in the last rows or columns: a loop that ends too early, or a size that is off by one."""
    if not view.on_grid:
        return
    wrong = np.asarray(view.wrong.any(axis=(0, 1)))
    rows, columns = np.flatnonzero(wrong.any(axis=1)), np.flatnonzero(wrong.any(axis=0))
    texts = {
        "first_row": _("Only the first row is wrong."),
        "last_row": _("Only the last row is wrong."),
        "first_column": _("Only the first column is wrong."),
        "last_column": _("Only the last column is wrong."),
    }
    if len(rows) == 1 and len(columns) == 1:
        row, column = int(rows[0]), int(columns[0])
        text = _("Only the entry at row {row}, column {column} is wrong.", row=row, column=column)
        yield Fingerprint(f"only_entry_{row}_{column}_wrong", text)
        return
    for places_, length, what in ((rows, wrong.shape[0], "row"), (columns, wrong.shape[1], "column")):
        if len(places_) == 1 and length > 2 and places_[0] in (0, length - 1):
            name = f"{'first' if places_[0] == 0 else 'last'}_{what}"
            yield Fingerprint(name, texts[name])


def _steps(view: Comparison) -> Iterator[Fingerprint]:
    if not view.on_grid:
        return
    right = np.asarray(view.right.all(axis=(0, 1)))
    for step in STEPS:
        if min(right.shape) <= step:
            continue
        chosen = np.zeros_like(right)
        chosen[::step, ::step] = True
        if right[chosen].all() and right[~chosen].mean() < 0.25:
            text = _("Only every {step}. row and column is right.", step=step)
            by_stride = _(
                "Only every {step}. row and column is right: look at how the stride enters the indices.", step=step
            )
            readings = {"stride": by_stride} if view.config.get("stride") == step else {}
            yield Fingerprint("every_step", text, readings)
            return
    first = np.zeros_like(right)
    first[0, 0] = True
    if right[0, 0] and right[~first].mean() < 0.1:
        yield Fingerprint("only_first_entry", _("Only the entry at row 0, column 0 is right."))
