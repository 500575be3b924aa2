"""``python -m grader``."""

from grader.commands.main import main

main()
