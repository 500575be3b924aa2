"""Who is fastest: of checks that are timed against the reference, and of the layers of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from grader.cohort.release.grades import Grade
from grader.project.contract import Lab

PASS = "pass"
# Of a timed check, and of each of many layers.
SHOWN, LAYERS_SHOWN = 10, 3


@dataclass(frozen=True)
class Entry:
    """One place of a board: ``ratio`` is how many times as fast as the reference, with its interval if known."""

    pseudonym: str
    seconds: float
    ratio: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Board:
    """The fastest at one thing, best first. ``of`` is how many were timed and right."""

    name: str
    part: str
    of: int
    entries: tuple[Entry, ...]


class Boards:
    """Collects times while documents pass: of each part of a timed check and of each layer, only where it is right.

    The ratio is to the reference's same program on the same machine. A layer is timed once, so it has no interval.
    """

    def __init__(self, lab: Lab) -> None:
        self._times: dict[tuple[str, str], list[Entry]] = {}
        self._network = lab.facts.network.forward if lab.facts.network is not None else None

    def add(self, holders: list[Grade], document: dict[str, Any]) -> None:
        """Note the times of a document, for all of those whose it is."""
        right = {check["id"] for check in document["checks"] if check["verdict"] == PASS}
        for check in document["checks"]:
            for part in (check.get("speed") or {}).get("parts", ()) if check["id"] in right else ():
                _add(self._times, (check["id"], part["name"]), holders, part)
        for layer in document.get("layers", ()) if self._network in right else ():
            own, reference = layer.get("forward_ms"), layer.get("reference_forward_ms")
            if own and reference:
                entry = {"submission_s": own / 1000, "ratio": reference / own}
                _add(self._times, ("", layer["name"]), holders, entry)

    def found(self) -> list[Board]:
        """Return a board for each of them."""
        return [
            Board(
                name,
                part,
                len(entries),
                tuple(sorted(entries, key=lambda one: -one.ratio)[: SHOWN if name else LAYERS_SHOWN]),
            )
            for (name, part), entries in self._times.items()
        ]


def _add(
    found: dict[tuple[str, str], list[Entry]], where: tuple[str, str], holders: list[Grade], part: dict[str, Any]
) -> None:
    for holder in holders:
        entry = Entry(
            holder.student.pseudonym, part["submission_s"], part["ratio"], part.get("low"), part.get("high")
        )
        found.setdefault(where, []).append(entry)
