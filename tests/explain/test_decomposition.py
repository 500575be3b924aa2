"""Which terms of a convolution were added up is told exactly, in any layout; PyTorch computes the wrong ones."""

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, unfold

from grader.compare import Tolerance, compare
from grader.explain import CaseRun
from grader.explain.decomposition import by_terms
from grader.lab.checks import CHANNELS_LAST, Case
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome

# N, C_in, C_out, K, padding, stride
SETTINGS = ((2, 3, 4, 3, 1, 1), (1, 2, 3, 3, 0, 2), (3, 1, 2, 2, 1, 1), (2, 3, 2, 1, 0, 1))


def made(number):
    """Input, weight, bias and arriving gradient of a case, float64."""
    rng = np.random.default_rng(number)
    n, c, o, k, _p, _s = SETTINGS[number]
    x, weight, bias = rng.standard_normal((n, c, 7, 8)), rng.standard_normal((o, c, k, k)), rng.standard_normal(o)
    return x, weight, bias, rng.standard_normal(conv(x, weight, bias, number).shape)


def conv(x, weight, bias, number):
    """The convolution of PyTorch with the settings of a case."""
    *_, p, s = SETTINGS[number]
    return conv2d(*map(torch.from_numpy, (x, weight.copy())), torch.from_numpy(bias.copy()), s, p).numpy()


def gradients(x, weight, bias, grad, number):
    """The gradients of input, weight and bias by PyTorch."""
    *_, p, s = SETTINGS[number]
    arrays = [torch.from_numpy(array.copy()).requires_grad_() for array in (x, weight, bias)]
    conv2d(*arrays, s, p).backward(torch.from_numpy(grad))
    return dict(zip(("in_grad", "d_weight", "d_bias"), (array.grad.numpy() for array in arrays), strict=True))


def run_of(number, wrong, output="outputs", order="OIHW", last=False):
    """A run that returned ``wrong`` of a case, where pictures and weights have the axes of a lab."""
    x, weight, bias, grad = made(number)
    right = {"outputs": conv(x, weight, bias, number)} | gradients(x, weight, bias, grad, number)
    axes = ["OIHW".index(letter) for letter in order]

    def shown(name, array):
        if "weight" in name:
            return array.transpose(axes)
        return np.moveaxis(array, 1, 3) if last and array.ndim == 4 else array

    arrays = {"x": x, "weight": weight, "bias": bias, "out_grad": grad}
    config = dict(zip(("c_in", "c_out", "k", "padding", "stride"), SETTINGS[number][1:], strict=True))
    config |= {"layout": CHANNELS_LAST} if last else {}
    case = Case("case", config, {name: shown(name, array) for name, array in arrays.items()})
    expected, actual = {output: shown(output, right[output])}, {output: shown(output, wrong)}
    bounds = {output: Tolerance(1e-6, 0.0)}
    return CaseRun(RecordedCase(case, expected, bounds), Outcome(None, outputs=actual),
                   compare(expected, actual, bounds))  # fmt: skip


def told(rule, output="outputs", **layout):
    """What is said of a rule that was followed in all cases; it gets input, weight, bias, gradient, number."""
    return by_terms([run_of(n, rule(*made(n), n), output, **layout) for n in range(len(SETTINGS))])


def masked(weight, index, kept=0.0):
    """A weight of which a part is left out."""
    changed = weight.copy()
    changed[index] *= kept
    return changed


def reshaped(x, weight, bias, number):
    """The outputs of PyTorch's matrix of windows (N, terms, places), reshaped where it should be transposed."""
    *_, p, s = SETTINGS[number]
    matrix = unfold(torch.from_numpy(x.copy()), weight.shape[2:], padding=p, stride=s)
    sums = weight.reshape(len(weight), -1) @ matrix.reshape(weight[0].size, -1).numpy()
    shape = conv(x, weight, bias, number).shape
    return np.moveaxis(sums.reshape(shape[1], shape[0], *shape[2:]), 0, 1) + bias[:, None, None]


def of_view(x, weight, bias, number, a_window_a_row):
    """The outputs of PyTorch's view of windows (N, C, P, Q, K, K), reshaped where it should be transposed."""
    k, p, s = weight.shape[2], *SETTINGS[number][-2:]
    view = torch.nn.functional.pad(torch.from_numpy(x.copy()), (p, p, p, p)).unfold(2, k, s).unfold(3, k, s)
    rows, shape = weight.reshape(len(weight), -1), conv(x, weight, bias, number).shape
    if a_window_a_row:
        sums = view.reshape(-1, weight[0].size).numpy() @ rows.T
        return np.moveaxis(sums.reshape(len(x), *shape[2:], len(weight)), 3, 1) + bias[:, None, None]
    return (rows @ view.reshape(len(x), weight[0].size, -1).numpy()).reshape(shape) + bias[:, None, None]


def at_once(weight, index):
    """A weight whose taps all stand where ``index`` says, row and column, of its own ones; added up."""
    moved = np.zeros_like(weight)
    for i in range(weight.shape[2]):
        for j in range(weight.shape[3]):
            row, column = index(i, j)
            moved[:, :, row, column] += weight[:, :, i, j]
    return moved


LAST_ROW = np.s_[:, :, -1]
FORWARD = {
    "The last row of the kernel is left out": lambda x, w, b, g, n: conv(x, masked(w, LAST_ROW), b, n),
    "The last column of the kernel": lambda x, w, b, g, n: conv(x, masked(w, np.s_[..., -1]), b, n),
    "Only input channel 0 is used": lambda x, w, b, g, n: conv(x, masked(w, np.s_[:, 1:]), b, n),
    "turned by 180 degrees": lambda x, w, b, g, n: conv(x, w[:, :, ::-1, ::-1], b, n),
    "Rows and columns of the kernel are exchanged": lambda x, w, b, g, n: conv(x, w.swapaxes(2, 3), b, n),
    "divided by K * K": lambda x, w, b, g, n: conv(x, w / w.shape[2] ** 2, b, n),
    "Every output channel uses the kernel": lambda x, w, b, g, n: conv(x, w[:1].repeat(len(w), 0), b, n),
    "The sum of products has the opposite sign": lambda x, w, b, g, n: conv(x, -w, b, n),
    "the kernel of the output channel before it": lambda x, w, b, g, n: conv(x, w[np.arange(len(w)) - 1], b, n),
    "The bias is not added": lambda x, w, b, g, n: conv(x, w, 0 * b, n),
    "The bias is added once for each product": lambda x, w, b, g, n: conv(x, w, b * w[0].size, n),
    "Every channel gets the bias of channel 0": lambda x, w, b, g, n: conv(x, w, 0 * b + b[0], n),
    "the bias of the channel before it": lambda x, w, b, g, n: conv(x, w, b[np.arange(len(b)) - 1], n),
    "the bias of the channel behind it": lambda x, w, b, g, n: conv(x, w, b[1 - len(b) + np.arange(len(b))], n),
    "left out. And the bias is not added": lambda x, w, b, g, n: conv(x, masked(w, LAST_ROW), 0 * b, n),
    "the windows count row, column, channel, the weight channel, row, column": lambda x, w, b, g, n: conv(
        x, w.reshape(len(w), *w.shape[2:], w.shape[1]).transpose(0, 3, 1, 2), b, n
    ),
    "samples and places of the output in the wrong order": lambda x, w, b, g, n: (
        np.moveaxis(conv(x, w, 0 * b, n), 1, 0)
        .reshape(len(w), *conv(x, w, b, n).shape[2:], len(x))
        .transpose(3, 0, 1, 2)
        + b[:, None, None]
    ),
    "The windows are reshaped to a matrix": lambda x, w, b, g, n: reshaped(x, w, b, n),
    "windows are reshaped to a matrix where": lambda x, w, b, g, n: of_view(x, w, b, n, False),
    "reshaped to a matrix where their axes have to be moved": lambda x, w, b, g, n: of_view(x, w, b, n, True),
    "order were (C_in, K, K, C_out)": lambda x, w, b, g, n: conv(
        x, w.reshape(w.shape[1], *w.shape[2:], len(w)).transpose(3, 0, 1, 2), b, n
    ),
    "the windows count channel, row, column, the weight row, column, channel": lambda x, w, b, g, n: conv(
        x, w.transpose(0, 2, 3, 1).reshape(w.shape), b, n
    ),
    "the windows count channel, row, column, the weight column, row, channel": lambda x, w, b, g, n: conv(
        x, w.transpose(0, 3, 2, 1).reshape(w.shape), b, n
    ),
    "The first row and column of the kernel are left out": lambda x, w, b, g, n: conv(
        x, masked(masked(w, np.s_[:, :, 0]), np.s_[..., 0]), b, n
    ),
    "Every tap uses the weight at row 0, column 0": lambda x, w, b, g, n: conv(
        x, w[:, :, :1, :1].repeat(w.shape[2], 2).repeat(w.shape[3], 3), b, n
    ),
    "multiplied by the sum of the kernel": lambda x, w, b, g, n: conv(
        x, 0 * w + w.sum(axis=(1, 2, 3), keepdims=True), b, n
    ),
    "taken to be input channel 0": lambda x, w, b, g, n: conv(x[:, :1].repeat(x.shape[1], 1), w, b, n),
    "taken to be the last one": lambda x, w, b, g, n: conv(x[:, -1:].repeat(x.shape[1], 1), w, b, n),
    "meets the first pixel": lambda x, w, b, g, n: conv(x, at_once(w, lambda i, j: (0, 0)), b, n),
    "column of the pixel is counted with": lambda x, w, b, g, n: conv(x, at_once(w, lambda i, j: (i, i)), b, n),
    "row of the pixel is counted with": lambda x, w, b, g, n: conv(x, at_once(w, lambda i, j: (j, j)), b, n),
    "Every channel gets the sum of all biases": lambda x, w, b, g, n: conv(x, w, 0 * b + b.sum(), n),
    "The bias is added once for each sample": lambda x, w, b, g, n: conv(x, w, len(x) * b, n),
    "The bias is missing in row 0": lambda x, w, b, g, n: (
        conv(x, w, b, n) - b[:, None, None] * (np.arange(conv(x, w, b, n).shape[2]) == 0)[:, None]
    ),
    "cut off at 0 before the bias": lambda x, w, b, g, n: np.maximum(conv(x, w, 0 * b, n), 0) + b[:, None, None],
    "Every sample gets the result of sample 0": lambda x, w, b, g, n: conv(x, w, b, n)[:1].repeat(len(x), 0),
    "Every sample is written to sample 0": lambda x, w, b, g, n: np.concatenate(
        [conv(x, w, b, n)[-1:], 0 * conv(x, w, b, n)[1:]]
    ),
}
BACKWARD = {
    "in_grad": {
        "column of the pixel is counted with": lambda x, w, b, g, n: gradients(
            x, at_once(w, lambda i, j: (i, i)), b, g, n
        )["in_grad"],
        "Rows and columns of the kernel are exchanged": lambda x, w, b, g, n: gradients(
            x, w.swapaxes(2, 3), b, g, n
        )["in_grad"],
        "turned by 180 degrees": lambda x, w, b, g, n: gradients(x, w[:, :, ::-1, ::-1], b, g, n)["in_grad"],
        "Only the last output channel": lambda x, w, b, g, n: gradients(x, masked(w, np.s_[:-1]), b, g, n)[
            "in_grad"
        ],
        "number of samples": lambda x, w, b, g, n: gradients(x, w, b, g, n)["in_grad"] / len(x),
        "The last row of the gradient that arrives is left out": lambda x, w, b, g, n: gradients(
            x, w, b, masked(g, np.s_[:, :, -1]), n
        )["in_grad"],
        "the windows count channel, row, column, the weight row, column, channel": lambda x, w, b, g, n: gradients(
            x, w.transpose(0, 2, 3, 1).reshape(w.shape), b, g, n
        )["in_grad"],
    },
    "d_weight": {
        "Only the last product of each sum is there": lambda x, w, b, g, n: gradients(
            x[-1:], w, b, g[-1:] * (np.arange(g[0, 0].size) == g[0, 0].size - 1).reshape(g[0, 0].shape), n
        )["d_weight"],
        "Only the last sample counts": lambda x, w, b, g, n: gradients(x[-1:], w, b, g[-1:], n)["d_weight"],
        "turned by 180 degrees": lambda x, w, b, g, n: gradients(x, w, b, g, n)["d_weight"][:, :, ::-1, ::-1],
        "meets the input of sample 0": lambda x, w, b, g, n: gradients(x[:1].repeat(len(x), 0), w, b, g, n)[
            "d_weight"
        ],
        "Only the gradient of output channel 0 is there": lambda x, w, b, g, n: masked(
            gradients(x, w, b, g, n)["d_weight"], np.s_[1:]
        ),
        "come in the order of (C_out, K, K, C_in)": lambda x, w, b, g, n: (
            gradients(x, w, b, g, n)["d_weight"].transpose(0, 2, 3, 1).reshape(w.shape)
        ),
    },
    "d_bias": {
        "Only the last product of each sum": lambda x, w, b, g, n: g[-1, :, -1, -1],
        "number of samples": lambda x, w, b, g, n: gradients(x, w, b, g, n)["d_bias"] / len(x),
    },
}
LAYOUTS = ({}, {"order": "IHWO"}, {"order": "HWIO", "last": True})


@pytest.mark.parametrize("words", FORWARD)
def test_the_terms_of_an_output_are_told(words):
    """What was left out of a sum, repeated or exchanged in it is named."""
    said = told(FORWARD[words])
    assert words in said and "Two mistakes" not in said


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_layouts_make_no_difference(layout):
    """Weights and pictures of any lab are understood."""
    assert "The last row of the kernel is left out" in told(
        FORWARD["The last row of the kernel is left out"], **layout
    )


@pytest.mark.parametrize(("output", "words"), [(o, w) for o, rules in BACKWARD.items() for w in rules])
def test_the_terms_of_a_gradient_are_told(output, words):
    """The same of the gradients of input, weight and bias."""
    assert words in told(BACKWARD[output][words], output)


def test_cases_that_cannot_be_taken_apart_are_counted():
    """A rule may hold in nearly all failing cases, which is said; where they are few, nothing is."""
    rule = BACKWARD["d_weight"]["Only the last product of each sum is there"]
    runs = [run_of(n, rule(*made(n), n), "d_weight") for n in (0, 1, 2, 3)]
    other = run_of(0, rule(*made(0), 0), "d_weight")
    other.recorded.case.config["stride"] = [2, 3]
    assert by_terms([*runs[:2], other]) == ""
    assert by_terms([*runs, other]).endswith(
        "`=` where `+=` is needed. (In 4 of 5 cases that fail; the rest was not taken apart.)"
    )


def test_a_rule_has_to_hold_in_every_case():
    """If one case was made by another rule, neither is told; nor is one that would spoil a case that is right."""
    rows, bias = FORWARD["The last row of the kernel is left out"], FORWARD["The bias is not added"]
    assert by_terms([run_of(0, rows(*made(0), 0)), run_of(1, bias(*made(1), 1))]) == ""
    right = run_of(1, conv(*made(1)[:3], 1))
    assert by_terms([run_of(0, rows(*made(0), 0)), right]) == ""


def test_other_numbers_have_no_terms():
    """Numbers that no sum of these products gives are left alone."""
    assert told(lambda x, w, b, g, n: np.tanh(conv(x, w, b, n))) == ""


def test_single_products_are_found_by_least_squares():
    """A tap of one channel that no rule describes is named by its place."""
    rule = lambda x, w, b, g, n: conv(x, masked(w, np.s_[:, 1, 1, 2]), b, n)  # noqa: E731
    text = by_terms([run_of(n, rule(*made(n), n)) for n in (0, 1)])
    assert "input channel 1, row 1, column 2" in text


def apart(x, weight, bias, number, row_step=1, column_step=1):
    """The outputs of windows that lie so many pixels apart, as many as there should be."""
    *_, p, s = SETTINGS[number]
    rows, columns = conv(x, weight, bias, number).shape[2:]
    wide = np.pad(x, ((0, 0), (0, 0), (0, rows), (0, columns)))
    arrays = [torch.from_numpy(array.copy()) for array in (wide, weight, bias)]
    steps = tuple(s if step is None else step for step in (row_step, column_step))
    return conv2d(*arrays, steps, p).numpy()[:, :, :rows, :columns]


def replicated(x, weight, bias, number):
    """The output with the border of the picture in the place of zeros."""
    *_, p, s = SETTINGS[number]
    wide = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), mode="edge")
    return conv2d(*(torch.from_numpy(array.copy()) for array in (wide, weight, bias)), s).numpy()


def moved(x, weight, bias, number, after):
    """The output with all zeros of the padding in front of the picture or after it."""
    *_, p, s = SETTINGS[number]
    sides = (0, 2 * p) if after else (2 * p, 0)
    wide = np.pad(x, ((0, 0), (0, 0), sides, sides))
    return conv2d(*(torch.from_numpy(array.copy()) for array in (wide, weight, bias)), s).numpy()


def last_term(weight):
    """A weight of which only the last product of each sum is left."""
    changed = 0 * weight
    changed[:, -1, -1, -1] = weight[:, -1, -1, -1]
    return changed


ELSEWHERE = {
    "The stride is ignored: windows": lambda x, w, b, g, n: apart(x, w, b, n),
    "The stride is ignored in the rows": lambda x, w, b, g, n: apart(x, w, b, n, 1, None),
    "The stride is ignored in the columns": lambda x, w, b, g, n: apart(x, w, b, n, None, 1),
    "The border of the picture is repeated": lambda x, w, b, g, n: replicated(x, w, b, n),
    "lie below and on the right": lambda x, w, b, g, n: moved(x, w, b, n, True),
    "lie above and on the left": lambda x, w, b, g, n: moved(x, w, b, n, False),
    "Only the last product of each sum": lambda x, w, b, g, n: conv(x, last_term(w), b, n),
    "goes on into the next": lambda x, w, b, g, n: conv(x, np.cumsum(w, axis=0), b, n),
}
PAIRS = {
    ("windows lie one pixel apart", "turned by 180 degrees"): lambda x, w, b, g, n: apart(
        x, w[:, :, ::-1, ::-1], b, n
    ),
    ("Rows and columns of the kernel are exchanged", "The bias is added twice"): lambda x, w, b, g, n: conv(
        x, w.swapaxes(2, 3), 2 * b, n
    ),
}
# The cases that a rule of windows can be told by: with padding, with a stride, with both.
SEEN_IN = (0, 1)


@pytest.mark.parametrize("words", ELSEWHERE)
def test_windows_that_lie_elsewhere_are_told(words):
    """Stride, padding and what is added up are named where windows lie elsewhere."""
    rule = ELSEWHERE[words]
    text = by_terms([run_of(n, rule(*made(n), n)) for n in SEEN_IN])
    assert words in text
    assert "Or:" not in text


@pytest.mark.parametrize("words", PAIRS, ids=str)
def test_two_mistakes_at_once_are_told(words):
    """Two rules that are followed at once are both named, and it is said that there are two."""
    text = by_terms([run_of(n, PAIRS[words](*made(n), n)) for n in SEEN_IN])
    assert text.startswith("Two mistakes at once")
    assert all(part in text for part in words)


def test_calls_and_earlier_gradients_are_looked_through():
    """A rule holds whatever the number of calls, and beside gradients that were there before."""
    rule = BACKWARD["d_weight"]["turned by 180 degrees"]
    runs = [run_of(n, rule(*made(n), n), "d_weight") for n in (0, 1)]
    earlier = np.ones(runs[1].recorded.expected["d_weight"].shape)
    kept = runs[1].recorded
    case = Case("case", kept.case.config, dict(kept.case.arrays) | {"earlier_d_weight": earlier})
    expected, actual = ({"d_weight": array + earlier} for array in (kept.expected["d_weight"], rule(*made(1), 1)))
    findings = compare(expected, actual, kept.tolerances)
    runs[1] = CaseRun(RecordedCase(case, expected, kept.tolerances), Outcome(None, outputs=actual), findings)
    assert "turned by 180 degrees" in by_terms(runs)


def test_large_arrays_are_looked_at_in_part():
    """Of a case too large for every rule a few channels are looked at, and they can refute a rule of the others."""
    rng = np.random.default_rng(0)
    x, weight, bias = (rng.standard_normal(shape) for shape in ((1, 32, 20, 20), (32, 32, 3, 3), (32,)))
    arrays = [torch.from_numpy(array) for array in (x, weight, bias)]
    config = {"c_in": 32, "c_out": 32, "k": 3, "padding": 1, "stride": 1}
    bounds = {"outputs": Tolerance(1e-6, 0.0)}
    case = RecordedCase(
        Case("case", config, {"x": x, "weight": weight, "bias": bias}),
        {"outputs": conv2d(*arrays, 1, 1).numpy()},
        bounds,
    )

    def returned(array):
        actual = {"outputs": array.numpy()}
        return CaseRun(case, Outcome(None, outputs=actual), compare(case.expected, actual, bounds))

    small = run_of(0, conv(*made(0)[:2], 0 * made(0)[2], 0))
    assert by_terms([small, returned(conv2d(*arrays[:2], None, 1, 1))]) == "The bias is not added."
    assert by_terms([small, returned(conv2d(*arrays[:2], 2 * arrays[2], 1, 1))]) == ""


def by_windows_set(x, w, g, number, last_wins):
    """The gradient of the input whose windows are set one by one: those of taps or of places."""
    *_, p, s = SETTINGS[number]
    k, (n, c, h, width) = w.shape[2], x.shape
    wide = np.zeros((n, c, h + 2 * p, width + 2 * p))
    rows, columns = g.shape[2:]
    if last_wins == "tap":
        for i in range(k):
            for j in range(k):
                sent = np.einsum("noPQ,oc->ncPQ", g, w[:, :, i, j])
                wide[:, :, i : i + s * rows : s, j : j + s * columns : s] = sent
    else:
        for r in range(rows):
            for q in range(columns):
                sent = np.einsum("no,ocij->ncij", g[:, :, r, q], w)
                wide[:, :, r * s : r * s + k, q * s : q * s + k] = sent
    return wide[:, :, p : p + h, p : p + width]


def shifted_stride(x, weight, grad, number):
    """The weight's gradient of windows that lie one pixel apart, by PyTorch."""
    *_, p, _s = SETTINGS[number]
    leaf = torch.from_numpy(weight.copy()).requires_grad_()
    rows, columns = grad.shape[2:]
    conv2d(torch.from_numpy(x.copy()), leaf, None, 1, p)[:, :, :rows, :columns].backward(torch.from_numpy(grad))
    return leaf.grad.numpy()


@pytest.mark.parametrize("last_wins", ["tap", "window"])
def test_overwritten_gradients_are_told(last_wins):
    """Gradients that are set where they should be added are told, whichever loop is the outer one."""
    text = told(lambda x, w, b, g, n: by_windows_set(x, w, g, n, last_wins), "in_grad")
    assert "`+=` instead of `=`" in text


def test_a_stride_that_is_ignored_backward_is_told():
    """So is a stride that the backward pass ignores, in the gradient of the weight."""
    text = told(lambda x, w, b, g, n: shifted_stride(x, w, g, n), "d_weight")
    assert "The stride is ignored: windows lie one pixel apart" in text


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("180", lambda w: w.flip(0, 1)),
        ("exchanged", lambda w: w.T),
        ("leaves out the products of the kernel", lambda w: w * (torch.arange(3) != 1)[:, None]),
    ],
)
def test_single_maps_are_those_of_one_channel(said, change):
    """A convolution of pictures (N, rows, columns) with one kernel of two axes is taken apart, too."""
    runs = []
    for number, (side, pad) in enumerate(((7, 0), (8, 1))):
        rng = np.random.default_rng(number)
        x, w = (torch.from_numpy(rng.standard_normal(shape)) for shape in ((2, side, side + 1), (3, 3)))
        found = [
            torch.nn.functional.conv2d(x[:, None], kernel.contiguous()[None, None], padding=pad)[:, 0].numpy()
            for kernel in (w, change(w))
        ]
        case = Case("maps", {"k": 3, "padding": pad, "stride": 1}, {"x": x.numpy(), "weight": w.numpy()})
        bounds = {"outputs": Tolerance(1e-9, 1e-9)}
        findings = compare({"outputs": found[0]}, {"outputs": found[1]}, bounds)
        recorded = RecordedCase(case, {"outputs": found[0]}, bounds)
        runs.append(CaseRun(recorded, Outcome(None, outputs={"outputs": found[1]}), findings))
    assert said in by_terms(runs)
