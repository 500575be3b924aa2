"""Makes classes of vgg16 whose results are told, without grading anything: what pages are written from."""

from grader.cohort.intake.originals import digest_of, digest_of_all, keep
from grader.cohort.running.bookkeeping import enter_documents
from grader.cohort.running.journal import Journal
from grader.cohort.store.queries import QUEUED
from grader.cohort.store.tables import Blob, Grading, Run, Student, Submission, SubmissionAuthor, SubmissionFile
from grader.cohort.store.types import now
from grader.project.places import Project
from grader.report.json_report import document, to_json
from grader.score.document import CheckResult
from grader.score.tiers import score_tiers
from grader.verdicts import Verdict
from tests.golden import ROOT
from tests.report import samples

PROJECT = Project(ROOT)
LAB = PROJECT.lab("vgg16")

# What a student writes of a hole: the same but for a name.
HOLE = '''class ConvolutionLayer:
    def _conv_back(self, in_grad, out_grad, inputs_pad):
        """Docstring."""
        secret_of_{number} = in_grad.shape
        return secret_of_{number}
'''


def result_of(number, **failures):
    """Return a result in which the named checks fail as told; ``number`` makes it another one than others."""
    checks = []
    for check in LAB.checks.values():
        values = {"id": check.id, "tier": check.tier, "title": check.title, "verdict": Verdict.PASS, "seconds": 0.1}
        checks.append(CheckResult.model_validate({**values, **failures.get(check.id, {})}))
    score, tiers = score_tiers(LAB.facts.tiers, checks, LAB.check_tiers)
    return samples.honest(
        lab="vgg16",
        submission=samples.SubmissionInfo(path=f"work-{number}", sha256=f"{number:064x}"),
        checks=checks,
        tiers=tiers,
        score=score,
        layers=samples.compared_layers(),
    )


def wrong(name="", message="`in_grad` differs in 12 % of its entries.", **more):
    """Return how a check fails: by a known mistake, or by one without a name."""
    return {"verdict": Verdict.WRONG, "message": message, "misconception": name or None, **more}


def fill(room, scratch, results, sources=(), names=()):
    """Put a student with one attempt into the gradebook for each result; return the run that graded them."""
    journal = Journal(room.folder)
    journal.open()
    scratch.mkdir(parents=True, exist_ok=True)
    with room.session() as session:
        course, assignment = room.course(session), room.ensured_assignment(session, "vgg16")
        run = Run(
            assignment_id=assignment.id, kind="grade", started_at=now(), finished_at=now(), applied_at=now(),
            release="vgg16-1-test", fixture_sha256="f", lab_sha256="l", grader_version="0.1", jail_level=3,
            host="host-1", options={"conditions": {"only": []}}, started_by="test",
        )  # fmt: skip
        session.add(run)
        session.flush()
        by_key, documents = {}, {}
        for number, result in enumerate(results):
            work = _attempt(room, session, scratch, number, assignment, course, sources, names)
            key = f"{run.id:032x}{number:032x}"
            session.add(Grading(run_id=run.id, submission_id=work.id, key=key, status=QUEUED))
            by_key[key], documents[key] = [work.id], document(result)
            journal.write(key, to_json(documents[key]))
        session.flush()
        enter_documents(session, run.id, by_key, documents)
        run.finished_at = now()
        return run.id


def _attempt(room, session, scratch, number, assignment, course, sources, names):
    file = scratch / f"{number}.py"
    file.write_text(sources[number] if number < len(sources) else f"# {number}\n", encoding="utf-8")
    sha256 = digest_of(file)
    keep(room.originals, file, sha256)
    session.merge(Blob(sha256=sha256, bytes_path=sha256, size=1))
    student = Student(
        course_id=course.id,
        sid=f"s{number:05}",
        name=names[number] if number < len(names) else f"Student {number}",
        pseudonym=room.pseudonym(str(number)),
    )
    work = Submission(
        assignment_id=assignment.id, number=1, submitted_at=None, received_at=now(), source="test",
        original_name=student.name, sha256=digest_of_all({"layer.py": sha256}), collected_sha256=sha256,
        lab_sha256="l", notes=[],
    )  # fmt: skip
    session.add_all([student, work])
    session.flush()
    session.add(SubmissionAuthor(submission_id=work.id, student_id=student.id))
    session.add(SubmissionFile(submission_id=work.id, path="layer.py", sha256=sha256))
    session.flush()
    return work
