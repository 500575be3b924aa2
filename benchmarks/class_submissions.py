"""Makes the submissions of a class, of varied quality, as a Moodle download with a roster.

``python -m benchmarks.class_submissions LAB FOLDER [COUNT] [SEED]`` writes ``FOLDER/download`` and
``FOLDER/roster.csv``. They are the project's own: the solution and its right variants, golden submissions, known
mistakes alone and in pairs, the untouched skeleton, and ones that are made to break a grader. No two have the same
files, so each is graded.
"""

from __future__ import annotations

import csv
import random
import shutil
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from grader.project.contract import Lab
from grader.project.places import Project
from grader.project.solution import variants_of, write_solution
from grader.publishing.misconceptions import common_pairs, load_misconceptions, singles, write_mistaken
from tests.golden import golden_folders, materialise

PARTICIPANT = 70_000
# What stands at the top of one of the files, run when it is imported.
HOSTILE = {
    "kills itself": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
    "leaves": "import sys\nsys.exit(0)\n",
    "exits": "import os\nos._exit(0)\n",
    "fills memory": "held = [bytearray(1 << 26) for _ in range(1 << 10)]\n",
    "floods": "for _ in range(1 << 18):\n    print('x' * 1024)\n",
    "forks": "import os\nwhile True:\n    os.fork()\n",
    "reads outside": "open('/etc/shadow').read()\n",
    "connects": "import socket\nsocket.create_connection(('127.0.0.1', 22))\n",
}
FIRST = ("Ann", "Bo", "Cy", "Dee", "José", "Eva", "Finn", "小明", "Ida", "Jo")
LAST = ("Lee", "O'Neil", "García", "王", "Müller", "Smith", "Okafor", "Sato", "Novák", "Rossi")
Writer = Callable[[Path], object]


def writers(project: Project, lab: Lab) -> list[tuple[str, Writer]]:
    """Return kinds of submissions by name, right ones first; each writes itself into a new folder."""
    reference = project.reference(lab.name)
    mistakes = load_misconceptions(reference)

    def solution(variant: str | None) -> Writer:
        return lambda target: write_solution(reference, variant, target)

    def mistaken(mistake: object) -> Writer:
        return lambda target: write_mistaken(reference, mistake, target)  # type: ignore[arg-type]

    def golden(folder: Path) -> Writer:
        return lambda target: materialise(folder, target)

    def skeleton(target: Path) -> None:
        target.mkdir(parents=True)
        for file in lab.facts.files:
            shutil.copyfile(lab.folder / file.path, target / file.path)

    def hostile(text: str) -> Writer:
        def write(target: Path) -> None:
            write_solution(reference, None, target)
            first = target / lab.facts.files[0].path
            first.write_text(text + first.read_text(encoding="utf-8"), encoding="utf-8")

        return write

    return [
        ("solution", solution(None)),
        *((f"variant {name}", solution(name)) for name in variants_of(reference)),
        *((f"golden {folder.name}", golden(folder)) for folder in golden_folders(lab.name)),
        *((f"mistake {one.name}", mistaken(one)) for one in singles(mistakes)),
        *((f"mistakes {one.name}", mistaken(one)) for one in common_pairs(mistakes)),
        ("skeleton", skeleton),
        *((f"hostile {name}", hostile(text)) for name, text in HOSTILE.items()),
    ]


def write_class(
    lab: Lab, kinds: Sequence[tuple[str, Writer]], folder: Path, count: int, seed: int = 1
) -> list[str]:
    """Write ``count`` submissions of these kinds and the roster; return the kind of each."""
    # Half of a class is right in one way or another; hostile ones are rare.
    right = [kind for kind in kinds if kind[0].split()[0] in ("solution", "variant", "golden")]
    wrong = [kind for kind in kinds if kind[0].split()[0] in ("mistake", "mistakes", "skeleton")]
    hostile = [kind for kind in kinds if kind[0].startswith("hostile")]
    chance = random.Random(seed)
    download = folder / "download"
    shutil.rmtree(download, ignore_errors=True)
    chosen = []
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "roster.csv").open("w", encoding="utf-8-sig", newline="") as stream:
        roster = csv.writer(stream)
        roster.writerow(["sid", "name", "email", "moodle"])
        for number in range(count):
            group = right if number % 2 else hostile if number % 20 == 0 else wrong
            name, write = chance.choice(group)
            person = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
            roster.writerow([f"{number:05}", person, f"s{number:05}@uni.example", str(PARTICIPANT + number)])
            place = download / f"{person}_{PARTICIPANT + number}_assignsubmission_file_"
            write(place)
            for file in lab.facts.files:
                if (place / file.path).is_file():
                    with (place / file.path).open("a", encoding="utf-8") as stream:
                        stream.write(f"\n# handed in as number {number}\n")
            if number % 3 == 0:
                _pack(place)
            chosen.append(name)
    return chosen


def _pack(place: Path) -> None:
    """Put all files of a folder into one zip in it, as many students do."""
    files = [path for path in sorted(place.rglob("*")) if path.is_file()]
    with zipfile.ZipFile(place / "work.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, f"work/{path.relative_to(place).as_posix()}")
    for path in files:
        path.unlink()


def main() -> None:
    """Write what the command line asks for."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 200
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    project = Project.find()
    lab = project.lab(name)
    written = write_class(lab, writers(project, lab), folder, count, seed)
    print(f"{len(written)} submissions of {len(set(written))} kinds in {folder}")


if __name__ == "__main__":
    main()
