"""Simulates classes of 100, 1,000 and 10,000: the real scheduler, journal and database, a stand-in for the jail.

``python -m benchmarks.class_simulation [LAB] [N...]`` prints for each size what a submission costs beside its own
time, how much memory the runner needs, and how long it takes to write the report on the class, to open the
status, to preview a regrade, to export.
``--cluster local:2`` does the same on Dask. ``--report`` measures the report alone: results are put there at once.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.class_stand_in import SCORES, document
from grader.cohort.classroom import Classroom
from grader.cohort.exports.rows import export_rows
from grader.cohort.exports.tables import plain_table
from grader.cohort.intake.originals import digest_of, digest_of_all, keep
from grader.cohort.release.regrade import apply, compare, run_of
from grader.cohort.running.driving import drive_run, new_scheduler
from grader.cohort.running.journal import Journal
from grader.cohort.running.keys import Conditions, conditions_of
from grader.cohort.running.pool import Pool
from grader.cohort.running.runs import GRADE, PREVIEW, Runs, Wanted
from grader.cohort.running.tasks import Backend
from grader.cohort.status import status_of
from grader.cohort.store.queries import insert_all
from grader.cohort.store.tables import Blob, Student, Submission, SubmissionAuthor, SubmissionFile
from grader.cohort.store.types import now
from grader.cohort.view.figures import class_figures
from grader.cohort.view.report import write_report
from grader.project.places import Project
from grader.report.progress import Progress

MODULE = "benchmarks.class_stand_in"
JOBS = 2
MIB = 1 << 20


def fill(room: Classroom, lab: str, lab_sha256: str, count: int) -> None:
    """Put students with one attempt each into the gradebook, as taking them in would."""
    file = room.folder / "one.py"
    file.write_text("pass\n")
    sha256 = digest_of(file)
    place = keep(room.originals, file, sha256)
    with room.session() as session:
        course, assignment = room.course(session), room.ensured_assignment(session, lab)
        session.add(Blob(sha256=sha256, bytes_path=place, size=file.stat().st_size))
        session.flush()
        students = [
            {
                "id": number,
                "course_id": course.id,
                "sid": f"{number:06}",
                "name": f"Student {number}",
                "email": f"{number}@uni.example",
                "section": "",
                "team": "",
                "pseudonym": room.pseudonym(str(number)),
                "active": True,
            }
            for number in range(1, count + 1)
        ]
        attempts = [
            {
                "id": number,
                "assignment_id": assignment.id,
                "number": 1,
                "received_at": now(),
                "source": "simulation",
                "original_name": f"{number:06}",
                "sha256": digest_of_all({str(number): sha256}),
                # Every one different, as in a class; the stand-in does not look at them.
                "collected_sha256": digest_of_all({str(number): sha256}),
                "lab_sha256": lab_sha256,
                "marked_late": False,
                "problem": "",
                "notes": [],
            }
            for number in range(1, count + 1)
        ]
        insert_all(session, Student, students)
        insert_all(session, Submission, attempts)
        numbers = range(1, count + 1)
        insert_all(session, SubmissionAuthor, ({"submission_id": n, "student_id": n} for n in numbers))
        insert_all(
            session, SubmissionFile, ({"submission_id": n, "path": "one.py", "sha256": sha256} for n in numbers)
        )


def timed(what: Callable[[], object]) -> float:
    """Return how long something takes."""
    began = time.monotonic()
    what()
    return time.monotonic() - began


def report_alone(lab_name: str, count: int) -> None:
    """Put a class's results there without grading, write the report on it, and print a line."""
    project = Project.find()
    lab = project.lab(lab_name)
    conditions = conditions_of(project, lab, 3)
    with tempfile.TemporaryDirectory(prefix="simulation-") as folder:
        room = Classroom.create(Path(folder) / "class", "Simulated", "UTC")
        fill(room, lab.name, conditions.lab_sha256, count)
        runs, journal = Runs(room, project, lab), Journal(room.folder)
        journal.open()
        plan = runs.begin(Wanted(GRADE), conditions, new_scheduler())
        for task in plan.tasks:
            made = document(task, SCORES[int(task.key[:12], 16) % len(SCORES)])
            journal.place(task.key).write_text(json.dumps(made), encoding="utf-8")
        runs.settle_keys(plan, list(plan.by_key))
        began, worked = time.monotonic(), time.process_time()
        with room.session() as session:
            pages = write_report(room, session, class_figures(room, session, project, lab), Path(folder) / "report")
        wall_s, cpu_s = time.monotonic() - began, time.process_time() - worked
        longest = max((Path(folder) / "report").glob("*.html"), key=lambda file: file.stat().st_size)
        print(
            f"{count:>6}: report in {wall_s:.1f} s, of processor {cpu_s:.1f} s ({1000 * cpu_s / count:.1f} ms a "
            f"student), {pages} pages, the longest {longest.name} of {longest.stat().st_size >> 10} KiB; peak "
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB; load {os.getloadavg()[0]:.1f}",
            flush=True,
        )


def simulate(lab_name: str, count: int, cluster: str | None) -> None:
    """Grade, regrade and look at one class, and print a line."""
    project = Project.find()
    lab = project.lab(lab_name)
    conditions = conditions_of(project, lab, 3)

    def open_backend() -> Backend:
        if cluster is not None:
            from grader.cohort.running.cluster import Cluster

            return Cluster(cluster, 1, MODULE)
        return Pool(JOBS, 1, MODULE, 60.0)

    with tempfile.TemporaryDirectory(prefix="simulation-") as folder:
        room = Classroom.create(Path(folder) / "class", "Simulated", "UTC")
        fill_s = timed(lambda: fill(room, lab.name, conditions.lab_sha256, count))
        runs = Runs(room, project, lab)

        def run(kind: str, under: Conditions) -> tuple[int, float, float, int]:
            plan_began = time.monotonic()
            plan = runs.begin(Wanted(kind), under, new_scheduler())
            plan_s = time.monotonic() - plan_began
            with Progress() as progress:
                began = time.monotonic()
                summary = drive_run(runs, plan, open_backend, progress)
            return plan.run_id, plan_s, time.monotonic() - began, len(summary.failed)

        _first, plan_s, wall_s, failed = run(GRADE, conditions)
        own = resource.getrusage(resource.RUSAGE_SELF)
        below = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_ms = 1000 * (own.ru_utime + own.ru_stime) / count
        workers_ms = 1000 * (below.ru_utime + below.ru_stime) / count
        second, _plan_s, _wall_s, _failed = run(PREVIEW, replace(conditions, release="next"))

        def status() -> None:
            with room.session() as session:
                status_of(room, session)

        def preview() -> None:
            with room.session() as session:
                compare(session, run_of(session, second))

        def let_count() -> None:
            with room.session() as session:
                apply(session, run_of(session, second))

        def export() -> None:
            with room.session() as session:
                plain_table(room, export_rows(session, room.assignment(session, lab.name)))

        def report() -> None:
            with room.session() as session:
                write_report(room, session, class_figures(room, session, project, lab), Path(folder) / "report")

        times = {
            "report": timed(report),
            "status": timed(status), "preview": timed(preview), "apply": timed(let_count), "export": timed(export),
        }  # fmt: skip
        disk = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    print(
        f"{count:>6}: {1000 * wall_s / count:.1f} ms wall a submission, processor {cpu_ms:.1f} ms in the runner, "
        f"{workers_ms:.1f} ms in {cluster or JOBS} workers; runner's peak {own.ru_maxrss >> 10} MiB; "
        f"fill {fill_s:.1f} s, plan {plan_s:.2f} s, "
        + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in times.items())
        + f"; {disk / MIB:.0f} MiB on disk; {failed} ended the grader twice",
        flush=True,
    )


def main() -> None:
    """Simulate each size in a process of its own, so that the peaks are its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lab", nargs="?", default="lenet")
    parser.add_argument("sizes", nargs="*", type=int, default=[100, 1000, 10_000])
    parser.add_argument("--cluster")
    parser.add_argument("--report", action="store_true", help="Measure the report alone.")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one and given.report:
        report_alone(given.lab, given.sizes[0])
        return
    if given.one:
        simulate(given.lab, given.sizes[0], given.cluster)
        return
    options = ["--cluster", given.cluster] if given.cluster else ["--report"] * given.report
    for size in given.sizes:
        command = [sys.executable, "-m", "benchmarks.class_simulation", given.lab, str(size), "--one", *options]
        subprocess.run(command, check=True, env={**os.environ, "GRADER_SLOTS": tempfile.mkdtemp(prefix="slots-")})


if __name__ == "__main__":
    main()
