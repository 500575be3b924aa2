"""Finds what must not leave an instructor's hands: lines of solutions, hidden fixtures, their hashes and seeds."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.project.contract import Lab
from grader.project.holes import holes
from grader.project.manifest import MANIFEST_NAME
from grader.project.places import Project
from grader.publishing.skeleton import generate

# Shorter lines, such as `return outputs` or a loop's head, give nothing away and occur everywhere.
TELLING_LINE_CHARACTERS = 25
# Nor does a loop that only counts, however long its names are.
COUNTING = re.compile(r"for \w+ in range\(\w+\):")
# A shorter seed occurs by chance.
TELLING_SEED_DIGITS = 6
SOLUTION_MARK = b"### BEGIN SOLUTION"


@dataclass(frozen=True)
class Secrets:
    """What to look for.

    Attributes
    ----------
    texts : secret text to what it is.
    digests : SHA-256 of a whole file that is secret to what it is.
    """

    texts: Mapping[bytes, str]
    digests: Mapping[str, str]


def secrets_of(project: Project, lab: Lab, *, hidden: bool = True, beside: Sequence[Lab] = ()) -> Secrets:
    """Collect the secrets of a lab; without ``hidden`` only its solutions count.

    What the skeletons of the labs ``beside`` it show to everybody, too, is no secret.
    """
    texts: dict[bytes, str] = {SOLUTION_MARK: "a mark of a solution"}
    digests: dict[str, str] = {}
    reference = project.reference(lab.name)
    named = [lab.folder / name for name in (*(file.path for file in lab.facts.files), *lab.facts.given)]
    public = {_digest(file.read_bytes()) for file in named if file.is_file()}
    for file in sorted(reference.rglob("*.py")):
        name = file.relative_to(reference.parent).as_posix()
        if file.stat().st_size and _digest(file.read_bytes()) not in public:
            digests[_digest(file.read_bytes())] = f"the file reference/{name}"
    shown = {line for other in beside for line in _shown(project, other)}
    for handed in lab.facts.files:
        for line in solution_lines(reference / handed.path):
            if line in shown:
                continue
            texts[line.encode()] = f"a line of the solution of {lab.name}/{handed.path}"
    if hidden:
        for text, what in _of_hidden_fixtures(project.root / "fixtures" / lab.name):
            texts[text.encode()] = what
            digests[text] = what
    return Secrets(texts, digests)


def _shown(project: Project, lab: Lab) -> Iterator[str]:
    """Yield the lines of a lab's skeletons as the generator makes them, whatever was made of them since."""
    for handed in lab.facts.files:
        file = project.reference(lab.name) / handed.path
        if file.is_file():
            yield from map(str.strip, generate(file.read_text(encoding="utf-8"), str(file)).splitlines())


def solution_lines(file: Path) -> list[str]:
    """Return the telling lines of the solution regions of a reference file, without their indentation."""
    if not file.is_file():
        return []
    source = file.read_text(encoding="utf-8")
    given = {line.strip() for line in generate(source, str(file)).splitlines()}
    lines = source.splitlines()
    found = []
    for hole in holes(source, str(file)):
        for line in lines[hole.line : hole.end_line - 1]:
            text = line.strip()
            telling = len(text) > TELLING_LINE_CHARACTERS and not COUNTING.fullmatch(text)
            if telling and not any(text in other for other in given):
                found.append(text)
    return found


def _of_hidden_fixtures(folder: Path) -> Iterator[tuple[str, str]]:
    # Checks whose cases have nothing to vary, such as building the network, are recorded alike in both.
    shared = {
        str(part["sha256"])
        for manifest in folder.rglob(f"public/{MANIFEST_NAME}")
        for part in _parts(json.loads(manifest.read_text(encoding="utf-8")))
    }
    for manifest in sorted(folder.rglob(f"hidden/{MANIFEST_NAME}")):
        name = manifest.relative_to(folder.parent).as_posix()
        data: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
        yield str(data["sha256"]), f"the hash of {name}"
        yield _digest(manifest.read_bytes()), f"the file {name}"
        for part in _parts(data):
            if str(part["sha256"]) not in shared:
                yield str(part["sha256"]), f"the hidden fixture {part['file']}"
        seed = str(data.get("facts", {}).get("seed", ""))
        if len(seed) >= TELLING_SEED_DIGITS:
            yield seed, f"the hidden seed in {name}"


def _parts(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    kinds = (manifest["checks"], manifest.get("mistakes", {}), manifest.get("mutants", {}))
    return [part for parts in kinds for part in parts.values()]


def find_leaks(files: Mapping[str, bytes], secrets: Secrets) -> list[str]:
    """Return a line for every secret that occurs in ``files``, also inside of archives."""
    found = []
    for path, content in sorted(files.items()):
        for where, data in _contents(path, content):
            what = secrets.digests.get(_digest(data))
            if what is not None:
                found.append(f"{where}: is {what}")
            found += [
                f"{where}: contains {what}: {text.decode()!r}"
                for text, what in secrets.texts.items()
                if text in data
            ]
    return found


def _contents(path: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    yield path, content
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield f"{path}!{name}", archive.read(name)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
