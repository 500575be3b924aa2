"""Which pixels of its windows a pooling used is told exactly; PyTorch and plain loops compute the wrong ones."""

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, max_pool2d, pad

from grader.compare import Tolerance, compare
from grader.explain import CaseRun
from grader.explain.window_rules import by_windows
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome

SETTINGS = ((2, 2), (3, 2), (3, 3))


def made(number):
    """Input with equal numbers in it, and an arriving gradient."""
    rng = np.random.default_rng(number)
    x = rng.integers(-4, 5, (2, 3, 9, 10)).astype(np.float64)
    return x, rng.standard_normal(pooled(max_pool2d, x, number).shape)


def pooled(function, x, number):
    """What a pooling of PyTorch gives."""
    return function(torch.from_numpy(np.ascontiguousarray(x)), *SETTINGS[number]).numpy()


def gradient(function, x, grad, number):
    """The gradient of its input by PyTorch."""
    inputs = torch.from_numpy(x.copy()).requires_grad_()
    function(inputs, *SETTINGS[number]).backward(torch.from_numpy(grad))
    return inputs.grad.numpy()


def spread(x, grad, number, choose, overwrite=False):
    """The gradient by loops; ``choose`` says of each window (K, K) how much of it goes where."""
    k, s = SETTINGS[number]
    result = np.zeros_like(x)
    for n, c, p, q in np.ndindex(grad.shape):
        window = np.s_[n, c, p * s : p * s + k, q * s : q * s + k]
        share = choose(x[window]) * grad[n, c, p, q]
        result[window] = np.where(share != 0, share, result[window]) if overwrite else result[window] + share
    return result


def written_over(x, grad, number):
    """The gradient where every window, zeros included, is assigned."""
    k, s = SETTINGS[number]
    result = np.zeros_like(x)
    for n, c, p, q in np.ndindex(grad.shape):
        window = np.s_[n, c, p * s : p * s + k, q * s : q * s + k]
        result[window] = at(x[window], x[window].argmax()) * grad[n, c, p, q]
    return result


def tap_by_tap(x, grad, number, choose):
    """The gradient where all first pixels of windows are assigned at once, then all second ones, and so on."""
    k, s = SETTINGS[number]
    result = np.zeros_like(x)
    for i, j in np.ndindex(k, k):
        for n, c, p, q in np.ndindex(grad.shape):
            window = x[n, c, p * s : p * s + k, q * s : q * s + k]
            result[n, c, p * s + i, q * s + j] = choose(window)[i, j] * grad[n, c, p, q]
    return result


def at(window, flat):
    """All of a window's gradient at one pixel."""
    share = np.zeros(window.size)
    share[flat] = 1
    return share.reshape(window.shape)


def beside(x, grad, number):
    """The gradient where the window's place is not multiplied by the stride."""
    k, s = SETTINGS[number]
    result = np.zeros_like(x)
    for n, c, p, q in np.ndindex(grad.shape):
        row, column = divmod(int(x[n, c, p * s : p * s + k, q * s : q * s + k].argmax()), k)
        result[n, c, p + row, q + column] += grad[n, c, p, q]
    return result


def said(output, right, wrong):
    """What is said of a rule that was followed in all cases."""
    runs = []
    for number in range(len(SETTINGS)):
        x, grad = made(number)
        expected, actual = {output: right(x, grad, number)}, {output: wrong(x, grad, number)}
        k, s = SETTINGS[number]
        bounds = {output: Tolerance(1e-6, 0.0)}
        case = RecordedCase(Case("case", {"k": k, "stride": s}, {"x": x, "out_grad": grad}), expected, bounds)
        runs.append(CaseRun(case, Outcome(None, outputs=actual), compare(expected, actual, bounds)))
    return by_windows(runs)


def of_part(x, grad, number, part):
    """The maximum of a part of each window, by loops."""
    k, s = SETTINGS[number]
    result = np.zeros(grad.shape)
    for n, c, p, q in np.ndindex(grad.shape):
        result[n, c, p, q] = x[n, c, p * s : p * s + k, q * s : q * s + k][part].max()
    return result


def without(array, index):
    """An array with a part set to 0."""
    changed = array.copy()
    changed[index] = 0
    return changed


def partly(x, grad, number, index):
    """The right gradient of a part of what arrives."""
    return spread(x, without(grad, index), number, lambda w: at(w, w.argmax()))


FORWARD = {
    "the mean of each window": lambda x, g, n: pooled(avg_pool2d, x, n),
    "the minimum of each window": lambda x, g, n: -pooled(max_pool2d, -x, n),
    "must not start at 0": lambda x, g, n: np.maximum(pooled(max_pool2d, x, n), 0),
    "the first pixel": lambda x, g, n: pooled(max_pool2d, x, n) * 0 + x[
        :, :, : g.shape[2] * SETTINGS[n][1] : SETTINGS[n][1], : g.shape[3] * SETTINGS[n][1] : SETTINGS[n][1]],
    "The first row of each window": lambda x, g, n: of_part(x, g, n, np.s_[1:]),
    "The first column of each window": lambda x, g, n: of_part(x, g, n, np.s_[:, 1:]),
    "run over all channels": lambda x, g, n: pooled(max_pool2d, x, n).max(axis=1, keepdims=True).repeat(3, 1),
}  # fmt: skip
BACKWARD = {
    "All values near the maximum": lambda x, g, n: spread(x, g, n, lambda w: w >= w.max() - 1),
    "The stride is ignored": lambda x, g, n: beside(x, g, n),
    "the last of equal maxima": lambda x, g, n: spread(
        x, g, n, lambda w: at(w, w.size - 1 - np.argmax(w.ravel()[::-1]))
    ),
    "to all of equal maxima": lambda x, g, n: spread(x, g, n, lambda w: w == w.max()),
    "shared out among equal maxima": lambda x, g, n: spread(
        x, g, n, lambda w: (w == w.max()) / (w == w.max()).sum()
    ),
    "The last row of the gradient that arrives": lambda x, g, n: partly(x, g, n, np.s_[:, :, -1]),
    "The last column of the gradient that arrives": lambda x, g, n: partly(x, g, n, np.s_[..., -1]),
    "The first row of the gradient that arrives": lambda x, g, n: partly(x, g, n, np.s_[:, :, 0]),
    "The first column of the gradient that arrives": lambda x, g, n: partly(x, g, n, np.s_[..., 0]),
    "The last sample is left out": lambda x, g, n: partly(x, g, n, np.s_[-1:]),
    "among all pixels": lambda x, g, n: gradient(avg_pool2d, x, g, n),
    "overwritten": lambda x, g, n: spread(x, g, n, lambda w: at(w, w.argmax()), overwrite=True),
    "maximum and mean are added": lambda x, g, n: spread(x, g, n, lambda w: at(w, w.argmax()) + 1 / w.size),
}


def test_windows_that_are_assigned_are_told():
    """With their zeros, too."""
    right = lambda x, g, n: gradient(max_pool2d, x, g, n)  # noqa: E731
    assert "overwritten: `+=`" in said("in_grad", right, written_over)


def test_pixels_of_windows_that_are_assigned_are_told():
    """Pixel after pixel of all windows at once, of a maximum and of a mean; other overlaps get another cause."""
    largest = lambda x, g, n: tap_by_tap(x, g, n, lambda w: at(w, w.argmax()))  # noqa: E731
    assert "overwritten: `+=`" in said("in_grad", lambda x, g, n: gradient(max_pool2d, x, g, n), largest)
    means = lambda x, g, n: tap_by_tap(x, g, n, lambda w: np.full(w.shape, 1 / w.size))  # noqa: E731
    assert "overwritten: `+=`" in said("in_grad", lambda x, g, n: gradient(avg_pool2d, x, g, n), means)
    halved = lambda x, g, n: largest(x, g, n) / 2  # noqa: E731
    assert said("in_grad", lambda x, g, n: gradient(max_pool2d, x, g, n), halved) == ""


@pytest.mark.parametrize(
    ("counted", "words"),
    [(True, "It is the mean of each window."), (False, "It is the mean of each window."), (None, "")],
)
def test_a_mean_of_the_pixels_in_the_picture_is_told(counted, words):
    """Of a pooling whose padding does not count, whether a mean counts its zeros or not; nothing else is."""
    runs = []
    for seed in (0, 1):
        inputs = torch.from_numpy(np.random.default_rng(seed).standard_normal((2, 3, 7, 8)) - 3)
        expected = {"outputs": max_pool2d(inputs, 3, 2, 1).numpy()}
        means = avg_pool2d(inputs, 3, 2, 1, count_include_pad=counted is not False).numpy()
        actual = {"outputs": means if counted is not None else 1.1 * means}
        bounds = {"outputs": Tolerance(1e-6, 0.0)}
        case = Case("case", {"k": 3, "stride": 2, "padding": 1}, {"x": inputs.numpy()})
        case = RecordedCase(case, expected, bounds)
        runs.append(CaseRun(case, Outcome(None, outputs=actual), compare(expected, actual, bounds)))
    assert by_windows(runs) == words


@pytest.mark.parametrize("stride", [2, None])
def test_a_maximum_beside_a_padding_that_does_not_count_is_understood(stride):
    """Also where the stride is left out and the window stands for it."""
    runs = []
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        inputs = torch.from_numpy(-1 - 9 * rng.random((2, 3, 7, 8))).requires_grad_()
        outputs = max_pool2d(inputs, 3, stride, 1)
        grad = torch.from_numpy(rng.standard_normal(tuple(outputs.shape)))
        outputs.backward(grad)
        whole = torch.from_numpy(inputs.detach().numpy().copy()).requires_grad_()
        (9 * avg_pool2d(whole, 3, stride, 1)).backward(grad)
        expected, actual = {"in_grad": inputs.grad.numpy()}, {"in_grad": whole.grad.numpy()}
        config, bounds = {"k": 3, "strides": stride, "padding": 1}, {"in_grad": Tolerance(1e-6, 0.0)}
        arrays = {"x": inputs.detach().numpy(), "out_grad": grad.numpy()}
        case = RecordedCase(Case("case", config, arrays), expected, bounds)
        runs.append(CaseRun(case, Outcome(None, outputs=actual), compare(expected, actual, bounds)))
    assert by_windows(runs) == "All pixels of the window get the whole gradient."


@pytest.mark.parametrize("words", FORWARD)
def test_the_pixels_of_an_output_are_told(words):
    """What was taken of each window is named."""
    assert words in said("outputs", lambda x, g, n: pooled(max_pool2d, x, n), FORWARD[words])


@pytest.mark.parametrize("words", BACKWARD)
def test_the_pixels_that_get_a_gradient_are_told(words):
    """Where the gradient of each window went is named; the right one goes to the first maximum."""

    def right(x, g, n):
        return spread(x, g, n, lambda w: at(w, w.argmax()))

    assert words in said("in_grad", right, BACKWARD[words])


def test_other_numbers_have_no_rule():
    """Numbers that no rule gives are left alone."""
    right = lambda x, g, n: pooled(max_pool2d, x, n)  # noqa: E731
    assert said("outputs", right, lambda x, g, n: 1.5 * right(x, g, n)) == ""


def test_a_gradient_cut_at_the_corner_is_told():
    """A gradient that begins in the padding is said to, not that the zeros lie elsewhere."""
    runs = []
    for number in range(2):
        x = np.random.default_rng(number).standard_normal((2, 3, 6, 7))
        inputs = torch.from_numpy(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-9)).requires_grad_()
        out = max_pool2d(inputs, 3, 2)
        grad = np.random.default_rng(number).standard_normal(out.shape)
        out.backward(torch.from_numpy(grad))
        whole = inputs.grad.numpy()
        x = inputs.detach().numpy()[:, :, 1:-1, 1:-1] + 20  # Positive, so that zeros around it never win.
        expected, actual = {"in_grad": whole[:, :, 1:-1, 1:-1]}, {"in_grad": whole[:, :, :-2, :-2]}
        bounds = {"in_grad": Tolerance(1e-6, 0.0)}
        case = Case("case", {"k": 3, "stride": 2, "padding": 1}, {"x": x, "out_grad": grad})
        case = RecordedCase(case, expected, bounds)
        runs.append(CaseRun(case, Outcome(None, outputs=actual), compare(expected, actual, bounds)))
    assert by_windows(runs) == "The padding is cut off at one end only: the result begins in the padding."


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ("the square of the stride", lambda x, n: avg(x, n) * SETTINGS[n][0] ** 2 / SETTINGS[n][1] ** 2),
        ("its rows plus its columns", lambda x, n: avg(x, n) * SETTINGS[n][0] / 2),
    ],
)
def test_the_divisor_of_a_mean_is_told(words, wrong):
    """What the sum of each window is divided by instead of its number of pixels is named."""
    assert words in said("outputs", lambda x, g, n: avg(x, n), lambda x, g, n: wrong(x, n))


def avg(x, number):
    """The mean of each window by PyTorch."""
    return pooled(avg_pool2d, x, number)


def smaller(x, number):
    """The maximum over windows of PyTorch that lack their last row and column, as many as there should be."""
    k, s = SETTINGS[number]
    rows, columns = pooled(max_pool2d, x, number).shape[2:]
    return max_pool2d(torch.from_numpy(x.copy()), k - 1, s).numpy()[:, :, :rows, :columns]


def test_windows_without_their_last_row_and_column_are_told():
    """Where windows of 2 x 2 cannot tell it from the first pixel, larger ones do."""

    def right(x, g, n):
        return pooled(max_pool2d, x, n)

    text = said("outputs", right, lambda x, g, n: smaller(x, n))
    assert text == "The last row and column of each window are left out."


def of_padding(kind, counts):
    """A pooling of 3x3, stride 2, padding 1, whose zeros count in each window, or do not."""

    def pool(x):
        tensor = torch.from_numpy(x)
        if kind == "mean":
            return avg_pool2d(tensor, 3, 2, 1, count_include_pad=counts).numpy()
        return (max_pool2d(pad(tensor, (1, 1, 1, 1)), 3, 2) if counts else max_pool2d(tensor, 3, 2, 1)).numpy()

    return pool


@pytest.mark.parametrize(
    ("kind", "required", "words"),
    [
        ("maximum", False, "The zeros of the padding take part in the maximum"),
        ("mean", False, "The zeros of the padding are counted in the mean"),
        ("maximum", True, "The zeros of the padding are left out of each window"),
        ("mean", True, "The zeros of the padding are left out of each window"),
    ],
)
def test_zeros_that_count_and_should_not_are_told(kind, required, words):
    """And the reverse; that something that changes nothing were ignored is not said."""
    runs = []
    for seed in (0, 1):
        x = np.random.default_rng(seed).standard_normal((2, 3, 7, 8)) - 1
        expected, actual = ({"outputs": of_padding(kind, counts)(x)} for counts in (required, not required))
        config, bounds = {"k": 3, "stride": 2, "padding": 1}, {"outputs": Tolerance(1e-6, 0.0)}
        case = RecordedCase(Case("case", config, {"x": x}), expected, bounds)
        runs.append(CaseRun(case, Outcome(None, outputs=actual), compare(expected, actual, bounds)))
    said_of_it = by_windows(runs)
    assert said_of_it.startswith(words) and "Or:" not in said_of_it
