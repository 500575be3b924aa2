"""What a shell offers around a student's files: handing in, bringing back, trying by hand, guessing names."""

import os
import re
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from grader.collect.submission import collect
from grader.project.places import ProjectError
from grader.student.gradcheck import parse_settings
from grader.student.start import WouldOverwrite, bring_back
from grader.student.submit import submit
from tests.golden import ROOT
from tests.kit.conftest import LAB, student

BAD_INPUT = 2


@pytest.fixture
def work(tmp_path):
    """A student's folder with the skeleton, a helper, and what is not handed in."""
    folder = tmp_path / "work"
    folder.mkdir()
    for name in ("layer.py", "vgg.py", "main.py"):
        shutil.copyfile(ROOT / "labs" / LAB / name, folder / name)
    (folder / "helper.py").write_text("ONE = 1\n")
    (folder / "weights.npy").write_bytes(b"large")
    return folder


def test_the_archive_is_graded_as_the_folder_is(project, work, tmp_path):
    """What is packed are the files that a grading takes from the folder, byte for byte, but for given ones."""
    lab = project.lab(LAB)
    packed = submit(lab, work, tmp_path / "mine.zip")
    first = collect(work, tmp_path / "one", required=lab.required, given=lab.facts.given)
    second = collect(tmp_path / "mine.zip", tmp_path / "two", required=lab.required, given=lab.facts.given)
    taken = {file.path: file.sha256 for file in first.files if file.path not in lab.given_sources}
    assert {file.path: file.sha256 for file in second.files} == taken
    assert packed.whole and set(packed.sizes) == {"layer.py", "vgg.py", "helper.py"}
    assert {hole.name for hole in packed.holes} == {name for file in lab.facts.files for name in file.holes}


def test_what_is_missing_is_said_and_the_rest_is_packed(kit):
    """A file that must be handed in and is not there is named, with the status of something not done."""
    (kit / "stu_upload" / LAB / "vgg.py").unlink()
    done = student(kit, "submit", LAB)
    assert done.returncode == 1 and "missing: vgg.py" in done.stdout and "hole" in done.stdout
    with zipfile.ZipFile(kit / f"{LAB}-submission.zip") as archive:
        assert archive.namelist() == ["layer.py"]
    shutil.rmtree(kit / "stu_upload" / LAB)
    assert student(kit, "submit", LAB).returncode == BAD_INPUT


def test_one_file_is_brought_back_and_no_work_is_lost(project, work):
    """A deleted file is there again; one that was changed only by force, and the changed one is kept."""
    lab = project.lab(LAB)
    (work / "vgg.py").unlink()
    bring_back(lab, work, "vgg.py")
    assert (work / "vgg.py").read_bytes() == (lab.folder / "vgg.py").read_bytes()
    (work / "layer.py").write_text("mine")
    with pytest.raises(WouldOverwrite, match="holds your work"):
        bring_back(lab, work, "layer.py")
    assert (work / "layer.py").read_text() == "mine"
    kept = bring_back(lab, work, "layer.py", force=True).backup
    assert kept.read_text() == "mine" and "TODO" in (work / "layer.py").read_text()
    with pytest.raises(ProjectError, match=re.escape("did you mean layer.py?")):
        bring_back(lab, work, "layers.py")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("check", "vg16"), "vgg16"),
        (("explain", LAB, "conv_forwards"), "conv_forward"),
        (("check", LAB, "--only", "max_pol_forward"), "max_pool_forward"),
    ],
)
def test_a_name_that_is_nearly_right_is_guessed(words, meant):
    """A lab or a check that does not exist is refused with the one that is most like it."""
    done = student(ROOT, *words)
    assert done.returncode == BAD_INPUT and f"did you mean {meant}?" in done.stderr


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("stride=2", 2),
        ("pad=1,0,0,-1", [1, 0, 0, -1]),
        ("kernel_shape=(3, 2)", [3, 2]),
        ("pad=(2,)", [2]),
        ("pad=same", "same"),
    ],
)
def test_settings_of_a_layer_may_be_several_numbers(typed, read):
    """A number, several of them with or without brackets, or a word."""
    name = typed.partition("=")[0]
    assert parse_settings([typed]) == {name: read}


@pytest.mark.parametrize("typed", ["stride", "stride=", "stride=2.5", "1=2", "pad=1,x", "pad=a b"])
def test_a_setting_that_is_none_is_refused(typed):
    """What is expected is said with examples."""
    with pytest.raises(ProjectError, match="stride=2"):
        parse_settings([typed])


def test_a_case_with_tuples_is_written_whole(tmp_path):
    """Settings of several numbers and words are in the file, as they are in the recorded case."""
    from grader.lab.checks import Case
    from grader.student.cases import settings_of

    case = Case("four numbers", {"pad": [1, 0, 0, 1], "kernel_shape": None, "layout": "NHWC", "stride": 2})
    np.savez(tmp_path / "case.npz", **settings_of(case))
    with np.load(tmp_path / "case.npz") as stored:
        assert {name: stored[name].tolist() for name in stored.files} == {
            "pad": [1, 0, 0, 1],
            "layout": "NHWC",
            "stride": 2,
        }


def test_the_prompt_has_the_case_and_the_files_in_a_process_of_its_own(kit):
    """Values of the case are attributes, the student's module is loaded, and the grader is not in that process."""
    layer = kit / "stu_upload" / LAB / "layer.py"
    layer.write_text(layer.read_text() + "\nMINE = 'own file'\n")
    typed = "import os, sys; print(case.stride, case.x.ndim, layer.MINE, 'grader' in sys.modules, os.getcwd())\n"
    environment = {**os.environ, "PYTHONPATH": str(kit)}
    done = subprocess.run(
        [sys.executable, "-m", "grader", "shell", LAB, "conv_forward", "2"],
        cwd=kit, env=environment, input=typed, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert f"4 own file False {layer.parent}" in done.stdout, done.stderr
    assert "`case` has:" in done.stdout


def test_a_file_that_does_not_load_leaves_the_prompt_open(kit):
    """Its error is shown, and the case can be looked at all the same."""
    (kit / "stu_upload" / LAB / "layer.py").write_text("1 / 0\n")
    environment = {**os.environ, "PYTHONPATH": str(kit)}
    done = subprocess.run(
        [sys.executable, "-m", "grader", "shell", LAB, "conv_forward"],
        cwd=kit, env=environment, input="print(case.x.ndim)\n", capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert "ZeroDivisionError" in done.stderr and "\n4\n" in done.stdout


@pytest.mark.parametrize(
    ("line", "offered"), [("grader check vg", "vgg16"), (f"grader explain {LAB} relu", "relu")]
)
def test_names_are_completed(line, offered, kit):
    """After the beginning of a lab or of a check, the shell is offered those that begin so."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(kit),
        "_GRADER_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "grader"], cwd=kit, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() and all(name.startswith(offered) for name in done.stdout.split())
    assert "--install-completion" in student(kit, "--help").stdout
