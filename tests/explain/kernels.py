"""Compiled functions that Numba refuses, each with the words that its error is told in."""

import numpy as np
from numba import njit


class Layer:
    """What holds parameters."""


def plain(x):
    """A function that is not compiled."""
    return x


@njit
def zeros_of_list(x):
    return np.zeros([x.shape[0], 2])


@njit
def zeros_of_float(x):
    return np.zeros((x.shape[0] / 2, 2))


@njit
def float_index(x):
    return x[0, x.shape[1] / 2]


@njit
def maximum_along_axis(x):
    return np.max(x, axis=1)


@njit
def keeps_axes(x):
    return np.sum(x, axis=1, keepdims=True)


@njit
def pads(x):
    return np.pad(x, ((1, 1), (1, 1)))


@njit
def reshapes_list(x):
    return x.reshape([2, 3])


@njit
def reshapes_transposed(x):
    return x.transpose(1, 0).reshape(2, 3)


@njit
def calls_plain(x):
    return plain(x)


@njit
def adds_none(x):
    return x + None


@njit
def unpacks(x):
    n, _c, _h = x.shape
    return n


@njit
def too_many_indices(x):
    return x[0, 0, 0]


@njit
def changes_shape(x):
    s = x.shape
    s[0] = 1
    return s


@njit
def nested(x):
    return zeros_of_list(x)


@njit
def takes_layer(layer):
    return 1


@njit
def multiplies_three_axes(x):
    return np.dot(x.reshape((1, 3, 2)), x.reshape((1, 2, 3)))


@njit
def fills_an_entry(x):
    x[0, 0] = x[0]
    return x


@njit
def index_of_list(x):
    x[0, [0, 1]] = 0
    return x


@njit
def adds_text(x):
    total = "0"
    total += x[0, 0]
    return total


@njit
def not_set(x):
    for i in range(3):
        unset += x[i, 0]  # noqa: F821
    return unset


X = np.ones((3, 2), np.float32)
# Arguments, words of the sentence, and what stands in the line that is named.
REFUSED = {
    zeros_of_list: ((X,), "np.zeros((a, b))", "np.zeros([x.shape[0]"),
    zeros_of_float: ((X,), "A size is a float", "np.zeros((x.shape[0] / 2"),
    float_index: ((X,), "An index is a float", "x.shape[1] / 2]"),
    maximum_along_axis: ((X,), "`max` has no `axis`", "np.max(x"),
    keeps_axes: ((X,), "`sum` has no `keepdims`", "np.sum(x"),
    pads: ((X,), "does not know `np.pad`", "np.pad(x"),
    reshapes_list: ((X,), ".reshape((a, b))", "x.reshape(["),
    reshapes_transposed: ((X,), "np.ascontiguousarray", ".reshape(2, 3)"),
    calls_plain: ((X,), "`plain` is a plain function", "plain(x)"),
    adds_none: ((X,), "is None", "x + None"),
    unpacks: ((X,), "3 names on the left of this line, for 2 values", "n, _c, _h"),
    too_many_indices: ((X,), "has 2 axes, and 3 indices", "x[0, 0, 0]"),
    changes_shape: ((X,), "cannot be changed", "s[0] = 1"),
    nested: ((X,), "np.zeros((a, b))", "np.zeros([x.shape[0]"),
    multiplies_three_axes: ((X,), "arrays of one or two axes", "np.dot(x"),
    fills_an_entry: ((X,), "into a single entry", "x[0, 0] = x[0]"),
    index_of_list: ((X,), "A list cannot be an index", "x[0, [0, 1]]"),
    adds_text: ((X,), "A text is used", "total += x[0, 0]"),
    not_set: ((X,), "`unset` is used before", "unset"),
    takes_layer: ((Layer(),), "is a `Layer`", ""),
}
