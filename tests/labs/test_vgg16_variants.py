"""Golden submissions of the lab vgg16 on the layer checks: right ones agree, broken ones end as they should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grader.lab.checks import Case

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted((ROOT / "tests" / "submissions" / "vgg16").glob("*/"))
RIGHT = [
    "textbook_handout",
    "im2col_gemm",
    "einsum_windows",
    "strided_tensordot",
    "numba_parallel",
    "float64_inside",
    "kn2row",
    "pure_loops",
    "relu_spelling",
]
# Verdicts that are given inside the submission's process; the others need the grader.
INSIDE = {"pass", "import", "exception", "unfinished"}
NEVER_END = {"hangs", "print_flood"}


@pytest.fixture(scope="session")
def reference_outcomes(tmp_path_factory, layer_jobs, request):
    """Return what the reference gives for every layer job."""
    run = request.getfixturevalue("run_checks_in")(tmp_path_factory.mktemp("reference"))
    return run(ROOT / "reference" / "vgg16", layer_jobs)


@pytest.mark.parametrize("name", RIGHT)
def test_right_variants_agree_with_the_reference(
    golden, run_checks, reference_outcomes, layer_jobs, tmp_path, name
):
    """However a right submission is written, it gives the reference's shapes and values, to float32 rounding."""
    golden.materialise(ROOT / "tests" / "submissions" / "vgg16" / name, tmp_path / "student")
    outcomes = run_checks(tmp_path / "student", layer_jobs)
    for (check, case), wanted, found in zip(layer_jobs, reference_outcomes, outcomes, strict=True):
        if name == "textbook_handout" and case.domain != "course":
            # As the handout has it, softmax does not subtract the maximum.
            continue
        assert found.error is None, (check, case.name, found.error)
        assert found.arrays.keys() == wanted.arrays.keys()
        for key, expected in wanted.arrays.items():
            actual = found.arrays[key]
            assert actual.shape == expected.shape and actual.dtype.kind == "f", (check, case.name)
            np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5, err_msg=f"{check}: {case.name}")


@pytest.mark.parametrize("folder", [f for f in FOLDERS if f.name not in {*RIGHT, *NEVER_END}], ids=lambda f: f.name)
def test_broken_ones_end_as_they_should(golden, run_checks, reference_outcomes, layer_jobs, tmp_path, folder):
    """A verdict given in the submission's process is the expected one; other failures differ from the reference."""
    expected = golden.materialise(folder, tmp_path / "student")
    only = expected.get("only") or [check for check, _ in layer_jobs]
    # The course's cases decide.
    course = [pair for pair in zip(layer_jobs, reference_outcomes, strict=True) if pair[0][1].domain == "course"]
    pairs = [pair for pair in course if pair[0][0] in only]
    jobs = [job for job, _ in pairs]
    found = run_checks(tmp_path / "student", [*jobs, ("network_build", Case.of("default"))])
    verdicts: dict[str, str] = {}
    for ((check, _), wanted), outcome in zip(pairs, found[:-1], strict=True):
        held = outcome.error is None and all(same(outcome.arrays[key], wanted.arrays[key]) for key in wanted.arrays)
        ended = "pass" if held else outcome.error["verdict"] if outcome.error else "differs"
        if verdicts.get(check, "pass") == "pass":
            verdicts[check] = ended
    verdicts["network_build"] = found[-1].error["verdict"] if found[-1].error else "pass"
    for check, verdict in expected.get("checks", {}).items():
        if verdict in INSIDE and check in verdicts:
            assert verdicts[check] == verdict, check
        elif verdict in ("wrong", "output") and check in verdicts:
            assert verdicts[check] in ("differs", verdict), check


def same(actual, expected):
    """Say whether an array has the expected shape, is of floating point, and has the expected values."""
    return (
        actual.shape == expected.shape
        and actual.dtype.kind == "f"
        and np.allclose(actual, expected, rtol=1e-4, atol=1e-4)
    )


def test_golden_edits_must_occur_exactly_once(golden, tmp_path):
    """An edit whose text is gone or ambiguous is an error that names the folder."""
    folder = tmp_path / "lab" / "stale"
    folder.mkdir(parents=True)
    (folder / "layer.py").write_text("x = 1\nx = 1\n")
    for text in ("x = 1", "x = 2"):
        (folder / "expected.yaml").write_text(f"edits: [{{file: layer.py, replace: '{text}', with: 'x = 3'}}]\n")
        with pytest.raises(golden.GoldenError, match="stale"):
            golden.materialise(folder, tmp_path / "target")


def test_every_golden_folder_can_be_made(golden, tmp_path):
    """All folders materialise, and say what they expect."""
    assert len(FOLDERS) >= 20
    for folder in FOLDERS:
        expected = golden.materialise(folder, tmp_path / folder.name)
        assert expected["about"] and ("score" in expected) != ("only" in expected), folder.name
        assert "score" not in expected or expected["exit"] == (0 if expected["score"] >= 60 else 1), folder.name
