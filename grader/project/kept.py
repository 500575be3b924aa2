"""A fixture that stays in memory while one process grades many submissions with it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from grader.project.fixtures import Fixture, read_fixture
from grader.project.manifest import MANIFEST_NAME


class KeptFixture:
    """Reads fixtures for a process that grades many submissions, and keeps the one that was read last.

    It is read again where the manifest is another, byte for byte. Its arrays cannot be written to, so that nothing
    of one grading can reach the next by them.
    """

    def __init__(self) -> None:
        self._of: tuple[Path, tuple[str, ...] | None, bytes] | None = None
        self._fixture: Fixture | None = None

    def read(self, folder: Path, only: Sequence[str] | None = None) -> Fixture:
        """Return what `read_fixture` returns.

        Raises
        ------
        FixtureError : as `read_fixture`.
        """
        try:
            manifest = (folder / MANIFEST_NAME).read_bytes()
        except OSError:
            return read_fixture(folder, only)  # which says what is wrong
        of = (folder, None if only is None else tuple(only), hashlib.sha256(manifest).digest())
        if self._fixture is None or self._of != of:
            fixture = read_fixture(folder, only)
            for recorded in (case for cases in fixture.checks.values() for case in cases):
                for array in (*recorded.case.arrays.values(), *recorded.expected.values()):
                    array.setflags(write=False)
            self._of, self._fixture = of, fixture
        return self._fixture
