"""The comparator: what passes, what fails, and that nothing slips through."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.compare import Tolerance, compare, compare_array, spread

TIGHT = Tolerance(atol=1e-6, rtol=0.0)
NORM = Tolerance(atol=0.0, rtol=1e-3, metric="l2")
EXPECTED = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.mark.parametrize("tolerance", [TIGHT, NORM])
def test_equal_arrays_pass(tolerance):
    """An array equals itself under every metric."""
    assert compare_array("y", EXPECTED, EXPECTED.copy(), tolerance) is None


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_float_type_is_the_same_kind(dtype):
    """Small whole numbers are exact in every floating type, and every floating type is accepted."""
    assert compare_array("y", EXPECTED, EXPECTED.astype(dtype), TIGHT) is None


@pytest.mark.parametrize("tolerance", [TIGHT, NORM])
def test_nan_never_passes(tolerance):
    """One NaN among right numbers fails, whatever the metric."""
    actual = EXPECTED.copy()
    actual[1, 2] = np.nan
    assert compare_array("y", EXPECTED, actual, tolerance).kind == "nonfinite"


def test_all_nan_never_passes():
    """An array of NaN fails even under a tolerance that allows everything finite."""
    actual = np.full_like(EXPECTED, np.nan)
    assert compare_array("y", EXPECTED, actual, Tolerance(np.inf, np.inf)).kind == "nonfinite"


def test_nan_in_the_expected_array_is_no_wildcard():
    """Where NaN is expected, a number fails."""
    expected = EXPECTED.copy()
    expected[0, 0] = np.nan
    assert compare_array("y", expected, EXPECTED, TIGHT).kind == "nonfinite"


def test_infinity_of_the_wrong_sign_fails():
    """+inf is not -inf."""
    expected = np.array([np.inf, 1.0])
    assert compare_array("y", expected, np.array([-np.inf, 1.0]), TIGHT).kind == "nonfinite"


@pytest.mark.parametrize("shape", [(12,), (4, 3), (1, 3, 4), (3, 4, 1), (1,), ()])
def test_broadcastable_shapes_fail(shape):
    """A shape that NumPy would broadcast or reshape is still another shape."""
    actual = np.zeros(shape, np.float32)
    finding = compare_array("y", np.zeros((3, 4), np.float32), actual, TIGHT)
    assert (finding.kind, finding.seen, finding.required) == ("shape", str(shape), "(3, 4)")


def test_whole_numbers_are_another_kind():
    """Equal values in an integer array fail where floating point is required."""
    assert compare_array("y", EXPECTED, EXPECTED.astype(np.int64), TIGHT).kind == "dtype"


def test_missing_and_extra_outputs_are_found():
    """Every recorded output must be there, and no other."""
    findings = compare({"a": EXPECTED}, {"b": EXPECTED}, {"a": TIGHT})
    assert [(f.output, f.kind) for f in findings] == [("a", "missing"), ("b", "extra")]


def test_findings_come_in_recorded_order():
    """The first finding of a network is that of its first wrong layer."""
    expected = dict.fromkeys("abc", EXPECTED)
    actual = {"c": EXPECTED + 1, "b": EXPECTED + 1, "a": EXPECTED}
    assert [f.output for f in compare(expected, actual, dict.fromkeys("abc", TIGHT))] == ["b", "c"]


def test_the_worst_entry_is_located():
    """The finding names the index of the largest error and the share of wrong entries."""
    actual = EXPECTED.copy()
    actual[2, 1] += 5.5
    finding = compare_array("y", EXPECTED, actual, TIGHT)
    assert finding.where == (2, 1)
    assert finding.share == pytest.approx(1 / 12)
    assert finding.error == pytest.approx(0.5)


def test_no_finding_holds_an_expected_number():
    """What a finding says of shapes, kinds and errors contains no entry of the expected array."""
    expected = np.array([123456.78125, 3.0])
    finding = compare_array("y", expected, np.array([1.0, 3.0]), TIGHT)
    assert "123456" not in repr(finding)


@given(st.floats(1e-6, 1.0), st.integers(0, 2**32 - 1))
def test_max_metric_is_the_documented_bound(tolerance, seed):
    """An error just inside the bound passes, one just outside fails."""
    rng = np.random.default_rng(seed)
    expected = rng.standard_normal(50)
    allowed = tolerance + tolerance * np.abs(expected)
    inside, outside = expected + 0.999 * allowed, expected.copy()
    outside[7] += 1.01 * allowed[7]
    bound = Tolerance(tolerance, tolerance)
    assert compare_array("y", expected, inside, bound) is None
    assert compare_array("y", expected, outside, bound).where == (7,)


def test_norm_metric_bounds_the_whole_array():
    """One large error in a large array passes under the norm that would fail entry by entry."""
    expected = np.ones(1_000_000)
    actual = expected.copy()
    actual[5] += 0.9
    assert compare_array("y", expected, actual, NORM) is None
    assert compare_array("y", expected, actual + 0.01, NORM).kind == "values"


def test_spread_is_relative_to_the_scale():
    """Spread is the largest error over the largest magnitude, or the ratio of norms."""
    assert spread(np.array([0.0, 4.0]), np.array([1.0, 4.0]), "max") == pytest.approx(0.25)
    assert spread(np.array([3.0, 4.0]), np.array([3.0, 5.0]), "l2") == pytest.approx(0.2)
    assert spread(np.zeros(3), np.zeros(4), "max") == float("inf")


def test_unsigned_and_signed_do_not_wrap():
    """Integers are compared as numbers, so 0 - 1 does not become a huge unsigned number."""
    expected = np.array([0, 1], np.uint8)
    assert compare_array("y", expected, np.array([0, 1], np.int64), Tolerance(0, 0)) is None
    assert compare_array("y", expected, np.array([-1, 1], np.int64), Tolerance(0, 0)).kind == "values"
