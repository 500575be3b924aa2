"""What can be wrong with ``lab.yaml`` and ``checks.py``: keys, names that do not fit, files that are not there."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from grader.lab.checks import Check, check
from grader.language.near import nearest
from grader.project.contract import (
    CHECKS_NAME,
    CONTRACT_NAME,
    ContractError,
    check_problems,
    experiment_problems,
    line_of,
    parse_yaml,
    read_checks,
    where,
)
from grader.project.sections import LabFacts
from grader.publishing.linting.findings import Finding, did_you_mean, of_error

HANDOUT, HANDOUT_ZH = "README.md", "README.zh.md"
_UNEXPECTED = re.compile(r"unexpected keyword argument '(\w+)'")


class Contract:
    """``lab.yaml`` as it was read: its facts, as far as they could be mended, and where they stand."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / CONTRACT_NAME
        self.folder = folder
        self.facts: LabFacts | None = None
        self.findings: list[Finding] = []
        self._tree: Any = None
        self._read()

    def line(self, *location: int | str) -> int:
        """Return the line on which this key, or this entry of a list, stands."""
        return line_of(self._tree, location)

    def line_of_text(self, key: str, name: str) -> int:
        """Return the line of an entry of a list of names below ``key``, wherever that list stands."""
        found = [self.line(key)]

        def visit(node: Any, inside: bool) -> None:
            if isinstance(node, yaml.MappingNode):
                for name_node, value in node.value:
                    visit(value, inside or name_node.value == key)
            elif isinstance(node, yaml.SequenceNode):
                for item in node.value:
                    visit(item, inside)
            elif inside and node.value == name:
                found.append(node.start_mark.line + 1)

        visit(self._tree, False)
        return found[-1]

    def _read(self) -> None:
        try:
            data, self._tree = parse_yaml(self.file.read_bytes(), self.file)
        except OSError as error:
            self.findings.append(Finding(self.file, 0, f"cannot be read ({error.strerror})"))
            return
        except ContractError as error:
            self.findings += of_error(error, self.file)
            return
        if not isinstance(data, dict):
            self.findings.append(Finding(self.file, 1, "expected keys such as `lab:` and `files:`"))
            return
        # An unknown key is put aside, so that what is wrong besides is found in the same run.
        while self.facts is None:
            try:
                self.facts = LabFacts.model_validate(data)
            except ValidationError as error:
                unknown = [item["loc"] for item in error.errors() if item["type"] == "extra_forbidden"]
                self.findings += [self._finding(item) for item in error.errors() if item["loc"] in unknown]
                if not unknown:
                    self.findings += [self._finding(item) for item in error.errors()]
                    return
                for location in unknown:
                    _put_aside(data, location)
        if self.facts.lab != self.folder.name:
            said = f"`lab: {self.facts.lab}` must be the folder's name, {self.folder.name}"
            self.findings.append(Finding(self.file, self.line("lab"), said))

    def _finding(self, item: Mapping[str, Any]) -> Finding:
        location = item["loc"]
        said = item["msg"]
        if item["type"] == "extra_forbidden":
            said = f"unknown key; {did_you_mean(str(location[-1]), _keys_at(LabFacts, location[:-1]))}"
        return Finding(self.file, self.line(*location), f"{where(location)}: {said}")


def _put_aside(data: Any, location: tuple[int | str, ...]) -> None:
    """Take an unknown key out; if it is a known one mistyped, its value goes where it belongs."""
    for part in location[:-1]:
        data = data[part]
    value = data.pop(location[-1])
    meant = nearest(str(location[-1]), _keys_at(LabFacts, location[:-1]))
    if meant is not None:
        data.setdefault(meant, value)


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the section at ``location`` may have."""
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            found = _model_in(model.model_fields[part].annotation)
            model = found or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in typing.get_args(annotation):
        found = _model_in(part)
        if found is not None:
            return found
    return None


def files_of_lab(contract: Contract, facts: LabFacts) -> Iterator[Finding]:
    """Look for given files, handouts, the files that ``lab.yaml`` names, and what its experiment needs."""
    folder, file = contract.folder, contract.file
    for name in facts.given:
        if not (folder / name).exists():
            yield Finding(file, contract.line_of_text("given", name), f"the given file {name} does not exist")
    if facts.classes_file and not (folder / facts.classes_file).is_file():
        yield Finding(file, contract.line("classes_file"), f"{facts.classes_file} does not exist")
    for name in facts.network.pictures if facts.network else {}:
        if not (folder / "pictures" / name).is_file():
            yield Finding(file, contract.line("network", "pictures", name), f"pictures/{name} does not exist")
    if not (folder / HANDOUT).is_file():
        yield Finding(folder / HANDOUT, 0, "missing; it is the handout that students read")
    if not (folder / HANDOUT_ZH).is_file():
        yield Finding(folder / HANDOUT_ZH, 0, "missing; there is no handout in Chinese", is_warning=True)
    for problem in experiment_problems(folder, facts):
        yield from of_error(problem, file)


def loaded_checks(contract: Contract, facts: LabFacts) -> tuple[Mapping[str, Check], list[Finding]]:
    """Load ``checks.py``; return its checks, none if it does not load, and what is wrong with them."""
    file = contract.folder / CHECKS_NAME
    try:
        checks = read_checks(file)
    except ContractError as error:
        return {}, [_with_suggestion(item) for item in of_error(error, file)]
    return checks, [item for problem in check_problems(file, facts, checks) for item in of_error(problem, file)]


def _with_suggestion(finding: Finding) -> Finding:
    """Say which keyword of ``@check`` was meant, if one is unknown."""
    match = _UNEXPECTED.search(finding.message)
    if match is None:
        return finding
    meant = did_you_mean(match[1], inspect.signature(check).parameters)
    return Finding(finding.file, finding.line, f"{finding.message}; {meant}")
