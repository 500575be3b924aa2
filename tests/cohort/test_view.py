"""What a class shows: the figures, the pages made of them."""

import json
import os
import re
from pathlib import Path

import pytest
from sqlalchemy import update

from grader.cohort.problems import CohortError
from grader.cohort.release.decisions import answer_appeal, open_appeal
from grader.cohort.store.tables import Assignment, Grading, Submission, SubmissionAuthor
from grader.cohort.view.appeal_page import appeal_page
from grader.cohort.view.figures import class_figures, figures_as_json
from grader.cohort.view.folder import write_pages
from grader.cohort.view.report import ROWS, UNFOLDED, write_report
from grader.project.fixtures import PAIR_SIGN
from grader.project.library import mistake_texts
from tests.cohort.view_class import HOLE, LAB, PROJECT, fill, result_of, wrong

PLANTED, RARE = "backward_padding_not_cropped", "backward_stride_ignored"


def figures_of(room, **options):
    """Return the figures of the class."""
    with room.session() as session:
        return class_figures(room, session, PROJECT, LAB, **options)


def test_a_mistake_of_thirty_in_two_hundred_stands_at_the_top_by_its_name(room, tmp_path):
    """Its title, its hole, how many, what to say, and what one of them wrote; others are scattered below it."""
    results = [
        result_of(n, conv_backward=wrong(PLANTED, failed_case="padding 1"))
        if n % 20 < 3
        else result_of(n, conv_backward=wrong(RARE if n % 20 == 3 else "", f"error {n}"))
        if n % 20 < 9
        else result_of(n)
        for n in range(200)
    ]
    fill(room, tmp_path / "files", results, [HOLE.format(number=n) for n in range(200)])
    figures = figures_of(room)
    first = figures.mistakes[0]
    assert (first.name, first.students, first.of, first.holes) == (PLANTED, 30, 200, ("conv_backward",))
    assert [one.students for one in figures.mistakes] == [30, 10]
    assert re.search(r"secret_of_\d+ = in_grad\.shape", first.example.code)
    with room.session() as session:
        write_report(room, session, figures, tmp_path / "report")
    page = (tmp_path / "report" / "mistakes.html").read_text(encoding="utf-8")
    assert re.search(r"<h3>(.*?)</h3>", page)[1] == first.title
    assert first.title != PLANTED
    assert first.example.pseudonym in page and "Student " not in page
    assert "<h2>Rarer" not in page
    overview = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert overview.index(first.title) < overview.index(figures.mistakes[1].title)


def test_of_several_attempts_the_one_that_counts_is_shown(room, tmp_path):
    """A first attempt fails, the second, which is the best, passes: nobody of the class makes the mistake."""
    fill(room, tmp_path / "files", [result_of(0, conv_backward=wrong(PLANTED)), result_of(1)])
    with room.session() as session:
        session.execute(update(SubmissionAuthor).values(student_id=1))
    figures = figures_of(room)
    checks = {one.figures.check: one.figures for one in figures.checks}
    assert (checks["conv_backward"].reached, checks["conv_backward"].difficulty) == (1, 1.0)
    assert (figures.students, figures.handed_in, figures.mistakes) == (2, 1, ())


def test_two_mistakes_at_once_count_as_each_of_them(room, tmp_path):
    """A pair is recorded under one name; the class made both."""
    fill(room, tmp_path / "files", [result_of(0, conv_backward=wrong(PLANTED + PAIR_SIGN + RARE)), result_of(1)])
    assert {one.name: one.students for one in figures_of(room).mistakes} == {PLANTED: 1, RARE: 1}


def test_what_nobody_could_explain_is_gathered_by_how_it_ended(room, tmp_path):
    """The same message but for its numbers is one group; what has a likely cause, or happened once, is in none."""
    kinds = [
        wrong(message="differs in 1 %"), wrong(message="differs in 27 %"), wrong(message="has no axis"),
        wrong(message="differs in 3 %", hint="the bias is missing"),
    ]  # fmt: skip
    fill(room, tmp_path / "files", [result_of(n, conv_forward=kind) for n, kind in enumerate(kinds)])
    found = figures_of(room).unexplained
    assert [(one.check, one.message, one.students) for one in found] == [("conv_forward", "differs in # %", 2)]


def test_the_page_of_mistakes_stays_short(room, tmp_path):
    """Beyond the most frequent ones each is a line that can be opened, at the place that other pages point to."""
    texts = mistake_texts(PROJECT.fixtures(LAB.name, "hidden"))
    known = sorted(name for name in texts if PAIR_SIGN not in name)[: UNFOLDED + 3]
    names = [name for number, name in enumerate(known) for _again in range(len(known) - number)]
    fill(room, tmp_path / "files", [result_of(n, conv_backward=wrong(name)) for n, name in enumerate(names)])
    figures = figures_of(room)
    with room.session() as session:
        write_report(room, session, figures, tmp_path / "report")
    page = (tmp_path / "report" / "mistakes.html").read_text(encoding="utf-8")
    assert [one.name for one in figures.mistakes] == known
    assert re.findall(r'<section id="([^"]*)"', page) == known[:UNFOLDED]
    assert re.findall(r'<details id="([^"]*)"><summary>', page) == known[UNFOLDED:]
    assert f"{figures.mistakes[-1].title}: 1 of {len(names)}</summary>" in page


def test_json_and_pages_have_the_same_figures(room, tmp_path):
    """Reached, share and interval of each check, and the count of each mistake, read off the pages."""
    results = [result_of(n, conv_backward=wrong(PLANTED)) if n < 7 else result_of(n) for n in range(20)]
    fill(room, tmp_path / "files", results)
    figures = figures_of(room)
    data = json.loads(figures_as_json(figures))
    with room.session() as session:
        write_report(room, session, figures, tmp_path / "report")
    for check in data["checks"]:
        one = check["figures"]
        page = (tmp_path / "report" / f"check-{one['check']}.html").read_text(encoding="utf-8")
        assert f"<td>{one['reached']}</td>" in page
        low, high = (f"{100 * one[name]:.0f}\u00a0%" for name in ("low", "high"))
        assert re.search(rf"{100 * one['difficulty']:.0f}\u00a0%\s*<small>\(95 % interval {low}\s*to {high}", page)
    assert data["mistakes"][0]["students"] == 7
    assert sum(one["verdicts"].count("wrong") for one in data["lines"]) == 7
    assert "7 of 20" in (tmp_path / "report" / "mistakes.html").read_text(encoding="utf-8")


def test_the_fastest_can_be_left_out(room, tmp_path):
    """Without boards there is no page of them, and no link to one."""
    fill(room, tmp_path / "files", [result_of(0), result_of(1)])
    assert [board.part for board in figures_of(room).boards]
    assert figures_of(room, speed=False).boards == ()
    with room.session() as session:
        write_report(room, session, figures_of(room, speed=False), tmp_path / "report")
    assert not (tmp_path / "report" / "speed.html").exists()
    pages = [file.read_text(encoding="utf-8") for file in (tmp_path / "report").glob("*.html")]
    assert not any("speed.html" in page for page in pages)


def test_every_link_of_a_report_leads_somewhere(room, tmp_path):
    """Pages, students and places within pages; a large map is paged."""
    fill(room, tmp_path / "files", [result_of(n, conv_backward=wrong(PLANTED)) for n in range(ROWS + 1)])
    with room.session() as session:
        write_report(room, session, figures_of(room), tmp_path / "report")
    assert (tmp_path / "report" / "map-2.html").is_file()
    for file in (tmp_path / "report").rglob("*.html"):
        for link in re.findall(r'href="([^"]+)"', file.read_text(encoding="utf-8")):
            name, _sign, place = link.partition("#")
            target = (file.parent / name).resolve() if name else file
            assert target.is_file(), (file, link)
            assert not place or f'id="{place}"' in target.read_text(encoding="utf-8"), (file, link)


def test_a_report_replaces_only_a_report(room, tmp_path):
    """Another folder stays as it was, and so does the earlier report when a result is damaged."""
    fill(room, tmp_path / "files", [result_of(0)])
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("x")
    with room.session() as session:
        figures = class_figures(room, session, PROJECT, LAB)
        with pytest.raises(CohortError, match="holds something else"):
            write_report(room, session, figures, other)
        count = write_report(room, session, figures, tmp_path / "report")
        assert write_report(room, session, figures, tmp_path / "report") == count
        next(room.results.glob("*.json")).write_text("{")
        with pytest.raises(CohortError, match="damaged"):
            write_report(room, session, figures, tmp_path / "report")
    assert [file.name for file in other.iterdir()] == ["thesis.tex"]
    assert len(list((tmp_path / "report").rglob("*.html"))) == count
    assert {file.name for file in tmp_path.iterdir()} >= {"report", "other"}
    assert not list(tmp_path.glob(".report*"))


def test_a_link_to_a_report_stays_a_link_and_a_failed_move_loses_nothing(tmp_path, monkeypatch):
    """Pages go where the link leads; when the new folder cannot take its place, the old one is back."""
    assert write_pages(tmp_path / "real", [("index.html", "old")]) == 1
    (tmp_path / "link").symlink_to("real")
    write_pages(tmp_path / "link", [("index.html", "new")])
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real/index.html").read_text() == "new"
    move = os.replace

    def refused(source, target):
        if Path(source).name == "fresh":
            raise PermissionError(1, "no")
        move(source, target)

    monkeypatch.setattr(os, "replace", refused)
    monkeypatch.setattr("grader.cohort.view.folder.write_text", lambda file, text: file.write_text(text))
    with pytest.raises(PermissionError):
        write_pages(tmp_path / "real", [("index.html", "newer")])
    assert (tmp_path / "real/index.html").read_text() == "new"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["link", "real"]


def test_an_appeal_shows_every_grading_of_its_attempt_in_order(room, tmp_path):
    """Taken in, graded, asked, graded again, answered."""
    fill(room, tmp_path / "files", [result_of(0, conv_backward=wrong())])
    with room.session() as session:
        assignment, work = session.get_one(Assignment, 1), session.get_one(Submission, 1)
        appeal = open_appeal(session, assignment, work, "conv_backward", "it is <b>right</b>")
        answer_appeal(session, appeal.id, "it is not", accepted=False)
        session.flush()
        page = appeal_page(room, session, appeal.id)
        with pytest.raises(CohortError, match="no appeal 9"):
            appeal_page(room, session, 9)
        key = session.get_one(Grading, 1).key[:12]
    order = ["taken in", "run 1 (grade)", key, "this appeal opened", "appeal rejected"]
    places = [page.rindex(text) for text in order]
    assert places == sorted(places)
    assert "it is &lt;b&gt;right&lt;/b&gt;" in page and "differs in 12 %" in page


def test_the_kind_of_a_run_is_said_in_the_readers_language(room, tmp_path, monkeypatch):
    """The database keeps one word for it."""
    fill(room, tmp_path / "files", [result_of(0)])
    with room.session() as session:
        assignment, work = session.get_one(Assignment, 1), session.get_one(Submission, 1)
        appeal = open_appeal(session, assignment, work, "conv_backward", "why?")
        session.flush()
        monkeypatch.setattr("grader.language.translation._chosen", ["zh"])
        page = appeal_page(room, session, appeal.id)
    assert "评分" in page and "grade)" not in page
