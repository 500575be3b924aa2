"""Grades, decisions by hand, regrades and appeals: derived beside the gradings, which never change."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import select

from grader.cohort.problems import CohortError, Refusal
from grader.cohort.release import decisions, regrade
from grader.cohort.release.grades import grades_of
from grader.cohort.running.perform import Grader, perform
from grader.cohort.running.runs import PREVIEW
from grader.cohort.store import events
from grader.cohort.store.queries import current_gradings
from grader.cohort.store.tables import Event, Extension, Grading, Run, Student, Submission, SubmissionAuthor
from grader.cohort.store.types import now
from tests.cohort.stand_in_class import CONDITIONS, MODULE, begin, hand_in

DUE = datetime(2026, 3, 28, 23, 59, tzinfo=timezone.utc)
DAY = timedelta(days=1)
NEXT = replace(CONDITIONS, release="2026.2", fixture_sha256="next")


def graded(room, lab, tmp_path, grader=None, **wanted):
    """Run what is due, in this process; return the number of the run."""
    runs, plan = begin(room, lab, tmp_path, **wanted)
    for task in plan.tasks:
        perform(task, 0, grader or Grader(MODULE))
    runs.settle_keys(plan, list(plan.by_key))
    assert runs.finish(plan)
    return plan.run_id


def finals(room):
    """Return the final points by student id."""
    with room.session() as session:
        return {grade.student.sid: grade.final for grade in grades_of(session, room.assignment(session, "tiny"))}


class Changed(Grader):
    """A grader that gives other scores than the attempts ask for."""

    def __init__(self, scores):
        super().__init__(MODULE)
        from tests.cohort import stand_in

        left = iter(scores)
        self.grade = lambda task, slot: __import__("json").dumps(stand_in.made(task, next(left)))


@pytest.fixture
def graded_room(room, lab, tmp_path):
    """Three students with 60, 80 and 100, and their attempts."""
    numbers = hand_in(room, tmp_path, [{"score": score} for score in (60, 80, 100)])
    graded(room, lab, tmp_path)
    return room, numbers


def second_attempt(room, scratch, score, student, submitted=None):
    """Hand in once more for a student; return the attempt."""
    [number] = hand_in(room, scratch, [{"score": score}])
    with room.session() as session:
        attempt = session.get_one(Submission, number)
        attempt.number, attempt.submitted_at = 2, submitted
        author = session.scalars(select(SubmissionAuthor).where(SubmissionAuthor.submission_id == number)).one()
        newcomer = session.get_one(Student, author.student_id)
        author.student_id = session.scalars(select(Student.id).where(Student.sid == student)).one()
        newcomer.active = False
    return number


def test_grades_are_derived(graded_room):
    """Points are the score's share of the lab's points; who handed in nothing has none, with the reason."""
    room, _numbers = graded_room
    with room.session() as session:
        decisions.set_rules(session, room.assignment(session, "tiny"), max_points=50.0)
        course = room.course(session)
        session.add(Student(course_id=course.id, sid="zz", pseudonym="pppppppp"))
    assert finals(room) == {"s00000": 30, "s00001": 40, "s00002": 50, "zz": None}
    with room.session() as session:
        assert grades_of(session, room.assignment(session, "tiny"))[-1].why == "nothing was handed in"


@pytest.mark.parametrize(("rule", "final"), [("best", 80), ("last", 60), ("chosen", None)])
def test_which_attempt_counts(graded_room, lab, tmp_path, rule, final):
    """Best, last, or the one that a person has chosen."""
    room, _numbers = graded_room
    number = second_attempt(room, tmp_path, 60, "s00001")
    graded(room, lab, tmp_path)
    with room.session() as session:
        decisions.set_rules(session, room.assignment(session, "tiny"), attempt=rule)
    assert finals(room)["s00001"] == final
    with room.session() as session:
        student = decisions.student_of(room, session, "s00001")
        decisions.choose(session, session.get_one(Submission, number), student, "asked for it")
    assert finals(room)["s00001"] == 60


def test_the_best_attempt_is_the_best_after_lateness(graded_room, lab, tmp_path):
    """A late 100 at half is less than an 80 in time; an extension turns it."""
    room, _numbers = graded_room
    second_attempt(room, tmp_path, 100, "s00001", DUE + DAY)
    graded(room, lab, tmp_path)
    with room.session() as session:
        assignment = room.assignment(session, "tiny")
        decisions.set_rules(session, assignment, due_at=DUE, policy={"kind": "per_day", "percent": 50})
    assert finals(room)["s00001"] == 80
    with room.session() as session:
        assignment = room.assignment(session, "tiny")
        decisions.extend(session, assignment, decisions.student_of(room, session, "s00001"), DUE + DAY, "ill")
        assert session.scalars(select(Extension)).one().granted_by == events.actor()
    assert finals(room)["s00001"] == 100


def test_slip_days_are_shared_over_the_course(room, lab, tmp_path):
    """Spent in the order of due dates, whatever the order in which labs were taken in."""
    [number] = hand_in(room, tmp_path, [{"score": 100}])
    graded(room, lab, tmp_path)
    rule = {"kind": "slip_days", "days": 3, "percent": 25}
    with room.session() as session:
        later = room.assignment(session, "tiny")
        decisions.set_rules(session, later, due_at=DUE + 30 * DAY, policy=rule)
        session.get_one(Submission, number).submitted_at = DUE + 32 * DAY
        earlier = room.ensured_assignment(session, "another")
        decisions.set_rules(session, earlier, due_at=DUE, policy=rule)
        attempt = Submission(
            assignment_id=earlier.id, number=1, submitted_at=DUE + 2 * DAY, received_at=now(), source="test",
            original_name="", sha256="", collected_sha256="", lab_sha256="", notes=[],
        )  # fmt: skip
        session.add(attempt)
        session.flush()
        student = session.scalars(select(Student)).one()
        session.add(SubmissionAuthor(submission_id=attempt.id, student_id=student.id))
    with room.session() as session:
        [grade] = grades_of(session, room.assignment(session, "tiny"))
    assert (grade.late.slip_days, grade.late.factor, grade.final) == (1, 0.75, 75)


def test_adjustments_stand_beside_the_grading(graded_room):
    """Points add, a set score replaces, later ones come later; the grading keeps its score."""
    room, numbers = graded_room
    with room.session() as session:
        attempt = session.get_one(Submission, numbers[0])
        decisions.adjust(session, attempt, points=5, score=None, reason="nice plot")
        assert grades_of(session, room.assignment(session, "tiny"))[0].final == 65
        decisions.adjust(session, attempt, points=None, score=70, reason="regraded by hand")
        decisions.adjust(session, attempt, points=-1, score=None, reason="typo")
        grade = grades_of(session, room.assignment(session, "tiny"))[0]
        assert (grade.raw, grade.final, grade.grading.score) == (60, 69, 60)
        assert grade.reasons == ("nice plot", "regraded by hand", "typo")
        with pytest.raises(CohortError, match="needs a reason"):
            decisions.adjust(session, attempt, points=5, score=None, reason=" ")
        for score in (-1, 500):
            with pytest.raises(CohortError, match="a score lies between 0 and 100; --points gives more"):
                decisions.adjust(session, attempt, points=None, score=score, reason="a slip of the finger")


def test_a_preview_changes_nothing(graded_room, lab, tmp_path):
    """It says who moves, which verdicts change, and who crosses which tier; then it can be applied."""
    room, numbers = graded_room
    before = finals(room)
    run_id = graded(room, lab, tmp_path, Changed((80, 80, 60)), kind=PREVIEW, conditions=NEXT)
    assert finals(room) == before
    with room.session() as session:
        found = regrade.compare(session, session.get_one(Run, run_id))
    assert [(move.submission_id, move.before, move.after) for move in found.moves] == [
        (numbers[2], 100, 60),
        (numbers[0], 60, 80),
    ]
    assert found.same == 1
    assert found.verdicts == [
        ("second", "pass", "wrong", 1),
        ("third", "pass", "wrong", 1),
        ("second", "wrong", "pass", 1),
    ]
    assert found.crossings == {80: (1, 1), 100: (0, 1)}
    assert found.differences == ["run 1: fixtures 2026.1, now 2026.2"]


def test_a_lower_score_waits_for_a_person(graded_room, lab, tmp_path):
    """Applied without further word, nobody loses; then each can be accepted or put aside."""
    room, numbers = graded_room
    run_id = graded(room, lab, tmp_path, Changed((80, 60, 60)), kind=PREVIEW, conditions=NEXT)
    with room.session() as session:
        assert regrade.apply(session, session.get_one(Run, run_id)) == (3, 2)
    assert list(finals(room).values()) == [80, 80, 100]
    with room.session() as session:
        assignment = room.assignment(session, "tiny")
        assert [(row.score, now_) for row, now_ in regrade.held_back(session, assignment.id)] == [
            (60, 80),
            (60, 100),
        ]
        regrade.decide(session, assignment.id, numbers[1], accept=True, reason="was a leak")
        regrade.decide(session, assignment.id, numbers[2], accept=False, reason="the new case is unfair")
        assert regrade.held_back(session, assignment.id) == []
        with pytest.raises(CohortError, match="no lower score"):
            regrade.decide(session, assignment.id, numbers[2], accept=True, reason="")
    assert list(finals(room).values()) == [80, 60, 100]
    with room.session() as session, pytest.raises(Refusal, match="counts already"):
        regrade.apply(session, session.get_one(Run, run_id))


def test_lower_scores_count_where_it_is_said(graded_room, lab, tmp_path):
    """And the gradings of before are all still there."""
    room, _numbers = graded_room
    run_id = graded(room, lab, tmp_path, Changed((0, 0, 0)), kind=PREVIEW, conditions=NEXT)
    with room.session() as session:
        regrade.apply(session, session.get_one(Run, run_id), lower=True)
    assert list(finals(room).values()) == [0, 0, 0]
    with room.session() as session:
        assert sorted(session.scalars(select(Grading.score))) == [0, 0, 0, 60, 80, 100]


def test_half_graded_runs_are_not_compared(graded_room, lab, tmp_path):
    """A run of some checks has no score that could count."""
    room, _numbers = graded_room
    part = replace(NEXT, only=("first",))
    run_id = graded(room, lab, tmp_path, kind=PREVIEW, conditions=part)
    with room.session() as session:
        run = session.get_one(Run, run_id)
        with pytest.raises(Refusal, match="not made with the same checks"):
            regrade.compare(session, run)
        with pytest.raises(Refusal, match="only a part of the checks"):
            regrade.apply(session, run)


def test_an_unfinished_run_does_not_count(graded_room, lab, tmp_path):
    """What is missing would be missed."""
    room, _numbers = graded_room
    _runs, plan = begin(room, lab, tmp_path, kind=PREVIEW, conditions=NEXT)
    with room.session() as session, pytest.raises(Refusal, match="is unfinished"):
        regrade.apply(session, session.get_one(Run, plan.run_id))


def test_what_is_not_repeatable_is_named(graded_room, lab, tmp_path):
    """Another verdict under the same key: the submission leaves something to chance."""
    room, numbers = graded_room
    run_id = graded(room, lab, tmp_path, Changed((60, 60, 100)), kind=PREVIEW, again=True)
    with room.session() as session:
        assert regrade.compare(session, session.get_one(Run, run_id)).unsteady == [numbers[1]]


def test_an_appeal_points_to_a_check_and_keeps_its_answer(graded_room):
    """It needs a check that exists and an answer, and is closed once."""
    room, numbers = graded_room
    with room.session() as session:
        assignment = room.assignment(session, "tiny")
        attempt = session.get_one(Submission, numbers[0])
        with pytest.raises(CohortError, match="it has: first, second, third"):
            decisions.open_appeal(session, assignment, attempt, "fourth", "why")
        appeal = decisions.open_appeal(session, assignment, attempt, "second", "my padding is right")
        assert [one.id for one, _g, _s in decisions.appeals_of(session, assignment)] == [appeal.id]
        with pytest.raises(CohortError, match="with an answer"):
            decisions.answer_appeal(session, appeal.id, "", accepted=True)
        decisions.answer_appeal(session, appeal.id, "it is; see the handout", accepted=True)
        assert decisions.appeals_of(session, assignment) == []
        with pytest.raises(CohortError, match="no open appeal"):
            decisions.answer_appeal(session, appeal.id, "again", accepted=False)
        assert appeal.state == "accepted"


def test_every_decision_leaves_an_event(graded_room):
    """The chain holds, and names no student but by pseudonym."""
    room, numbers = graded_room
    with room.session() as session:
        assignment = room.assignment(session, "tiny")
        student = decisions.student_of(room, session, "s00000")
        decisions.set_rules(session, assignment, due_at=DUE)
        decisions.extend(session, assignment, student, DUE + DAY, "ill")
        decisions.adjust(session, session.get_one(Submission, numbers[0]), points=1, score=None, reason="x")
        decisions.choose(session, session.get_one(Submission, numbers[0]), student, "x")
        found = session.scalars(select(Event).order_by(Event.id)).all()
        assert [event.action for event in found][-4:] == ["rules", "extension", "adjustment", "choice"]
        assert not any("s00000" in event.subject or "Student 0" in event.subject for event in found)
        assert events.first_break(session) is None
        assert len(current_gradings(session, assignment.id)) == 3
