"""Runs all rules over one lab, and refuses a lab with errors."""

from __future__ import annotations

from collections.abc import Iterator

from grader.language.translation import ENGLISH, LAB_DOMAIN, LANGUAGES
from grader.project.contract import Lab, list_labs
from grader.project.places import Project, ProjectError
from grader.publishing.catalogues import CatalogueError, catalogue_file, read_catalogue, texts_of_lab, translations
from grader.publishing.linting.case_rules import case_findings
from grader.publishing.linting.contract_rules import Contract, files_of_lab, loaded_checks
from grader.publishing.linting.findings import Finding, LintError
from grader.publishing.linting.solution_rules import proof_findings, solution_findings


def lint_lab(project: Project, name: str, *, with_texts: bool = True) -> list[Finding]:
    """Return everything that is wrong with the lab ``name``, errors first.

    ``with_texts`` also looks whether all texts are translated, which needs the package babel.

    Raises
    ------
    ProjectError : there is no such lab.
    """
    folder = project.root / "labs" / name
    if not folder.is_dir() or "/" in name or not name:
        known = ", ".join(list_labs(project.root / "labs"))
        raise ProjectError("there is no lab {name}; the labs here are: {known}", name=repr(name), known=known)
    contract = Contract(folder)
    findings = list(contract.findings)
    if contract.facts is not None:
        findings += files_of_lab(contract, contract.facts)
        checks, wrong = loaded_checks(contract, contract.facts)
        findings += wrong
        lab = Lab(contract.facts, checks, folder)
        findings += _of_reference(project, contract, lab, not wrong)
        if with_texts and not any(not item.is_warning for item in findings):
            findings += _untranslated(project, lab)
    return sorted(dict.fromkeys(findings), key=lambda item: item.is_warning)


def require_clean(project: Project, name: str) -> None:
    """Require that a lab has no errors; warnings may stay.

    Raises
    ------
    LintError : it has; the message lists all of them.
    """
    errors = [item for item in lint_lab(project, name, with_texts=False) if not item.is_warning]
    if errors:
        rows = "\n".join(f"  {item.text(project.root)}" for item in errors)
        raise LintError(
            "{lab} was not published; errors in its files: {count}\n{rows}",
            lab=name,
            count=len(errors),
            rows=rows,
        )


def _of_reference(project: Project, contract: Contract, lab: Lab, checks_fit: bool) -> Iterator[Finding]:
    reference = project.reference(lab.name)
    if not reference.is_dir():
        yield Finding(reference, 0, "missing; it holds the solution that is recorded")
        return
    of_solution = list(solution_findings(contract, lab, reference))
    yield from of_solution
    # What is made of the solution can only be looked at if that holds together.
    broken = any(item.file.is_relative_to(reference) or not item.file.exists() for item in of_solution)
    if lab.checks and not broken:
        yield from proof_findings(lab, reference)
    if lab.checks and checks_fit:
        yield from case_findings(lab, reference)


def _untranslated(project: Project, lab: Lab) -> Iterator[Finding]:
    for language in LANGUAGES:
        if language == ENGLISH:
            continue
        file = catalogue_file(lab.folder / "locale", LAB_DOMAIN, language)
        try:
            known = translations(read_catalogue(file))
        except CatalogueError as error:
            yield Finding(file, 0, error.english, is_warning=True)
            continue
        lacking = [text for text in texts_of_lab(project, lab) if text not in known]
        if lacking:
            said = f"{len(lacking)} texts have no translation; `python -m grader catalogues {lab.name}` lists them"
            yield Finding(file, 0, said, is_warning=True)
