"""The hostile submissions and the honest controls: folders with what each tries and what must come of it.

``README.md`` beside this file explains the keys of ``expected.yaml``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
EXPECTED = "expected.yaml"
CHECKS = ("forward", "backward", "repeated")
TIER_OF_CHECK = {"forward": 60, "backward": 80, "repeated": 100}
HELPERS = ("honest.py", "attack.py")
KNOWN_KEYS = {
    "about", "attack", "verdict", "checks", "score", "dangerous", "levels", "at_level", "files", "says",
    "at_least_s", "limits", "packages", "breach", "lacks",
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One folder of the corpus."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """The content of ``expected.yaml``."""
        facts = yaml.safe_load((self.folder / EXPECTED).read_text(encoding="utf-8"))
        unknown = set(facts) - KNOWN_KEYS
        if unknown:
            raise ValueError(f"{self.name}: unknown keys {sorted(unknown)} in {EXPECTED}")
        return facts

    @property
    def dangerous(self) -> bool:
        """Whether it would harm the host if the jail failed; such ones never run at level 1."""
        return bool(self.facts.get("dangerous", False))

    @property
    def levels(self) -> tuple[int, ...]:
        """Levels at which it says something."""
        levels = tuple(self.facts.get("levels", (3, 2, 1)))
        return tuple(level for level in levels if not (self.dangerous and level == 1))

    def at(self, level: int) -> Mapping[str, Any]:
        """Return the facts with what is different at a level."""
        return {**self.facts, **self.facts.get("at_level", {}).get(level, {})}

    def verdicts(self, level: int) -> dict[str, list[str]]:
        """Return the acceptable verdicts of every check."""
        facts = self.at(level)
        common = facts.get("verdict", "pass")
        by_check = facts.get("checks", {})
        return {check: _listed(by_check.get(check, common)) for check in CHECKS}

    def score(self, level: int) -> int:
        """Return the score that it deserves: that of the last tier up to which all checks must pass."""
        facts = self.at(level)
        if "score" in facts:
            return int(facts["score"])
        score = 0
        for check, verdicts in self.verdicts(level).items():
            if verdicts != ["pass"]:
                break
            score = TIER_OF_CHECK[check]
        return score


def entries(kind: str) -> list[Entry]:
    """Return the folders of ``submissions`` or ``honest``, by name."""
    return [Entry(file.parent) for file in sorted((HERE / kind).glob(f"*/{EXPECTED}"))]


def materialise(entry: Entry, target: Path, facts: Mapping[str, Any]) -> Path:
    """Write the submission's files into ``target``; ``facts`` about the host become part of ``attack.py``."""
    target.mkdir(parents=True)
    shutil.copyfile(HERE / "lab" / "solution" / "layer.py", target / "honest.py")
    attack = (HERE / "helpers" / "attack.py").read_text(encoding="utf-8")
    (target / "attack.py").write_text(f"{attack}\nFACTS.update({json.dumps(dict(facts))})\n", encoding="utf-8")
    for name, content in entry.facts.get("files", {}).items():
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    for source in sorted(entry.folder.iterdir()):
        if source.suffix == ".py":
            shutil.copyfile(source, target / source.name)
    return target


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
