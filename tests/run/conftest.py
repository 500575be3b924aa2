"""A lab of one layer with an experiment of a few steps, and how its commands are typed."""

import os
import subprocess
import sys

import pytest

from tests.golden import ROOT

LAB = """
lab: toy
version: 1
title: Walk downhill
files:
  - path: layer.py
packages: [numpy]
tiers: {60: forward}
jail: {level: 1}
experiment:
  title: walk down a bowl
  every: 4
  limits: {memory_mib: 512, call_s: 20, first_call_s: 20, submission_s: 100, reply_mib: 4}
  options:
    steps: {kind: int, default: 10, min: 1, max: 1000, help: how many steps, extends: true}
    rate: {kind: float, default: 0.25, min: 0, max: 10, help: length of a step}
    photo: {kind: picture, default: dot.png, help: where to walk}
    size: {kind: size, default: 2x3, min: 1, max: 9, help: rows x columns}
    mode: {kind: choice, default: plain, values: [plain, other], help: how}
    layers: {kind: names, default: "a,b", help: which}
"""
CHECKS = '''
from grader.lab.checks import check, one_case


@check(tier=60, cases=one_case(), files=("layer.py",))
def down(student, case):
    """One step."""
    return {}
'''
# The place is noisy by a generator, so a run that was taken up again is right only if its state was kept.
EXPERIMENT = """
import numpy as np

from grader.lab.experiments import Record, Snapshot


def run(student, case, state):
    place = state.get("place", np.full(case.size, 8.0))
    done = int(state.get("done", 0))

    def snapshot():
        shade = np.clip(place * 16, 0, 255).astype(np.uint8)
        return Snapshot({"place": place, "done": np.int64(done)}, {"bowl": shade}, {"height": np.sum(place**2)})

    if done >= case.steps:
        yield Record(done, case.steps, {}, snapshot)
    while done < case.steps:
        place = student.layer.step(place, case.rate)
        done += 1
        yield Record(done, case.steps, {"height": float(np.sum(place**2))}, snapshot, [f"walks {case.mode}"])
"""
LAYER = "def step(place, rate):\n    return place - rate * place\n"
DOT_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c6360000000020001e221bc330000"
    "000049454e44ae426082"
)
DEADLINE_S = 100


@pytest.fixture
def project(tmp_path):
    """The project's folder, with a submission whose step is right."""
    lab, work = tmp_path / "labs" / "toy", tmp_path / "stu_upload" / "toy"
    for folder in (lab / "pictures", work):
        folder.mkdir(parents=True)
    (lab / "lab.yaml").write_text(LAB)
    (lab / "checks.py").write_text(CHECKS)
    (lab / "experiment.py").write_text(EXPERIMENT)
    (lab / "pictures" / "dot.png").write_bytes(DOT_PNG)
    (work / "layer.py").write_text(LAYER)
    return tmp_path


def command(*words):
    """What is typed to run the toy's experiment."""
    return [sys.executable, "-m", "grader", "run", "toy", *map(str, words)]


def environment():
    """The variables under which commands run."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "TERM": "dumb"}


@pytest.fixture
def run(project):
    """Type the command in the project's folder."""

    def typed(*words):
        return subprocess.run(
            command(*words),
            cwd=project,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    return typed
