"""One project, one host with canaries, and one grading process per level for the whole session."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.hostile.client import Graded, GradingProcess
from tests.hostile.corpus import Entry, entries, materialise
from tests.hostile.host import Host
from tests.hostile.project import TinyProject, make_project


@pytest.fixture(scope="session")
def open_folder():
    """A folder that every user can enter, unlike pytest's own ones."""
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def tiny(open_folder) -> TinyProject:
    """The project with the tiny lab and its recorded cases."""
    return make_project(open_folder / "project")


@pytest.fixture(scope="session")
def host(open_folder):
    """Canaries and listeners."""
    folder = open_folder / "host"
    folder.mkdir()
    found = Host(folder)
    found.listen()
    yield found
    found.close()


@pytest.fixture(scope="session")
def neighbour(open_folder) -> Path:
    """An honest submission that is graded beside every hostile one."""
    plain = next(entry for entry in entries("honest") if entry.name == "plain")
    return materialise(plain, open_folder / "neighbour", {})


class Grading:
    """Grades every folder of the corpus once per level and remembers what came of it."""

    def __init__(self, folder: Path, tiny: TinyProject, host: Host, neighbour: Path, *, warm: bool = False) -> None:
        self.warm = warm
        self.folder, self.tiny, self.host, self.neighbour = folder, tiny, host, neighbour
        self.processes: dict[int, GradingProcess | str] = {}
        self.graded: dict[tuple[int, Path, str], Graded] = {}

    def __call__(self, level: int, entry: Entry, kind: str = "hidden") -> Graded:
        """Return the outcome; skip, with the reason, where the level is not to be had."""
        process = self.process(level)
        key = (level, entry.folder, kind)
        if key not in self.graded:
            self.graded[key] = process.grade(entry, self.neighbour, kind=kind)
        return self.graded[key]

    def process(self, level: int) -> GradingProcess:
        """Return the grading process of a level, started and tried out when it is first asked for."""
        found = self.processes.get(level)
        if found is None:
            folder = self.folder / f"{'warm' if self.warm else 'level'}-{level}"
            folder.mkdir()
            found = GradingProcess(self.tiny, self.host, folder, level, warm=self.warm)
            error = found.ask({"submission": str(self.neighbour)})["submission"].get("error", "")
            if error:
                found.close()
                found = error
            self.processes[level] = found
        if isinstance(found, str):
            pytest.skip(f"level {level} is not to be had on this host: {found}")
        return found

    def close(self) -> None:
        """End all processes."""
        for process in self.processes.values():
            if isinstance(process, GradingProcess):
                process.close()


@pytest.fixture(scope="session")
def grading(open_folder, tiny, host, neighbour):
    """Grades a folder of the corpus at a level, once."""
    found = Grading(open_folder, tiny, host, neighbour)
    yield found
    found.close()


@pytest.fixture(scope="session")
def warm_grading(open_folder, tiny, host, neighbour):
    """The same in boxes that are forked from a warm process."""
    found = Grading(open_folder, tiny, host, neighbour, warm=True)
    yield found
    found.close()
