"""The ratio of two samples of seconds and its interval, on made-up numbers."""

import numpy as np
import pytest

from grader.timing.ratio import CONFIDENCE, ratio_of

RNG = np.random.default_rng(5)


def test_without_noise_the_interval_is_a_point():
    """Equal repeats leave nothing open."""
    found = ratio_of([6.0, 6.0, 6.0], [0.5] * 8)
    assert (found.value, found.low, found.high) == (12.0, 12.0, 12.0)


def test_one_slow_repeat_moves_the_middle_little():
    """Medians: what another program has held up once does not count."""
    assert ratio_of([10.0], [1.0, 1.0, 1.0, 1.0, 50.0]).value == 10.0


def test_the_interval_usually_holds_the_truth():
    """Drawn from noise like that of a busy machine, it holds the true ratio about as often as it says."""
    held = 0
    for _ in range(300):
        baseline, submission = (np.exp(RNG.normal(0, 0.1, size)) for size in (6, 8))
        found = ratio_of(list(20 * baseline), list(submission))
        held += found.low <= 20 <= found.high
    assert CONFIDENCE - 0.12 < held / 300 <= 1


@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("times", [1.5, 10.0, 1e6])
def test_being_slow_now_and_then_gains_nothing(place, times):
    """However much longer one repeat takes, neither end of the interval moves upwards."""
    baseline, submission = [20.0, 21.0, 19.0], list(np.exp(RNG.normal(0, 0.2, 8)))
    before = ratio_of(baseline, submission)
    submission[place] *= times
    after = ratio_of(baseline, submission)
    assert after.value <= before.value and after.low <= before.low and after.high <= before.high


def test_slack_widens_both_ends():
    """What repeats do not show makes the interval wider, not the ratio larger."""
    narrow, wide = ratio_of([6.0, 6.6], [0.5, 0.4]), ratio_of([6.0, 6.6], [0.5, 0.4], slack=2.0)
    assert (wide.value, wide.low, wide.high) == (narrow.value, narrow.low / 2, narrow.high * 2)


@pytest.mark.parametrize(
    ("bound", "reaches", "straddles"), [(9, True, False), (11, True, True), (14, False, False)]
)
def test_a_bound_inside_the_interval_is_decided_in_favour(bound, reaches, straddles):
    """Below the interval it is reached, above it is not, inside it cannot be said and counts as reached."""
    found = ratio_of([10.0, 12.0], [1.0, 1.0, 1.0])
    assert (found.low, found.high) == (10.0, 12.0)
    assert (found.reaches(bound), found.straddles(bound)) == (reaches, straddles)


@pytest.mark.parametrize("samples", [([], [1.0]), ([1.0], []), ([1.0], [0.0]), ([-1.0], [1.0])])
def test_nothing_measured_is_no_ratio(samples):
    """Empty samples and times that no clock shows are refused."""
    with pytest.raises(ValueError, match="positive time"):
        ratio_of(*samples)
