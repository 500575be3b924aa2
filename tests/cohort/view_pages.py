"""Writes every kind of page, about a class and for a student, in which names, texts and sources are hostile."""

import shutil

from grader.cohort.classroom import Classroom
from grader.cohort.release.decisions import open_appeal
from grader.cohort.release.regrade import compare
from grader.cohort.running.bookkeeping import enter_documents
from grader.cohort.store.queries import QUEUED
from grader.cohort.store.tables import Assignment, Grading, Run, Submission
from grader.cohort.store.types import now
from grader.cohort.view.appeal_page import appeal_page
from grader.cohort.view.figures import class_figures
from grader.cohort.view.regrade_page import regrade_page
from grader.cohort.view.report import write_report
from grader.cohort.view.similar_pages import similar_works, write_similar
from grader.language.translation import speaking
from grader.report.html import to_html
from grader.report.json_report import document
from grader.score.document import LearningCurve
from tests.cohort.student_pages import STUDENT_PAGES, write_student_pages
from tests.cohort.view_class import LAB, PROJECT, fill, result_of, wrong
from tests.report import samples

# What no database and no file takes is taken out before anything is kept.
POISON = samples.POISON.replace("\ud800", "").replace("\x00", "")
CODE = """\
class ConvolutionLayer:
    def _conv_back(self, in_grad, out_grad, inputs_pad):
        print("</pre><script>document.title = 'run'</script><img src=x onerror=alert(1)>")
        for n in range(in_grad.shape[0] + {number}):
            in_grad[n] = {number} * out_grad[n] - inputs_pad[n, :, {number} : {number} + 3] ** {number} // {number}
            in_grad[n] -= ({number} + out_grad.sum()) % {number} if out_grad[n, {number}] > {number} else {number}
        for c in range({number}):
            out_grad[c, {number}] = in_grad[c] @ inputs_pad[{number}, c] + {number} * c
        return None
"""
PAGES = (
    "index.html", "map.html", "checks.html", "check-conv_backward.html", "mistakes.html", "speed.html",
    "student.html", "similar/index.html", "similar/pair-1.html", "appeal.html", "regrade.html", "result.html",
    "hostile.html", "trained.html", *STUDENT_PAGES,
)  # fmt: skip


def write_all(folder, language):
    """Write the pages in one language; return their folder."""
    room = Classroom.create(folder / "class", f"Deep learning {POISON}", "Europe/Berlin")
    results = [
        result_of(n, conv_backward=wrong("backward_padding_not_cropped", POISON, hint=POISON, failed_case=POISON))
        if n < 4
        else result_of(n, conv_forward=wrong("", POISON), max_pool_backward=wrong(POISON, POISON))
        if n < 8
        else result_of(n)
        for n in range(24)
    ]
    texts = [CODE.format(number=7 if n in (2, 3) else 100 + n) for n in range(24)]
    fill(room, folder / "files", results, texts, [POISON] * 24)
    out = folder / "pages"
    with speaking(language), room.session() as session:
        write_report(room, session, class_figures(room, session, PROJECT, LAB), out)
        student = next(iter(sorted((out / "students").iterdir())))
        shutil.copyfile(student, out / "student.html")
        write_similar(similar_works(room, session, PROJECT, LAB, (), 3), PROJECT, LAB, out / "similar")
        appeal = open_appeal(
            session, session.get_one(Assignment, 1), session.get_one(Submission, 1), "conv_backward", POISON
        )
        (out / "appeal.html").write_text(appeal_page(room, session, appeal.id), encoding="utf-8")
        run = session.get_one(Run, _regraded(room, session, results))
        (out / "regrade.html").write_text(regrade_page(room, session, run, compare(session, run)), encoding="utf-8")
        curve = LearningCurve(name="loss", steps=400, values=[2.3 / (n + 1) for n in range(200)])
        trained = samples.held("training", 100, "A training", 3.0).model_copy(update={"curves": [curve]})
        beyond = samples.broken_beyond()
        for name, result in (
            ("result", samples.timed().model_copy(update={"layers": samples.compared_layers()})),
            ("hostile", samples.hostile()),
            ("trained", beyond.model_copy(update={"checks": [*beyond.checks, trained]})),
        ):
            (out / f"{name}.html").write_text(to_html(result), encoding="utf-8")
        write_student_pages(out, language)
    return out


def _regraded(room, session, results):
    """Note a preview in which one student loses and others gain; return its run."""
    run = Run(
        assignment_id=1, kind="preview", started_at=now(), finished_at=now(), applied_at=None, release=POISON[:40],
        fixture_sha256="g", lab_sha256="l", grader_version="0.1", jail_level=3, host="host-2",
        options={"conditions": {"only": []}}, started_by="test",
    )  # fmt: skip
    session.add(run)
    session.flush()
    again = {
        f"again-{n}": document(result_of(n, network_build=wrong()) if n == 1 else result_of(n))
        for n in range(len(results))
    }
    for n, key in enumerate(again):
        session.add(Grading(run_id=run.id, submission_id=n + 1, key=key, status=QUEUED))
    session.flush()
    enter_documents(session, run.id, {key: [n + 1] for n, key in enumerate(again)}, again)
    return run.id
