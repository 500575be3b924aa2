"""Makes classes whose attempts say how grading them is to behave; see `tests.cohort.stand_in`."""

import json

from grader.cohort.intake.originals import digest_of, digest_of_all, keep
from grader.cohort.running.keys import Conditions
from grader.cohort.running.runs import Runs, Wanted
from grader.cohort.store.tables import Blob, Student, Submission, SubmissionAuthor, SubmissionFile
from grader.cohort.store.types import now

CONDITIONS = Conditions("tiny", "lab", "2026.1", "fixture", "0.1", 3)
MODULE = "tests.cohort.stand_in"


def hand_in(room, scratch, behaviours, students=True):
    """Put one attempt for each behaviour into the gradebook; return their numbers."""
    numbers = []
    with room.session() as session:
        course = room.course(session)
        assignment = room.ensured_assignment(session, "tiny")
        start = session.query(Student).count()
        for number, behaviour in enumerate(behaviours, start):
            file = scratch / f"behaviour-{number}.json"
            file.write_text(json.dumps({"number": number, **behaviour}))
            sha256 = digest_of(file)
            keep(room.originals, file, sha256)
            whole = digest_of_all({"behaviour.json": sha256})
            student = Student(
                course_id=course.id,
                sid=f"s{number:05}",
                name=f"Student {number}",
                pseudonym=room.pseudonym(str(number)),
            )
            attempt = Submission(
                assignment_id=assignment.id,
                number=1,
                submitted_at=None,
                received_at=now(),
                source="test",
                original_name=file.name,
                sha256=whole,
                collected_sha256=whole,
                lab_sha256="lab",
                notes=[],
            )
            session.add_all([student, attempt])
            session.merge(Blob(sha256=sha256, bytes_path=sha256, size=1))
            session.flush()
            session.add(SubmissionAuthor(submission_id=attempt.id, student_id=student.id))
            session.add(SubmissionFile(submission_id=attempt.id, path="behaviour.json", sha256=sha256))
            session.flush()
            numbers.append(attempt.id)
    return numbers


def runs_of(room, lab, root):
    """Return the runs of the tiny lab."""
    from grader.project.places import Project

    return Runs(room, Project(root), lab)


def begin(room, lab, root, scheduler="one", conditions=CONDITIONS, **wanted):
    """Begin or resume a run; return runs and plan."""
    runs = runs_of(room, lab, root)
    return runs, runs.begin(Wanted(**wanted), conditions, scheduler)
