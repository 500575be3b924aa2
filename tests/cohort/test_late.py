"""What lateness costs: every kind of rule at its edges. Expected factors are worked out by hand."""

from datetime import datetime, timedelta, timezone

import pytest

from grader.cohort.problems import CohortError
from grader.cohort.release.late import Policy, lateness, policy_of

DUE = datetime(2026, 3, 28, 23, 59, tzinfo=timezone.utc)
DAY = timedelta(days=1)


def late(policy, by, **options):
    """Judge a submission that came so much after the due date."""
    return lateness(Policy(**policy), DUE + by, DUE, **options)


@pytest.mark.parametrize(
    ("policy", "by", "factor"),
    [
        ({"kind": "none"}, 30 * DAY, 1.0),
        ({"kind": "cutoff"}, timedelta(0), 1.0),
        ({"kind": "cutoff"}, timedelta(seconds=1), 0.0),
        ({"kind": "cutoff", "grace_minutes": 15}, timedelta(minutes=15), 1.0),
        ({"kind": "cutoff", "grace_minutes": 15}, timedelta(minutes=15, seconds=1), 0.0),
        ({"kind": "per_day", "percent": 10}, -DAY, 1.0),
        ({"kind": "per_day", "percent": 10}, timedelta(seconds=1), 0.9),
        ({"kind": "per_day", "percent": 10}, DAY, 0.9),
        ({"kind": "per_day", "percent": 10}, DAY + timedelta(seconds=1), 0.8),
        ({"kind": "per_day", "percent": 10, "grace_minutes": 60}, DAY + timedelta(minutes=60), 0.9),
        ({"kind": "per_day", "percent": 10, "floor": 50}, 9 * DAY, 0.5),
        ({"kind": "per_day", "percent": 30}, 9 * DAY, 0.0),
        ({"kind": "per_hour", "percent": 1}, timedelta(hours=1), 0.99),
        ({"kind": "per_hour", "percent": 1}, timedelta(hours=1, seconds=1), 0.98),
        ({"kind": "per_hour", "percent": 1, "floor": 60}, 3 * DAY, 0.6),
    ],
)
def test_the_factor_of_each_rule(policy, by, factor):
    """Begun days and hours count whole, after the grace period, and never below the floor."""
    assert late(policy, by).factor == pytest.approx(factor)


def test_a_cap_bounds_the_points_and_takes_no_share():
    """Who had less than the cap loses nothing."""
    found = late({"kind": "cap", "percent": 80}, DAY)
    assert (found.factor, found.cap) == (1.0, 0.8)


def test_days_are_of_24_hours_even_when_clocks_change():
    """In Berlin the night after this date is an hour short; a day is not."""
    from zoneinfo import ZoneInfo

    berlin = ZoneInfo("Europe/Berlin")
    due = datetime(2026, 3, 28, 23, 59, tzinfo=berlin)
    same_hour_next_day = datetime(2026, 3, 29, 23, 59, tzinfo=berlin)
    found = lateness(
        Policy(kind="per_hour", percent=1),
        same_hour_next_day.astimezone(timezone.utc),
        due.astimezone(timezone.utc),
    )
    assert found.factor == pytest.approx(0.77)


@pytest.mark.parametrize(
    ("by", "left", "spent", "factor"),
    [(2 * DAY, 5, 2, 1.0), (2 * DAY, 1, 1, 0.8), (2 * DAY, 0, 0, 0.6), (timedelta(seconds=1), 3, 1, 1.0)],
)
def test_slip_days_are_spent_first(by, left, spent, factor):
    """Days that the course has no more free ones for cost what the rule says."""
    found = late({"kind": "slip_days", "days": 5, "percent": 20}, by, slip_days_left=left)
    assert (found.slip_days, found.factor) == (spent, pytest.approx(factor))


def test_an_extension_moves_due_date_and_end():
    """An earlier one than the due date takes nothing away."""
    rule = {"kind": "cutoff"}
    assert late(rule, DAY, extended=DUE + DAY).factor == 1.0
    assert late(rule, 2 * DAY, extended=DUE + DAY).factor == 0.0
    assert late(rule, timedelta(0), extended=DUE - DAY).factor == 1.0
    open_end = {"kind": "per_day", "percent": 10}
    assert late(open_end, 5 * DAY, closes=DUE + 4 * DAY).factor == 0.0
    assert late(open_end, 5 * DAY, closes=DUE + 4 * DAY, extended=DUE + 5 * DAY).factor == 1.0


def test_credit_goes_by_date():
    """The first date that is kept decides, more than full credit too; an extension gives the first one's."""
    steps = [
        {"until": DUE - DAY, "percent": 110},
        {"until": DUE, "percent": 100},
        {"until": DUE + DAY, "percent": 50},
    ]
    rule = {"kind": "credit", "steps": steps, "floor": 10}
    for by, factor in ((-2 * DAY, 1.1), (timedelta(0), 1.0), (timedelta(seconds=1), 0.5), (2 * DAY, 0.1)):
        assert late(rule, by).factor == pytest.approx(factor)
    assert late(rule, 2 * DAY, extended=DUE + 3 * DAY).factor == pytest.approx(1.1)


def test_without_a_time_the_platform_s_mark_decides():
    """Marked late is one begun day; nothing known is in time."""
    rule = Policy(kind="per_day", percent=10)
    assert lateness(rule, None, DUE, marked_late=True).factor == pytest.approx(0.9)
    assert lateness(rule, None, DUE).factor == 1.0
    assert lateness(rule, DUE, None).factor == 1.0


@pytest.mark.parametrize(
    "data", [{"kind": "weekly"}, {"kind": "per_day", "percent": -1}, {"kind": "cap", "extra": 1}]
)
def test_a_rule_that_is_none_is_refused(data):
    """What is wrong with it is named."""
    said = r"the rule for late work (is not usable: (kind|percent)|has no setting 'extra'; it may have: kind)"
    with pytest.raises(CohortError, match=said):
        policy_of(data)
