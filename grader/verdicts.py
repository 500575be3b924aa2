"""The verdicts a check can end with."""

from __future__ import annotations

from enum import Enum

from grader.language.translation import _, marked


class Verdict(str, Enum):
    """How a check ended. Everything but ``PASS`` counts as not held; ``GRADER`` is never charged to a student."""

    PASS = "pass"
    WRONG = "wrong"  # an array of the right form with other numbers
    OUTPUT = "output"  # unusable: count, type, shape, NaN
    EXCEPTION = "exception"  # raised, SystemExit and KeyboardInterrupt included
    IMPORT = "import"  # does not load; class or file missing
    UNFINISHED = "unfinished"  # a hole still raises NotImplementedError
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASH = "crash"  # ended by a signal
    EXITED = "exited"  # the process ended itself
    FLOOD = "flood"  # too much on stdout, in the reply, on the disk
    PROTOCOL = "protocol"  # bytes that nobody asked for
    FORBIDDEN = "forbidden"  # a library that the lab rules out
    SKIPPED = "skipped"  # a check that it needs did not pass
    GRADER = "grader"  # our own fault

    def __str__(self) -> str:
        return self.value


# The worker ended, or had to be ended.
WORKER_ENDED = (
    Verdict.TIMEOUT,
    Verdict.MEMORY,
    Verdict.CRASH,
    Verdict.EXITED,
    Verdict.FLOOD,
    Verdict.PROTOCOL,
)
WORDS = {
    Verdict.PASS: marked("pass"),
    Verdict.WRONG: marked("wrong"),
    Verdict.OUTPUT: marked("output"),
    Verdict.EXCEPTION: marked("exception"),
    Verdict.IMPORT: marked("import"),
    Verdict.UNFINISHED: marked("unfinished"),
    Verdict.TIMEOUT: marked("timeout"),
    Verdict.MEMORY: marked("memory"),
    Verdict.CRASH: marked("crash"),
    Verdict.EXITED: marked("exited"),
    Verdict.FLOOD: marked("flood"),
    Verdict.PROTOCOL: marked("protocol"),
    Verdict.FORBIDDEN: marked("forbidden"),
    Verdict.SKIPPED: marked("skipped"),
    Verdict.GRADER: marked("grader"),
}


def verdict_word(verdict: Verdict) -> str:
    """Return the verdict in one word of the reader's language; in English that is its value."""
    return _(WORDS[verdict])
