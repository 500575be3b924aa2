"""The sections of ``lab.yaml``, with what each key means and may be."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Section(BaseModel):
    """Base of the sections of ``lab.yaml``: unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class HandedIn(Section):
    """One file that a student hands in."""

    path: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*\.py$")
    required: bool = True
    classes: tuple[str, ...] = ()
    holes: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """Module name of the file."""
        return self.path[: -len(".py")]


class Imports(Section):
    """Which third-party packages the submission's files may import (None: all in the box), and dotted names that
    they may not use. Given files are free."""

    allow: tuple[str, ...] | None = None
    forbid: tuple[str, ...] = ()


class CallLimits(Section):
    """Limits of one submission; seconds are processor time on the host of publishing, see ``docs/jail.md``."""

    memory_mib: int = Field(1024, ge=512)
    call_s: float = Field(30, gt=0)
    first_call_s: float = Field(60, gt=0)
    submission_s: float = Field(600, gt=0)
    threads: int = Field(2, ge=1, le=64)
    processes: int = Field(64, ge=8)
    disk_mib: int = Field(64, ge=1)
    reply_mib: int = Field(256, ge=1)


class JailSection(Section):
    """The weakest jail in which a grading counts for the record."""

    level: Literal[1, 2, 3] = 2


class Resource(Section):
    """A large read-only input, made once and cached; ``kind`` names the function that makes it."""

    kind: str
    options: dict[str, Any] = {}


class Network(Section):
    """Which checks drive the full network (``backward`` may be empty), and which resource holds its parameters."""

    forward: str
    backward: str = ""
    parameters: str = "checkpoint"
    pictures: dict[str, str] = {}


class Measured(Section):
    """Networks that ``summary`` measures by the function ``layers`` of the lab's checks: the first one by default.

    ``about`` is a sentence on what the figures are, where they are not what one expects. With ``resources`` the
    lab's resources are made for it.
    """

    networks: tuple[str, ...]
    about: str = ""
    resources: bool = False


class Option(Section):
    """One option of an experiment, given as ``--set NAME=VALUE``.

    ``kind`` says what it is: a number between ``min`` and ``max``; a ``picture`` file, by default one of the lab's;
    a ``size`` such as ``192x320`` (rows x columns); a ``choice`` among ``values``; or ``names`` with commas between
    them. With ``extends`` a run can go on with another value, such as more steps: it is the same run. ``needs``
    names the resource that a choice needs.
    """

    kind: Literal["int", "float", "picture", "size", "choice", "names"]
    default: int | float | str
    help: str
    min: float | None = None
    max: float | None = None
    values: tuple[str, ...] = ()
    extends: bool = False
    needs: dict[str, str] = {}


class FirstLayers(Section):
    """Trained parameters of a network's first layers, with which an experiment runs unless it is told otherwise.

    ``file`` lies in the lab's folder: an ``.npz`` of ``<layer>.weight`` and ``<layer>.bias``. They take the
    place of the seeded ones in the experiment only; grading does not know them. ``about`` is what a person is told.
    """

    file: str
    about: str


class ExperimentFacts(Section):
    """The long run of ``experiment.py``: its options, its limits, and after how many steps it is kept.

    In ``limits`` a call is one step, and ``submission_s`` is the whole run until it is taken up again. ``curves``
    says whether their panels are drawn one below the other or side by side.
    """

    title: str
    options: dict[str, Option] = {}
    limits: CallLimits = CallLimits()
    every: int = Field(50, ge=1)
    resources: tuple[str, ...] = ()
    trained: FirstLayers | None = None
    curves: Literal["below", "beside"] = "below"


class LabFacts(Section):
    """The content of ``lab.yaml``."""

    lab: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: int = Field(ge=1)
    title: str
    summary: str = ""
    files: tuple[HandedIn, ...] = Field(min_length=1)
    given: tuple[str, ...] = ()
    packages: tuple[str, ...] = ("numpy", "numba")
    imports: Imports = Imports()
    tiers: dict[int, str]
    gates: Literal["course", "general"] = "course"
    limits: CallLimits = CallLimits()
    jail: JailSection = JailSection()
    resources: dict[str, Resource] = {}
    network: Network | None = None
    measured: Measured | None = None
    experiment: ExperimentFacts | None = None
    classes: tuple[str, ...] = ()
    classes_file: str = ""
    shims: tuple[Literal["scipy.misc", "python2"], ...] = ()
    stand_ins: tuple[Literal["tensorflow"], ...] = ()

    @field_validator("tiers")
    @classmethod
    def _tiers_are_60_80_100(cls, tiers: dict[int, str]) -> dict[int, str]:
        if not tiers or not set(tiers) <= {60, 80, 100}:
            raise ValueError("tiers must be named 60, 80 and 100")
        return dict(sorted(tiers.items()))
