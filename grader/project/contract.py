"""The contract of a lab: ``lab.yaml`` and ``checks.py``, validated with file and line in every error."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from grader.lab.checks import Check
from grader.lab.loading import EXPERIMENT_NAME, load_checks
from grader.language.errors import BadInput
from grader.language.near import meant_or_known
from grader.project.sections import LabFacts

CONTRACT_NAME = "lab.yaml"
CHECKS_NAME = "checks.py"
CHECKS_PARTS = "checks*.py"


class ContractError(BadInput):
    """The lab itself is at fault; the message names file and line."""


@dataclass(frozen=True)
class Lab:
    """A lab as the grader uses it: its facts, its checks by id in order, and where it lies."""

    facts: LabFacts
    checks: Mapping[str, Check]
    folder: Path

    @property
    def name(self) -> str:
        """The lab's name, also that of its folders."""
        return self.facts.lab

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the network's classes, from ``classes`` or one a line from ``classes_file``."""
        if not self.facts.classes_file:
            return self.facts.classes
        return tuple((self.folder / self.facts.classes_file).read_text(encoding="utf-8").splitlines())

    @property
    def check_tiers(self) -> dict[str, int | None]:
        """The tier of every check, by its id, in order."""
        return {check.id: check.tier for check in self.checks.values()}

    @property
    def given_modules(self) -> tuple[str, ...]:
        """Names of the modules and packages that the lab gives: what a submission may import besides libraries."""
        return tuple(
            name.removesuffix(".py")
            for name in self.facts.given
            if name.endswith(".py") or (self.folder / name / "__init__.py").is_file()
        )

    @property
    def given_sources(self) -> tuple[str, ...]:
        """Paths of the Python files that the lab gives, those in packages too."""
        found = []
        for name in self.facts.given:
            place = self.folder / name
            files = sorted(place.rglob("*.py")) if place.is_dir() else [place] if name.endswith(".py") else []
            found += [file.relative_to(self.folder).as_posix() for file in files]
        return tuple(found)

    @property
    def optional_modules(self) -> tuple[str, ...]:
        """Names of the files that need not be handed in, without their suffix."""
        return tuple(file.module for file in self.facts.files if not file.required)

    @property
    def required(self) -> tuple[str, ...]:
        """Files without which nothing can be graded."""
        return tuple(file.path for file in self.facts.files if file.required)

    def in_order(self, wanted: tuple[str, ...] = ()) -> list[Check]:
        """Return the wanted checks (all by default) and what they need, dependencies first.

        Raises
        ------
        ContractError : a wanted check does not exist.
        """
        unknown = [name for name in wanted if name not in self.checks]
        if unknown:
            raise ContractError(
                "lab {name} has no check {unknown}{near}",
                name=self.name,
                unknown=", ".join(unknown),
                near=meant_or_known(unknown[0], self.checks),
            )
        ordered: dict[str, Check] = {}

        def visit(name: str) -> None:
            if name in ordered:
                return
            for needed in self.checks[name].needs:
                visit(needed)
            ordered[name] = self.checks[name]

        for name in wanted or self.checks:
            visit(name)
        return list(ordered.values())


def load_lab(folder: Path) -> Lab:
    """Read and validate the lab in ``folder``.

    Raises
    ------
    ContractError : ``lab.yaml`` or ``checks.py`` is missing or wrong; the message says where and what.
    """
    facts = _read_facts(folder / CONTRACT_NAME)
    if facts.lab != folder.name:
        file = folder / CONTRACT_NAME
        name = folder.name
        raise ContractError(
            "{file}: `lab: {lab}` must be the folder's name, {name}", file=file, lab=facts.lab, name=name
        )
    for problem in experiment_problems(folder, facts):
        raise problem
    checks = read_checks(folder / CHECKS_NAME)
    for problem in check_problems(folder / CHECKS_NAME, facts, checks):
        raise problem
    return Lab(facts, checks, folder)


def _read_facts(file: Path) -> LabFacts:
    try:
        content = file.read_bytes()
    except OSError as error:
        reason = error.strerror
        raise ContractError(
            "{file}: cannot be read ({reason}); every lab needs a lab.yaml", file=file, reason=reason
        ) from None
    data, tree = parse_yaml(content, file)
    if not isinstance(data, dict):
        raise ContractError("{file}:1: expected keys such as `lab:` and `files:`", file=file)
    try:
        return LabFacts.model_validate(data)
    except ValidationError as error:
        raise misfit(error, tree, file) from None


def parse_yaml(content: bytes, file: Path) -> tuple[Any, Any]:
    """Return the data of a YAML file, and the tree that `line_of` finds lines in.

    Raises
    ------
    ContractError : it is not valid, or not UTF-8; the message says where and why.
    """
    try:
        return yaml.safe_load(content), yaml.compose(content, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file}:{mark.line + 1}" if mark else str(file)
        why = getattr(error, "problem", None) or getattr(error, "reason", error)
        raise ContractError("{place}: not valid YAML: {error}", place=place, error=why) from None


def misfit(error: ValidationError, tree: Any, file: Path) -> ContractError:
    """Return the error that says of each key that does not fit where it stands and what is wrong."""
    lines = [f"{file}:{line_of(tree, item['loc'])}: {where(item['loc'])}: {item['msg']}" for item in error.errors()]
    return ContractError("\n".join(lines))


def experiment_problems(folder: Path, facts: LabFacts) -> Iterator[ContractError]:
    """Return everything that is wrong with the section ``experiment``."""
    experiment = facts.experiment
    if experiment is None:
        return
    place = f"{folder / CONTRACT_NAME}: experiment"
    if not (folder / EXPERIMENT_NAME).is_file():
        yield ContractError(
            "{place}: {value} is missing; it defines `run(student, case, state)`",
            place=place,
            value=folder / EXPERIMENT_NAME,
        )
    if experiment.trained is not None and not (folder / experiment.trained.file).is_file():
        yield ContractError("{place}: {name} is missing", place=place, name=experiment.trained.file)
    needed = [name for option in experiment.options.values() for name in option.needs.values()]
    for name in (*experiment.resources, *needed):
        if name not in facts.resources:
            yield ContractError("{place}: there is no resource {name!r}", place=place, name=name)
    for name, option in experiment.options.items():
        if not re.fullmatch("[a-z][a-z0-9_]*", name):
            yield ContractError("{place}: option {name!r} must be written in small letters", place=place, name=name)
        if option.kind == "picture" and not (folder / "pictures" / str(option.default)).is_file():
            file = f"pictures/{option.default}"
            yield ContractError("{place}: option {name}: {file} does not exist", place=place, name=name, file=file)
        if option.kind == "choice" and option.default not in option.values:
            text = ", ".join(option.values)
            yield ContractError(
                "{place}: option {name}: the default must be one of {all}", place=place, name=name, all=text
            )


def where(location: tuple[int | str, ...]) -> str:
    """Return a key of a YAML file with those that it stands in."""
    return ".".join(str(part) for part in location) or "top level"


def line_of(node: Any, location: tuple[int | str, ...]) -> int:
    """Return the 1-based line of the deepest node of the YAML tree that ``location`` reaches."""
    line = 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == str(part)]
            if not found:
                break
            key, node = found[0]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def read_checks(file: Path) -> dict[str, Check]:
    """Import the checks of a lab.

    Raises
    ------
    ContractError : there are none, or they do not load; the message says where.
    """
    if not file.is_file():
        raise ContractError("{file}: missing; every lab needs a checks.py", file=file)
    try:
        return load_checks(file)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        here = [(frame.filename, frame.lineno) for frame in frames if Path(frame.filename).parent == file.parent]
        if isinstance(error, SyntaxError):
            here.append((error.filename or str(file), error.lineno))
        place, line = here[-1] if here else (str(file), 1)
        raise ContractError(
            "{place}:{line}: {name}: {error}", place=place, line=line, name=type(error).__name__, error=error
        ) from error


def check_problems(file: Path, facts: LabFacts, checks: Mapping[str, Check]) -> Iterator[ContractError]:
    """Return everything in the checks that does not fit each other or ``lab.yaml``."""
    if not checks:
        yield ContractError("{file}: defines no check; decorate a function with @check(...)", file=file)
    holes = {hole for handed in facts.files for hole in handed.holes}
    paths = {handed.path for handed in facts.files}
    for item in checks.values():
        code = item.function.__code__  # type: ignore[attr-defined]
        place = f"{code.co_filename}:{code.co_firstlineno}: check {item.id}"
        for needed in item.needs:
            if needed not in checks:
                yield ContractError("{place} needs {needed!r}, which does not exist", place=place, needed=needed)
            elif list(checks).index(needed) >= list(checks).index(item.id):
                yield ContractError(
                    "{place} needs {name!r}, which must be written above it", place=place, name=needed
                )
        if item.speed is not None and item.speed.against not in list(checks)[: list(checks).index(item.id)]:
            name = item.speed.against
            yield ContractError(
                "{place} is timed against {name!r}, which must be a check above it", place=place, name=name
            )
        if item.tier is not None and item.tier not in facts.tiers:
            yield ContractError(
                "{place} has tier {tier}, which lab.yaml does not name", place=place, tier=item.tier
            )
        for hole in item.holes:
            if hole not in holes:
                yield ContractError(
                    "{place} names the hole {hole!r}, which lab.yaml does not list", place=place, hole=hole
                )
        for name in item.files:
            if name not in paths:
                yield ContractError(
                    "{place} names the file {name!r}, which lab.yaml does not list", place=place, name=name
                )


def list_labs(labs_folder: Path) -> list[str]:
    """Return the names of the labs below ``labs_folder``."""
    return sorted(file.parent.name for file in labs_folder.glob(f"*/{CONTRACT_NAME}"))
