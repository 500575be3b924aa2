"""Finds everything that is wrong with the files of a lab at once, before anything is run."""

from grader.publishing.linting.findings import Finding, LintError
from grader.publishing.linting.lint import lint_lab, require_clean

__all__ = ["Finding", "LintError", "lint_lab", "require_clean"]
