"""What can go wrong in a class, each kind with a status of its own at the command line."""

from __future__ import annotations

from grader.language.errors import BadInput, GraderFailed


class CohortError(BadInput):
    """The class or the command is at fault; the message says what happened, what was expected, what to do."""


class NothingDue(CohortError):
    """All that was handed in has its grade: there is nothing to do, which is no fault of anybody."""


class Refusal(CohortError):
    """Going on would mix what must not be mixed: fixtures, jail levels, whole and half gradings."""


class EnvironmentFault(GraderFailed):
    """The machine is at fault, such as a full disk; nothing was lost, and the same command goes on later."""


class NoSlot(EnvironmentFault):
    """All processors of a host are taken by other gradings; it may have some in a moment."""
