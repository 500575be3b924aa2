"""What labs are written with; the box holds this folder, and of the grader nothing else but what runs inside."""

from grader.lab.checks import (
    CHANNELS_FIRST,
    CHANNELS_LAST,
    COURSE,
    GENERAL,
    LAYOUT,
    Case,
    Check,
    Learning,
    Sampled,
    Speed,
    Student,
    Unlike,
    check,
    course_cases,
    one_case,
)

__all__ = [
    "CHANNELS_FIRST",
    "CHANNELS_LAST",
    "COURSE",
    "GENERAL",
    "LAYOUT",
    "Case",
    "Check",
    "Learning",
    "Sampled",
    "Speed",
    "Student",
    "Unlike",
    "check",
    "course_cases",
    "one_case",
]
