"""The two kinds of errors that end a command, with their exit statuses."""

from __future__ import annotations

import errno
from typing import Any, ClassVar

from grader.language.message import Message

# Of the operating system; no submission and no user is to blame for them.
DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT)
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)


class GraderError(Exception):
    """Base of both kinds: says what happened, what was expected and what to do next.

    ``SubmissionError("{file}: there is no such file", file=path)`` keeps template and values apart, so that
    ``str(error)`` is in the reader's language.
    """

    status: ClassVar[int]

    def __init__(self, template: str | Message = "", /, **values: Any) -> None:
        super().__init__(template, values)
        self.message = template if isinstance(template, Message) else Message(template, values)

    def __str__(self) -> str:
        return str(self.message)

    @property
    def english(self) -> str:
        """What it says in English."""
        return self.message.english


class BadInput(GraderError):
    """What was given cannot be used: a command, a submission, a lab's file, a place to write."""

    status = 2


class GraderFailed(GraderError):
    """The grader, its host or what it keeps is at fault; nobody is charged for it."""

    status = 3
