"""Mistakes are named in programs that share no line with the reference, and right programs get no name."""

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from grader.compare import compare
from grader.explain import CaseRun, explain, explain_runs
from grader.explain.mistakes import SPECIFIC
from grader.project.fixtures import read_fixture
from grader.project.library import read_mistakes
from grader.project.places import Project
from grader.project.solution import write_solution
from grader.publishing.misconceptions import Edit, Misconception, Mistaken, load_misconceptions, write_mistaken
from grader.run.answers import frames_at
from grader.run.opening import open_session
from grader.run.session import Outcome
from grader.student.story import run_cases
from grader.verdicts import Verdict

ROOT = Path(__file__).resolve().parents[2]
_SPEC = importlib.util.spec_from_file_location("_rewritten", Path(__file__).with_name("rewritten.py"))
rewritten = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(rewritten)
# Mistakes that return the same numbers by necessity, so that either name is right.
SAME = {
    "row_and_column_of_place_swapped": "place_counted_by_columns",
    "place_counted_by_columns": "row_and_column_of_place_swapped",
}
MIN_SHARE = 0.95


@pytest.fixture(scope="module")
def lab():
    """The lab."""
    return Project(ROOT).lab("vgg16")


@pytest.fixture(scope="module")
def fixture():
    """Its public fixture, with what the known mistakes returned."""
    found = read_fixture(Project(ROOT).fixtures("vgg16", "public"))
    assert found.mistake_files, "fixtures/vgg16 holds no recorded mistakes; publish the lab"
    return found


def explained(lab, fixture, folder, check, slot=0):
    """Run a check on a folder in the jail and explain what failed."""
    with open_session(lab, folder, {}, slot=slot) as session:
        runs = run_cases(session, lab.checks[check], fixture.checks[check])
    return runs, explain(lab.checks[check], runs, fixture)


def test_mistakes_in_rewritten_programs_are_named(lab, fixture, tmp_path):
    """At least 95 % of the mistakes made in im2col, or in loops with other names, are called by their name."""

    def name_of(numbered):
        number, (_, check, variant, edits) = numbered
        made = Misconception("m", "", (), (), "", tuple(Edit("layer.py", a, b) for a, b in edits), variant=variant)
        folder = tmp_path / str(number)
        write_mistaken(ROOT / "reference" / "vgg16", Mistaken((made,)), folder)
        return explained(lab, fixture, folder, check, slot=number % 2)[1].misconception

    with ThreadPoolExecutor(2) as pool:
        names = list(pool.map(name_of, enumerate(rewritten.REWRITTEN)))
    wrong = [
        (wanted, seen)
        for (wanted, *_), seen in zip(rewritten.REWRITTEN, names, strict=True)
        if seen not in (wanted, SAME.get(wanted))
    ]
    assert len(wrong) <= (1 - MIN_SHARE) * len(names), wrong


@pytest.mark.parametrize("variant", [None, "im2col_gemm", "einsum_windows", "float64_inside", "float32_loops"])
def test_right_programs_have_nothing_to_explain(lab, fixture, tmp_path, variant):
    """Right programs pass every layer check, so no explanation is asked for."""
    write_solution(ROOT / "reference" / "vgg16", variant, tmp_path / "right")
    with open_session(lab, tmp_path / "right", {}) as session:
        for check in lab.checks.values():
            if not check.slow:
                runs = run_cases(session, check, fixture.checks[check.id])
                assert all(run.passed for run in runs), (check.id, [run.findings for run in runs if not run.passed])


def test_every_mistake_is_quoted_to_the_student(lab, fixture):
    """Given only what it returned when the lab was published, every known mistake brings its own explanation.

    NaN alone shows nothing, and neither does an exception that names nothing.
    """
    known = {item.name: item for item in load_misconceptions(ROOT / "reference" / "vgg16")}
    met = set()
    for check_id in fixture.mistake_files:
        mistakes = read_mistakes(fixture, check_id)
        for mistake in (item for item in mistakes if not item.is_pair):
            runs = []
            for recorded, run in zip(fixture.checks[check_id], mistake.runs, strict=True):
                if run.verdict is Verdict.PASS:
                    runs.append(CaseRun(recorded, Outcome(None)))
                elif run.verdict in (Verdict.WRONG, Verdict.OUTPUT) and run.outputs:
                    findings = compare(recorded.expected, run.outputs, recorded.tolerances)
                    runs.append(CaseRun(recorded, Outcome(None, outputs=run.outputs), findings))
                else:
                    ending = Outcome(run.verdict, run.message, run.error_type, frames_at(run.place))
                    runs.append(CaseRun(recorded, ending))
            met.add(mistake.name)
            endings = [run.message for run in mistake.runs if run.verdict is Verdict.EXCEPTION]
            if endings and not any(SPECIFIC.search(message) for message in endings):
                continue
            arrays = [array for run in mistake.runs for array in run.outputs.values()]
            if arrays and not any(np.isfinite(array).any() for array in arrays):
                continue
            found = explain_runs(lab.checks[check_id], runs, mistakes)
            assert found.misconception == mistake.name or mistake.title in found.hint, (check_id, mistake.name)
            assert known[found.misconception].explanation in found.hint
            assert known[found.misconception].formula in found.hint
    assert met == {item.form_of or item.name for item in known.values()}
