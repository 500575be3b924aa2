"""Golden submissions through the command line: score, verdicts, messages and exit status of each.

Each folder below ``tests/submissions/<lab>`` is one submission with what is expected of it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.jail.arithmetic import ARITHMETICS, VARIABLE, is_possible
from tests.golden import ROOT, golden_folders, materialise

LABS = sorted(folder.name for folder in (ROOT / "tests" / "submissions").iterdir() if folder.is_dir())
GOLDEN = [(lab, folder) for lab in LABS for folder in golden_folders(lab)]
DEADLINE_S = 500
MORE = ("kn2row", "relu_spelling", "strided_tensordot")
# Right submissions that multiply matrices: what a BLAS of another processor rounds otherwise.
ELSEWHERE = [
    *(
        ("vgg16", name)
        for name in ("einsum_windows", "im2col_gemm", "kn2row", "relu_spelling", "strided_tensordot")
    ),
    ("vgg19", "im2col_gemm"),
    ("style_transfer", "einsum_windows"),
    ("lenet", "index_arrays"),
]


def run_grade(
    lab: str,
    submission: Path,
    document: Path,
    *options: str,
    arithmetic: str | None = None,
    command: str = "grade",
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m grader grade`` as CI does, with the arithmetic of some processor; capture what it prints.

    Without ``arithmetic`` it is what GRADER_ARITHMETIC asks for, so that the whole file runs as on another
    processor. The command ``check`` looks at public cases, of which the text of an error is shown.
    """
    words = [
        sys.executable,
        "-m",
        "grader",
        command,
        lab,
        "--submission",
        str(submission),
        "--json",
        str(document),
    ]
    return subprocess.run(
        [*words, *options],
        cwd=ROOT,
        env={**os.environ, **({VARIABLE: arithmetic} if arithmetic else {})},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


@pytest.mark.parametrize(("lab", "folder"), GOLDEN, ids=[f"{lab}-{folder.name}" for lab, folder in GOLDEN])
def test_golden_submission(lab, folder, tmp_path, request):
    """The result is the one that the folder's expected.yaml states, and every message is quoted as printed."""
    if not (ROOT / "fixtures" / lab / "hidden" / "manifest.json").is_file():
        pytest.skip(f"lab {lab} is not published yet: python -m grader publish {lab}")
    submission, document = tmp_path / "submission", tmp_path / "result.json"
    expected = materialise(folder, submission)
    if expected.get("extended") and not request.config.getoption("--all-golden"):
        pytest.skip("takes minutes; run it with: make test ARGS=--all-golden")
    only = [part for name in expected.get("only", []) for part in ("--only", name)]
    done = run_grade(lab, submission, document, *only, command=expected.get("command", "grade"))
    assert document.is_file(), done.stdout + done.stderr
    result = json.loads(document.read_text())
    checks = {check["id"]: check for check in result["checks"]}
    seen = {name: (checks[name]["verdict"], checks[name]["message"]) for name in checks}
    if "score" in expected:
        assert result["score"] == expected["score"], seen
    for name, verdict in expected.get("checks", {}).items():
        assert seen[name][0] == verdict, seen[name]
    for name, mistake in expected.get("mistakes", {}).items():
        assert checks[name]["misconception"] == mistake, seen[name]
    noted = " ".join(result["submission"]["notes"])
    assert [fragment for fragment in expected.get("notes", []) if fragment not in noted] == []
    printed = " ".join(done.stdout.split())
    for name, fragments in expected.get("messages", {}).items():
        for fragment in fragments:
            assert fragment.lower() in seen[name][1].lower()
            assert " ".join(fragment.split()).lower() in printed.lower()
    if "exit" in expected:
        assert done.returncode == expected["exit"], done.stdout + done.stderr


@pytest.mark.parametrize("arithmetic", ["haswell", "nehalem"])
@pytest.mark.parametrize(("lab", "name"), ELSEWHERE, ids=[f"{lab}-{name}" for lab, name in ELSEWHERE])
def test_right_submission_keeps_its_score_depends_on_processor(lab, name, arithmetic, tmp_path, request):
    """A right submission has full marks with the matrix products and the instructions of another processor."""
    if name in MORE and not request.config.getoption("--all-golden"):
        pytest.skip("one of several of its lab; run it with: make test ARGS=--all-golden")
    if not is_possible(ARITHMETICS[arithmetic]):
        pytest.skip(f"this processor has not the instructions of {arithmetic}")
    submission, document = tmp_path / "submission", tmp_path / "result.json"
    expected = materialise(ROOT / "tests" / "submissions" / lab / name, submission)
    done = run_grade(lab, submission, document, arithmetic=arithmetic)
    assert document.is_file(), done.stdout + done.stderr
    result = json.loads(document.read_text())
    assert result["computer"]["arithmetic"] == arithmetic
    seen = {check["id"]: check["message"] for check in result["checks"] if check["verdict"] != "pass"}
    assert result["score"] == expected["score"], seen
