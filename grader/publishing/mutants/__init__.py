"""Mistakes made by machine: rules on the syntax tree of each hole, run like misconceptions, to score the checks."""

from grader.publishing.mutants.record import MUTANTS_NAME
from grader.publishing.mutants.run import try_mutants
from grader.publishing.mutants.survivors import require_none_survived

__all__ = ["MUTANTS_NAME", "require_none_survived", "try_mutants"]
