"""Rules by which the terms of a convolution are left out, repeated or exchanged, and what each of them gives.

Of every output the right rule comes first, with an empty text. `grader.explain.decomposition` asks which of them a
submission follows. Those of gradients are in `grader.explain.gradient_rules`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from grader.explain.geometry_rules import windows_elsewhere
from grader.explain.kernel_rules import gathered, meeting_others
from grader.explain.linear_terms import Terms, convolved
from grader.language.translation import _, marked

Rules = Mapping[str, tuple[str, np.ndarray]]
BLOCKS = (4, 8, 16, 32)
# Orders in which a window or a kernel (channel, row, column) may be written out, the slowest axis first.
FLATTENED: Mapping[str, tuple[int, int, int]] = {
    marked("channel, row, column"): (0, 1, 2),
    marked("row, column, channel"): (1, 2, 0),
    marked("channel, column, row"): (0, 2, 1),
    marked("column, row, channel"): (2, 1, 0),
}
ONLY_LAST_PRODUCT = marked("Only the last product of each sum is there: `=` where `+=` is needed.")
# Joins the names of two rules that are followed at once.
ALSO = " + "
# Joins the orders in which weight and windows are flattened, in the name of such a rule.
FLATTENED_BY = " by "


def _masks(shape: tuple[int, int, int], channel: str) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield rules by which terms (channel, row, column of the kernel) are left out or weighted."""

    count, rows, columns = shape

    def mask(index: tuple[object, ...], inside: float) -> np.ndarray:
        made = np.full((count, rows, columns), 1.0 - inside)
        made[index] = inside  # type: ignore[index]
        return made

    every = slice(None)
    yield "last_row", _("The last row of the kernel is left out."), mask((every, slice(-1, None)), 0)
    yield "first_row", _("The first row of the kernel is left out."), mask((every, slice(0, 1)), 0)
    yield "last_column", _("The last column of the kernel is left out."), mask((every, every, slice(-1, None)), 0)
    yield "first_column", _("The first column of the kernel is left out."), mask((every, every, slice(0, 1)), 0)
    both = mask((every, slice(-1, None)), 0) * mask((every, every, slice(-1, None)), 0)
    yield "last_row_and_column", _("The last row and column of the kernel are left out."), both
    both = mask((every, slice(0, 1)), 0) * mask((every, every, slice(0, 1)), 0)
    yield "first_row_and_column", _("The first row and column of the kernel are left out."), both
    yield "last_tap", _("The last tap of the kernel is left out."), mask((every, -1, -1), 0)
    yield "first_tap", _("The first tap of the kernel is left out."), mask((every, 0, 0), 0)
    yield (
        "only_last_term",
        _(ONLY_LAST_PRODUCT),
        mask((-1, -1, -1), 1),
    )
    yield "only_first_tap", _("Only the tap at row 0, column 0 of the kernel is used."), mask((every, 0, 0), 1)
    yield "only_last_tap", _("Only the last tap of the kernel is used."), mask((every, -1, -1), 1)
    yield (
        "only_center",
        _("Only the tap in the middle of the kernel is used."),
        mask((every, rows // 2, columns // 2), 1),
    )
    yield "only_first", _("Only {channel} 0 is used.", channel=channel), mask((slice(0, 1),), 1)
    yield "only_last", _("Only the last {channel} is used.", channel=channel), mask((slice(-1, None),), 1)
    yield "last_channel", _("The last {channel} is left out.", channel=channel), mask((slice(-1, None),), 0)
    yield "first_channel", _("The first {channel} is left out.", channel=channel), mask((slice(0, 1),), 0)
    for block in BLOCKS:
        whole = count // block * block
        text = _(
            "Only whole blocks of {block} are used: the rest of {channel} is left out.",
            block=block,
            channel=_("the {channel}s", channel=channel),
        )
        yield f"blocks_of_{block}", text, mask((slice(whole, None),), 0)
    for name, text, number in (
        ("taps", _("The sum is divided by K * K: a mean instead of a sum."), rows * columns),
        ("channels", _("The sum is divided by the number of {channel}s.", channel=channel), count),
        ("terms", _("The sum is divided by the number of its terms."), rows * columns * count),
    ):
        yield f"divided_by_{name}", text, np.full((count, rows, columns), 1.0 / number)


def kernels_used(terms: Terms, channel: str, axis: int) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield rules by which another kernel is used; terms are left out along ``axis``."""
    kernel = terms.kernel
    shape = (kernel.shape[axis], kernel.shape[2], kernel.shape[3])
    for name, text, mask in _masks(shape, channel):
        yield name, text, kernel * (mask[None] if axis == 1 else mask[:, None])
    yield "negated", _("The sum of products has the opposite sign."), -kernel
    text = _("Every output channel uses the kernel of the output channel before it.")
    yield "kernel_before", text, np.roll(kernel, 1, axis=0)
    yield "flipped", _("The kernel is turned by 180 degrees."), kernel[:, :, ::-1, ::-1]
    yield "flipped_rows", _("The kernel is turned upside down."), kernel[:, :, ::-1]
    yield "flipped_columns", _("The kernel is mirrored left to right."), kernel[..., ::-1]
    if kernel.shape[2] == kernel.shape[3]:
        yield "transposed", _("Rows and columns of the kernel are exchanged."), kernel.swapaxes(2, 3)
    yield (
        "filter_0",
        _("Every output channel uses the kernel of output channel 0."),
        kernel[:1].repeat(len(kernel), 0),
    )
    yield (
        "first_kernel",
        _("Every input channel uses the kernel of input channel 0."),
        kernel[:, :1].repeat(kernel.shape[1], 1),
    )
    yield "channels_reversed", _("The input channels of the weight are taken in reverse order."), kernel[:, ::-1]
    if kernel.shape[0] == kernel.shape[1]:
        yield "in_and_out", _("Input and output channels of the weight are exchanged."), kernel.swapaxes(0, 1)
    first_tap = np.broadcast_to(kernel[:, :, :1, :1], kernel.shape)
    yield "tap_0_everywhere", _("Every tap uses the weight at row 0, column 0 of the kernel."), first_tap
    yield from meeting_others(kernel)
    if axis == 1:
        yield "first_input", _("Every input channel is taken to be input channel 0."), gathered(kernel, 1, 0)
        yield "last_input", _("Every input channel is taken to be the last one."), gathered(kernel, 1, -1)
        sums = np.broadcast_to(terms.kernel.sum(axis=(1, 2, 3), keepdims=True), kernel.shape)
        text = _("The sum of the window is multiplied by the sum of the kernel, not entry by entry.")
        yield "sum_by_sum", text, sums
    o, c, k, l = terms.whole.shape  # noqa: E741
    made = {
        "(C_out, C_in, K, K)": ((o, c, k, l), (0, 1, 2, 3)),
        "(C_out, K, K, C_in)": ((o, k, l, c), (0, 3, 1, 2)),
        "(C_in, K, K, C_out)": ((c, k, l, o), (3, 0, 1, 2)),
        "(K, K, C_in, C_out)": ((k, l, c, o), (3, 2, 0, 1)),
    }
    for order, (sizes, axes) in made.items():
        if order != terms.order:
            read = terms.raw.reshape(sizes).transpose(axes)
            yield f"read_as_{order}", _read_as(order, terms.order), terms.part(read)


def flattened(terms: Terms) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield kernels that result where windows and weight are flattened in different orders of their axes."""
    whole = terms.whole
    own = "channel, row, column" if terms.order.startswith("(C_") else "row, column, channel"
    for windows, axes in FLATTENED.items():
        for weight, others in FLATTENED.items():
            if windows == weight or (weight == own and "row, column" in windows and "row, column" in weight):
                # The last are told by `kernels_used`.
                continue
            rows = whole.transpose(0, *(1 + axis for axis in others)).reshape(len(whole), -1)
            met = rows.reshape(len(whole), *(whole.shape[1 + axis] for axis in axes))
            back = [axes.index(axis) for axis in range(3)]
            kernel = met.transpose(0, *(1 + place for place in back))
            yield f"{weight}{FLATTENED_BY}{windows}", _in_orders(_(windows), _(weight)), terms.part(kernel)


def _read_as(order: str, right: str) -> str:
    """Say in which order the numbers of a weight are read.

    Where the output channels stand at the same end in both orders, the same comes of windows in another order.
    """
    if order.startswith("(C_out") != right.startswith("(C_out"):
        return _("The numbers of the weight are read as if their order were {order}.", order=order)
    windows, weight = (
        _("channel, row, column") if "C_in, K, K" in name else _("row, column, channel") for name in (order, right)
    )
    return _in_orders(windows, weight)


def _in_orders(windows: str, weight: str) -> str:
    return _(
        "Windows and weight are flattened in different orders, so that other numbers meet: the windows count "
        "{windows}, the weight {weight}.",
        windows=windows,
        weight=weight,
    )


def _biases(terms: Terms) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield what may be added in the place of the bias, to be spread over (N, C_out, P, Q)."""
    bias = terms.bias[None, :, None, None]
    samples = len(terms.pictures)
    c, k, l = terms.kernel.shape[1:]  # noqa: E741
    yield "none", _("The bias is not added."), 0 * bias
    yield "channels", _("The bias is added once for each input channel."), c * bias
    yield "taps", _("The bias is added once for each tap of the kernel."), k * l * bias
    yield "products", _("The bias is added once for each product."), c * k * l * bias
    yield "twice", _("The bias is added twice."), 2 * bias
    yield "subtracted", _("The bias is subtracted."), -bias
    yield "first", _("Every channel gets the bias of channel 0."), 0 * bias + terms.bias[0]
    yield "reversed", _("The biases are taken in reverse order."), bias[:, ::-1]
    yield "before", _("Every channel gets the bias of the channel before it."), np.roll(bias, 1, axis=1)
    yield "behind", _("Every channel gets the bias of the channel behind it."), np.roll(bias, -1, axis=1)
    every = terms.biases
    yield "sum", _("Every channel gets the sum of all biases."), 0 * bias + every.sum()
    yield "mean", _("Every channel gets the mean of all biases."), 0 * bias + every.mean()
    yield "samples", _("The bias is added once for each sample."), samples * bias
    if c <= len(every):
        text = _("Every channel gets the bias of channel C_in - 1: the index is that of another loop.")
        yield "left_over", text, 0 * bias + every[c - 1]
    p, q = terms.geometry.output
    yield "places", _("The bias is added once for each place of the output."), p * q * bias
    for name, text, where in _bias_places(samples, p, q):
        yield name, text, where * bias


def _bias_places(samples: int, p: int, q: int) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield where a bias is added instead of everywhere."""

    def only(index: tuple[object, ...]) -> np.ndarray:
        made = np.zeros((samples, 1, p, q))
        made[index] = 1  # type: ignore[index]
        return made

    every = slice(None)
    yield "sample_0", _("The bias is added to sample 0 only."), only((slice(0, 1),))
    yield "last_sample", _("The bias is added to the last sample only."), only((slice(-1, None),))
    yield "corner", _("The bias is added at row 0, column 0 only."), only((every, every, 0, 0))
    yield "all_but_corner", _("The bias is missing at row 0, column 0."), 1 - only((every, every, 0, 0))
    yield "last_place", _("The bias is added at the last row and column only."), only((every, every, -1, -1))
    yield "row", _("The bias is added in row 0 only."), only((every, every, 0))
    yield "last_row", _("The bias is added in the last row only."), only((every, every, -1))
    yield "column", _("The bias is added in column 0 only."), only((every, every, every, 0))
    yield "last_column", _("The bias is added in the last column only."), only((every, every, every, -1))
    yield "all_but_row", _("The bias is missing in row 0."), 1 - only((every, every, 0))
    yield "all_but_column", _("The bias is missing in column 0."), 1 - only((every, every, every, 0))
    steps = np.arange(1, p * q + 1).reshape(1, 1, p, q) + np.zeros((samples, 1, 1, 1))
    yield "growing", _("The bias is added again at every place: the entries get more and more of it."), steps
    yield (
        "fading",
        _("The bias is added again at every place: the entries get more and more of it."),
        steps[:, :, ::-1, ::-1],
    )


def outputs_of(terms: Terms) -> dict[str, tuple[str, np.ndarray]]:
    """Return what each rule gives for the output; the right one comes first."""
    bias = terms.bias[None, :, None, None] if terms.bias.size else np.zeros((1, 1, 1, 1))
    products = convolved(terms.windows, terms.kernel)
    found = {"right": ("", products + bias)}
    if terms.bias.size:
        found |= {f"bias_{name}": (text, products + other) for name, text, other in _biases(terms)}
    for name, text, kernel in kernels_used(terms, _("input channel"), axis=1):
        other = convolved(terms.windows, kernel)
        found[name] = (text, other + bias)
        if terms.bias.size:
            also = _("{text} And the bias is not added.", text=text)
            found[f"{name}{ALSO}without_bias"] = (also, np.broadcast_to(other, products.shape))
            if _factor(name, terms) != 1:
                divided = _("{text} The bias is divided, too.", text=text)
                found[f"{name}{ALSO}of_bias"] = (divided, other + bias * _factor(name, terms))
    for name, text, kernel in flattened(terms):
        found[name] = (text, convolved(terms.windows, kernel) + bias)
    for name, text, windows in windows_elsewhere(terms.geometry, terms.pictures):
        found[name] = (text, convolved(windows, terms.kernel) + bias)
    found |= _by_samples(products, bias)
    if terms.bias.size:
        text = _(
            "The sums are cut off at 0 before the bias is added: a ReLU is a layer of its own, behind this one."
        )
        found["cut_before_bias"] = (text, np.maximum(products, 0) + bias)
    for name, matrix in _reshaped(terms):
        text = _("The windows are reshaped to a matrix where their axes have to be moved: transpose first.")
        found[name] = (text, matrix + bias)
    samples, outputs, p, q = products.shape
    order = _("The product of matrices is read with samples and places of the output in the wrong order.")
    rows = np.moveaxis(products, 1, 0)
    found["places_first"] = (order, rows.reshape(outputs, p, q, samples).transpose(3, 0, 1, 2) + bias)
    last = np.moveaxis(rows, 1, 3).reshape(outputs, samples, p, q)
    found["samples_first"] = (order, np.moveaxis(last, 1, 0) + bias)
    carried = np.cumsum(terms.kernel, axis=0)
    text = _("The sum of one output channel goes on into the next: set it back to 0 for each.")
    found["not_reset"] = (text, convolved(terms.windows, carried) + bias)
    if terms.bias.size:
        found["not_reset_with_bias"] = (text, convolved(terms.windows, carried) + np.cumsum(bias, axis=1))
    return found


def _by_samples(products: np.ndarray, bias: np.ndarray) -> Rules:
    """Return what comes of samples that are taken for one another."""
    made = products + bias
    first = np.zeros((len(products), 1, 1, 1))
    first[0] = 1
    written = _("Every sample is written to sample 0: the others stay as they were.")
    return {
        "from_sample_0": (_("Every sample gets the result of sample 0."), made[:1].repeat(len(made), 0)),
        "from_last_sample": (_("Every sample gets the result of the last sample."), made[-1:].repeat(len(made), 0)),
        "last_to_sample_0": (written, first * made[-1:]),
        "last_to_sample_0_and_bias": (written, first * products[-1:] + bias),
        "all_to_sample_0": (written, first * made.sum(axis=0)),
        "all_to_sample_0_and_bias": (written, first * products.sum(axis=0) + bias),
    }


def _reshaped(terms: Terms) -> Iterator[tuple[str, np.ndarray]]:
    """Yield sums of products with a matrix of windows that was only reshaped to (terms of a sum, windows)."""
    count, outputs = int(np.prod(terms.kernel.shape[1:])), len(terms.kernel)
    samples, _channels, _rows, _columns, p, q = terms.windows.shape
    channels_first, channels_last = (
        terms.kernel.reshape(outputs, -1),
        terms.kernel.transpose(0, 2, 3, 1).reshape(outputs, -1),
    )
    for name, axes, kernel in (
        ("windows_first", (0, 4, 5, 1, 2, 3), channels_first),
        ("windows_first_channels_last", (0, 4, 5, 2, 3, 1), channels_last),
        ("samples_first", (0, 1, 2, 3, 4, 5), channels_first),
        ("samples_first_channels_last", (0, 2, 3, 1, 4, 5), channels_last),
    ):
        matrix = terms.windows.transpose(axes).reshape(count, -1)
        yield f"reshaped_{name}", np.moveaxis((kernel @ matrix).reshape(outputs, samples, p, q), 1, 0)
    # As a view of windows has them, (N, C, P, Q, K, K) or (N, P, Q, C, K, K): by samples or by rows.
    for name, axes in (("channels", (0, 1, 4, 5, 2, 3)), ("places", (0, 4, 5, 1, 2, 3))):
        view = terms.windows.transpose(axes)
        of_sample = channels_first @ view.reshape(samples, count, -1)
        yield f"reshaped_sample_{name}", of_sample.reshape(samples, outputs, p, q)
        if name == "channels":
            of_rows = (view.reshape(-1, count) @ channels_first.T).reshape(samples, p, q, outputs)
            yield f"reshaped_rows_{name}", np.moveaxis(of_rows, 3, 1)


def pairs(terms: Terms, only: Collection[str] | None = None) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield what two rules at once give for the output: another kernel and windows elsewhere, or another bias.

    ``only`` names those that are asked for.
    """
    bias = terms.bias[None, :, None, None] if terms.bias.size else np.zeros((1, 1, 1, 1))
    kernels = list(kernels_used(terms, _("input channel"), axis=1))
    biases = list(_biases(terms)) if terms.bias.size else []
    for place, where, windows in windows_elsewhere(terms.geometry, terms.pictures):
        for name, text, kernel in kernels:
            both = f"{place}{ALSO}{name}"
            if only is None or both in only:
                made = convolved(windows, kernel) + bias
                yield both, _("(1) {first} (2) {second}", first=where, second=text), made
        moved = convolved(windows, terms.kernel)
        for name, text, other in biases:
            if only is None or f"{place}{ALSO}bias_{name}" in only:
                both_text = _("(1) {first} (2) {second}", first=where, second=text)
                yield f"{place}{ALSO}bias_{name}", both_text, moved + other
    for name, text, kernel in kernels:
        sums = convolved(terms.windows, kernel)
        for added, also, other in biases:
            if only is None or f"{name}{ALSO}bias_{added}" in only:
                yield (
                    f"{name}{ALSO}bias_{added}",
                    _("(1) {first} (2) {second}", first=text, second=also),
                    sums + other,
                )


def _factor(name: str, terms: Terms) -> float:
    c, k, l = terms.kernel.shape[1:]  # noqa: E741
    numbers = {"divided_by_taps": k * l, "divided_by_channels": c, "divided_by_terms": c * k * l}
    return 1.0 / float(numbers.get(name, 1))
