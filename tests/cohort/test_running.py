"""Grading many: every attempt exactly once, whatever dies, on both back ends."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy import func, select

from grader.cohort.problems import EnvironmentFault, Refusal
from grader.cohort.running import journal as journal_module
from grader.cohort.running.driving import drive_run
from grader.cohort.running.journal import Busy, Journal
from grader.cohort.running.perform import Grader, perform
from grader.cohort.running.pool import Pool
from grader.cohort.running.scratch import base, scratch_folder, sweep
from grader.cohort.running.slots import claimed_slot
from grader.cohort.running.tasks import State, Task
from grader.cohort.store.queries import current_gradings
from grader.cohort.store.tables import CheckRow, Grading, Run
from grader.report.progress import Progress
from tests.cohort.stand_in_class import CONDITIONS, MODULE, begin, hand_in
from tests.golden import ROOT


@pytest.fixture(autouse=True)
def own_slots(tmp_path, monkeypatch):
    """The processors of other gradings on this machine do not count here."""
    monkeypatch.setenv("GRADER_SLOTS", str(tmp_path / "slots"))
    monkeypatch.chdir(ROOT)


def pool(width=2, limit_s=60.0):
    """Open the default back end with the stand-in."""
    return Pool(width, 1, MODULE, limit_s)


def cluster(width=2, limit_s=60.0):
    """Open Dask with the stand-in."""
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    from grader.cohort.running.cluster import Cluster

    return Cluster(f"local:{width}", 1, MODULE)


@pytest.fixture(params=[pool, cluster], ids=["pool", "dask"])
def open_backend(request):
    """Each test runs on each back end."""
    return request.param


def scores(room):
    """Return the current score of every attempt; None where the grader failed."""
    with room.session() as session:
        assignment = room.assignment(session, "tiny")
        return {number: one.score for number, one in current_gradings(session, assignment.id).items()}


def begun(room):
    """Return how often each key was begun."""
    counts = {}
    place = room.folder / "begun"
    for line in place.read_text().splitlines() if place.exists() else []:
        counts[line.split()[0]] = counts.get(line.split()[0], 0) + 1
    return counts


def nothing_left(room):
    """Whether no entry, draft or temporary folder is there; another class at work on this host has its own."""
    running = list((room.folder / "running").iterdir())
    drafts = list((room.folder / "results").glob(".*"))
    assert (running, drafts, sweep()) == ([], [], 0)
    return True


def test_every_attempt_is_graded_once(room, lab, tmp_path, open_backend):
    """All scores are there, each key was begun once, no more at once than wide, and nothing is left over."""
    numbers = hand_in(room, tmp_path, [{"score": score} for score in (0, 60, 80, 100) * 4])
    runs, plan = begin(room, lab, tmp_path)
    summary = drive_run(runs, plan, open_backend, Progress())
    assert (summary.done, summary.failed, summary.troubles) == (16, [], [])
    assert scores(room) == dict(zip(numbers, (0, 60, 80, 100) * 4, strict=True))
    assert set(begun(room).values()) == {1}
    assert nothing_left(room)
    with room.session() as session:
        assert session.scalars(select(Run)).one().finished_at is not None
        assert session.scalar(select(func.count()).select_from(CheckRow)) == 16 * 3


def test_who_kills_the_grader_twice_gets_its_own_verdict(room, lab, tmp_path, open_backend):
    """And its neighbours lose nothing and are not graded again."""
    behaviours = [{"score": 80, "seconds": 0.05} for _ in range(12)]
    behaviours[5] = {"score": 100, "do": "die"}
    numbers = hand_in(room, tmp_path, behaviours)
    runs, plan = begin(room, lab, tmp_path)
    summary = drive_run(runs, plan, open_backend, Progress())
    found = scores(room)
    assert found.pop(numbers[5]) is None
    assert set(found.values()) == {80}
    [key] = summary.failed
    times = begun(room)
    assert times.pop(key) == 2
    assert set(times.values()) == {1}
    with room.session() as session:
        failed = session.scalars(select(Grading).where(Grading.status == "failed")).one()
        assert (failed.submission_id, failed.message) == (numbers[5], "it has ended the grader twice")
    assert nothing_left(room)


def test_a_broken_grader_charges_nobody(room, lab, tmp_path, open_backend):
    """An error of ours is tried twice, then it is ours, with its reason."""
    numbers = hand_in(room, tmp_path, [{"score": 60}, {"score": 60, "do": "raise"}])
    runs, plan = begin(room, lab, tmp_path)
    drive_run(runs, plan, open_backend, Progress())
    assert scores(room) == {numbers[0]: 60, numbers[1]: None}
    with room.session() as session:
        message = session.scalars(select(Grading.message).where(Grading.status == "failed")).one()
    assert message == "ValueError: the grader is broken"


def test_a_full_disk_stops_the_handing_out(room, lab, tmp_path, open_backend):
    """It costs nobody anything: what is done is kept, and the run goes on when there is room."""
    behaviours = [{"score": 60}] * 3 + [{"score": 60, "do": "full"}] + [{"score": 60, "seconds": 0.2}] * 20
    hand_in(room, tmp_path, behaviours)
    runs, plan = begin(room, lab, tmp_path)
    with pytest.raises(EnvironmentFault, match="No space left"):
        drive_run(runs, plan, open_backend, Progress())
    done = {key for key, _count in begun(room).items() if runs.journal.document(key)}
    assert 3 <= len(done) < 23
    with room.session() as session:
        assert session.scalar(select(func.count()).where(Grading.status == "failed")) == 0
        assert session.scalar(select(func.count()).where(Grading.status == "done")) == len(done)
    assert nothing_left(room)


def test_little_space_is_noticed_before(room, lab, tmp_path, monkeypatch):
    """A grading that could not be kept is not begun."""
    hand_in(room, tmp_path, [{"score": 60}])
    _runs, plan = begin(room, lab, tmp_path)
    monkeypatch.setattr(journal_module, "MIN_FREE_BYTES", 1 << 60)
    outcome = perform(plan.tasks[0], 0, Grader(MODULE))
    assert outcome.state is State.ENVIRONMENT
    assert "MiB are free" in outcome.detail
    assert begun(room) == {}


def test_changed_fixtures_stop_the_run(room, lab, tmp_path, open_backend):
    """Two releases are never mixed."""
    hand_in(room, tmp_path, [{"score": 60, "do": "mix"}])
    runs, plan = begin(room, lab, tmp_path)
    with pytest.raises(Refusal, match="are b now"):
        drive_run(runs, plan, open_backend, Progress())
    assert scores(room) == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"release": "2026.2", "fixture_sha256": "other"}, "were release 2026.1, and are 2026.2 now"),
        ({"jail_level": 2}, "the jail was level 3, and is 2 here"),
        ({"lab_sha256": "other"}, "the lab's files were changed"),
        ({"grader_version": "0.2"}, "the grader was version 0.1, and is 0.2 now"),
    ],
)
def test_a_run_goes_on_only_under_its_own_conditions(room, lab, tmp_path, change, message):
    """What differs is named; with a fresh run it does not matter."""
    from dataclasses import replace

    hand_in(room, tmp_path, [{"score": 60}])
    begin(room, lab, tmp_path)
    today = replace(CONDITIONS, **change)
    with pytest.raises(Refusal, match=message):
        begin(room, lab, tmp_path, conditions=today)
    if "lab_sha256" not in change:
        # Under another lab it would be looked at again what counts, and the stand-in's files do not.
        _runs, plan = begin(room, lab, tmp_path, conditions=today, fresh=True)
        assert not plan.resumed


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d["fixtures"][0].update(sha256="other"), "other fixtures"),
        (lambda d: d["jail"].update(level=1), "jail level 1"),
        (lambda d: d.update(complete=False), "half-graded"),
        (lambda d: d.pop("jail"), "no result document"),
    ],
)
def test_a_document_that_does_not_fit_is_refused(room, lab, tmp_path, edit, message):
    """Nothing of it reaches the gradebook."""
    hand_in(room, tmp_path, [{"score": 60}])
    runs, plan = begin(room, lab, tmp_path)
    assert perform(plan.tasks[0], 0, Grader(MODULE)).state is State.DONE
    place = runs.journal.place(plan.tasks[0].key)
    document = json.loads(place.read_text())
    edit(document)
    place.write_text(json.dumps(document))
    runs, plan = begin(room, lab, tmp_path)
    with pytest.raises(Refusal, match=message):
        drive_run(runs, plan, pool, Progress())
    assert scores(room) == {}


def test_equal_work_is_graded_once(room, lab, tmp_path):
    """Two attempts with the same key share one document, and each has its row."""
    numbers = hand_in(room, tmp_path, [{"score": 80, "number": 0}, {"score": 80, "number": 0}])
    runs, plan = begin(room, lab, tmp_path)
    assert len(plan.tasks) == 1
    drive_run(runs, plan, pool, Progress())
    assert scores(room) == dict.fromkeys(numbers, 80)


def test_a_damaged_result_is_made_again(room, lab, tmp_path):
    """A file that is cut off counts as none."""
    hand_in(room, tmp_path, [{"score": 80}])
    runs, plan = begin(room, lab, tmp_path)
    runs.journal.place(plan.tasks[0].key).write_text('{"score": 8')
    drive_run(runs, plan, pool, Progress())
    assert list(scores(room).values()) == [80]


def test_a_key_is_graded_by_one_process_at_a_time(room, lab, tmp_path):
    """The second is told that it is busy, and gets the result later."""
    hand_in(room, tmp_path, [{"score": 80}])
    runs, plan = begin(room, lab, tmp_path)
    [task] = plan.tasks
    with runs.journal.claim(task.key, "another", 0):
        assert perform(task, 0, Grader(MODULE)).state is State.BUSY
        with pytest.raises(Busy), runs.journal.claim(task.key, "one", 0):
            pass
        timer = threading.Timer(1.5, lambda: runs.journal.write(task.key, json.dumps(stand_in_document(task))))
        timer.start()
        drive_run(runs, plan, pool, Progress())
    assert list(scores(room).values()) == [100]
    assert begun(room) == {}


def stand_in_document(task):
    """Return what another process would have written."""
    from tests.cohort.stand_in import made

    return made(task, 100)


def test_a_death_with_the_whole_run_blames_nobody(room, lab, tmp_path):
    """Only what has ended a grader while its run went on is suspected."""
    journal = Journal(room.folder)
    journal.open()
    for session in ("a", "b", "c"):
        process = multiprocessing.get_context("fork").Process(target=die_with, args=(journal, session))
        process.start()
        process.join()
    with journal.claim("key", "d", 0) as claim:
        assert (claim.starts, claim.deaths, claim.hopeless) == (4, 0, False)
    for _ in range(2):
        process = multiprocessing.get_context("fork").Process(target=die_with, args=(journal, "e"))
        process.start()
        process.join()
    with journal.claim("key", "e", 0) as claim:
        assert claim.hopeless


def die_with(journal, session):
    """Claim a key and be killed."""
    with journal.claim("key", session, 0):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_hung_grading_is_ended(room, lab, tmp_path):
    """Its process is killed, and after two tries it is the grader's fault."""
    numbers = hand_in(room, tmp_path, [{"score": 80, "seconds": 600}, {"score": 60}])
    runs, plan = begin(room, lab, tmp_path)
    summary = drive_run(runs, plan, lambda: pool(limit_s=8.0), Progress())
    assert scores(room) == {numbers[0]: None, numbers[1]: 60}
    assert all("did not end and was killed" in line for line in summary.troubles)


def test_slots_are_seen_by_all_processes(tmp_path):
    """Two claims never give the same slot while there is another; a third one waits in vain."""
    with claimed_slot(1, 2) as first, claimed_slot(1, 2) as second:
        assert {first, second} == set(range(2)) or len(os.sched_getaffinity(0)) != 2
    processors = len(os.sched_getaffinity(0))
    with claimed_slot(processors, 1), pytest.raises(EnvironmentFault, match="are taken"), claimed_slot(1, 1, 0.1):
        pass


def test_folders_of_the_killed_are_swept(own_temporary_folder):
    """Those of the living stay."""

    def die():
        with scratch_folder("test") as folder:
            (folder / "secret.py").write_text("x")
            os.kill(os.getpid(), signal.SIGKILL)

    with scratch_folder("mine") as mine:
        process = multiprocessing.get_context("fork").Process(target=die)
        process.start()
        process.join()
        assert len(list(base().glob("class-*"))) == 2
        assert sweep() == 1
        assert mine.is_dir()
    assert list(base().glob("class-*")) == []


def test_a_task_survives_the_wire(room, lab, tmp_path):
    """What the back end gets is what was planned."""
    hand_in(room, tmp_path, [{"score": 80}])
    _runs, plan = begin(room, lab, tmp_path)
    assert Task.from_json(plan.tasks[0].to_json()) == plan.tasks[0]


RUNNER = """
import sys
from pathlib import Path
from grader.cohort.classroom import Classroom
from grader.cohort.running.driving import drive_run
from grader.project.contract import load_lab
from grader.report.progress import Progress
from tests.cohort.stand_in_class import begin
from tests.cohort import test_running as here

if __name__ == "__main__":
    folder, lab, kind = sys.argv[1:]
    room = Classroom.open(Path(folder), Path("/"))
    runs, plan = begin(room, load_lab(Path(lab)), Path(folder), scheduler=here.new_scheduler())
    drive_run(runs, plan, getattr(here, kind), Progress())
"""


def new_scheduler():
    """Name a scheduler, as the command does."""
    from grader.cohort.running.driving import new_scheduler as new

    return new()


@pytest.mark.parametrize("kind", ["pool", "cluster"])
def test_a_run_that_is_killed_goes_on(room, lab, tmp_path, kind):
    """Killed as a whole, twice: in the end every attempt has exactly one current grading, as undisturbed."""
    wanted = [(0, 60, 80, 100)[number % 4] for number in range(24)]
    numbers = hand_in(room, tmp_path, [{"score": score, "seconds": 0.1} for score in wanted])
    script = tmp_path / "runner.py"
    script.write_text(RUNNER)
    command = [sys.executable, str(script), str(room.folder), str(lab.folder), kind]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(2):
        runner = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
        deadline = time.monotonic() + 60
        enough = len(list((room.folder / "results").glob("*.json"))) + 3
        while len(list((room.folder / "results").glob("*.json"))) < enough and time.monotonic() < deadline:
            time.sleep(0.02)
        runner.kill()
        runner.wait()
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=120)
    assert scores(room) == dict(zip(numbers, wanted, strict=True))
    with room.session() as session:
        assert session.scalar(select(func.count()).select_from(Grading)) == len(numbers)
    assert nothing_left(room)


def test_who_is_killed_after_its_document_leaves_no_entry(room, lab, tmp_path, open_backend):
    """The document is there, its entry is not gone yet: nobody grades the key again, so nobody else removes it."""
    numbers = hand_in(room, tmp_path, [{"score": score} for score in (60, 80, 100)])
    runs, plan = begin(room, lab, tmp_path)
    drive_run(runs, plan, open_backend, Progress())
    journal = Journal(room.folder)
    keys = sorted(file.stem for file in journal.results.glob("*.json"))
    for key, seconds in zip(keys, (-5, 0, 5), strict=True):
        entry = journal.running / key
        entry.write_text("{}")
        written_ns = journal.place(key).stat().st_mtime_ns + seconds * 10**9
        os.utime(entry, ns=(written_ns, written_ns))
    with journal.claim("held", "someone", 0):
        journal.place("held").write_text("{}")
        journal.tidy()
        assert sorted(file.name for file in journal.running.iterdir()) == sorted([keys[2], "held"])
    journal.place("held").unlink()
    os.utime(journal.running / keys[2], ns=(0, 0))
    hand_in(room, tmp_path, [{"score": 60, "name": "one more"}])
    drive_run(*begin(room, lab, tmp_path), open_backend, Progress())
    assert nothing_left(room)
    assert len(scores(room)) == len(numbers) + 1


STARTING = """
import os, signal
from grader.cohort.running.pool import Pool
signal.signal(signal.SIGINT, lambda number, frame: None)
pool = Pool(1, 1, 'tests.cohort.stand_in', 60.0)
worker = pool._start()
os.killpg(0, signal.SIGINT)
worker.process.stdin.close()
print(worker.process.wait(60))
"""


def test_ctrl_c_while_a_grading_process_starts_leaves_it_to_the_parent():
    """The new process neither dies of it nor prints a traceback, however early it comes."""
    done = subprocess.run(
        [sys.executable, "-c", STARTING],
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
