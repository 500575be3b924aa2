"""Opens the one zip that a platform's download is, with names in whatever encoding it was packed."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, tzinfo
from pathlib import Path

from grader.cohort.problems import CohortError
from grader.cohort.running.scratch import scratch_folder
from grader.collect.archives import name_of

MAX_BYTES = 4 << 30
MAX_ENTRIES = 200_000


@contextmanager
def opened_export(place: Path, zone: tzinfo | None = None) -> Iterator[Path]:
    """Give the folder of an export: ``place`` itself, or a temporary one with what the zip ``place`` holds.

    A zip says times without a zone, as the clock of the platform showed them; ``zone`` is that of this clock.

    Raises
    ------
    CohortError : it is neither, damaged, too large, or has names that lead out of it.
    """
    if place.is_dir():
        yield place
        return
    if not place.is_file() or not zipfile.is_zipfile(place):
        raise CohortError(
            "{place} is neither a folder nor a zip; name what the platform's download gave you", place=place
        )
    with scratch_folder("export") as folder:
        try:
            with zipfile.ZipFile(place) as archive:
                _unpack(archive, folder, place, zone)
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
            raise CohortError("{place} is damaged ({error}); download it again", place=place, error=error) from None
        yield folder


def _unpack(archive: zipfile.ZipFile, folder: Path, place: Path, zone: tzinfo | None) -> None:
    members = archive.infolist()
    if len(members) > MAX_ENTRIES or sum(member.file_size for member in members) > MAX_BYTES:
        raise CohortError(
            "{place} unpacks to more than {max_bytes} GiB or {max_entries} files; unpack it by hand",
            place=place,
            max_bytes=MAX_BYTES >> 30,
            max_entries=MAX_ENTRIES,
        )
    for member in members:
        name = name_of(member)
        parts = Path(name).parts
        if Path(name).is_absolute() or ".." in parts or "\0" in name or "\\" in name:
            raise CohortError(
                "{place} holds {name}, which leads out of it; nothing was unpacked", place=place, name=repr(name)
            )
        if name.endswith("/") or stat.S_ISLNK(member.external_attr >> 16):
            continue
        target = folder.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as source, target.open("xb") as copy:
            shutil.copyfileobj(source, copy)
        # To two seconds; all that a zip says. Of no date at all nothing follows.
        with suppress(ValueError, OverflowError):
            moment = datetime(*member.date_time, tzinfo=zone).timestamp()
            os.utime(target, (moment, moment))
