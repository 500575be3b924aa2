"""The formula by which an output got its size, the ends that were never written, and the order of features."""

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d

from grader.compare import Tolerance, compare
from grader.explain import CaseRun, explain_runs
from grader.lab.checks import Case, Check, one_case
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome

# rows, columns, K, padding, stride
SETTINGS = ((7, 8, 3, 1, 1), (9, 6, 3, 1, 2), (8, 7, 2, 2, 3))


def explained(arrays, config, expected, actual):
    """The explanation of cases, each of them with arrays, settings, what is required and what was returned."""
    runs = []
    for inputs, settings, wanted, seen in zip(arrays, config, expected, actual, strict=True):
        bounds = {"outputs": Tolerance(1e-6, 0.0)}
        case = RecordedCase(Case("case", settings, inputs), {"outputs": wanted}, bounds)
        findings = compare({"outputs": wanted}, {"outputs": seen}, bounds)
        runs.append(CaseRun(case, Outcome(None, outputs={"outputs": seen}), findings))
    check = Check("layer", "Layer", lambda student, case: None, 60, one_case())
    return explain_runs(check, runs, [])


def of_size(size, numbers=(0, 1, 2)):
    """The explanation of outputs of another size; ``size`` makes a length of (length, K, padding, stride)."""
    rng = np.random.default_rng(0)
    arrays, config, expected, actual = [], [], [], []
    for number in numbers:
        rows, columns, k, p, s = SETTINGS[number]
        x = rng.standard_normal((1, 2, rows, columns))
        arrays.append({"x": x})
        config.append({"k": k, "padding": p, "stride": s})
        expected.append(
            conv2d(torch.from_numpy(x), torch.ones(3, 2, k, k, dtype=torch.float64), None, s, p).numpy()
        )
        seen = np.ones((1, 3, size(rows, k, p, s), size(columns, k, p, s)))
        actual.append(expected[-1] if seen.shape == expected[-1].shape else seen)
    return explained(arrays, config, expected, actual)


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("the padding is counted twice", lambda n, k, p, s: (n + 4 * p - k) // s + 1),
        ("the padding is not counted", lambda n, k, p, s: (n - k) // s + 1),
        ("the stride is not counted", lambda n, k, p, s: n + 2 * p - k + 1),
        ("+ 1 is missing", lambda n, k, p, s: (n + 2 * p - k) // s),
    ],
)
def test_the_formula_of_the_size_is_told(words, size):
    """A wrong formula is named if it gives the sizes of every case."""
    assert words in of_size(size).hint


def test_no_formula_is_guessed():
    """Sizes that no formula gives in all cases are only counted."""
    found = of_size(lambda n, k, p, s: n + 5)
    assert "formula" not in found.hint + found.message
    assert "too many" in found.hint


def test_what_cannot_be_told_apart_is_not_chosen():
    """With padding 1 and stride 1, one row less may have more than two reasons; none of them is claimed."""
    found = of_size(lambda n, k, p, s: n + 2 * p - k, numbers=(0,))
    assert found.hint == "It has 1 row too few and 1 column too few."


def test_ends_that_were_not_written_are_told():
    """Zeros in the last row and the last column are said to stand there."""
    rng = np.random.default_rng(0)
    expected = [1 + rng.random((1, 2, 5, 6)) for _case in range(2)]
    actual = [array.copy() for array in expected]
    for array in actual:
        array[:, :, -1] = array[..., -1] = 0
    assert "The last row and the last column are 0" in explained([{}, {}], [{}, {}], expected, actual).hint


def test_the_order_of_flattened_axes_is_told():
    """Features that come row, column, channel are said to."""
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    right = torch.flatten(torch.from_numpy(x), 1).numpy()
    wrong = torch.flatten(torch.from_numpy(x).permute(0, 2, 3, 1), 1).numpy()
    assert "in the order of the axes 2, 3 and 1 of the input" in explained([{"x": x}], [{}], [right], [wrong]).hint
