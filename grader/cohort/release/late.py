"""What lateness costs: a pure function of times and rule. A day is 24 hours; a begun one counts whole."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from grader.cohort.problems import CohortError
from grader.language.translation import _, ngettext

DAY_S = 86_400.0
HOUR_S = 3_600.0
NO_LOSS = 100.0


class Step(BaseModel):
    """Until this moment a submission gets so many percent of its points."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    until: AwareDatetime
    percent: float = Field(ge=0, le=200)


class Policy(BaseModel):
    """A rule for late work.

    Attributes
    ----------
    kind : ``none`` (late work counts fully), ``cutoff`` (not at all), ``per_day`` and ``per_hour`` (``percent`` of
        the score for each that has begun, never below ``floor`` percent of it), ``cap`` (at most ``percent`` of the
        full points), ``slip_days`` (``days`` for the whole course are free, further ones cost ``percent`` each),
        ``credit`` (``steps``, then ``floor``).
    grace_minutes : later than due by no more than this is in time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["none", "cutoff", "per_day", "per_hour", "cap", "slip_days", "credit"] = "none"
    percent: float = Field(100.0, ge=0, le=100)
    floor: float = Field(0.0, ge=0, le=100)
    days: int = Field(0, ge=0)
    grace_minutes: float = Field(0.0, ge=0)
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Lateness:
    """What lateness does to a score: points times ``factor``, then at most ``cap`` (share of the full points).

    ``slip_days`` are those that it spends of the course's; ``reason`` is for the student.
    """

    late_s: float = 0.0
    factor: float = 1.0
    cap: float = 1.0
    slip_days: int = 0
    reason: str = ""


def policy_of(data: Mapping[str, Any]) -> Policy:
    """Read a rule as it is kept.

    Raises
    ------
    CohortError : it is none.
    """
    try:
        return Policy.model_validate(dict(data))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise CohortError(
                "the rule for late work has no setting {place}; it may have: {names}",
                place=repr(place),
                names=", ".join(Step.model_fields if "." in place else Policy.model_fields),
            ) from None
        raise CohortError(
            "the rule for late work is not usable: {place}: {first}", place=place, first=first["msg"]
        ) from None


def lateness(
    policy: Policy,
    submitted: datetime | None,
    due: datetime | None,
    *,
    extended: datetime | None = None,
    closes: datetime | None = None,
    slip_days_left: int = 0,
    marked_late: bool = False,
) -> Lateness:
    """Return what the time of a submission does to its score.

    A later ``extended`` date takes the place of ``due``, and of ``closes`` where that is earlier. Without a time
    the platform's own mark decides, and counts as one begun day.
    """
    if policy.kind == "credit" and submitted is not None:
        return _credit(policy, submitted, extended)
    deadline = max([moment for moment in (due, extended) if moment is not None], default=None)
    late_s = _late_seconds(policy, submitted, deadline, marked_late)
    if late_s <= 0:
        return Lateness()
    last = max([moment for moment in (closes, extended) if moment is not None], default=None)
    if closes is not None and submitted is not None and last is not None and submitted > last:
        return Lateness(late_s, 0.0, reason=_("handed in after the end"))
    if policy.kind == "none":
        return Lateness(late_s, reason=_("late, without loss"))
    if policy.kind == "cutoff":
        return Lateness(late_s, 0.0, reason=_("late work does not count"))
    if policy.kind == "cap":
        reason = _("late: at most {percent} % of the points", percent=f"{policy.percent:g}")
        return Lateness(late_s, cap=policy.percent / 100, reason=reason)
    if policy.kind == "per_hour":
        hours = math.ceil(late_s / HOUR_S)
        amount = ngettext("{count} hour", "{count} hours", hours)
        return Lateness(late_s, _factor(policy, hours), reason=_loss(policy, hours, amount))
    days = math.ceil(late_s / DAY_S)
    free = min(days, slip_days_left) if policy.kind == "slip_days" else 0
    amount = ngettext("{count} day", "{count} days", days - free)
    spent = ngettext("{count} free day used", "{count} free days used", free) if free else ""
    loss = _loss(policy, days - free, amount) if days > free else ""
    return Lateness(
        late_s,
        _factor(policy, days - free),
        slip_days=free,
        reason="; ".join(part for part in (spent, loss) if part),
    )


def _late_seconds(
    policy: Policy, submitted: datetime | None, deadline: datetime | None, marked_late: bool
) -> float:
    if submitted is None or deadline is None:
        return DAY_S if marked_late else 0.0
    late_s = (submitted - deadline).total_seconds() - 60 * policy.grace_minutes
    return max(0.0, late_s)


def _factor(policy: Policy, units: int) -> float:
    return max(policy.floor, NO_LOSS - units * policy.percent) / 100 if units else 1.0


def _loss(policy: Policy, units: int, amount: str) -> str:
    percent = NO_LOSS - 100 * _factor(policy, units)
    return _("{amount} late: {percent} % less", amount=amount, percent=f"{percent:g}")


def _credit(policy: Policy, submitted: datetime, extended: datetime | None) -> Lateness:
    grace = timedelta(minutes=policy.grace_minutes)
    steps = sorted(policy.steps, key=lambda step: step.until)
    at = steps[0].until if steps and extended is not None and submitted <= extended + grace else submitted
    percent = next((step.percent for step in steps if at <= step.until + grace), policy.floor)
    late_s = max(0.0, (submitted - steps[0].until).total_seconds()) if steps else 0.0
    reason = "" if percent == NO_LOSS else _("handed in then: {percent} % of the points", percent=f"{percent:g}")
    return Lateness(late_s, percent / 100, cap=math.inf, reason=reason)
