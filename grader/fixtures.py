"""Recorded cases: written when a lab is published, verified by hash whenever they are read.

A fixture folder holds ``manifest.json`` and one ``.npz`` per check with the inputs and the recorded outputs of its
cases. The manifest carries the hash of every file and its own, so a damaged, truncated or edited fixture is
refused by name.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from grader.checks import Case
from grader.compare import Tolerance

MANIFEST_NAME = "manifest.json"
SCHEMA_ID = "grader/fixture/v1"


class FixtureError(Exception):
    """A fixture is missing or not what was published; the message names the file and what to do."""


@dataclass(frozen=True)
class RecordedCase:
    """A case with the outputs of the reference and the tolerance of each."""

    case: Case
    expected: Mapping[str, np.ndarray]
    tolerances: Mapping[str, Tolerance]


@dataclass(frozen=True)
class Fixture:
    """All recorded cases of one lab and kind (``public`` or ``hidden``)."""

    lab: str
    lab_version: int
    kind: str
    release: str
    sha256: str
    checks: Mapping[str, Sequence[RecordedCase]]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hidden(self) -> bool:
        """Whether students must not see it."""
        return self.kind == "hidden"


def write_fixture(
    folder: Path,
    *,
    lab: str,
    lab_version: int,
    kind: str,
    release: str,
    checks: Mapping[str, Sequence[RecordedCase]],
    facts: Mapping[str, Any],
) -> str:
    """Write a fixture in one step: either all of it is there afterwards, or what was there before.

    ``facts`` are kept in the manifest: seed, versions, how tolerances were measured. Returns the manifest's hash.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        described = {name: _write_check(fresh / f"{name}.npz", cases) for name, cases in checks.items()}
        manifest = {
            "schema": SCHEMA_ID,
            "lab": lab,
            "lab_version": lab_version,
            "kind": kind,
            "release": release,
            "facts": dict(facts),
            "checks": described,
        }
        manifest["sha256"] = _hash_of_manifest(manifest)
        (fresh / MANIFEST_NAME).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        os.chmod(fresh, 0o755)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(fresh, folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return str(manifest["sha256"])


def _write_check(file: Path, cases: Sequence[RecordedCase]) -> dict[str, Any]:
    arrays: dict[str, np.ndarray] = {}
    described = []
    for number, recorded in enumerate(cases):
        for name, array in recorded.case.arrays.items():
            arrays[f"{number}.in.{name}"] = array
        for name, array in recorded.expected.items():
            arrays[f"{number}.out.{name}"] = array
        described.append(
            {
                "name": recorded.case.name,
                "config": dict(recorded.case.config),
                "inputs": list(recorded.case.arrays),
                "outputs": [
                    {"name": name, "atol": t.atol, "rtol": t.rtol, "metric": t.metric}
                    for name, t in recorded.tolerances.items()
                ],
            }
        )
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    data = buffer.getvalue()
    file.write_bytes(data)
    return {"file": file.name, "sha256": hashlib.sha256(data).hexdigest(), "cases": described}


def _hash_of_manifest(manifest: Mapping[str, Any]) -> str:
    content = {key: value for key, value in manifest.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_fixture(folder: Path, only: Sequence[str] | None = None) -> Fixture:
    """Read a fixture and verify the hash of everything that is read.

    Raises
    ------
    FixtureError : the folder, the manifest or one of the files is missing, damaged or edited.
    """
    manifest = _read_manifest(folder)
    checks = {
        name: _read_check(folder / part["file"], part)
        for name, part in manifest["checks"].items()
        if only is None or name in only
    }
    return Fixture(
        lab=manifest["lab"],
        lab_version=manifest["lab_version"],
        kind=manifest["kind"],
        release=manifest["release"],
        sha256=manifest["sha256"],
        checks=checks,
        facts=manifest["facts"],
    )


def _read_manifest(folder: Path) -> dict[str, Any]:
    file = folder / MANIFEST_NAME
    lab = folder.parent.name
    remedy = f"restore it from version control or publish again with `python -m grader publish {lab}`"
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FixtureError(f"{file} is missing: lab {lab} has no {folder.name} fixtures here; {remedy}") from None
    except (OSError, ValueError) as error:
        raise FixtureError(f"{file} cannot be read ({error}); {remedy}") from None
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA_ID:
        raise FixtureError(f"{file} is not a fixture manifest of schema {SCHEMA_ID}; {remedy}")
    if manifest.get("sha256") != _hash_of_manifest(manifest):
        raise FixtureError(f"{file} was changed after it was published (its hash does not match); {remedy}")
    return manifest


def _read_check(file: Path, part: Mapping[str, Any]) -> list[RecordedCase]:
    remedy = "restore it from version control or publish the lab again"
    try:
        data = file.read_bytes()
    except OSError as error:
        raise FixtureError(f"{file} cannot be read ({error.strerror}); {remedy}") from None
    if hashlib.sha256(data).hexdigest() != part["sha256"]:
        raise FixtureError(f"{file} is damaged or was edited (its hash does not match the manifest); {remedy}")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return [_recorded(number, entry, arrays) for number, entry in enumerate(part["cases"])]
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise FixtureError(f"{file} does not hold what its manifest says ({error}); {remedy}") from None


def _recorded(number: int, entry: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> RecordedCase:
    inputs = {name: arrays[f"{number}.in.{name}"] for name in entry["inputs"]}
    outputs = {item["name"]: arrays[f"{number}.out.{item['name']}"] for item in entry["outputs"]}
    tolerances = {item["name"]: Tolerance(item["atol"], item["rtol"], item["metric"]) for item in entry["outputs"]}
    return RecordedCase(Case(entry["name"], entry["config"], inputs), outputs, tolerances)
