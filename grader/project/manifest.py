"""The manifest of a fixture: what its files hold, what is allowed, and how it came to be.

On the disk it is JSON with sorted keys. It carries the hash of every file and its own; what an earlier release did
not write yet is not there, and is not written when such a manifest is written again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grader.lab.checks import COURSE
from grader.language.errors import GraderFailed
from grader.language.message import sentence

MANIFEST_NAME = "manifest.json"
WEIGHTS_PREFIX = "weights-"  # of the folder of fixtures that were recorded with a course's own checkpoint
SCHEMA_ID = "grader/fixture/v1"
Seconds = dict[str, list[float]]
# How a run ended, the names of its outputs, type and message of its error, and, since later releases, its place.
RunEntry = tuple[str | None, list[str], str, str] | tuple[str | None, list[str], str, str, list[str]]


class FixtureError(GraderFailed):
    """A fixture is missing or not what was published; the message names the file and what to do."""


class Document(BaseModel):
    """A part of a manifest. What a later release writes besides is kept as it is."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data, without what was never given."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class OutputEntry(Document):
    """A recorded output and what difference from it is allowed, see `grader.compare.Tolerance`."""

    name: str
    atol: float
    rtol: float
    metric: str


class CaseEntry(Document):
    """A case: its settings, and the names of its arrays."""

    name: str
    domain: str = COURSE
    config: dict[str, Any]
    inputs: list[str]
    outputs: list[OutputEntry]


class ArraysEntry(Document):
    """A file of arrays and its hash; ``same`` names arrays that are not in it, and those that they are equal to."""

    file: str
    sha256: str
    same: dict[str, str] = {}


class CheckEntry(ArraysEntry):
    """The recorded cases of a check."""

    cases: list[CaseEntry]


class MistakeEntry(Document):
    """A known mistake, and what it did in each case; ``line`` is there where an exception does not tell it."""

    name: str
    title: str
    explanation: str
    formula: str
    symptom: str
    fingerprint: str
    line: str = ""
    reads_outside: bool
    runs: list[RunEntry]


class MistakesEntry(ArraysEntry):
    """The known mistakes of a check."""

    mistakes: list[MistakeEntry]


class ComputerFacts(Document):
    """The computer that published: see `grader.jail.arithmetic.Computer`."""

    processor: str
    features: list[str]
    blas: str
    arithmetic: str


class SpeedRecord(Document):
    """Seconds in a timed check by part, for hosts that do not have the solution."""

    baseline: Seconds = {}
    reference: Seconds = {}
    yardstick: Seconds = {}
    engine: Seconds = {}


class LayerRecord(Document):
    """Seconds of each layer by solution (``reference``, ``engine``) and pass, and the yardstick beside them."""

    solutions: dict[str, dict[str, dict[str, float]]] = {}
    yardstick: Seconds = {}


class Facts(Document):
    """How a fixture came to be, and what was measured then.

    Attributes
    ----------
    draws : how often the cases of a maker were drawn, where the first ones would not do.
    conditioning : by which share of a tolerance rounding moves a check's cases, at most.
    variants : the right solutions besides the reference.
    yardstick : of the host that published, for limits on time.
    speed : of every timed check.
    layers : of the lab's network.
    """

    seed: int | None = None
    draws: dict[str, int] = {}
    conditioning: dict[str, float] = {}
    computer: ComputerFacts | None = None
    versions: dict[str, str] = {}
    variants: list[str] = []
    yardstick: Seconds = {}
    speed: dict[str, SpeedRecord] = {}
    layers: LayerRecord | None = None

    def replaced_by(self, others: Facts) -> Facts:
        """Return these facts, with those that ``others`` gives in the place of their own."""
        return Facts.model_validate(self.as_data() | others.as_data())


class Manifest(Document):
    """All of it. ``sha256`` is the hash of the rest; ``mutants`` are there once they have been tried."""

    schema_id: str = Field(alias="schema")
    lab: str
    lab_version: int
    kind: str
    release: str
    facts: Facts
    checks: dict[str, CheckEntry]
    mistakes: dict[str, MistakesEntry] = {}
    mutants: dict[str, ArraysEntry] = {}
    sha256: str = ""

    def sealed(self) -> Manifest:
        """Return it with its hash."""
        return self.model_copy(update={"sha256": _hash_of(self.as_data())})

    def as_text(self) -> str:
        """Return it as it lies on the disk."""
        return json.dumps(self.as_data(), indent=1, sort_keys=True) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the fixture in a folder and verify its hash.

    Raises
    ------
    FixtureError : it is missing, damaged or edited.
    """
    file = folder / MANIFEST_NAME
    lab = folder.parent.name
    remedy = sentence(
        "restore it from version control or publish again with `python -m grader publish {lab}`", lab=lab
    )
    if lab.startswith(WEIGHTS_PREFIX):
        lab = folder.parent.parent.name
        remedy = sentence(
            "publish with your weights first: `python -m grader publish {lab} --weights FILE`", lab=lab
        )
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FixtureError(
            "{file} is missing: lab {lab} has no {name} fixtures here; {remedy}",
            file=file,
            lab=lab,
            name=folder.name,
            remedy=remedy,
        ) from None
    except (OSError, ValueError) as error:
        raise FixtureError(
            "{file} cannot be read ({error}); {remedy}", file=file, error=error, remedy=remedy
        ) from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA_ID:
        raise FixtureError(
            "{file} is not a fixture manifest of schema {SCHEMA_ID}; {remedy}",
            file=file,
            SCHEMA_ID=SCHEMA_ID,
            remedy=remedy,
        )
    if data.get("sha256") != _hash_of(data):
        raise FixtureError(
            "{file} was changed after it was published (its hash does not match); {remedy}",
            file=file,
            remedy=remedy,
        )
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        found = error.errors()[0]
        place = ".".join(map(str, found["loc"]))
        raise FixtureError(
            "{file} cannot be read ({error}); {remedy}", file=file, error=f"{place}: {found['msg']}", remedy=remedy
        ) from None


def _hash_of(data: Mapping[str, Any]) -> str:
    content = {key: value for key, value in data.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
