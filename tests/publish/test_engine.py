"""A second implementation, on the engine, must agree with the reference; no submission ever sees it."""

import importlib.util
from pathlib import Path

import pytest

from grader.grading import Request, grade
from grader.lab.checks import Case
from grader.project.places import Project
from grader.publishing.certificate import NotProved
from grader.publishing.engine import engine_version, package_files
from grader.publishing.publish import publish
from grader.publishing.times import opener
from grader.report.progress import Progress
from grader.run.opening import open_session

_SPEC = importlib.util.spec_from_file_location("_engine_toy_lab", Path(__file__).with_name("toy.py"))
toy = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(toy)

CONDITION = "the engine, a second implementation in float64, agrees with the reference"


@pytest.fixture
def project(tmp_path, monkeypatch, tmp_path_factory):
    """The toy lab with a version on a toy of an engine; what was run is shared between tests."""
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path_factory.getbasetemp() / "engine-toy-cache"))
    root = toy.make(tmp_path / "project")
    toy.add_engine(root)
    return Project(root)


def published(project):
    """Publish the toy lab."""
    with Progress() as progress:
        return publish(project, project.lab("toy"), seed=1, weights=None, progress=progress)


def edit(files, old, new):
    """Replace a piece of text in files that hold it."""
    for file in files:
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))


def test_the_certificate_says_how_much_was_compared(project):
    """Both checks, with three public and three hidden cases of one array each."""
    conditions = {condition.name: condition for condition in published(project).certificate.conditions}
    assert conditions[CONDITION].holds
    assert conditions[CONDITION].detail.startswith("2 checks, 12 arrays; the largest error is ")


def test_the_engine_is_no_variant(project):
    """It neither counts among the right variants nor widens a tolerance."""
    edit([project.root / "reference/toy/engine/layer.py"], "return scaled(x,", "return 1.0000004 * scaled(x,")
    certificate = published(project).certificate
    assert set(certificate.variants) == set(toy.VARIANTS)
    assert all(item.widest != "engine" for item in certificate.tolerances)


def test_a_wrong_reference_is_refused_although_all_variants_agree_with_it(project):
    """Reference and variants share a slip that no other condition notices; nothing is written."""
    solutions = sorted((project.root / "reference" / "toy").glob("**/layer.py"))
    wrong = [project.root / "labs/toy/layer.py", *(file for file in solutions if file.parent.name != "engine")]
    edit(wrong, "self.bias = bias", "self.bias = 2 * bias")
    with pytest.raises(NotProved) as refusal:
        published(project)
    failed = [line for line in str(refusal.value).splitlines() if "FAILED" in line]
    assert len(failed) == 1 and f"FAILED  {CONDITION}: scale_forward, y: " in failed[0]
    assert (
        "times the tolerance; either the reference is wrong there, or the lab's version on the engine" in failed[0]
    )
    assert not (project.root / "fixtures" / "toy").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("return 1.01 * scaled(x, self.weight)", "scale_backward, x_grad: 1.0e-02 apart, 1e+03 times"),
        ("raise ValueError('oops')", "scale_backward: the engine ended with exception: ValueError oops"),
    ],
)
def test_a_wrong_version_on_the_engine_is_refused(project, change, said):
    """Whichever of the two is wrong, the message names the check and how they differ."""
    change = change.replace("(x,", "(out_grad,")
    edit([project.root / "reference/toy/engine/layer.py"], "return scaled(out_grad, self.weight)", change)
    with pytest.raises(NotProved) as refusal:
        published(project)
    assert said in str(refusal.value)


def test_a_version_says_what_it_is_for(project, tmp_path):
    """The engine lies beside the solution, and its files alone may import everything."""
    version = engine_version(project, project.lab("toy"), {})
    version.write(tmp_path / "timed", exact=False)
    assert "EXACT = False" in (tmp_path / "timed" / "exactness.py").read_text()
    assert package_files(tmp_path / "timed") == ["engine/__init__.py"]


def test_a_submission_does_not_see_the_engine(project, tmp_path):
    """What publishing puts beside its own solutions is in no student's box."""
    published(project)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "layer.py").write_text(toy.ON_ENGINE)
    with Progress() as progress:
        result = grade(project, Request(project.lab("toy"), tmp_path / "work"), progress)
    assert result.score == 0 and {item.verdict.value for item in result.checks} == {"import", "skipped"}
    assert "`engine` is no library that is there" in result.checks[0].message


def test_a_lab_without_such_a_version_is_published_as_before(project):
    """The condition is there only where something was compared."""
    (project.root / "reference/toy/engine/layer.py").unlink()
    (project.root / "reference/toy/engine").rmdir()
    assert CONDITION not in [condition.name for condition in published(project).certificate.conditions]


SAMPLING = '''

from grader.lab.checks import Sampled, one_case


@check(tier=None, cases=one_case(x=None), files=("layer.py",))
def sampled(student, case):
    """A sample."""
    import numpy as np

    student.emit("layer", Sampled(np.ones((300, 20)), "layer"))
    return {"result": np.ones(7)}
'''


def test_the_stopwatch_sends_shapes_only(project):
    """What is timed is the work, not how long it takes to sample or to send a result."""
    checks = project.root / "labs" / "toy" / "checks.py"
    checks.write_text(checks.read_text() + SAMPLING)
    lab = project.lab("toy")
    with open_session(lab, project.reference("toy"), {}, handler="grader.inside.stopwatch") as session:
        outcome = session.run(lab.checks["sampled"], Case.of("any"))
    assert outcome.verdict is None and list(outcome.outputs) == ["layer/shape", "result"]
    assert outcome.outputs["layer/shape"].tolist() == [300, 20] and outcome.outputs["result"].tolist() == [7]


READING = '''

@check(tier=60, cases=cases, files=("layer.py",))
def reading(student, case):
    """What the lab gives, read as the course's programs do: beside the work, and one folder above it."""
    import numpy as np

    return {"numbers": np.array([float(open(place).read()) for place in ("number.txt", "../number.txt")])}
'''


def test_a_solution_finds_the_data_that_its_lab_gives(project):
    """A reference may read given files by their names, as a submission may."""
    lab_folder = project.root / "labs" / "toy"
    (lab_folder / "checks.py").write_text((lab_folder / "checks.py").read_text() + READING)
    (lab_folder / "number.txt").write_text("7")
    (lab_folder / "lab.yaml").write_text((lab_folder / "lab.yaml").read_text() + "given: [number.txt]\n")
    lab = project.lab("toy")
    with opener(lab, {})(project.reference("toy"), 0) as session:
        outcome = session.run(lab.checks["reading"], Case.of("any"))
    assert outcome.verdict is None and outcome.outputs["numbers"].tolist() == [7, 7]
