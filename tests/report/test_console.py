"""The report on a terminal."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from grader.report.console import render
from grader.verdicts import Verdict

GOLDEN = Path(__file__).with_name("golden_80.txt")
HEADS = ["layer", "ms", "ms", "forward", "forward", "backward", "share", "GFLOP/s"]
ESCAPE_CODE = re.compile(r"\x1b\[[0-9;]*m")


def shown(result, width=80, *, verbose=False, encoding="utf-8", **options) -> str:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding, write_through=True) as file:
        render(result, Console(file=file, width=width, **options), verbose=verbose)
        return raw.getvalue().decode(encoding)


def stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def test_golden(samples):
    """The report of honest work at 80 columns without colour is, letter by letter, the one in the file."""
    assert stripped(shown(samples.honest())) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 80, 100, 120, 200])
@pytest.mark.parametrize(
    "sample", ["honest", "compared", "unfinished", "timed", "hostile", "broken_beyond", "part"]
)
def test_fits_the_width(samples, width, sample):
    """No line is wider than the terminal, but for the command at the end, which must stay whole to be copied."""
    lines = shown(getattr(samples, sample)(), width).splitlines()
    assert max(len(line) for line in lines if not line.startswith("Next: ")) <= width


@pytest.mark.parametrize("verbose", [False, True])
def test_hostile_text_prints_no_code(samples, verbose):
    """Text of a submission reaches a terminal without escape code, markup or runner command."""
    plain = shown(samples.hostile(), verbose=verbose)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", plain)
    assert "[bold red]markup[/]" in plain
    assert not re.search(r"^\s*::", plain, re.M)
    coloured = shown(samples.hostile(), verbose=verbose, force_terminal=True, color_system="standard")
    assert "\x1b" not in ESCAPE_CODE.sub("", coloured)
    assert "\x1b]0;" not in coloured


def test_colour_changes_nothing_but_colour(samples):
    """Without its colour codes, the coloured report is the plain one."""
    coloured = shown(samples.honest(), force_terminal=True, color_system="standard")
    assert "\x1b[" in coloured
    assert ESCAPE_CODE.sub("", coloured) == shown(samples.honest())


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk"])
def test_terminals_that_do_not_know_unicode(samples, encoding):
    """Where the encoding lacks a character, signs are ASCII and nothing raises."""
    result = samples.honest(lab_title="卷积 é")
    assert re.search(r"^  x  Convolution, backward pass", shown(result, encoding=encoding), re.M)


def test_dumb_terminal(samples, monkeypatch):
    """On a dumb terminal all is ASCII."""
    monkeypatch.setenv("TERM", "dumb")
    assert shown(samples.honest(), force_terminal=True).isascii()


def test_says_what_the_next_tier_lacks(samples):
    """The closing names the score and the checks that the next tier lacks."""
    text = " ".join(shown(samples.honest()).split())
    assert "Score 80 of 100. Tier 100 lacks `Convolution, backward pass` and" in text


def test_partial_run_shows_no_score(samples):
    """A run of some checks says how many pass and what to do next, and no score."""
    text = shown(samples.unfinished())
    assert "1 of 3 checks pass." in text and "Score" not in text
    assert text.rstrip().splitlines()[-1].startswith("Next: write conv_forward")


def test_weak_jail_cannot_be_overlooked(samples):
    """A result that is not for the record carries a warning."""
    assert "Warning: not for the record" in shown(samples.honest(for_record=False))


def test_own_fault_is_not_charged(samples):
    """A fault of the grader is said to be one, and no score is shown."""
    checks = [samples.failed(verdict=Verdict.GRADER, message="the box did not start")]
    text = " ".join(shown(samples.honest(checks=checks)).split())
    assert "The grader itself failed" in text and "Score" not in text


def test_equal_failures_are_told_once(samples):
    """Checks that fail with the same message share one block that names them all."""
    checks = [samples.failed(id=f"c{i}", title=f"Check {i}", message="SyntaxError: line 3") for i in range(9)]
    text = shown(samples.honest(checks=checks))
    assert text.count("SyntaxError: line 3") == 1
    assert all(f"(c{i})" in text for i in range(9))


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_is_written_out(samples, verdict):
    """Each verdict stands as a word beside its sign, so that colour and signs are never needed."""
    assert verdict.value in shown(samples.honest(checks=[samples.failed(verdict=verdict)]))


def test_nothing_measured(samples):
    """A result without checks, tiers or finite times still prints."""
    times = samples.Times(total=float("nan"), student=float("inf"))
    assert "Score 0" in shown(samples.honest(checks=[], tiers=[], layers=[], score=0, times=times))


def test_layers_are_shown_beside_the_engine(samples):
    """Own times, then the reference's forward pass and both of the engine's; a line says what they are."""
    lines = stripped(shown(samples.compared())).splitlines()
    head = next(number for number, line in enumerate(lines) if line.split() == HEADS)
    assert lines[head + 3].split() == ["conv1_2", "1,240", "3,105", "620", "13.8", "38.8", "93.5", "%", "3.0"]
    assert lines[head + 6].split() == ["all", "layers", "1,326", "3,178", "663", "14.7", "39.7", "3.1"]
    assert "engine: how fast it can be" in lines[head + 7]


@pytest.mark.parametrize(("width", "last"), [(50, "times as fast"), (60, "reference"), (80, "baseline")])
def test_the_table_of_speeds_leaves_out_what_does_not_fit(samples, width, last):
    """No cell is broken over lines; what the verdict follows from is always there."""
    text = shown(samples.timed(), width)
    heads, forward = re.search(r"\n([^\n]*of reference[^\n]*)\n(?:all [^\n]*)\n(forward [^\n]*)\n", text).groups()
    assert "60 (54 to 66)" in forward and heads.rstrip().endswith(last)


def test_speed_is_shown_part_by_part(samples):
    """A row for each part: baseline, own time, ratio with interval, reference, engine; then what is needed."""
    text = stripped(shown(samples.timed(), 120))
    assert re.search(r"^forward +6 s +100 ms +60 \(54 to 66\) +70 ms +4 ms +12 s \(120\)$", text, re.M)
    assert re.search(r"^backward +12 s +1\.5 s +8 \(7\.2 to 8\.8\) +70 ms +24 s \(16\)$", text, re.M)
    assert "At least 20 times as fast as the reference in loops (estimated from what publishing measured)" in text
