"""In which order checks run, and which exercises a slow submission does not wait for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.lab.checks import Check
from grader.language.translation import _, translated
from grader.project.contract import Lab
from grader.run.session import Outcome


def by_groups(checks: Sequence[Check]) -> list[Check]:
    """Order checks so that those of a group run together, in one worker, and after what they need.

    A group that waits for nothing outside itself goes first; within a group the order stays.
    """
    left = list(checks)
    ordered: list[Check] = []
    while left:
        done = {check.id for check in ordered}
        groups: dict[str, list[Check]] = {}
        for check in left:
            groups.setdefault(check.group, []).append(check)
        known = {check.id for check in left}

        def is_free(members: list[Check], done: set[str] = done, known: set[str] = known) -> bool:
            own = {check.id for check in members}
            return all(name in done or name in own or name not in known for c in members for name in c.needs)

        chosen = next((members for members in groups.values() if is_free(members)), None)
        if chosen is None:
            chosen = [next(check for check in left if all(n in done or n not in known for n in check.needs))]
        ordered += chosen
        left = [check for check in left if check not in chosen]
    return ordered


def over_budget(lab: Lab, check: Check, outcomes: Mapping[str, Outcome]) -> str:
    """Say why an exercise is not run because the submission is too slow for it; empty if it is not."""
    if check.budget is None:
        return ""
    measured, scale, allowed_s = check.budget
    expected_s = outcomes[measured].seconds * scale if measured in outcomes else float("inf")
    if expected_s <= allowed_s:
        return ""
    return _(
        "Not run: at the speed of `{title}` it would take about {expected} s, and at most {allowed} s are spent on "
        "it. It is not needed for the score.",
        title=translated(lab.checks[measured].title, lab.folder),
        expected=f"{expected_s:.0f}",
        allowed=f"{allowed_s:.0f}",
    )
