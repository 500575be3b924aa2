"""The gradebook on a real PostgreSQL server, started for these tests where its programs are installed.

``GRADER_TEST_POSTGRESQL`` may name another server instead: ``postgresql+psycopg://user@host/database``, empty.
"""

import os
import pwd
import shutil
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("psycopg", reason="psycopg is not installed")

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select, text

from grader.cohort.classroom import Classroom
from grader.cohort.exports.rows import export_rows
from grader.cohort.release import decisions, regrade
from grader.cohort.running.runs import PREVIEW
from grader.cohort.status import status_of
from grader.cohort.store import events
from grader.cohort.store.tables import Base, CheckRow, Event, Grading, Run, Submission
from tests.cohort.stand_in_class import CONDITIONS, hand_in
from tests.cohort.test_release import Changed, graded

URL = os.environ.get("GRADER_TEST_POSTGRESQL", "")
PLACES = ("/usr/lib/postgresql", "/usr/local/pgsql")
START_LIMIT_S = 120


def program(name):
    """Return where a program of PostgreSQL is; None if it is nowhere."""
    found = [*sorted(Path(PLACES[0]).glob(f"*/bin/{name}")), Path(PLACES[1], "bin", name)]
    return shutil.which(name) or next((str(path) for path in reversed(found) if path.is_file()), None)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The URL of an empty server; skipped, with the reason, where there is none."""
    if URL:
        yield URL
        return
    initdb, pg_ctl = program("initdb"), program("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    place = tmp_path_factory.mktemp("postgresql")
    options = {}
    if os.geteuid() == 0:
        # The server refuses to run as root.
        try:
            account = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("there is no user `postgres` to run the server as")
        os.chown(place, account.pw_uid, account.pw_gid)
        for folder in place.parents[:3]:
            if folder.stat().st_uid == 0 and folder != Path("/tmp"):
                folder.chmod(folder.stat().st_mode | 0o011)
        options = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def run(*command):
        done = subprocess.run(
            command, cwd=place, capture_output=True, text=True, timeout=START_LIMIT_S, check=False, **options
        )
        assert done.returncode == 0, done.stdout + done.stderr

    run(initdb, "-D", str(place / "data"), "-U", "grader", "--auth=trust", "-E", "UTF8", "--no-sync")
    settings = f"-c listen_addresses='' -c unix_socket_directories='{place}' -c fsync=off"
    run(pg_ctl, "-D", str(place / "data"), "-o", settings, "-l", str(place / "log"), "-w", "start")
    yield f"postgresql+psycopg://grader@/postgres?host={place}"
    run(pg_ctl, "-D", str(place / "data"), "-m", "immediate", "stop")


@pytest.fixture
def room(server, tmp_path):
    """A class whose gradebook is on the server, emptied first."""
    from grader.cohort.store.connection import bare_engine

    engine = bare_engine(server)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    room = Classroom.create(tmp_path / "class", "Deep learning", "Asia/Shanghai", server)
    yield room
    room.engine.dispose()


def test_migrations_make_what_the_code_expects(room):
    """Nothing is left to do after the last of them."""
    with room.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_class_is_graded_regraded_and_exported(room, lab, tmp_path):
    """The same steps as with SQLite, with the same result."""
    numbers = hand_in(room, tmp_path, [{"score": score} for score in (60, 80, 100)])
    graded(room, lab, tmp_path)
    again = replace(CONDITIONS, release="2026.2", fixture_sha256="next")
    run_id = graded(room, lab, tmp_path, Changed((80, 80, 60)), kind=PREVIEW, conditions=again)
    with room.session() as session:
        found = regrade.compare(session, session.get_one(Run, run_id))
        assert [(move.before, move.after) for move in found.moves] == [(100, 60), (60, 80)]
        assert found.crossings == {80: (1, 1), 100: (0, 1)}
        assert regrade.apply(session, session.get_one(Run, run_id)) == (2, 1)
        assignment = room.assignment(session, "tiny")
        decisions.adjust(session, session.get_one(Submission, numbers[1]), points=5, score=None, reason="好")
        assert [row.grade.final for row in export_rows(session, assignment)] == [80, 85, 100]
        [status] = status_of(room, session)
        assert (status.graded, status.held) == (3, 1)
        assert session.scalar(select(func.count()).select_from(CheckRow)) == 18


def test_a_run_is_taken_up_again(room, lab, tmp_path):
    """An unfinished one is found, and nothing of it is doubled."""
    from tests.cohort.stand_in_class import begin

    hand_in(room, tmp_path, [{"score": 60}, {"score": 80}])
    _runs, plan = begin(room, lab, tmp_path)
    again, resumed = begin(room, lab, tmp_path)
    assert (resumed.resumed, resumed.run_id) == (True, plan.run_id)
    with room.session() as session:
        assert session.scalar(select(func.count()).select_from(Grading)) == 2
    assert not again.finish(resumed)


def test_writers_of_the_chain_wait_for_one_another(room):
    """Four at once: every event follows another one, and moments come back as they were written."""

    def write():
        for number in range(10):
            with room.session() as session:
                events.record(session, "test", str(number), after={"name": "王"})

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with room.session() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 41
        assert events.first_break(session) is None
