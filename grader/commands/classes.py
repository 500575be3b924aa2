"""All commands on a class, in the order in which a term goes."""

from __future__ import annotations

from grader.commands import (
    class_appeals,
    class_decisions,
    class_export,
    class_grade,
    class_intake,
    class_log,
    class_regrade,
    class_view,
)
from grader.commands.class_common import ClassCommand, new_class_app

app = new_class_app()
for part in (
    class_intake, class_grade, class_decisions, class_regrade, class_appeals, class_log, class_view,
    class_export,
):  # fmt: skip
    app.registered_commands += part.app.registered_commands
for command in app.registered_commands:
    command.cls = ClassCommand
