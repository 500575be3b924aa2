"""The gradebook's tables: migrations, moments, and the chain of events."""

import shutil
import sqlite3
from datetime import datetime, timedelta, timezone

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from grader.cohort.classroom import Classroom
from grader.cohort.problems import CohortError, EnvironmentFault
from grader.cohort.store import events
from grader.cohort.store.connection import alembic_config, back_up, bare_engine, migrate
from grader.cohort.store.tables import Assignment, Base, Event, Student


def test_migrations_make_what_the_code_expects(room):
    """`alembic check` finds nothing to do."""
    with room.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_an_old_file_with_data_is_brought_up_to_date(tmp_path):
    """Tables of the first revision keep their rows through all later ones."""
    engine = bare_engine(f"sqlite:///{tmp_path / 'old.db'}")
    config = alembic_config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO course (id, name, timezone) VALUES (1, 'Old', 'UTC')"))
        connection.execute(text("INSERT INTO student VALUES (1, 1, '007', 'Ann', '', '', '', 'abcdefgh', 1)"))
        connection.execute(text("INSERT INTO assignment VALUES (1, 1, 'tiny', NULL, NULL, '{}', 'best', 100)"))
        values = "1, 1, 1, NULL, '2026-03-01', 'plain', '007', 'a', '', 'b', 0, 'the folder is empty', '[]'"
        connection.execute(text(f"INSERT INTO submission VALUES ({values})"))
        connection.execute(text("INSERT INTO submission_author VALUES (1, 1)"))
        connection.commit()
    migrate(engine)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT problem, reason FROM submission JOIN submission_author")).all()
        assert rows == [("the folder is empty", "{}")]
        assert connection.execute(text("SELECT sid FROM student")).scalar_one() == "007"
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_tables_of_a_newer_grader_are_refused(room):
    """Nothing is written into what is not understood."""
    with room.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CohortError, match="newer grader"):
        migrate(room.engine)


def test_a_moment_without_a_zone_is_refused(full_room):
    """And one with a zone comes back as the same moment."""
    with full_room.session() as session:
        assignment = full_room.ensured_assignment(session, "tiny")
        assignment.due_at = datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=9)))
    with full_room.session() as session:
        assert session.scalars(select(Assignment)).one().due_at == datetime(
            2026, 3, 28, 17, 30, tzinfo=timezone.utc
        )
    with pytest.raises(Exception, match="has no time zone"), full_room.session() as session:
        session.scalars(select(Assignment)).one().due_at = datetime(2026, 3, 29)


def test_dates_are_entered_in_the_zone_of_the_course(room):
    """The same words mean another moment in summer."""
    assert room.moment("2026-01-31 23:59").utcoffset() == timedelta(hours=1)
    assert room.moment("2026-07-31 23:59").utcoffset() == timedelta(hours=2)
    assert room.moment("2026-07-31T23:59+09:00").utcoffset() == timedelta(hours=9)
    with pytest.raises(CohortError, match="is no date"):
        room.moment("tomorrow")


@pytest.mark.parametrize("field", ["actor", "action", "subject", "after", "prev_hash"])
def test_a_later_edit_breaks_the_chain(full_room, field):
    """The first event that was changed is found."""
    with full_room.session() as session:
        for number in range(3):
            events.record(session, "test", str(number), after={"number": number})
        assert events.first_break(session) is None
        edited = session.scalars(select(Event).where(Event.subject == "1")).one()
        setattr(edited, field, {"number": 7} if field == "after" else "somebody else")
        session.flush()
        assert events.first_break(session).id == edited.id


def test_an_event_is_there_only_with_its_deed(full_room):
    """What is undone was never recorded."""
    with full_room.session() as session:
        before = events.last_hash(session)
    with pytest.raises(RuntimeError), full_room.session() as session:
        events.record(session, "test", "x")
        raise RuntimeError
    with full_room.session() as session:
        assert events.last_hash(session) == before


def test_pseudonyms_hang_on_the_secret_of_the_class(tmp_path):
    """The same student has another one in another class, and always the same in one."""
    rooms = [Classroom.create(tmp_path / name, name, "UTC") for name in ("a", "b")]
    first, second = (room.pseudonym("0012") for room in rooms)
    assert first != second
    assert Classroom.open(tmp_path / "a", tmp_path).pseudonym("0012") == first
    assert len(first) == 8


def test_a_class_is_for_its_owner_alone(room):
    """Folder and secret are readable by nobody else, and no repository takes them up."""
    assert room.folder.stat().st_mode & 0o077 == 0
    assert (room.folder / "secret").stat().st_mode & 0o077 == 0
    assert (room.folder / ".gitignore").read_text() == "*\n"


def test_a_folder_in_use_is_not_made_a_class(tmp_path):
    """And a class is not made twice."""
    Classroom.create(tmp_path / "class", "A", "UTC")
    with pytest.raises(CohortError, match="not empty"):
        Classroom.create(tmp_path / "class", "A", "UTC")
    with pytest.raises(CohortError, match="no time zone"):
        Classroom.create(tmp_path / "other", "A", "Mars/Crater")
    assert not (tmp_path / "other").exists()


def test_a_class_that_could_not_be_made_leaves_nothing(tmp_path):
    """So that the same command can be given again; a folder that was there, and empty, stays so."""
    (tmp_path / "there").mkdir()
    for name in ("new", "there"):
        with pytest.raises(CohortError, match="no database URL"):
            Classroom.create(tmp_path / name, "A", "UTC", "nonsense")
    assert list(tmp_path.rglob("*")) == [tmp_path / "there"]
    assert Classroom.create(tmp_path / "there", "A", "UTC").settings.course == "A"


def test_a_backup_is_whole_while_the_database_is_in_use(full_room, tmp_path):
    """It is made by the database, not by copying its file."""
    with full_room.session() as session:
        students = len(session.scalars(select(Student)).all())
    back_up(full_room.engine, tmp_path / "copy.db")
    with sqlite3.connect(tmp_path / "copy.db") as copy:
        assert copy.execute("SELECT count(*) FROM student").fetchone() == (students,)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    shutil.copy(tmp_path / "copy.db", tmp_path / "again.db")
    with pytest.raises(CohortError, match="exists"):
        back_up(full_room.engine, tmp_path / "copy.db")


def test_a_backup_goes_where_something_can_be_written(room, tmp_path):
    """A folder that is not there is named."""
    with pytest.raises(CohortError, match=r"nothing can be written in .*nowhere"):
        back_up(room.engine, tmp_path / "nowhere" / "copy.db")


def test_a_lost_database_is_not_begun_anew(tmp_path):
    """What is missing or damaged is said, and nothing is put in its place."""
    room = Classroom.create(tmp_path / "class", "A", "UTC")
    room.engine.dispose()
    file = tmp_path / "class" / "class.db"
    for rest in tmp_path.glob("class/class.db*"):
        rest.unlink()
    with pytest.raises(CohortError, match=r"class\.db is missing; restore it"):
        Classroom.open(tmp_path / "class", tmp_path)
    assert not file.exists()
    file.write_bytes(b"no database at all, but long enough for a header" * 40)
    with pytest.raises(CohortError, match=r"class\.db is damaged .*restore it from a backup"):
        Classroom.open(tmp_path / "class", tmp_path).engine.connect()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("max_page_count = 1", "database or disk is full"),
        ("query_only = 1", "attempt to write a readonly database"),
    ],
)
def test_a_database_that_cannot_be_written_is_no_defect(full_room, setting, said):
    """What the machine has against it is said with the file; nothing is kept by half, and it works again later."""
    with (
        pytest.raises(EnvironmentFault, match=rf"class\.db cannot be written \({said}\)"),
        full_room.session() as session,
    ):
        session.execute(text(f"PRAGMA {setting}"))
        for number in range(300):
            events.record(session, "test", "x" * 500, after={"number": number})
            session.flush()
    full_room.engine.dispose()
    with full_room.session() as session:
        assert session.scalars(select(Event).where(Event.action == "test")).all() == []
        events.record(session, "test", "again")


def test_a_locked_database_is_waited_for_and_then_named(full_room, monkeypatch):
    """Not for ever: somebody else may have left a command open."""
    monkeypatch.setattr("grader.cohort.store.connection.BUSY_TIMEOUT_MS", 50)
    full_room.engine.dispose()
    with full_room.session() as first:
        first.execute(text("SELECT 1"))
        with pytest.raises(EnvironmentFault, match=r"class\.db has been in use"), full_room.session() as second:
            second.execute(text("SELECT 1"))


def test_where_a_class_was_looked_for_is_said_once(tmp_path, monkeypatch):
    """The folder of the project may be the one in which the command was given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRADER_CLASS", raising=False)
    with pytest.raises(CohortError) as caught:
        Classroom.open(None, tmp_path)
    assert str(caught.value).count(str(tmp_path / "class")) == 1
