"""What is to be done about mutants that no check told from the solution: until then the command fails."""

from __future__ import annotations

from pathlib import Path

from grader.language.errors import GraderFailed
from grader.publishing.exemptions import PROOF_NAME
from grader.publishing.mutants.record import MutantReport


class Survived(GraderFailed):
    """Mutants are told by no check, and no reason is given why none could; the message says which."""


def require_none_survived(report: MutantReport, reference: Path) -> None:
    """Require that every mutant was caught or is called equal, with a reason, in ``proof.yaml``.

    Raises
    ------
    Survived : some were not; the report of them is written all the same.
    """
    if report.survivors:
        raise Survived(
            "{lab}: no check tells these mutants from the solution:\n{rows}\n"
            "Each is a hole in the checks: add a case that tells it and publish again, or, if it is the same "
            "program, say why under `equal` in {file}",
            lab=report.lab,
            rows="\n".join(f"  {row.id}, line {row.line}: {row.words}" for row in report.survivors),
            file=reference / PROOF_NAME,
        )
