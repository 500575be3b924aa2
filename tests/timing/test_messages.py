"""What a student reads about the speed of a right submission."""

from pathlib import Path

import pytest

from grader.language.numbers import figure
from grader.project.contract import load_lab
from grader.score.document import SpeedPart, SpeedResult
from grader.timing.words import describe_speed

LAB = load_lab(Path(__file__).resolve().parents[2] / "labs" / "style_transfer")


def found(seconds, *, enough, baseline="measured"):
    """A finding in which the passes take these seconds, and the baseline's one second each."""
    parts = [
        SpeedPart(
            name=name, submission_s=own, baseline_s=theirs, ratio=theirs / own, low=theirs / own, high=theirs / own
        )
        for name, own, theirs in (
            ("all", sum(seconds), 2.0),
            ("forward", seconds[0], 1.0),
            ("backward", seconds[1], 1.0),
        )
    ]
    return SpeedResult(
        against="loops_timing",
        at_least=5,
        enough=enough,
        baseline=baseline,
        confidence=0.95,
        repeats=8,
        parts=parts,
    )


def test_too_slow_names_what_is_seen_what_is_needed_and_where_to_begin():
    """The ratio with its interval, the bound, both passes, and the one that gains least."""
    text = describe_speed(LAB, found((0.1, 1.9), enough=False), 0.002)
    assert "right, but they come too slowly" in text and "2 s" in text and "1 times as fast" in text
    assert "at least 5 times are needed" in text and "forward: 100 ms, 10 times as fast" in text
    assert text.endswith("Begin with `backward`: it gains least.")


def test_what_passes_says_how_fast_and_where_the_baseline_is_from():
    """One sentence, without advice."""
    text = describe_speed(LAB, found((0.01, 0.03), enough=True, baseline="estimated"), 0.002)
    assert "50 times as fast" in text and "estimated from publishing" in text and "Begin" not in text


def test_faster_than_any_processor_is_told_as_such():
    """It is not called slow; the least time is named."""
    text = describe_speed(LAB, found((1e-5, 1e-5), enough=False), 0.002)
    assert (
        text.startswith("An answer came back sooner than any processor") and "2 ms" in text and "slowly" not in text
    )


@pytest.mark.parametrize(("ratio", "text"), [(0.8137, "0.814"), (7.25, "7.25"), (64.4, "64"), (107.3, "107")])
def test_ratios_have_the_digits_of_a_timing(ratio, text):
    """Three digits at most."""
    assert figure(ratio) == text
