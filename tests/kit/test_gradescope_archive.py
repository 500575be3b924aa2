"""The archive for Gradescope, run in a folder laid out like Gradescope's."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from grader.kits.autograder import autograder_files, write_autograder
from grader.kits.autograder_run import grade_submission
from grader.language.translation import speaking
from tests.golden import ROOT
from tests.kit.conftest import LAB
from tests.kit.test_contents import everything_inside, solution_lines

DEADLINE_S = 500
FAST = ROOT / "reference" / LAB / "variants" / "im2col_gemm"
SLIP = ("return dx[:, :, p:p + h, p:p + w]", "return 2 * dx[:, :, p:p + h, p:p + w]")


@pytest.fixture(scope="module")
def archive(project, tmp_path_factory):
    """The archive as it is uploaded."""
    return write_autograder(project, project.lab(LAB), tmp_path_factory.mktemp("archive") / "autograder.zip").path


@pytest.fixture(scope="module")
def installed(archive, tmp_path_factory):
    """A folder like ``/autograder``, in which setup has run."""
    root = tmp_path_factory.mktemp("gradescope") / "autograder"
    (root / "submission").mkdir(parents=True)
    (root / "results").mkdir()
    with zipfile.ZipFile(archive) as stored:
        stored.extractall(root / "source")
    shutil.copyfile(root / "source" / "run_autograder", root / "run_autograder")
    for script in (root / "source" / "setup.sh", root / "run_autograder"):
        script.chmod(0o755)
    done = run_script(root, root / "source" / "setup.sh")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@pytest.fixture
def autograder(installed):
    """The same folder before a submission arrives."""
    for name in ("submission", "results"):
        shutil.rmtree(installed / name)
        (installed / name).mkdir()
    return installed


def run_script(root, script):
    """Run a script as Gradescope does; the packages are those of this environment, and no network is used."""
    environment = {
        "PATH": os.environ["PATH"],
        "AUTOGRADER": str(root),
        "AUTOGRADER_PYTHON": sys.executable,
        "AUTOGRADER_PREPARE": "0",
        "GRADER_CACHE": str(ROOT / ".cache"),
        "PYTHONPATH": str(root / "source"),
    }
    return subprocess.run(
        [str(script)], env=environment, cwd="/", capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )


def grade(root):
    """Grade what lies in ``submission`` and return the results."""
    done = run_script(root, root / "run_autograder")
    results = root / "results" / "results.json"
    assert results.is_file(), done.stdout + done.stderr
    return json.loads(results.read_text())


def test_the_archive_has_the_scripts_and_no_solution(project):
    """Both scripts lie at the top and can be run; hidden fixtures are there, no line of the solution is."""
    files = autograder_files(project, project.lab(LAB))
    assert files["setup.sh"].startswith(b"#!") and files["run_autograder"].startswith(b"#!")
    assert f"fixtures/{LAB}/hidden/manifest.json" in files
    lines = solution_lines(LAB)
    for path, content in everything_inside(files):
        assert not path.startswith(("reference/", "stu_upload/", "tests/"))
        assert not [line for line in lines if line in content.decode("utf-8", "replace")], path


def test_the_scripts_can_be_run_after_unpacking(archive):
    """The archive carries the mode of its scripts."""
    with zipfile.ZipFile(archive) as stored:
        for name in ("setup.sh", "run_autograder"):
            assert stored.getinfo(name).external_attr >> 16 & 0o111


def test_a_submission_is_graded_end_to_end(autograder):
    """A right forward pass and a slip in the backward one are 80 of 100, by hidden fixtures, network and all.

    The layers are fast ones, so that a busy machine does not turn this into a time-out.
    """
    for name in ("layer.py", "vgg.py"):
        shutil.copyfile(FAST / name, autograder / "submission" / name)
    layer = autograder / "submission" / "layer.py"
    assert layer.read_text().count(SLIP[0]) == 1
    layer.write_text(layer.read_text().replace(*SLIP))
    results = grade(autograder)
    assert results["score"] == 80
    assert sum(test.get("score", 0) for test in results["tests"]) == 80
    status = {test["extra_data"]["id"]: test["status"] for test in results["tests"] if "extra_data" in test}
    assert status["network_forward"] == "passed" and status["conv_backward"] == "failed"
    assert results["extra_data"]["for_record"] and not results["extra_data"]["grader_failed"]


def test_an_unreadable_submission_scores_nothing_and_says_why(autograder):
    """An empty folder gives results with the reason, not a crash."""
    results = grade(autograder)
    assert results["score"] == 0 and results["output"]
    assert not results["extra_data"]["grader_failed"]


def test_a_fault_of_the_grader_is_never_the_students(autograder):
    """With a damaged fixture the results say that it is not the student's fault, and are marked."""
    shutil.copyfile(ROOT / "labs" / LAB / "layer.py", autograder / "submission" / "layer.py")
    shutil.copyfile(ROOT / "labs" / LAB / "vgg.py", autograder / "submission" / "vgg.py")
    fixture = autograder / "source" / "fixtures" / LAB / "hidden" / "conv_forward.npz"
    kept = fixture.read_bytes()
    fixture.write_bytes(b"damaged")
    results = grade(autograder)
    fixture.write_bytes(kept)
    assert results["extra_data"]["grader_failed"]
    assert "not your fault" in results["output"] and "Traceback" not in results["output"]


def test_the_archive_speaks_the_language_of_its_instructor(project, tmp_path):
    """Built in Chinese, it carries the translations, and tells a student in Chinese what was not to be read."""
    (tmp_path / "submission").mkdir()
    with speaking("zh"):
        files = autograder_files(project, project.lab(LAB))
    assert (
        "grader/language/locale/zh/LC_MESSAGES/grader.mo" in files
        and f"labs/{LAB}/locale/zh/LC_MESSAGES/lab.mo" in files
    )
    with speaking("en"):
        grade_submission(project, json.loads(files["autograder.json"]), tmp_path)
    results = json.loads((tmp_path / "results" / "results.json").read_text(encoding="utf-8"))
    assert results["score"] == 0 and "没有 .py 文件" in results["output"]
