"""Rules by which the gradients of a convolution are made of other terms, and what each of them gives.

As of the output, the right rule comes first, with an empty text (`grader.explain.convolution_rules`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from grader.explain.calls import EARLIER
from grader.explain.convolution_rules import ONLY_LAST_PRODUCT, Rules, flattened, kernels_used, outputs_of
from grader.explain.geometry_rules import gradients_elsewhere, windows_elsewhere
from grader.explain.linear_terms import ORDERS, Geometry, Terms
from grader.language.translation import _

OVERWRITTEN = "overwritten"
# Windows that are set one by one take a loop; of more than these it is not tried.
MAX_WINDOWS = 1 << 12


def _in_grad(terms: Terms) -> dict[str, tuple[str, np.ndarray]]:
    """Return what each rule gives for the gradient of the input."""
    size = terms.pictures.shape[2:]

    def back(kernel: np.ndarray, geometry: Geometry = terms.geometry) -> np.ndarray:
        return geometry.scattered(_parts(terms, kernel), *size)

    found = {"right": ("", back(terms.kernel))}
    for name, text, kernel in kernels_used(terms, _("output channel"), axis=0):
        found[name] = (text, back(kernel))
    for name, text, kernel in flattened(terms):
        found[name] = (text, back(kernel))
    for name, text, kept in _places_kept(terms):
        parts = np.moveaxis(np.tensordot(terms.kernel, terms.gradient * kept, axes=(0, 1)), 3, 0)
        found[name] = (text, terms.geometry.scattered(parts, *size))
    samples = len(terms.gradient)
    for number, name, text in (
        (0, "from_sample_0", _("Every sample gets the result of sample 0.")),
        (-1, "from_last_sample", _("Every sample gets the result of the last sample.")),
    ):
        found[name] = (text, found["right"][1][[number]].repeat(samples, 0))
    found["negated"] = (_("It has the opposite sign."), -found["right"][1])
    found["divided_by_samples"] = (_("It is divided by the number of samples."), found["right"][1] / samples)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if down or right:
                text = _(
                    "The gradient is added {rows} rows and {columns} columns away from where it belongs "
                    "(positive: down, right).",
                    rows=down,
                    columns=right,
                )
                found[f"moved_{down}_{right}"] = (text, back(terms.kernel, terms.geometry.moved(down, right)))
    for name, text, rows, columns in gradients_elsewhere(terms.geometry):
        parts = _parts(terms, terms.kernel)
        found[name] = (text, terms.geometry.added(parts, size[0], size[1], rows, columns))
    for name, array in _overwritten(terms):
        text = _("Where windows overlap, their gradients are overwritten: `+=` instead of `=`.")
        found[name] = (text, array)
    return found


def _parts(terms: Terms, kernel: np.ndarray) -> np.ndarray:
    """Return what each window sends to each tap, (N, C_in, K, K, P, Q)."""
    return np.moveaxis(np.tensordot(kernel, terms.gradient, axes=(0, 1)), 3, 0)


def _overwritten(terms: Terms) -> Iterator[tuple[str, np.ndarray]]:
    """Yield gradients in which the last one wins: of the taps, of the windows, of the windows of each channel."""
    geometry, (height, width) = terms.geometry, terms.pictures.shape[2:]
    parts = _parts(terms, terms.kernel)
    rows, columns = geometry.places()
    low_rows, low_columns = -min(0, int(rows.min())), -min(0, int(columns.min()))
    shape = (max(height, int(rows.max()) + 1) + low_rows, max(width, int(columns.max()) + 1) + low_columns)
    inside = np.s_[:, :, low_rows : low_rows + height, low_columns : low_columns + width]
    result = np.zeros((*parts.shape[:2], *shape))
    for i, row in enumerate(rows + low_rows):
        for j, column in enumerate(columns + low_columns):
            result[:, :, row[:, None], column[None]] = parts[:, :, i, j]
    yield "taps_overwritten", result[inside]
    if parts.shape[4] * parts.shape[5] > MAX_WINDOWS:
        return
    for name, sent in (("windows_overwritten", parts), ("channels_overwritten", _parts(terms, _only_last(terms)))):
        result = np.zeros((*parts.shape[:2], *shape))
        for p in range(parts.shape[4]):
            for q in range(parts.shape[5]):
                at = np.s_[:, :, (rows[:, p] + low_rows)[:, None], (columns[:, q] + low_columns)[None]]
                result[at] = sent[..., p, q]
        yield name, result[inside]


def _only_last(terms: Terms) -> np.ndarray:
    """Return the kernel of the last output channel alone."""
    kernel = np.zeros_like(terms.kernel)
    kernel[-1] = terms.kernel[-1]
    return kernel


def _d_weight(terms: Terms) -> dict[str, tuple[str, np.ndarray]]:
    """Return what each rule gives for the gradient of the weight, in the order of the lab."""
    made = _sums(terms, _each_weight(terms, terms.windows))
    whole = made["right"][1]
    made["flipped"] = (_("The gradient of the kernel is turned by 180 degrees."), whole[:, :, ::-1, ::-1])
    if terms.kernel.shape[2] == terms.kernel.shape[3]:
        made["transposed"] = (_("Rows and columns of the kernel's gradient are exchanged."), whole.swapaxes(2, 3))
    for name, text, windows in windows_elsewhere(terms.geometry, terms.pictures):
        made[name] = (text, _each_weight(terms, windows).sum(axis=0))
    text = _("Every sample's gradient meets the input of sample 0.")
    first = np.broadcast_to(terms.windows[:1], terms.windows.shape)
    made["input_of_sample_0"] = (text, _each_weight(terms, first).sum(axis=0))
    for name, text, kept in _places_kept(terms):
        each = np.tensordot(terms.gradient * kept, terms.windows, axes=([0, 2, 3], [0, 4, 5]))
        made[name] = (text, each)
    for name, text, kept in _channels_kept(whole.shape):
        made[name] = (text, whole * kept)
    last = np.tensordot(terms.gradient[-1, :, -1, -1], terms.windows[-1, ..., -1, -1], axes=0)
    made["only_last_of_all"] = (_(ONLY_LAST_PRODUCT), last)
    axes = np.argsort(ORDERS[terms.order])
    found = {name: (text, array.transpose(axes)) for name, (text, array) in made.items()}
    _overwrite_earlier(terms, found)
    return found | dict(_written_out(whole, terms.order, found["right"][1]))


def _overwrite_earlier(terms: Terms, found: dict[str, tuple[str, np.ndarray]]) -> None:
    """Add that an assignment also overwrites what earlier calls had added, which the view is without."""
    earlier = terms.view.inputs.get(f"{EARLIER}{terms.view.output}")
    text, last = found["only_last_of_all"]
    is_there = earlier is not None and earlier.shape == last.shape
    found["only_last_and_not_earlier"] = (text, last - earlier if earlier is not None and is_there else last)


def _channels_kept(shape: Sequence[int]) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield of which channels and taps the gradient of the weight is there, the others being 0."""
    every = slice(None)
    for name, text, index in (
        ("filter_0", _("Only the gradient of output channel 0 is there."), (slice(0, 1),)),
        ("last_filter", _("Only the gradient of the last output channel is there."), (slice(-1, None),)),
        ("all_but_last_filter", _("The gradient of the last output channel is missing."), (slice(None, -1),)),
        ("input_0", _("Only the gradient of input channel 0 is there."), (every, slice(0, 1))),
        ("all_but_last_input", _("The gradient of the last input channel is missing."), (every, slice(None, -1))),
        ("all_but_last_row", _("The last row of the kernel gets no gradient."), (every, every, slice(None, -1))),
        (
            "all_but_last_column", _("The last column of the kernel gets no gradient."),
            (every, every, every, slice(None, -1)),
        ),
    ):  # fmt: skip
        kept = np.zeros(tuple(shape))
        kept[index] = 1  # type: ignore[index]
        yield name, text, kept
    kept = np.ones(tuple(shape))
    kept[:, :, -1, -1] = 0
    yield "all_but_last_tap", _("The last tap of the kernel gets no gradient."), kept


def _written_out(whole: np.ndarray, order: str, right: np.ndarray) -> Iterator[tuple[str, tuple[str, np.ndarray]]]:
    """Yield gradients of the weight whose numbers come in another order than the shape says."""
    for axes, names in (
        ((0, 1, 2, 3), "(C_out, C_in, K, K)"),
        ((0, 2, 3, 1), "(C_out, K, K, C_in)"),
        ((1, 2, 3, 0), "(C_in, K, K, C_out)"),
        ((2, 3, 1, 0), "(K, K, C_in, C_out)"),
    ):
        if names != order:
            text = _(
                "The gradient's numbers come in the order of {axes}, and are reshaped as if it were another: move "
                "the axes with transpose.",
                axes=names,
            )
            yield f"written_as_{names}", (text, whole.transpose(axes).reshape(right.shape))


def _places_kept(terms: Terms) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield which entries of the gradient that arrives are used, as a mask."""
    shape = (1, 1, *terms.geometry.output)
    every = slice(None)
    for name, text, index in (
        ("last_row_unused", _("The last row of the gradient that arrives is left out."), (every, every, -1)),
        ("first_row_unused", _("The first row of the gradient that arrives is left out."), (every, every, 0)),
        (
            "last_column_unused", _("The last column of the gradient that arrives is left out."),
            (every, every, every, -1),
        ),
        (
            "first_column_unused", _("The first column of the gradient that arrives is left out."),
            (every, every, every, 0),
        ),
    ):  # fmt: skip
        kept = np.ones(shape)
        kept[index] = 0  # type: ignore[index]
        yield name, text, kept
    kept = np.ones(shape)
    kept[:, :, -1] = kept[:, :, :, -1] = 0
    yield "last_ends_unused", _("The last row and column of the gradient that arrives are left out."), kept
    for name, text, place in (
        ("only_first_place", _("Only row 0, column 0 of the gradient that arrives is used."), 0),
        ("only_last_place", _("Only the last entry of the gradient that arrives is used."), -1),
    ):
        kept = np.zeros(shape)
        kept[:, :, place, place] = 1
        yield name, text, kept


def _each_weight(terms: Terms, windows: np.ndarray) -> np.ndarray:
    """Return the gradient of the weight (N, C_out, C_in, K, K) of each sample."""
    return np.stack([
        np.tensordot(gradient, met, axes=([1, 2], [3, 4]))
        for gradient, met in zip(terms.gradient, windows, strict=True)
    ])  # fmt: skip


def _d_bias(terms: Terms) -> dict[str, tuple[str, np.ndarray]]:
    """Return what each rule gives for the gradient of the bias."""
    found = _sums(terms, terms.gradient.sum(axis=(2, 3)))
    for name, text, kept in _places_kept(terms):
        found[name] = (text, (terms.gradient * kept).sum(axis=(0, 2, 3)))
    found["only_last_of_all"] = (_(ONLY_LAST_PRODUCT), terms.gradient[-1, :, -1, -1])
    _overwrite_earlier(terms, found)
    whole = found["right"][1]
    found["all_channels"] = (_("Every channel gets the sum of all channels."), 0 * whole + whole.sum())
    found["only_channel_0"] = (
        _("Only the gradient of output channel 0 is there."),
        whole * (np.arange(len(whole)) == 0),
    )
    return found


def _sums(terms: Terms, each: np.ndarray) -> dict[str, tuple[str, np.ndarray]]:
    samples, places = len(each), int(np.prod(terms.geometry.output))
    whole = each.sum(axis=0)
    return sums_over_samples(each) | {
        "divided_by_places": (_("It is divided by the rows times the columns of the output."), whole / places),
        "divided_by_all": (
            _("It is divided by the samples times the rows times the columns of the output."),
            whole / (samples * places),
        ),
    }


def sums_over_samples(each: np.ndarray) -> dict[str, tuple[str, np.ndarray]]:
    """Return what each rule makes of a parameter's gradients, one of each sample along the first axis."""
    whole = each.sum(axis=0)
    return {
        "right": ("", whole),
        "only_last_sample": (_("Only the last sample counts: `=` where `+=` is needed."), each[-1]),
        "only_first_sample": (_("Only sample 0 counts."), each[0]),
        "divided_by_samples": (_("It is divided by the number of samples."), whole / len(each)),
        "twice": (_("It is added up twice."), 2 * whole),
        "negated": (_("It has the opposite sign."), -whole),
    }


RULES: Mapping[str, Callable[[Terms], Rules]] = {
    "outputs": outputs_of, "in_grad": _in_grad, "d_weight": _d_weight, "d_bias": _d_bias,
}  # fmt: skip
