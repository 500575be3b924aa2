"""Every pattern of an error is found in an array that has it, and none is found in one that has another."""

import re

import numpy as np
import pytest

from grader.compare import Tolerance, compare
from grader.explain import CaseRun, common_fingerprints, explain_runs, fingerprints
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome

RNG = np.random.default_rng(7)
EXPECTED = RNG.standard_normal((3, 4, 6, 5)).astype(np.float32)
SQUARE = RNG.standard_normal((2, 3, 6, 6)).astype(np.float32)
INPUTS = RNG.standard_normal((3, 4, 6, 5)).astype(np.float32)
CONFIG = {"k": 3, "stride": 2, "padding": 1}


class Check:
    """What an explanation asks of a check."""

    id = "conv_forward"
    needs = ()
    learning = None


def run_of(expected, actual, name="outputs", atol=1e-5, x=INPUTS, **config):
    """A run of one case that returned ``actual``."""
    tolerance = Tolerance(atol, 0.0)
    case = Case("case", {**CONFIG, **config}, {"x": x})
    recorded = RecordedCase(case, {name: expected}, {name: tolerance})
    outputs = {name: np.asarray(actual)}
    return CaseRun(recorded, Outcome(None, outputs=outputs), compare({name: expected}, outputs, {name: tolerance}))


def names(expected, actual, **more):
    """The patterns found."""
    return [item.name for item in fingerprints(run_of(expected, actual, **more))]


@pytest.mark.parametrize("axis", [0, 1])
def test_two_are_exchanged_and_more_are_in_reverse_order(axis):
    """Moved on by one is the reverse order where there are two, and another one where there are three."""
    two = EXPECTED.take(range(2), axis=axis)
    (found,) = common_fingerprints([run_of(two, np.roll(two, 1, axis), x=two)])[:1]
    assert "exchanged" in found.text and "reverse" not in found.text
    three = EXPECTED.take(range(3), axis=axis)
    assert not any("reverse" in item.text for item in common_fingerprints([run_of(three, np.roll(three, 1, axis))]))


def bordered(width):
    """Wrong in a border of this width."""
    wrong = EXPECTED + 1 + np.abs(INPUTS)
    wrong[:, :, width:-width, width:-width] = EXPECTED[:, :, width:-width, width:-width]
    return wrong


def stepped(step):
    """Right only in every step-th row and column."""
    wrong = SQUARE + 1 + np.abs(SQUARE)
    wrong[..., ::step, ::step] = SQUARE[..., ::step, ::step]
    return wrong


def replaced(array, index, value=9.5):
    """Other numbers at an index."""
    wrong = array.copy()
    wrong[index] = wrong[index] * value + 1
    return wrong


PATTERNS = {
    "factor two": (EXPECTED, EXPECTED * 2, "factor"),
    "factor of the batch": (EXPECTED, EXPECTED / 3, "factor"),
    "negated": (EXPECTED, -EXPECTED, "negated"),
    "offset": (EXPECTED, EXPECTED + 0.25, "offset"),
    "offset by channel": (EXPECTED, EXPECTED + np.arange(1, 5).reshape(1, 4, 1, 1), "offset_by_channel"),
    "factor by channel": (EXPECTED, EXPECTED * np.arange(1, 5).reshape(1, 4, 1, 1), "factor_by_channel"),
    "transposed": (SQUARE, SQUARE.swapaxes(2, 3), "transposed"),
    "upside down": (EXPECTED, EXPECTED[:, :, ::-1], "flipped_rows"),
    "mirrored": (EXPECTED, EXPECTED[..., ::-1], "flipped_columns"),
    "turned": (EXPECTED, EXPECTED[:, :, ::-1, ::-1], "flipped_both"),
    "channels reversed": (EXPECTED, EXPECTED[:, ::-1], "channels_reversed"),
    "samples reversed": (EXPECTED, EXPECTED[::-1], "samples_reversed"),
    "channels in another order": (EXPECTED, EXPECTED[:, [1, 2, 3, 0]], "channels_exchanged"),
    "sample 0 everywhere": (EXPECTED, EXPECTED[[0, 0, 0]], "samples_exchanged"),
    "channels last": (EXPECTED, EXPECTED.transpose(0, 2, 3, 1).reshape(EXPECTED.shape), "axes_reordered"),
    "shifted": (EXPECTED, np.roll(EXPECTED, (1, 1), (2, 3)), "shifted"),
    "shuffled": (EXPECTED, RNG.permutation(EXPECTED.reshape(-1)).reshape(EXPECTED.shape), "permuted"),
    "border of one": (EXPECTED, bordered(1), "border"),
    "border of two": (EXPECTED, bordered(2), "border"),
    "every second": (SQUARE, stepped(2), "every_step"),
    "every third": (SQUARE, stepped(3), "every_step"),
    "only the first sample": (EXPECTED, replaced(EXPECTED, np.s_[1:]), "only_first_sample"),
    "only the last sample": (EXPECTED, replaced(EXPECTED, np.s_[:-1]), "only_last_sample"),
    "only the first channel": (EXPECTED, replaced(EXPECTED, np.s_[:, 1:]), "only_first_channel"),
    "last channel wrong": (EXPECTED, replaced(EXPECTED, np.s_[:, -1]), "last_channel_wrong"),
    "last row wrong": (EXPECTED, replaced(EXPECTED, np.s_[:, :, -1]), "last_row"),
    "never written entries": (EXPECTED, EXPECTED * (np.abs(EXPECTED) > 0.8), "unfilled"),
    "cut off fractions": (EXPECTED * 9, np.trunc(EXPECTED * 9), "whole_numbers"),
    "float16": (EXPECTED, EXPECTED.astype(np.float16), "half_precision"),
    "a little noise": (EXPECTED, EXPECTED * (1 + 2e-5 * np.sign(INPUTS)), "small_error"),
    "negative values cut": (EXPECTED, np.maximum(EXPECTED, 0), "negatives_cut"),
    "all zero": (EXPECTED, EXPECTED * 0, "never_filled"),
    "input handed back": (EXPECTED, INPUTS, "input_returned"),
    "one number": (EXPECTED, np.full_like(EXPECTED, 0.3), "constant"),
    "NaN in one sample": (EXPECTED, replaced(EXPECTED, 1, np.nan), "samples_nonfinite"),
    "all NaN": (EXPECTED, EXPECTED * np.nan, "all_nonfinite"),
    "rows and columns exchanged": (EXPECTED, EXPECTED.swapaxes(2, 3), "rows_and_columns"),
    "channels at the end": (EXPECTED, EXPECTED.transpose(0, 2, 3, 1), "channels_last"),
    "one row and column too few": (SQUARE, SQUARE[:, :, 1:, 1:], "size"),
    "padding left on": (SQUARE, np.pad(SQUARE, ((0, 0), (0, 0), (1, 1), (1, 1))), "size"),
}


def test_samples_are_counted_only_where_the_first_axis_is_theirs():
    """A list of layers that is too short has entries, not samples."""
    four = np.ones((len(INPUTS), 3, 4, 4))
    found = fingerprints(run_of(four, four[:1]))
    assert [item.name for item in found] == ["samples_count"] and "samples" in found[0].text
    found = fingerprints(run_of(np.arange(44.0), np.arange(26.0), name="order"))
    assert [item.text for item in found] == ["It has 26 entries along its first axis instead of 44."]


def test_the_batch_axis_is_missed_only_where_there_is_one():
    """A first axis that is lost is the batch's only if it is as long as the input has samples."""
    assert names(EXPECTED[:1], EXPECTED[0], x=INPUTS[:1]) == ["batch_axis_missing"]
    assert names(EXPECTED[:1], EXPECTED[0]) == ["axes_count"]
    assert names(EXPECTED[0, 0, 0], EXPECTED[0, 0, 0, 0]) == ["axes_count"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_is_found(pattern):
    """An array made wrong by a rule shows that rule first or among what else is true of it."""
    expected, actual, name = PATTERNS[pattern]
    assert name in names(expected, np.asarray(actual).astype(np.float32))


def test_unrelated_numbers_have_no_pattern():
    """Random numbers of the right shape are given no cause."""
    other = np.random.default_rng(99).standard_normal(EXPECTED.shape).astype(np.float32)
    assert names(EXPECTED, other) == []


def test_no_gradient_is_named_so():
    """Zeros where a gradient is asked for are called a zero gradient."""
    assert names(EXPECTED, EXPECTED * 0, name="in_grad") == ["zero_gradient"]


def test_the_factor_is_named():
    """A factor of the batch size or of the window is said to be that."""
    assert "1 / N" in common_fingerprints([run_of(EXPECTED, EXPECTED / 3, k=5)])[0].text
    assert "K * K" in common_fingerprints([run_of(EXPECTED, EXPECTED * 25, k=5)])[0].text


def test_a_single_number_shows_only_a_known_factor():
    """A loss that is N times too large is recognised; any other factor of one number means nothing."""
    loss = np.array(1.25, np.float32)
    assert names(loss, loss * 3, name="loss") == ["factor"]
    assert names(loss, loss * 1.2345, name="loss") == []


def test_the_border_is_measured():
    """The width of a wrong border and its sides are said."""
    text = next(item.text for item in fingerprints(run_of(EXPECTED, bordered(2))) if item.name == "border")
    assert "2 pixels wide" in text and "top" in text and "right" in text


def test_only_patterns_of_all_failing_cases_are_told():
    """A pattern that holds in one case by chance is not given as the cause."""
    runs = [
        run_of(EXPECTED, EXPECTED * 2),
        run_of(SQUARE, replaced(SQUARE, np.s_[:, 1:])),
        run_of(SQUARE, replaced(SQUARE, np.s_[:, 1:])),
    ]
    assert "factor" not in [item.name for item in common_fingerprints(runs)]


def test_the_settings_that_fail_are_named():
    """If exactly the cases with a stride fail, that is said."""
    runs = [run_of(EXPECTED, EXPECTED, stride=1), run_of(EXPECTED, replaced(EXPECTED, np.s_[0, 0, 0]), stride=2)]
    assert "a stride other than 1" in explain_runs(Check(), runs, []).message


@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_expected_number_is_told(pattern):
    """No entry of the expected array can be read off the texts."""
    expected, actual, _ = PATTERNS[pattern]
    found = explain_runs(Check(), [run_of(expected, np.asarray(actual).astype(np.float32))], [])
    told = [float(number) for number in re.findall(r"\d+\.\d\d+", found.message + found.hint)]
    entries = np.abs(np.asarray(expected, np.float64).reshape(-1))
    assert not any(np.isclose(entries, number, rtol=1e-4).any() for number in told)
