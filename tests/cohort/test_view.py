"""What a class shows: the figures, the pages made of them, and who wrote alike."""

import html
import json
import os
import re
import textwrap
from pathlib import Path

import pytest
from sqlalchemy import update

from grader.cohort.problems import CohortError
from grader.cohort.release.decisions import answer_appeal, open_appeal
from grader.cohort.store.queries import files_of
from grader.cohort.store.tables import Assignment, Grading, Submission, SubmissionAuthor
from grader.cohort.view.appeal_page import appeal_page
from grader.cohort.view.figures import class_figures, figures_as_json
from grader.cohort.view.folder import write_pages
from grader.cohort.view.holes import MAX_SOURCE_BYTES, Region, body_of, regions_of, sources_in
from grader.cohort.view.report import ROWS, UNFOLDED, write_report
from grader.cohort.view.similar_pages import similar_works, write_similar
from grader.cohort.view.similarity import MAX_PAIRS, Pair, Similarity, Work, compare_works
from grader.project.fixtures import PAIR_SIGN
from grader.project.library import mistake_texts
from tests.cohort.view_class import LAB, PROJECT, fill, result_of, wrong

PLANTED, RARE = "backward_padding_not_cropped", "backward_stride_ignored"
HOLE = '''class ConvolutionLayer:
    def _conv_back(self, in_grad, out_grad, inputs_pad):
        """Docstring."""
        secret_of_{number} = in_grad.shape
        return secret_of_{number}
'''


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


def test_a_hole_is_the_body_of_its_function(tmp_path):
    """Without docstring, whether the module parses or not; every hole of every lab is found."""
    source = HOLE.format(number=1)
    body = "secret_of_1 = in_grad.shape\nreturn secret_of_1"
    assert body_of(source, "ConvolutionLayer._conv_back") == body
    assert body in (body_of(source + "def broken(:\n", "ConvolutionLayer._conv_back") or "")
    assert body_of(source, "ConvolutionLayer.other") is None
    for name in (folder.name for folder in (PROJECT.root / "labs").iterdir() if (folder / "lab.yaml").is_file()):
        lab = PROJECT.lab(name)
        found = [hole for region in regions_of(lab) for hole in region.holes]
        assert sorted(found) == sorted(hole for file in lab.facts.files for hole in file.holes), name


REGION = Region(("conv",), "layer.py", "conv", "given = np.zeros((batch, channels, height, width)) + offset * 2")


def bodies(count):
    """Return texts of some length that have nothing in common but the kind of their lines."""
    signs = "+-*/%@&|^"
    return [
        "\n".join(
            f"a{k} = b{k} {signs[(n * 7 + k * k) % 9]} {n * 31 + k} {signs[(n + k) % 9]} {n + 1000 * k}"
            for k in range(12)
        )
        for n in range(count)
    ]


def test_of_a_work_only_what_is_handed_in_is_read(tmp_path):
    """Without control characters; neither a file of a size that nobody writes by hand, nor what else lies there."""
    (tmp_path / "layer.py").write_text("x = 1\x1b[31m\n")
    (tmp_path / "vgg.py").write_text("#" * (MAX_SOURCE_BYTES + 1))
    (tmp_path / "notes.py").write_text("y = 2\n")
    assert sources_in(LAB, tmp_path) == {"layer.py": "x = 1[31m"}


def test_a_work_of_another_year_is_found_in_its_folder(room, tmp_path):
    """The class's work and its copy are the most surprising pair; a folder without a work in it is passed over."""
    head = HOLE.partition("        secret")[0]
    texts = [head + textwrap.indent(text, " " * 8) + "\n" for text in bodies(12)]
    fill(room, tmp_path / "files", [result_of(n) for n in range(11)], texts[:11])
    for name, text in {"copy": texts[7], "other": texts[11]}.items():
        (tmp_path / "before" / name).mkdir(parents=True)
        (tmp_path / "before" / name / "layer.py").write_text(text)
    (tmp_path / "before" / "empty").mkdir()
    with room.session() as session:
        found = similar_works(room, session, PROJECT, LAB, [tmp_path / "before"], 1)
    assert (found.works, found.others) == (13, 2)
    assert {found.pairs[0].first, found.pairs[0].second} == {room.pseudonym("7"), "before/copy"}


def test_whose_files_are_gone_is_said_and_compared_with_nobody(room, tmp_path):
    """No page says of a work that cannot be read that nothing is alike."""
    head = HOLE.partition("        secret")[0]
    texts = [head + textwrap.indent(text, " " * 8) + "\n" for text in bodies(4)]
    fill(room, tmp_path / "files", [result_of(n) for n in range(4)], texts)
    with room.session() as session:
        assert similar_works(room, session, PROJECT, LAB, (), 1).unread == ()
        lost = files_of(session, room.assignment(session, LAB.name).id)[1]["layer.py"]
    for file in room.originals.rglob("*"):
        if file.is_file() and lost in (file.name, file.parent.name + file.name):
            file.unlink()
    with room.session() as session:
        found = similar_works(room, session, PROJECT, LAB, (), 1)
    assert (found.works, found.unread) == (3, (room.pseudonym("0"),))
    write_similar(found, PROJECT, LAB, tmp_path / "pages")
    assert room.pseudonym("0") in (tmp_path / "pages" / "index.html").read_text(encoding="utf-8")


def test_shared_mistakes_stand_there_by_their_titles(tmp_path):
    """A recognised one, two made at once, and what a check said of one that nobody knows."""
    titles = {name: texts["title"] for name, texts in mistake_texts(PROJECT.fixtures(LAB.name, "hidden")).items()}
    shared = ((PLANTED, 4.0), (f"{PLANTED}{PAIR_SIGN}{RARE}", 3.0), ("conv_forward: no <b>name</b>", 1.0))
    found = Similarity(2, 0, (Pair("aaa", "bbb", 8.0, shared, ()),), {}, 1.0)
    write_similar(found, PROJECT, LAB, tmp_path / "pages")
    for name in ("index.html", "pair-1.html"):
        page = html.unescape((tmp_path / "pages" / name).read_text(encoding="utf-8"))
        assert titles[PLANTED] in page and f"{titles[PLANTED]}{PAIR_SIGN}{titles[RARE]}" in page
        assert "conv_forward: no <b>name</b>" in page and PLANTED not in page


def test_more_pairs_than_anybody_reads_are_not_shown():
    """Of a large class one of a hundred pairs would be tens of thousands of pages."""
    works = [Work(f"w{n}", {}, frozenset({f"mistake {n // 30}"})) for n in range(900)]
    found = compare_works(works)
    assert len(found.pairs) == MAX_PAIRS
    assert len(compare_works(works, most=300).pairs) == 300


def test_a_renamed_copy_is_the_most_surprising_pair():
    """Other names, comments and blanks change nothing; both texts are shown whole, with what is shared marked."""
    texts = bodies(60)
    copy = "\n".join("# mine\n" + re.sub(r"\b([ab])(\d+)", r"value_\1\2", line) for line in texts[7].splitlines())
    works = [Work(f"w{n}", {REGION: text}) for n, text in enumerate(texts)] + [Work("copy", {REGION: copy})]
    found = compare_works(works)
    best = max(found.pairs, key=lambda pair: pair.surprise)
    assert {best.first, best.second} == {"w7", "copy"}
    first, second = best.holes[0].texts
    assert ("".join(part for part, _rare in first), "".join(part for part, _rare in second)) == (texts[7], copy)
    assert sum(len(part) for part, rare in first if rare) > 0.9 * len(texts[7])


def test_what_the_skeleton_gives_or_many_write_counts_nothing():
    """Everybody has the given lines and the formula; nobody is alike by them."""
    formula = "\n".join(f"total[{k}] += window[{k}] * kernel[{k}] / {k}" for k in range(9))
    works = [Work(f"w{n}", {REGION: f"{REGION.given}\n{formula}\n{text}"}) for n, text in enumerate(bodies(40))]
    alone = compare_works([Work(f"w{n}", {REGION: text}) for n, text in enumerate(bodies(40))], most=3)
    found = compare_works(works, most=3)
    assert (
        max((pair.surprise for pair in found.pairs), default=0)
        <= max((pair.surprise for pair in alone.pairs), default=0) + 4 * 16
    )


def test_short_holes_say_nothing():
    """Two equal holes of three lines are no pair, and it is said how many are too short."""
    works = [Work(name, {REGION: "x = a + b\ny = x * 2\nreturn y"}) for name in ("one", "two")]
    found = compare_works(works + [Work(f"w{n}", {REGION: text}) for n, text in enumerate(bodies(20))])
    assert found.too_short == {"conv": 2}
    assert not any({pair.first, pair.second} == {"one", "two"} for pair in found.pairs)


def test_shared_rare_mistakes_come_first():
    """A mistake of two in thirty goes before text alone; one of many counts nothing."""
    texts = bodies(30)
    works = [
        Work(
            f"w{n}",
            {REGION: texts[3] if n == 4 else text},
            frozenset({"frequent"} if n > 9 else {"odd"} if n in (1, 2) else ()),
        )
        for n, text in enumerate(texts)
    ]
    pairs = compare_works(works, most=10).pairs
    assert {pairs[0].first, pairs[0].second} == {"w1", "w2"}
    assert [name for name, _weight in pairs[0].mistakes] == ["odd"]
    assert {pairs[1].first, pairs[1].second} == {"w3", "w4"}


def test_works_of_others_are_compared_only_with_the_class():
    """Two equal works of an earlier year are no pair; one of them and one of this year are."""
    texts = bodies(30)
    works = [Work(f"w{n}", {REGION: text}) for n, text in enumerate(texts)]
    works += [Work("old/1", {REGION: texts[5]}, own=False), Work("old/2", {REGION: texts[5]}, own=False)]
    found = [{pair.first, pair.second} for pair in compare_works(works, most=5).pairs]
    assert {"w5", "old/1"} in found and {"w5", "old/2"} in found
    assert {"old/1", "old/2"} not in found
