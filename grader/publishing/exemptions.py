"""What the proof of a lab leaves out, each with its reason: ``reference/<lab>/proof.yaml``.

Publishing demands that mistakes and variants reach every scored hole, check and output. Where they do not, the
author of the lab may say why in a line, and the certificate prints it; what is said nowhere is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from grader.project.contract import misfit, parse_yaml
from grader.project.sections import Section

PROOF_NAME = "proof.yaml"


class LeftOut(Section):
    """Names that are left out, and why."""

    what: tuple[str, ...] = Field(min_length=1)
    because: str = Field(min_length=10)


class Exemptions(Section):
    """The content of ``proof.yaml``.

    Attributes
    ----------
    not_varied : scored holes that fewer than three variants write in another way.
    not_lost : scored checks and holes that no mistake loses.
    not_changed : outputs that no mistake changes, as ``check/output``.
    not_compared : backward checks whose gradients are not compared with central differences.
    equal : mutants that are the same program as the solution, by their ids.
    """

    not_varied: tuple[LeftOut, ...] = ()
    not_lost: tuple[LeftOut, ...] = ()
    not_changed: tuple[LeftOut, ...] = ()
    not_compared: tuple[LeftOut, ...] = ()
    equal: tuple[LeftOut, ...] = ()

    def reasons(self, section: str) -> dict[str, str]:
        """Return the reason of every name in a section."""
        found: Sequence[LeftOut] = getattr(self, section)
        return {name: item.because for item in found for name in item.what}


@dataclass(frozen=True)
class Exempt:
    """One name that is left out, as the certificate prints it."""

    section: str
    name: str
    reason: str


def read_exemptions(reference: Path) -> Exemptions:
    """Return what ``proof.yaml`` says; nothing is left out where there is no such file.

    Raises
    ------
    ContractError : it cannot be read, or has keys that it cannot have; the message says where.
    """
    file = reference / PROOF_NAME
    if not file.is_file():
        return Exemptions()
    data, tree = parse_yaml(file.read_bytes(), file)
    try:
        return Exemptions.model_validate(data or {})
    except ValidationError as error:
        raise misfit(error, tree, file) from None
