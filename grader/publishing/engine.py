"""The engine's version of a lab: a second implementation to compare the reference with, and to time.

A lab may have ``reference/<lab>/engine``, files that lie over the reference's and are written with the package
``reference/engine``. They are put together with a copy of that package, the kernels that it has compiled before,
and a module ``exactness`` that says what they are for.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llvmlite import binding

import grader
from grader.jail.arithmetic import chosen_arithmetic
from grader.jail.layout import thread_counts
from grader.project.contract import Lab
from grader.project.places import Project
from grader.project.solution import solution_files, write_solution
from grader.publishing.record_cache import digest_of_files

ENGINE_NAME = "engine"
PACKAGE_NAME = "engine"
KERNELS_NAME = "kernels"
EXACTNESS = '"""Written when the lab is published: whether results are compared, or times."""\n\nEXACT = {exact}\n'
# Compiling every kernel that a lab uses takes about a minute on two processors.
REHEARSAL_LIMIT_S = 900.0


@dataclass(frozen=True)
class EngineVersion:
    """Writes the engine's version of one lab into folders.

    ``files`` are the lab's on the engine, ``package`` is the engine, ``store`` keeps what it has compiled.
    """

    lab: Lab
    reference: Path
    files: Path
    package: Path
    store: Path
    resources: Mapping[str, Path]

    def write(self, target: Path, *, exact: bool) -> None:
        """Write it: to be compared, in float64 by definition, or to be timed, in float32 as fast as it can be."""
        write_solution(self.reference, None, target)
        for file in solution_files(self.files):
            shutil.copyfile(file, target / file.name)
        (target / "exactness.py").write_text(EXACTNESS.format(exact=exact), encoding="utf-8")
        for file in self.package.rglob("*.py"):
            copy = target / PACKAGE_NAME / file.relative_to(self.package)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        self._rehearse(target)
        kernels = self.store / PACKAGE_NAME
        if kernels.is_dir():
            shutil.copytree(kernels, target / PACKAGE_NAME / KERNELS_NAME)

    def _rehearse(self, target: Path) -> None:
        """Run all checks on it once outside of the jail, so that a box finds every kernel compiled.

        It is the instructor's own code. What fails here fails again in the box, where it is reported.
        """
        stamp = self.store / "rehearsed" / self._key(target)
        if stamp.is_file():
            return
        config = {
            "lab_folder": str(self.lab.folder),
            "student": str(target),
            "resources": {name: str(folder) for name, folder in self.resources.items()},
            "policy": {
                "modules": [file.module for file in self.lab.facts.files],
                "given": self.lab.given_modules,
                "optional": self.lab.optional_modules,
                "shims": self.lab.facts.shims,
            },
        }
        environment = {
            **os.environ,
            **thread_counts(self.lab.facts.limits.threads),
            **chosen_arithmetic().variables(),
            "ENGINE_CACHE_DIR": str(self.store),
            "PYTHONPATH": str(Path(grader.__file__).parents[1]),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [sys.executable, "-m", "grader.publishing.rehearsal"]
        try:
            done = subprocess.run(
                command,
                input=json.dumps(config),
                env=environment,
                capture_output=True,
                text=True,
                timeout=REHEARSAL_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return
        if done.returncode == 0:
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.touch()

    def _key(self, target: Path) -> str:
        """Return the address of what decides which kernels are needed, and on which processor they run."""
        sources = digest_of_files(sorted(target.rglob("*.py"))), digest_of_files(self.lab.folder.glob("checks*.py"))
        return hashlib.sha256(
            " ".join((*sources, binding.get_host_cpu_name(), chosen_arithmetic().name)).encode()
        ).hexdigest()[:32]


def engine_version(project: Project, lab: Lab, resources: Mapping[str, Path]) -> EngineVersion | None:
    """Return the engine's version of a lab, None if it has none."""
    reference = project.reference(lab.name)
    files = reference / ENGINE_NAME
    if not files.is_dir():
        return None
    store = project.cache / "engine"
    return EngineVersion(lab, reference, files, reference.parent / PACKAGE_NAME, store, resources)


def package_files(solution: Path) -> list[str]:
    """Return the files of the engine beside a solution, by their path in it: they may import what they need."""
    folder = solution / PACKAGE_NAME
    return [file.relative_to(solution).as_posix() for file in folder.rglob("*.py")]
