"""Which holes of a class are alike: what is read, what is weighed, and what is not told."""

import html
import re
import textwrap

from grader.cohort.store.queries import files_of
from grader.cohort.view.holes import MAX_SOURCE_BYTES, Region, body_of, regions_of, sources_in
from grader.cohort.view.similar_pages import similar_works, write_similar
from grader.cohort.view.similarity import MAX_PAIRS, Pair, Similarity, Work, compare_works
from grader.project.fixtures import PAIR_SIGN
from grader.project.library import mistake_texts
from tests.cohort.view_class import HOLE, LAB, PROJECT, fill, result_of

PLANTED, RARE = "backward_padding_not_cropped", "backward_stride_ignored"


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
