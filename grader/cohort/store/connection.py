"""Opens the database: SQLite in the class's folder, or PostgreSQL by URL, brought up to date first."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError, SQLAlchemyError

from grader.cohort.problems import CohortError, EnvironmentFault

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 30_000
# In SQLite's own words; its numbers are only known to newer versions of Python.
LOCKED = "database is locked"
NOT_WRITTEN = ("database or disk is full", "readonly database", "disk I/O error", "unable to open database file")


def open_engine(url: str) -> Engine:
    """Return an engine for ``url`` whose tables are of the present version.

    Raises
    ------
    CohortError : the URL is not usable, nobody answers, the file is damaged, or the tables are of a newer grader.
    """
    engine = bare_engine(url)
    try:
        migrate(engine)
    except DatabaseError as error:
        if isinstance(error.orig, sqlite3.DatabaseError) and not isinstance(error.orig, sqlite3.OperationalError):
            raise CohortError(
                "{file} is damaged ({error}); restore it from a backup",
                file=engine.url.database,
                error=_short(error),
            ) from None
        raise CohortError(
            "the database {url} cannot be opened ({error}); check that it runs and that `database:` in class.yaml "
            "is right",
            url=engine.url.render_as_string(),
            error=_short(error),
        ) from None
    return engine


def bare_engine(url: str) -> Engine:
    """Return an engine with the settings that this project needs, whatever its tables are.

    Raises
    ------
    CohortError : the URL is not usable.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise CohortError(
                "{parsed}: only sqlite:///… and postgresql+psycopg://… are supported",
                parsed=parsed.render_as_string(),
            )
        options: dict[str, Any] = {}
        if parsed.get_backend_name() == "sqlite":
            options["connect_args"] = {"isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000}
        else:
            options["pool_pre_ping"] = True
        engine = create_engine(parsed, **options)
    except ArgumentError:
        raise CohortError(
            "{url} is no database URL; expected sqlite:///… or postgresql+psycopg://…", url=repr(url)
        ) from None
    except ModuleNotFoundError as error:
        raise CohortError(
            "{error} is missing; run `pip install 'psycopg[binary]'` for PostgreSQL", error=error.name
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _settings)
        event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def told(engine: Engine) -> Iterator[None]:
    """Say of a database that cannot be written why, whatever the work on it was.

    Raises
    ------
    EnvironmentFault : its disk is full or fails, it may not be written, or another command holds it.
    """
    try:
        yield
    except OperationalError as error:
        reason, file = _short(error), engine.url.render_as_string()
        if LOCKED in reason:
            raise EnvironmentFault(
                "{file} has been in use for {seconds} s by another command; give this one again when that has "
                "ended",
                file=engine.url.database or file,
                seconds=BUSY_TIMEOUT_MS // 1000,
            ) from None
        if any(sign in reason for sign in NOT_WRITTEN):
            raise EnvironmentFault(
                "{file} cannot be written ({reason}). What was noted in it before is kept: make room, or get the "
                "right to write there, and give the command again",
                file=engine.url.database or file,
                reason=reason,
            ) from None
        raise


def _settings(connection: sqlite3.Connection, record: object) -> None:
    cursor = connection.cursor()
    for setting in (
        f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON",
    ):  # fmt: skip
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _begin(connection: Any) -> None:
    # Two readers that both become writers would get "database is locked" at once, whatever the timeout.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def migrate(engine: Engine) -> None:
    """Bring the tables up to date.

    Raises
    ------
    CohortError : they are of a newer grader.
    """
    config = alembic_config()
    newest = ScriptDirectory.from_config(config).get_current_head()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    if present == newest:
        return
    if present is not None and present not in known:
        raise CohortError(
            "the database was made by a newer grader (revision {present}); update the grader, or restore a backup",
            present=present,
        )
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            # A table is copied to change it; a foreign key that is on would take the rows that point to it along.
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    engine.dispose()


def alembic_config() -> Config:
    """Return the configuration of the migrations inside this package."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def back_up(engine: Engine, target: Path) -> None:
    """Copy a SQLite database into a new file while it is in use.

    Raises
    ------
    CohortError : it is another kind of database, the file exists, or cannot be written.
    """
    if engine.dialect.name != "sqlite":
        raise CohortError("only SQLite is copied by this command; use pg_dump for PostgreSQL")
    if target.exists():
        raise CohortError("{target} exists; name a new file", target=target)
    if not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
        raise CohortError("nothing can be written in {folder}; name another place", folder=target.parent)
    source = engine.raw_connection()
    try:
        with sqlite3.connect(target) as copy:
            driver: Any = source.driver_connection
            driver.backup(copy)
        copy.close()
    finally:
        source.close()


def _short(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
