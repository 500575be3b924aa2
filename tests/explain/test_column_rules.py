"""What im2col holds and how col2im adds it up is told exactly; PyTorch's unfold and fold are right."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from grader.compare import Tolerance, compare
from grader.explain import CaseRun
from grader.explain.column_rules import by_columns
from grader.lab.checks import CHANNELS_LAST, Case
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome

# N, C, rows, columns, kernel, pad, stride, dilation
SIZES = (
    (2, 3, 7, 8, (3, 2), 1, 1, 1),
    (2, 2, 8, 9, (2, 3), 0, 2, 1),
    (1, 2, 9, 10, (3, 3), 2, 2, 2),
    (3, 1, 6, 5, (3, 3), 1, 1, 1),
)
BOUND = Tolerance(1e-9, 1e-9)


def cases():
    """Pictures with the channels last, and a matrix to be added up."""
    for number, (n, c, rows, columns, kernel, pad, stride, dilation) in enumerate(SIZES):
        rng = np.random.default_rng(number)
        x = rng.standard_normal((n, rows, columns, c))
        config = {"kernel_shape": list(kernel), "pad": pad, "stride": stride, "dilation": dilation}
        config["layout"] = CHANNELS_LAST
        case = Case(f"case {number}", config, {"x": x, "weight": np.zeros((*kernel, c, 2))})
        sizes = unfolded(case, x).shape
        yield Case(case.name, config, {**case.arrays, "columns": rng.standard_normal(sizes)})


def settings(case):
    """What PyTorch is told of a convolution."""
    names = {"padding": "pad", "stride": "stride", "dilation": "dilation"}
    return {name: case.config[own] for name, own in names.items()}


def unfolded(case, x, **changed):
    """The matrix by PyTorch: rows by channel, kernel row and column; columns by sample and place."""
    pictures = torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, 3, 1)))
    found = functional.unfold(pictures, tuple(case.config["kernel_shape"]), **{**settings(case), **changed})
    return found.permute(1, 0, 2).reshape(found.shape[1], -1).numpy()


def canonical(case, matrix):
    """A matrix in the order in which the lab compares them; ``matrix`` makes it of pictures."""
    x = case.arrays["x"]
    numbered = matrix(np.arange(1.0, x.size + 1).reshape(x.shape))
    columns = np.lexsort(np.sort(numbered, axis=0)[::-1])
    rows = np.lexsort(numbered[:, columns].T[::-1])
    return matrix(x)[rows][:, columns], rows, columns


def told(output, right, wrong):
    """What is said if ``wrong(case)`` was returned in the place of ``right(case)``."""
    runs = []
    for case in cases():
        expected, actual, bounds = {output: right(case)}, {output: wrong(case)}, {output: BOUND}
        findings = compare(expected, actual, bounds)
        runs.append(CaseRun(RecordedCase(case, expected, bounds), Outcome(None, outputs=actual), findings))
    return by_columns(runs)


def right_matrix(case):
    """The matrix that is required."""
    return canonical(case, lambda x: unfolded(case, x))[0]


def windows(case, x, step=None, apart=None, pad=np.pad):
    """Windows (N, P, Q, rows, columns, C), taken one by one by slices."""
    rows, columns = case.config["kernel_shape"]
    around, stride, dilation = (case.config[name] for name in ("pad", "stride", "dilation"))
    places = [
        (length + 2 * around - dilation * (side - 1) - 1) // stride + 1
        for length, side in zip(x.shape[1:3], (rows, columns), strict=True)
    ]
    step, apart = step or stride, apart or dilation
    x = pad(x, ((0, 0), (around, around), (around, around), (0, 0)))
    found = np.empty((len(x), *places, rows, columns, x.shape[3]))
    for p, q in np.ndindex(*places):
        top, left = p * step, q * step
        found[:, p, q] = x[:, top : top + apart * rows : apart, left : left + apart * columns : apart][
            :, :rows, :columns
        ]
    return found


def flat(found):
    """Windows as the columns of a matrix."""
    return found.reshape(-1, int(np.prod(found.shape[3:]))).T


def mixed(found):
    """Windows reshaped where they have to be transposed."""
    return found.reshape(int(np.prod(found.shape[3:])), -1)


WRONG = {
    "stride is ignored": lambda case, x: flat(windows(case, x, step=1)),
    "dilation is ignored": lambda case, x: flat(windows(case, x, apart=1)),
    "border of the picture is repeated": lambda case, x: flat(
        windows(case, x, pad=lambda array, width: np.pad(array, width, mode="edge"))
    ),
    "reshaped to the matrix without": lambda case, x: mixed(windows(case, x)),
    "windows of sample 0": lambda case, x: flat(windows(case, np.repeat(x[:1], len(x), axis=0))),
    "pixels of channel 0": lambda case, x: flat(windows(case, np.repeat(x[..., :1], x.shape[3], axis=3))),
}


def test_windows_may_be_reshaped_in_any_order_of_their_axes():
    """Taps before samples, and the channels last: a row of the matrix is still no entry of the kernel."""
    for order in ((0, 3, 4, 1, 2, 5), (1, 2, 0, 3, 4, 5), (5, 0, 3, 4, 1, 2)):
        found = told(
            "columns",
            right_matrix,
            lambda case, order=order: canonical(
                case, lambda x: windows(case, x).transpose(order).reshape(mixed(windows(case, x)).shape)
            )[0],
        )
        assert found.startswith("The windows are reshaped to the matrix without")


@pytest.mark.parametrize("said", WRONG)
def test_what_the_matrix_holds(said):
    """One thing that is off is told, and nothing else."""
    found = told("columns", right_matrix, lambda case: canonical(case, lambda x: WRONG[said](case, x))[0])
    assert said in found
    assert " Or: " not in found


@pytest.mark.parametrize(
    "odd",
    [
        lambda case, x: flat(windows(case, x)),
        lambda case, x: windows(case, x).transpose(5, 4, 3, 2, 0, 1).reshape(mixed(windows(case, x)).shape),
    ],
)
def test_other_orders_of_a_right_matrix_are_right(odd):
    """Any order of rows and columns is the same matrix, so nothing fails and nothing is told."""
    assert told("columns", right_matrix, lambda case: canonical(case, lambda x: odd(case, x))[0]) == ""


def test_other_mistakes_in_the_matrix_are_not_named():
    """What no rule gives is told of none: a factor, a tap that is doubled, numbers in another order."""
    for change in (lambda a: 2 * a, lambda a: a + (np.arange(len(a)) == 0)[:, None], lambda a: a[::-1]):
        assert told("columns", right_matrix, lambda case, change=change: change(right_matrix(case))) == ""


# --------------------------------------------------------------------------------------------------------- col2im


def own(case, matrix):
    """The lab's matrix as a program gets it whose im2col is ``matrix``."""
    _sorted, rows, columns = canonical(case, matrix)
    found = np.empty(case.arrays["columns"].shape)
    found[np.ix_(rows, columns)] = case.arrays["columns"]
    return found


def right_image(case):
    """The pictures by PyTorch's fold."""
    n, rows, columns, _c = case.arrays["x"].shape
    matrix = own(case, lambda x: unfolded(case, x))
    parts = torch.from_numpy(matrix.reshape(len(matrix), n, -1)).permute(1, 0, 2)
    found = functional.fold(parts, (rows, columns), tuple(case.config["kernel_shape"]), **settings(case))
    return np.moveaxis(found.numpy(), 1, 3)


def added(case, by="window", assign=False, cut=True, read=lambda array: array):
    """Pictures made by loops: windows or taps one after another, added or assigned."""
    x = case.arrays["x"]
    shape = windows(case, x).shape
    found = own(case, lambda pictures: flat(windows(case, pictures))).T.reshape(shape)
    found = read(found)
    pad, stride, dilation = (case.config[name] for name in ("pad", "stride", "dilation"))
    image = np.zeros((len(x), x.shape[1] + 2 * pad, x.shape[2] + 2 * pad, x.shape[3]))
    places, taps = list(np.ndindex(*shape[1:3])), list(np.ndindex(*shape[3:5]))
    steps = ((p, t) for p in places for t in taps) if by == "window" else ((p, t) for t in taps for p in places)
    for (p, q), (i, j) in steps:
        row, column = p * stride + i * dilation, q * stride + j * dilation
        image[:, row, column] = found[:, p, q, i, j] + (0 if assign else image[:, row, column])
    first = pad if cut else 0
    return image[:, first : first + x.shape[1], first : first + x.shape[2]]


def averaged(case):
    """Sums divided by how many numbers meet in each pixel."""
    ones = Case(case.name, case.config, {**case.arrays, "columns": np.ones_like(case.arrays["columns"])})
    return added(case) / np.maximum(added(ones), 1)


IMAGES = {
    "they overlap, their numbers are overwritten": [
        lambda case: added(case, assign=True), lambda case: added(case, by="tap", assign=True)
    ],
    "cut off at one end only": [lambda case: added(case, cut=False)],
    "divided by the number of windows": [averaged],
    "rows of the matrix are read in another order": [
        lambda case: added(case, read=lambda a: a.transpose(0, 1, 2, 5, 3, 4).reshape(a.shape)),
        lambda case: added(case, read=lambda a: a.transpose(0, 1, 2, 4, 3, 5).reshape(a.shape)),
    ],
    "columns of the matrix are read in another order": [
        lambda case: added(case, read=lambda a: a.transpose(1, 2, 0, 3, 4, 5).reshape(a.shape))
    ],
}  # fmt: skip


@pytest.mark.parametrize("said", IMAGES)
def test_how_the_matrix_is_added_up(said):
    """One thing that is off is told, in each way to write it."""
    for wrong in IMAGES[said]:
        found = told("image", right_image, wrong)
        assert said.removeprefix("they ") in found
        assert " Or: " not in found


def test_what_is_right_or_wrong_otherwise_is_not_named():
    """A right program that loops otherwise fails nothing; a factor, a sign or another picture is no rule."""
    assert told("image", right_image, lambda case: added(case, by="tap")) == ""
    for change in (lambda a: 2 * a, lambda a: -a, lambda a: a[:, ::-1], lambda a: a + 1):
        assert told("image", right_image, lambda case, change=change: change(right_image(case))) == ""
