"""All commands on a class, in the order in which a term goes."""

from __future__ import annotations

from grader.commands import class_export, class_grade, class_intake, class_release
from grader.commands.class_common import new_class_app
from grader.commands.common import speaking

app = new_class_app()
for part in (class_intake.app, class_grade.app, class_release.app, class_export.app):
    app.registered_commands += speaking(part).registered_commands
