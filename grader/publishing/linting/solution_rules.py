"""What can be wrong with a lab's solution, skeleton, variants and misconceptions."""

from __future__ import annotations

import ast
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from grader.language.errors import GraderError
from grader.project.contract import Lab
from grader.project.holes import SkeletonError, holes
from grader.project.sections import HandedIn
from grader.project.solution import MisconceptionError, variants_of
from grader.publishing.exemptions import PROOF_NAME, Exemptions, read_exemptions
from grader.publishing.linting.contract_rules import Contract
from grader.publishing.linting.findings import Finding, did_you_mean, line_with, of_error
from grader.publishing.misconceptions import (
    Misconception,
    Mistaken,
    load_misconceptions,
    misconception_files,
    write_mistaken,
)
from grader.publishing.skeleton import generate
from grader.publishing.variation import MIN_VARIANTS, scored_holes, variation


def solution_findings(contract: Contract, lab: Lab, reference: Path) -> Iterator[Finding]:
    """Compare the solution with the contract: files, holes, classes, and the skeleton that is made of it."""
    owners: dict[str, str] = {}
    for number, handed in enumerate(lab.facts.files):
        file, line = reference / handed.path, contract.line("files", number)
        if not file.is_file():
            yield Finding(contract.file, line, f"reference/{lab.name}/{handed.path} does not exist")
            continue
        source = file.read_text(encoding="utf-8")
        try:
            ast.parse(source)
            marked = {hole.name: hole.line for hole in holes(source, str(file))}
        except SyntaxError as error:
            yield Finding(file, error.lineno or 0, f"not valid Python: {error.msg}")
            continue
        except SkeletonError as error:
            yield from of_error(error, file)
            continue
        for hole, place in marked.items():
            if hole in owners:
                yield Finding(file, place, f"the hole {hole!r} is in {owners[hole]}, too; give each its own name")
            owners[hole] = handed.path
        yield from _holes(contract, handed, marked, file)
        yield from _classes(contract, handed, source, file)
        yield from _skeleton(lab, handed, source, file)


def _holes(contract: Contract, handed: HandedIn, marked: Mapping[str, int], file: Path) -> Iterator[Finding]:
    for hole in handed.holes:
        if hole not in marked:
            meant = did_you_mean(hole, marked)
            line = contract.line_of_text("holes", hole)
            yield Finding(contract.file, line, f"the hole {hole!r} is not marked in {file.name}; {meant}")
    for hole, line in marked.items():
        if hole not in handed.holes:
            yield Finding(file, line, f"the hole {hole!r} is not in lab.yaml; {did_you_mean(hole, handed.holes)}")


def _classes(contract: Contract, handed: HandedIn, source: str, file: Path) -> Iterator[Finding]:
    defined = [node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)]
    for name in handed.classes:
        if name not in defined:
            line = contract.line_of_text("classes", name)
            said = f"no class {name!r} is defined in {file.name}; {did_you_mean(name, defined)}"
            yield Finding(contract.file, line, said)


def _skeleton(lab: Lab, handed: HandedIn, source: str, file: Path) -> Iterator[Finding]:
    skeleton = lab.folder / handed.path
    wanted = generate(source, str(file))
    found = skeleton.read_text(encoding="utf-8") if skeleton.is_file() else None
    if found == wanted:
        return
    remedy = f"python -m grader skeleton {lab.name}"
    if found is None:
        yield Finding(skeleton, 0, f"the skeleton is missing; make it with `{remedy}`")
        return
    pairs = zip(found.splitlines(), wanted.splitlines(), strict=False)
    same = next((number for number, (a, b) in enumerate(pairs, start=1) if a != b), 0)
    said = f"the skeleton is stale: it is not what the generator makes of the solution; `{remedy}`"
    yield Finding(skeleton, same or min(len(found.splitlines()), len(wanted.splitlines())) + 1, said)


def proof_findings(lab: Lab, reference: Path) -> Iterator[Finding]:
    """Look at variants and misconceptions, and at what ``proof.yaml`` leaves out of them."""
    try:
        exemptions = read_exemptions(reference)
    except GraderError as error:
        yield from of_error(error, reference / PROOF_NAME)
        exemptions = Exemptions()
    yield from _exempted(lab, reference, exemptions)
    yield from _variants(lab, reference, exemptions)
    try:
        mistakes = load_misconceptions(reference)
    except MisconceptionError as error:
        yield from of_error(error, reference / "misconceptions.py")
        return
    for item in mistakes:
        place = _place_of(reference, item.name)
        yield from (Finding(*place, said) for said in _misconception(lab, reference, item, mistakes))
    yield from _nothing_loses(lab, reference, mistakes, exemptions)


def _exempted(lab: Lab, reference: Path, exemptions: Exemptions) -> Iterator[Finding]:
    file = reference / PROOF_NAME
    hole_names = [hole for handed in lab.facts.files for hole in handed.holes]
    known = {
        "not_varied": hole_names,
        "not_lost": [*hole_names, *lab.checks],
        "not_compared": list(lab.checks),
    }
    for section, names in known.items():
        for name in exemptions.reasons(section):
            if name not in names:
                said = f"{section}: there is no {name!r}; {did_you_mean(name, names)}"
                yield Finding(file, line_with(file, name), said)
    for name in exemptions.reasons("not_changed"):
        check = name.partition("/")[0]
        if check not in lab.checks:
            said = f"not_changed: {name!r} names no check; {did_you_mean(check, lab.checks)}"
            yield Finding(file, line_with(file, name), said)


def _variants(lab: Lab, reference: Path, exemptions: Exemptions) -> Iterator[Finding]:
    names = variants_of(reference)
    folder = reference / "variants"
    if len(names) < MIN_VARIANTS:
        said = f"{len(names)} right variants; tolerances follow from how far at least {MIN_VARIANTS} differ"
        yield Finding(folder, 0, said)
    try:
        varied = variation(lab, reference)
    except (GraderError, SyntaxError) as error:
        yield from (
            of_error(error, folder)
            if isinstance(error, GraderError)
            else [Finding(folder, error.lineno or 0, error.msg)]
        )
        return
    scored = scored_holes(lab)
    for name in names:
        if not any(name in varied.get(hole, ()) for hole in scored):
            said = (
                "the variant writes no scored hole in a way of its own: it is empty, or the same program as another"
            )
            yield Finding(folder / name, 0, said)
    left_out = exemptions.reasons("not_varied")
    for hole in scored:
        if len(varied.get(hole, ())) < MIN_VARIANTS and hole not in left_out and len(names) >= MIN_VARIANTS:
            who = ", ".join(varied.get(hole, ())) or "none"
            said = (
                f"fewer than {MIN_VARIANTS} variants write the hole {hole!r} in a way of their own ({who}); "
                f"write it otherwise, or say in {PROOF_NAME} under `not_varied` why not"
            )
            yield Finding(folder, 0, said)


def _misconception(lab: Lab, reference: Path, item: Misconception, mistakes: list[Misconception]) -> Iterator[str]:
    hole_names = [hole for handed in lab.facts.files for hole in handed.holes]
    for hole in item.holes:
        if hole not in hole_names:
            yield f"misconception {item.name}: there is no hole {hole!r}; {did_you_mean(hole, hole_names)}"
    for check in item.loses:
        if check not in lab.checks:
            yield f"misconception {item.name}: there is no check {check!r}; {did_you_mean(check, lab.checks)}"
    if not item.loses:
        yield f"misconception {item.name} names no check that it loses"
    names = [other.name for other in mistakes]
    if item.form_of and item.form_of not in names:
        said = did_you_mean(item.form_of, names)
        yield f"misconception {item.name} is a form of {item.form_of!r}, which does not exist; {said}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            write_mistaken(reference, Mistaken((item,), item.loses), Path(folder))
        except GraderError as error:
            yield error.english
            return
        except OSError as error:
            yield f"misconception {item.name}: {error.filename} cannot be edited ({error.strerror})"
            return
        for file in sorted(Path(folder).glob("*.py")):
            try:
                ast.parse(file.read_text(encoding="utf-8"))
            except SyntaxError as error:
                where = f"{file.name}, line {error.lineno}"
                yield f"misconception {item.name} makes no valid Python: {where}: {error.msg}"


def _place_of(reference: Path, name: str) -> tuple[Path, int]:
    """Return where a misconception is written: the file, and the line that holds its name in quotes."""
    files = misconception_files(reference)
    for file in files:
        line = line_with(file, f'"{name}"') or line_with(file, f"'{name}'")
        if line:
            return file, line
    return files[0], 0


def _nothing_loses(
    lab: Lab, reference: Path, mistakes: list[Misconception], exemptions: Exemptions
) -> Iterator[Finding]:
    files = misconception_files(reference)
    file = files[0] if len(files) == 1 else reference / "misconceptions"
    if not mistakes:
        yield Finding(file, 0, "there are no misconceptions: nothing shows that a check can fail")
        return
    left_out = exemptions.reasons("not_lost")
    made = {hole for item in mistakes for hole in item.holes}
    for hole in scored_holes(lab):
        if hole not in made and hole not in left_out:
            yield Finding(file, 0, f"no misconception is made in the hole {hole!r}")
