"""What an export holds: one arrival for each student (or group) and attempt, before anybody is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Person:
    """Who an export says it was. ``external`` is (system, value) where the platform has an id of its own."""

    name: str = ""
    sid: str = ""
    email: str = ""
    external: tuple[str, str] | None = None


@dataclass(frozen=True)
class Arrival:
    """One attempt as it lies in an export.

    Attributes
    ----------
    source : platform, such as ``moodle``.
    label : what the export calls it, for the table.
    people : whose it is.
    files : path as handed in, to where it lies.
    submitted_at : when, if the export says so.
    marked_late : the platform's own mark.
    problem : why nothing of it can be graded; empty if that is not known.
    order : attempts of one person are numbered in this order.
    """

    source: str
    label: str
    people: tuple[Person, ...]
    files: Mapping[str, Path] = field(default_factory=dict)
    submitted_at: datetime | None = None
    marked_late: bool = False
    problem: str = ""
    order: str = ""
