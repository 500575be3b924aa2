"""What `check` shows: where one stands, what to mend first and why, and one step that can be pasted."""

import io
import re
import shlex
import shutil

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from grader.kits.kit import kit_files
from grader.project.packing import write_folder
from grader.report.look import Look
from grader.score.document import CheckResult
from grader.student.history import FOLDER_NAME, History, Progressed
from grader.student.holes import holes_of, open_holes
from grader.student.roots import root_of
from grader.student.screen import WIDEST, _Heading, standing_lines
from grader.student.standing import Standing, clickable, next_of
from grader.verdicts import Verdict
from tests.golden import ROOT
from tests.kit.conftest import LAB, student

MOST_LINES, LINES_BEFORE_CAUSE = 40, 5
SLIP = ("np.sum(window * W[:, :, :, c])", "np.mean(window * W[:, :, :, c])")


@pytest.fixture
def lenet(project, tmp_path):
    """A fresh kit of the lab with the most checks."""
    write_folder(kit_files(project, [project.lab("lenet")]), tmp_path / "kit")
    return tmp_path / "kit"


@pytest.fixture
def solved(lenet):
    """The same with the solution in the student's folder, and a slip in the first convolution."""
    for name in ("conv.py", "layers.py", "lenet.py"):
        shutil.copyfile(ROOT / "reference" / "lenet" / name, lenet / "stu_upload" / "lenet" / name)
    change(lenet, SLIP)
    return lenet


def change(folder, edit, file="conv.py"):
    """Replace a piece of text that occurs once."""
    place = folder / "stu_upload" / "lenet" / file
    assert place.read_text().count(edit[0]) == 1
    place.write_text(place.read_text().replace(*edit))


def is_next(line):
    """Whether a line is to be copied, and so never broken."""
    return line.startswith(("Next: ", "下一步：")) or " -m grader " in line


@pytest.mark.parametrize(("columns", "language"), [(60, "en"), (80, "zh"), (200, "en")])
def test_the_first_check_fits_on_a_screen(lenet, columns, language):
    """At most 40 lines, none wider than the terminal; nothing is said twice, and what waits is one line a tier."""
    done = student(lenet, "check", "lenet", "--lang", language, columns=columns)
    lines = done.stdout.splitlines()
    assert done.returncode == 1 and len(lines) <= MOST_LINES
    assert not [line for line in lines if cell_len(line) > columns and not is_next(line)]
    said = [line.strip() for line in lines if len(line.strip()) > 20 and "░" not in line]
    assert len(said) == len(set(said))
    assert not [line for line in lines if cell_len(line.rstrip()) > WIDEST and not is_next(line)]


def test_the_next_step_can_be_pasted(lenet):
    """The place is one that an editor opens, and the command below it runs the check that is meant."""
    shown = student(lenet, "check", "lenet").stdout.splitlines()
    step, typed = shown[-2:]
    for place, line in re.findall(r"(stu_upload\S+\.py):(\d+)", step):
        assert "NotImplementedError" in (lenet / place).read_text().splitlines()[int(line) - 1]
    words = shlex.split(typed)
    assert words[1:3] == ["-m", "grader"]
    again = student(lenet, *words[3:])
    assert again.returncode == 1 and "Padding" in again.stdout


def test_a_tier_left_out_is_told_from_one_that_needs_all(solved):
    """Checks that were not asked for would run without ``--all``; only what is slow waits for it."""
    shown = student(solved, "check", "lenet", "--only", "padding").stdout
    assert shown.count("not run") == 2 and "with --all" not in shown
    chinese = student(solved, "check", "lenet", "--only", "padding", "--lang", "zh").stdout
    assert "1 / 1" in chinese and "18 / 18" in chinese and "人" not in chinese


def test_the_cause_comes_first(solved):
    """At most five lines stand above the true cause of the first failure."""
    lines = student(solved, "check", "lenet").stdout.splitlines()
    cause = next(number for number, line in enumerate(lines) if "not their" in line or "mean" in line)
    assert cause <= LINES_BEFORE_CAUSE


def test_a_file_that_does_not_load_is_said_once(solved):
    """However many checks need it, its error has one block, with a place to click, and is the next thing."""
    change(solved, ("class Pool2D(", "class Pool2D(("), "layers.py")
    shown = student(solved, "check", "lenet").stdout
    assert shown.count("does not load") == 1 and shown.count("SyntaxError") == 1
    assert re.search(r"Next: mend stu_upload/lenet/layers\.py:\d+", shown)


def test_a_missing_file_is_said_once_and_can_be_had_again(solved):
    """What imports it fails for no reason of its own; the next command brings it back as it was given."""
    (solved / "stu_upload" / "lenet" / "conv.py").unlink()
    shown = student(solved, "check", "lenet").stdout
    assert "conv.py is missing" in shown and "does not load" not in shown and "hand in" not in shown
    words = shlex.split(shown.splitlines()[-1])[3:]
    assert student(solved, *words).returncode == 0 and (solved / "stu_upload" / "lenet" / "conv.py").is_file()


def test_more_than_last_time_counts_what_the_bar_counts(project, tmp_path):
    """Exercises without points are none of the checks of the bar, so they are not counted beside it."""
    results = [result("padding", Verdict.PASS), result("exercise_counts", Verdict.PASS, None)]
    where = Standing.of(
        project.lab("lenet"), tmp_path, results, Progressed(("padding", "exercise_counts"), (), True)
    )
    first = next(standing_lines(where, Look(True, "utf-8"))).plain
    assert "1 of 1, 1 more than last time" in first


def test_what_has_one_root_is_put_together(project, tmp_path):
    """A name that is missing and the import that asks for it, a syntax error and what loads that file, are one."""
    lab = project.lab("lenet")
    for handed in lab.facts.files:
        (tmp_path / handed.path).write_text("")
    messages = (
        "conv.py has no `conv2D`",
        "layers.py does not load: ImportError: cannot import name 'conv2D' from 'conv' (/student/conv.py)",
        "conv.py does not load: SyntaxError\n  conv.py:3",
        "layers.py does not load: SyntaxError\n  layers.py:9\n  conv.py:3",
        "layers.py 无法加载: SyntaxError\n  conv.py:4",
    )
    roots = [root_of(lab, tmp_path, result("a", Verdict.IMPORT, message=text)) for text in messages]
    assert roots[0] == roots[1] and roots[2] == roots[3] and len(set(roots)) == 3
    (tmp_path / "conv.py").unlink()
    gone = ("缺少 conv.py", "layers.py does not load: ModuleNotFoundError: No module named 'conv'")
    assert {root_of(lab, tmp_path, result("a", Verdict.IMPORT, message=text)) for text in gone} == {
        ("missing", "conv.py")
    }


def test_what_changed_since_the_last_time_is_said(solved):
    """After a mend the number of checks that pass now is told, and after a new slip what is lost."""
    first = student(solved, "check", "lenet", "--only", "conv2d").stdout
    assert "last time" not in first
    change(solved, SLIP[::-1])
    better = student(solved, "check", "lenet", "--only", "conv2d").stdout
    assert "1 more than last time" in better and "new: `conv2d`" in better
    change(solved, SLIP)
    assert "no longer: `conv2d`" in student(solved, "check", "lenet", "--only", "conv2d").stdout


@pytest.mark.parametrize("hole", ["pad2D", "conv2D"])
def test_what_the_code_prints_is_shown(solved, hole):
    """Whether the check passes or fails, the last lines are there, and no more than six of them."""
    text = (solved / "stu_upload" / "lenet" / "conv.py").read_text()
    begin = text.index("X_pad, p = pad2D" if hole == "conv2D" else "### BEGIN SOLUTION pad:")
    printing = "for n in range(9): print('seen', n)\n    "
    (solved / "stu_upload" / "lenet" / "conv.py").write_text(text[:begin] + printing + text[begin:])
    name = "conv2d" if hole == "conv2D" else "padding"
    shown = student(solved, "check", "lenet", "--only", name).stdout
    assert re.findall(r"seen (\d)", shown) == list("345678")


def test_holes_are_counted_where_they_are_open(project, tmp_path):
    """A hole is written once its line is gone, a comment left beside it does not count; a missing file is open."""
    lab = project.lab(LAB)
    for name in ("layer.py", "vgg.py"):
        shutil.copyfile(ROOT / "labs" / LAB / name, tmp_path / name)
    holes = holes_of(lab, tmp_path)
    assert len(holes) == sum(len(file.holes) for file in lab.facts.files) and not any(h.written for h in holes)
    text = (tmp_path / "layer.py").read_text()
    (tmp_path / "layer.py").write_text(re.sub(r'raise NotImplementedError\("TODO conv_forward.*', "x = 1", text))
    (tmp_path / "vgg.py").unlink()
    assert [hole.name for hole in holes_of(lab, tmp_path) if hole.written] == ["conv_forward"]
    assert [hole.line for hole in open_holes(lab, tmp_path, ["network_layers"])] == [0]


def result(name, verdict, tier=60, **more):
    """What came of a check."""
    return CheckResult(id=name, tier=tier, title=name, verdict=verdict, **more)


def test_an_archive_has_no_history_and_a_damaged_one_is_empty(tmp_path):
    """Nothing is written for what is no folder; a file that is no history counts as none."""
    (tmp_path / "work.zip").write_bytes(b"PK")
    History.of(tmp_path / "work.zip").add("now", [result("a", Verdict.PASS)])
    assert [file.name for file in tmp_path.iterdir()] == ["work.zip"]
    (tmp_path / "work").mkdir()
    (tmp_path / FOLDER_NAME).mkdir()
    (tmp_path / FOLDER_NAME / "work.json").write_text('{"not": "rounds"}')
    history = History.of(tmp_path / "work")
    assert history.compared([result("a", Verdict.PASS)]) == Progressed()
    history.add("now", [result("a", Verdict.PASS), result("b", Verdict.WRONG)])
    again = History.of(tmp_path / "work")
    now = [result("a", Verdict.WRONG), result("b", Verdict.PASS), result("c", Verdict.PASS)]
    assert again.compared(now) == Progressed(("b",), ("a",), True)


def test_what_waits_names_the_check_at_the_root(project, tmp_path):
    """A check that was not run waits for the one that failed, not for those between that were not run either."""
    lab = project.lab("lenet")
    results = [
        result("padding", Verdict.UNFINISHED),
        result("im2col", Verdict.SKIPPED),
        result("conv2d_gemm", Verdict.SKIPPED),
    ]
    where = Standing.of(lab, tmp_path, results, Progressed())
    assert where.waits_for(results[2]) == ["padding"]


def test_what_is_wrong_is_mended_before_what_is_not_written(project, tmp_path):
    """A file that does not load comes first, then wrong numbers, then holes; exercises without points never."""
    lab = project.lab("lenet")
    results = [
        result("padding", Verdict.UNFINISHED),
        result("conv2d", Verdict.WRONG),
        result("flatten_forward", Verdict.IMPORT),
        result("exercise_counts", Verdict.IMPORT, None),
    ]
    where = Standing.of(lab, tmp_path, results, Progressed())
    names = [check.id for check in where.failing]
    assert names == ["flatten_forward", "conv2d", "padding", "exercise_counts"]


def test_places_can_be_clicked(project, tmp_path, monkeypatch):
    """Files of the lab get the way from the current folder; a file elsewhere, or a part of a name, does not."""
    monkeypatch.chdir(tmp_path)
    lab = project.lab("lenet")
    text = clickable("conv.py:3, other.py:4, my_conv.py:5, a/conv.py:6", lab, tmp_path / "stu_upload" / "lenet")
    assert text == "stu_upload/lenet/conv.py:3, other.py:4, my_conv.py:5, a/conv.py:6"
    inside = clickable("from 'conv' (/student/conv.py)", lab, tmp_path / "stu_upload" / "lenet")
    assert inside == "from 'conv' (stu_upload/lenet/conv.py)"
    step = next_of(lab, tmp_path / "work", result("conv2d", Verdict.EXCEPTION, next="mend conv.py:3"))
    assert step.text == "mend work/conv.py:3" and step.command.endswith("check lenet --only conv2d")


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_long_title_leaves_the_next_line_to_the_cause(width):
    """Cut, it stands on one line with the check's name, which can be typed; in full it is all there."""
    title = "LeNet-5: the number of parameters of every layer, 61 706 together, 每一层的参数个数"
    for cut in (True, False):
        file = io.StringIO()
        heading = _Heading(Text("✗ wrong  "), Text(title), Text(" (lenet_build)"), cut)
        Console(file=file, width=width).print(heading)
        lines = file.getvalue().splitlines()
        assert " ".join(" ".join(lines).split()).endswith("(lenet_build)") and max(map(cell_len, lines)) <= width
        assert len(lines) == 1 if cut else title.split()[-1] in " ".join(lines)


def test_what_changed_names_as_many_as_it_counts(solved):
    """An empty file again loses exercises, too; the bar counts and the line names checks of the course."""
    layers = solved / "stu_upload" / "lenet" / "layers.py"
    written = layers.read_text()
    student(solved, "check", "lenet")
    shutil.copyfile(solved / "labs" / "lenet" / "layers.py", layers)
    worse = student(solved, "check", "lenet").stdout
    layers.write_text(written)
    better = student(solved, "check", "lenet", "--lang", "zh").stdout
    for shown, counted, others in (
        (worse, r"\d, (\d+) fewer", r"no longer: .* (\d+) more$"),
        (better, r"\d，比上次多 (\d+) 项", r"新通过：.*另外 (\d+) 个"),
    ):
        count, more = (re.search(pattern, shown, re.M) for pattern in (counted, others))
        assert count and more and int(count[1]) == 3 + int(more[1]), shown
