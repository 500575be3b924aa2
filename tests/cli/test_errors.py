"""Bad usage and bad input: a clear message, the right exit status, and nothing half-written."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from tests.golden import ROOT, materialise

DEADLINE_S = 120
SAMPLE = ROOT / "tests" / "submissions" / "vgg16" / "im2col_gemm"


def grader(*words, cwd=ROOT):
    """Run the command line and capture what it prints."""
    return subprocess.run(
        [sys.executable, "-m", "grader", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


@pytest.fixture
def copy_of_project(tmp_path):
    """The folders that grading reads, to be damaged."""
    for name in ("labs", "fixtures"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def submission(tmp_path):
    """A right submission."""
    materialise(SAMPLE, tmp_path / "right")
    return tmp_path / "right"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("grade", "vgg17"), "there is no lab 'vgg17'; the labs here are:"),
        (("grade", "../vgg16"), "there is no lab"),
        (("grade", "vgg16", "--submission", "/nowhere/at/all"), "/nowhere/at/all"),
        (("grade", "vgg16", "--only", "ghost"), "has no check ghost; it has: network_build"),
        (("grade", "vgg16", "--format", "telex", "--out", "x"), "there is no format 'telex'"),
        (("grade", "vgg16", "--min-score", "101"), "--min-score: expected a whole number from 0 to 100"),
        (("run", "vgg16", "/nowhere.png"), "/nowhere.png cannot be read"),
        (("grade", "vgg16", "--weights", "/nowhere.npz"), "/nowhere.npz"),
        (("bogus",), "there is no command `bogus`"),
        (("chek", "lenet"), "there is no command `chek`; did you mean check?"),
        (("check", "lenet", "--opn"), "there is no option --opn; did you mean --open?"),
        (("check",), "LAB is missing; the labs here are: cifar10_zoo, lenet"),
        (("explain", "vgg16"), "CHECK is missing; lab vgg16 has: network_build"),
        (("check", "lenet", "--lang", "fr"), "--lang: expected en, zh"),
        (("check", "lenet", "--lang", "zh", "--opn"), "没有选项 --opn；你是不是想写 --open？"),
        (("check", "--lang=zh"), "缺少 LAB"),
        (("grade", "lenet", "--lang", "zh", "--jail-level", "9"), "--jail-level：应为 1 到 3 的整数"),
        (("grade", "lenet", "--min-score", "1", "--min-score", "2"), "--min-score is given 2 times; give it once"),
        (("check", "lenet", "conv", "pool"), "`conv pool` is too much; what can stand here is: [OPTIONS] LAB"),
        (("check", "lenet", "conv", "--lang", "zh"), "`conv` 是多余的；这里可以写：[选项] LAB"),
        (("check", "lenet", "--all=yes", "--lang", "zh"), "--all 是开关，后面不带值"),
        (("check", "lenet", "--lang", "zh", "--only"), "--only 后面需要一个值：CHECK"),
        (("run", "lenet", "--every"), "--every needs a value behind it: a whole number of at least 1"),
        (("--lang", "zh", "shell"), "用法：grader shell [选项] LAB CHECK [CASE]"),
    ],
)
def test_bad_usage_is_status_2(words, message):
    """What is wrong is named, and the status says that it was the call."""
    done = grader(*words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert " ".join(message.split()) in " ".join((done.stdout + done.stderr).replace("│", " ").split())


ALL_HELP = """
import sys
from contextlib import suppress
from typer.main import get_command
from grader.commands.main import app, speaking

root = get_command(speaking(app))
of_class = [["class", name] for name in root.commands["class"].commands]
for words in [[], *([name] for name in root.commands), *of_class]:
    print("PAGE", *words, flush=True)
    with suppress(SystemExit):
        root(["--lang", "zh", *words, "--help"], prog_name="grader")
"""


def test_chinese_help_has_no_english_sentence():
    """Title, usage, panels, options and their help: of what is not code, no two English words are neighbours."""
    done = subprocess.run(
        [sys.executable, "-c", ALL_HELP],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )
    pages = dict(re.findall(r"^PAGE ?(.*)\n((?:(?!PAGE).*\n)*)", done.stdout, re.MULTILINE))
    assert len(pages) > 40, done.stderr
    for words, page in pages.items():
        usage = f"用法：{f'grader {words}'.rstrip()} [选项]"
        assert usage in page and "Usage" not in page
        assert not re.findall(r"[A-Za-z]{2,} [a-z]{2,}", re.sub(r"`[^`]*`|<[^>]*>", "", page.replace(usage, ""))), (
            page
        )


def test_completion_is_installed_in_the_readers_language(tmp_path):
    """The place is named, the script is there; a shell without completion is told so."""
    script = (
        "from grader.commands.main import main; import sys, typer.completion as at;"
        " sys.argv = ['grader', '--lang', 'zh', '--install-completion'];"
        " real = at.install; at.install = lambda: real(shell={!r}); main()"
    )
    environment = {**os.environ, "HOME": str(tmp_path)}
    for shell, status, said in (("fish", 0, "fish 的补全已安装到"), ("tcsh", 2, "这个 shell 没有补全")):
        done = subprocess.run(
            [sys.executable, "-c", script.format(shell)], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert said in done.stdout + done.stderr
        assert "not supported" not in done.stdout + done.stderr and "restart" not in done.stdout
    assert "complete" in (tmp_path / ".config/fish/completions/grader.fish").read_text()


def test_an_unknown_arithmetic_is_status_2(submission, tmp_path, monkeypatch):
    """The variable's value is named with those that there are, and no result is written."""
    monkeypatch.setenv("GRADER_ARITHMETIC", "pentium")
    document = tmp_path / "result.json"
    done = grader("grade", "vgg16", "--submission", submission, "--only", "relu_forward", "--json", document)
    assert done.returncode == 2 and not document.exists()
    assert "GRADER_ARITHMETIC is pentium; expected one of host, nehalem, haswell" in done.stderr


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive"])
def test_a_damaged_weights_file_is_status_2(content, submission, tmp_path):
    """The file is the user's own: it is named, and the status says that it was the call."""
    weights = tmp_path / "own.npz"
    weights.write_bytes(content)
    done = grader("run", "vgg16", "--submission", str(submission), "--weights", str(weights))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "own.npz is not an archive of plain arrays" in " ".join(done.stderr.split())


@pytest.mark.parametrize("kind", ["truncated zip", "text as zip", "empty zip", "truncated tar.gz", "empty folder"])
def test_an_unusable_submission_is_status_2(kind, submission, tmp_path):
    """Corrupt archives and folders without files are refused with a message that names them."""
    broken = tmp_path / {"truncated tar.gz": "s.tar.gz", "empty folder": "s"}.get(kind, "s.zip")
    if kind == "empty folder":
        broken.mkdir()
    elif kind == "truncated tar.gz":
        with tarfile.open(broken, "w:gz") as archive:
            archive.add(submission, "s")
        broken.write_bytes(broken.read_bytes()[:-200])
    else:
        with zipfile.ZipFile(broken, "w") as archive:
            for file in submission.glob("*.py") if kind != "empty zip" else ():
                archive.write(file, file.name)
        if kind == "truncated zip":
            broken.write_bytes(broken.read_bytes()[:-60])
        if kind == "text as zip":
            broken.write_text("not an archive")
    document = tmp_path / "result.json"
    done = grader("grade", "vgg16", "--submission", broken, "--json", document)
    assert done.returncode == 2, done.stdout + done.stderr
    assert broken.name in done.stderr
    assert not document.exists()


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "nested zip"])
def test_archives_grade_like_folders(kind, submission, tmp_path):
    """A zip, a tarball and a zip with one folder inside give the same result and the same hash as the folder."""
    archive = tmp_path / ("s.tar.gz" if kind == "tar.gz" else "s.zip")
    if kind == "tar.gz":
        with tarfile.open(archive, "w:gz") as out:
            for file in submission.glob("*.py"):
                out.add(file, file.name)
    else:
        with zipfile.ZipFile(archive, "w") as out:
            for file in submission.glob("*.py"):
                out.write(file, f"lab2/{file.name}" if kind == "nested zip" else file.name)
    hashes = []
    for source in (submission, archive):
        document = tmp_path / f"{source.name}.json"
        done = grader("grade", "vgg16", "--submission", source, "--json", document, "--only", "conv_forward")
        assert done.returncode == 0, done.stdout + done.stderr
        hashes.append(json.loads(document.read_text())["submission"]["sha256"])
    assert hashes[0] == hashes[1]


def test_a_damaged_fixture_is_status_3(copy_of_project, submission):
    """It is not the student's fault, the file is named, and no score is given."""
    file = copy_of_project / "fixtures" / "vgg16" / "hidden" / "conv_forward.npz"
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(data)
    done = grader("grade", "vgg16", "--submission", submission, cwd=copy_of_project)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "conv_forward.npz is damaged or was edited" in " ".join(done.stderr.split())
    assert "score" not in done.stdout.lower()


def test_a_broken_lab_is_bad_input(copy_of_project, submission):
    """A mistake in lab.yaml is reported with file and line; `list` shows the other labs all the same."""
    file = copy_of_project / "labs" / "vgg16" / "lab.yaml"
    file.write_text(file.read_text().replace("version: 1", "version: first"))
    done = grader("grade", "vgg16", "--submission", submission, cwd=copy_of_project)
    assert done.returncode == 2
    assert "lab.yaml:2: version" in done.stderr.replace("\n", "")
    listed = grader("list", cwd=copy_of_project)
    assert listed.returncode == 2
    assert "vgg19" in listed.stdout and "vgg16" not in listed.stdout
    assert "lab.yaml:2: version" in listed.stderr.replace("\n", "")


def test_check_needs_neither_reference_nor_hidden_fixtures(copy_of_project, submission):
    """With only labs and public fixtures there, check works."""
    shutil.rmtree(copy_of_project / "fixtures" / "vgg16" / "hidden")
    done = grader("check", "vgg16", "--submission", submission, cwd=copy_of_project)
    assert done.returncode == 0, done.stdout + done.stderr


def test_below_min_score_is_status_1(submission, tmp_path):
    """A graded submission below the bound exits with 1 and still writes its result."""
    (submission / "layer.py").write_text("raise SystemExit(0)\n")
    document = tmp_path / "result.json"
    done = grader("grade", "vgg16", "--submission", submission, "--json", document)
    assert done.returncode == 1
    assert json.loads(document.read_text())["score"] == 0


def test_an_unwritable_report_is_status_2(submission, tmp_path):
    """A result that cannot be written is said, not lost in a traceback."""
    (tmp_path / "file").write_text("in the way")
    target = tmp_path / "file" / "x.json"
    done = grader("grade", "vgg16", "--submission", submission, "--only", "relu_forward", "--json", target)
    assert done.returncode == 2
    assert "x.json" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == "", "what cannot be written is said before anything is run"


def test_what_cannot_be_graded_has_a_row_beside_those_that_were_asked_for(submission, tmp_path):
    """With --only the table has the columns of these checks; a bad archive gets a row of the same ones."""
    table, bad = tmp_path / "class.csv", tmp_path / "bad.zip"
    bad.write_text("no archive")
    asked = ("grade", "vgg16", "--only", "relu_forward", "--format", "csv", "--out", table)
    assert grader(*asked, "--submission", submission).returncode == 0
    done = grader(*asked, "--submission", bad)
    assert done.returncode == 2 and "other columns" not in done.stderr
    header, first, second = table.read_text(encoding="utf-8-sig").splitlines()
    assert first.startswith("right,") and second.startswith("bad.zip,") and "is not a zip or tar archive" in second
    assert header.count(",") == first.count(",")
