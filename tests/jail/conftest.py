"""Boxes to attack: one per level, with a handler that runs whatever code a test sends."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from grader.jail import Answer, Box, Level, Limits, View, Worker, probe

HANDLER = """
import numpy as np

class Runner:
    def __init__(self, config):
        self.config = config

    def handle(self, head, arrays, emit):
        scope = {"np": np, "arrays": arrays, "emit": emit, "config": self.config, "result": {}}
        exec(head["code"], scope)
        return scope["result"]

def describe(error):
    return {"type": type(error).__name__, "message": str(error)[:500]}
"""
PACKAGES = ("numpy", "numba", "llvmlite")
LIMITS = Limits(
    memory_mib=700, processes=24, disk_mib=16, file_mib=8, printed_max_mib=1, reply_mib=32, disk_entries=400
)


class Attacker:
    """Runs code in the worker of a box; takes a fresh worker when the last one has ended."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self._worker: Worker | None = None

    @property
    def worker(self) -> Worker:
        """The worker that the next code runs in."""
        if self._worker is None or not self._worker.alive:
            self._worker = self.box.worker()
        return self._worker

    def run(self, code: str, *, deadline_s: float = 20.0, **arrays: np.ndarray) -> Answer:
        """Run ``code``; what it leaves in ``result`` is the answer's ``info``."""
        return self.worker.call({"code": textwrap.dedent(code)}, arrays, deadline_s=deadline_s)

    def value(self, expression: str) -> object:
        """Return the value of an expression, which must not raise."""
        answer = self.run(f"import os, sys\nresult = {{'value': {expression}}}")
        assert answer.ok, answer.info
        return answer.info["value"]

    def error(self, code: str) -> str:
        """Return the type of the exception that ``code`` raises."""
        answer = self.run(code)
        assert not answer.ok, f"it was allowed: {code}"
        return str(answer.info["type"])


def make_view(folder: Path, packages: tuple[str, ...] = PACKAGES) -> View:
    """Make a submission and a lab in ``folder``; files that are already there are kept."""
    for name in ("submission", "lab"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "submission" / "handler.py").write_text(HANDLER)
    (folder / "lab" / "lab.txt").write_text("public")
    return View(folder / "submission", folder / "lab", packages)


def _available(level: Level) -> Level:
    if level not in probe().levels:
        pytest.skip(f"level {level.value} is not available on this host")
    return level


Attack = Callable[..., Attacker]


@pytest.fixture(scope="session", params=[Level.NAMESPACES, Level.LANDLOCK], ids=["level3", "level2"])
def isolated(request: pytest.FixtureRequest) -> Level:
    """Return each level that isolates, for attacks that may do harm where they get through."""
    return _available(request.param)


@pytest.fixture(
    scope="session", params=[Level.NAMESPACES, Level.LANDLOCK, Level.PROCESS], ids=["level3", "level2", "level1"]
)
def level(request: pytest.FixtureRequest) -> Level:
    """Return each level, for code that is harmless even without isolation."""
    return _available(request.param)


@pytest.fixture(scope="session")
def isolated_box(isolated: Level, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """One box for all harmful attacks of a level."""
    with Box(make_view(tmp_path_factory.mktemp("box")), LIMITS, isolated, handler="handler") as box:
        yield box


@pytest.fixture(scope="session")
def shared_box(level: Level, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """One box for all harmless code of a level."""
    with Box(make_view(tmp_path_factory.mktemp("box")), LIMITS, level, handler="handler") as box:
        yield box


@pytest.fixture
def attacker(isolated_box: Box) -> Attacker:
    """Runs code at a level that isolates."""
    return Attacker(isolated_box)


@pytest.fixture
def student(shared_box: Box) -> Attacker:
    """Runs harmless code at any level."""
    return Attacker(shared_box)


@pytest.fixture
def view(tmp_path: Path) -> View:
    """Return a submission and a lab of this test's own."""
    return make_view(tmp_path, ("numpy",))


@pytest.fixture
def attack(level: Level, view: View) -> Iterator[Attack]:
    """Make further boxes at a level, each with code to run in it; all are closed in the end."""
    boxes: list[Box] = []

    def make(limits: Limits = LIMITS, *, slot: int = 0) -> Attacker:
        boxes.append(Box(view, limits, level, slot=slot, handler="handler"))
        return Attacker(boxes[-1])

    yield make
    for box in boxes:
        box.close()
