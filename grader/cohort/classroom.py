"""A class's folder: settings, database, secret, originals, results; and its course in the database."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from grader.cohort.problems import CohortError
from grader.cohort.store import events
from grader.cohort.store.connection import open_engine, told
from grader.cohort.store.tables import Assignment, Course
from grader.language.translation import _
from grader.report.files import write_text

SETTINGS = "class.yaml"
SECRET = "secret"
DATABASE = "class.db"
DEFAULT_FOLDER = "class"
FOLDER_VARIABLE = "GRADER_CLASS"
PSEUDONYM_LETTERS = 8
SECRET_BYTES = 32
DATE_FORMATS = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")


class Settings(BaseModel):
    """What ``class.yaml`` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    course: str
    timezone: str = "UTC"
    database: str = ""


def of_environment() -> Path | None:
    """Return the folder that the environment names for all commands; None if it names none."""
    return Path(os.environ[FOLDER_VARIABLE]) if os.environ.get(FOLDER_VARIABLE) else None


@dataclass(frozen=True)
class Classroom:
    """A class: ``folder`` holds everything but the database, if that is elsewhere."""

    folder: Path
    settings: Settings

    @classmethod
    def create(cls, folder: Path, course: str, timezone: str, database: str = "") -> Classroom:
        """Make a new class in a folder that is absent or empty.

        Raises
        ------
        CohortError : the folder is in use, or the time zone does not exist.
        """
        zone_of(timezone)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise CohortError("{folder} exists and is not empty; name a new folder with --class", folder=folder)
        settings = Settings(course=course, timezone=timezone, database=database)
        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return cls._filled(folder, settings)
        except BaseException:
            # What is half made would be in the way of the next try.
            for file in (folder / ".gitignore", folder / SECRET, *folder.glob(f"{DATABASE}*")):
                file.unlink(missing_ok=True)
            if made:
                folder.rmdir()
            raise

    @classmethod
    def _filled(cls, folder: Path, settings: Settings) -> Classroom:
        folder.chmod(0o700)
        # Submissions and grades belong into no repository.
        write_text(folder / ".gitignore", "*\n")
        descriptor = os.open(folder / SECRET, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(SECRET_BYTES))
        room = cls(folder, settings)
        with room.session() as session:
            if session.scalar(select(Course).where(Course.name == settings.course)) is None:
                session.add(Course(name=settings.course, timezone=settings.timezone))
            events.record(session, "init", settings.course, after={"timezone": settings.timezone})
        # Last: a folder without it is no class, so nothing half-made is ever taken for one.
        write_text(folder / SETTINGS, yaml.safe_dump(settings.model_dump(), allow_unicode=True, sort_keys=False))
        return room

    @classmethod
    def open(cls, folder: Path | None, project_root: Path) -> Classroom:
        """Open the named class, else that of the environment, else ``class`` here or in the project.

        Raises
        ------
        CohortError : there is none, or its settings are damaged.
        """
        named = folder or of_environment()
        places = [named] if named else [Path.cwd(), Path.cwd() / DEFAULT_FOLDER, project_root / DEFAULT_FOLDER]
        found = next((place for place in places if (place / SETTINGS).is_file()), None)
        if found is None:
            raise CohortError(
                "there is no class in {names}; make one with `python -m grader class init NAME`, or name its "
                "folder with --class",
                names=_(" or ").join(dict.fromkeys(map(str, places))),
            )
        try:
            data = yaml.safe_load((found / SETTINGS).read_text(encoding="utf-8"))
            settings = Settings.model_validate(data)
        except (OSError, yaml.YAMLError, ValidationError) as error:
            raise CohortError(
                "{found} cannot be read ({error}); expected `course:`, `timezone:` and `database:`",
                found=found / SETTINGS,
                error=str(error).splitlines()[0],
            ) from None
        zone_of(settings.timezone)
        if not settings.database and not (found / DATABASE).is_file():
            # An empty one in its place would look as if nothing had ever been graded.
            raise CohortError(
                "{file} is missing; restore it from a backup, or write in {settings} where the database is",
                file=found / DATABASE,
                settings=SETTINGS,
            )
        return cls(found.resolve(), settings)

    @property
    def originals(self) -> Path:
        """Folder of what was handed in, by content."""
        return self.folder / "originals"

    @property
    def results(self) -> Path:
        """Folder of the result documents, by key."""
        return self.folder / "results"

    @property
    def url(self) -> str:
        """Where the database is."""
        return self.settings.database or f"sqlite:///{self.folder.resolve() / DATABASE}"

    @cached_property
    def engine(self) -> Engine:
        """The database, its tables up to date."""
        return open_engine(self.url)

    @cached_property
    def _secret(self) -> bytes:
        try:
            return (self.folder / SECRET).read_bytes()
        except OSError as error:
            raise CohortError(
                "{folder} cannot be read ({strerror}); without it no pseudonym can be made. Restore it from a "
                "backup",
                folder=self.folder / SECRET,
                strerror=error.strerror,
            ) from None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Work on the database in one transaction: all of it, or nothing when an error comes through.

        Raises
        ------
        EnvironmentFault : the database cannot be written, or is in use for too long.
        """
        with told(self.engine), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def course(self, session: Session) -> Course:
        """Return the course of this class.

        Raises
        ------
        CohortError : the database does not hold it.
        """
        course = session.scalar(select(Course).where(Course.name == self.settings.course))
        if course is None:
            raise CohortError(
                "the database has no course {course}; check `course:` in class.yaml",
                course=repr(self.settings.course),
            )
        return course

    def assignment(self, session: Session, lab: str) -> Assignment:
        """Return what the course says of ``lab``.

        Raises
        ------
        CohortError : nothing was taken in for it, and no dates were set.
        """
        course = self.course(session)
        found = session.scalar(select(Assignment).where(Assignment.course_id == course.id, Assignment.lab == lab))
        if found is None:
            known = session.scalars(select(Assignment.lab).where(Assignment.course_id == course.id)).all()
            raise CohortError(
                "this class has nothing of lab {lab} yet (it has: {names}); take submissions in with `python -m "
                "grader class ingest {lab} FOLDER`",
                lab=lab,
                names=", ".join(known) or "-",
            )
        return found

    def ensured_assignment(self, session: Session, lab: str) -> Assignment:
        """Return what the course says of ``lab``; nothing but its name if it is new."""
        course = self.course(session)
        found = session.scalar(select(Assignment).where(Assignment.course_id == course.id, Assignment.lab == lab))
        if found is None:
            found = Assignment(course_id=course.id, lab=lab, policy={"kind": "none"})
            session.add(found)
            session.flush()
        return found

    def pseudonym(self, sid: str) -> str:
        """Return what stands for a student everywhere but in exports."""
        digest = hmac.new(self._secret, sid.encode(), hashlib.sha256).digest()
        return base64.b32encode(digest).decode().lower()[:PSEUDONYM_LETTERS]

    def moment(self, text: str) -> datetime:
        """Read a date that a person has entered, in the zone of the course unless it names another.

        Raises
        ------
        CohortError : it is no date.
        """
        for layout in DATE_FORMATS:
            try:
                return datetime.strptime(text, layout).replace(tzinfo=zone_of(self.settings.timezone))
            except ValueError:
                continue
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise CohortError("{text} is no date; write it as 2026-03-31 23:59", text=repr(text)) from None
        return moment if moment.tzinfo else moment.replace(tzinfo=zone_of(self.settings.timezone))

    def shown(self, moment: datetime | None) -> str:
        """Write a moment in the zone of the course; empty if there is none."""
        if moment is None:
            return ""
        return moment.astimezone(zone_of(self.settings.timezone)).strftime("%Y-%m-%d %H:%M")


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its name.

    Raises
    ------
    CohortError : there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CohortError(
            "there is no time zone {name}; write one such as Europe/Berlin or Asia/Shanghai", name=repr(name)
        ) from None
