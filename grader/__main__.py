"""``python -m grader``."""

from grader.commands.common import leave_at_once
from grader.commands.main import main

with leave_at_once():
    main()
