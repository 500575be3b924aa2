"""A lab is published only if everything that must hold is proved; what is there stays as it was otherwise."""

import importlib.util
import json
from pathlib import Path

import pytest

from grader.project.fixtures import read_fixture
from grader.project.library import read_mistakes
from grader.project.manifest import FixtureError
from grader.project.places import Project
from grader.publishing.certificate import NotProved
from grader.publishing.linting import LintError
from grader.publishing.publish import publish
from grader.publishing.recording import RecordingError
from grader.report.progress import Progress
from grader.student.story import fixture_folder, story_of

_SPEC = importlib.util.spec_from_file_location("_toy_lab", Path(__file__).with_name("toy.py"))
toy = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(toy)


@pytest.fixture
def project(tmp_path, monkeypatch, tmp_path_factory):
    """The toy lab in a project of its own; what was run is shared between tests."""
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path_factory.getbasetemp() / "toy-cache"))
    return Project(toy.make(tmp_path / "project"))


def published(project, **more):
    """Publish the toy lab."""
    with Progress() as progress:
        return publish(
            project, project.lab("toy"), seed=more.pop("seed", 1), weights=None, progress=progress, **more
        )


def edit(project, file, old, new):
    """Change the reference."""
    path = project.reference("toy") / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_good_lab_is_published_with_its_certificate(project):
    """Fixtures of both kinds and both forms of the certificate are there, and every condition holds."""
    result = published(project)
    folder = project.root / "fixtures" / "toy"
    data = json.loads((folder / "certificate.json").read_text())
    assert all(condition["holds"] for condition in data["conditions"]) and len(data["mistakes"]) == 3
    text = (folder / "certificate.md").read_text()
    assert "`gradient_not_scaled`" in text and "| 60 |" in text
    for kind in ("public", "hidden"):
        fixture = read_fixture(result.folders[kind])
        assert {item.name for item in read_mistakes(fixture, "scale_forward")} == {"bias_forgotten", "scaled_twice"}


def test_a_release_says_what_computed_it_and_how_far_rounding_moves_each_case(project):
    """The manifest keeps processor, BLAS and draws; the certificate has a figure for every case of both kinds."""
    result = published(project)
    movements = result.certificate.movements
    for kind, folder in result.folders.items():
        fixture = read_fixture(folder)
        assert fixture.facts.computer.processor and fixture.facts.computer.blas
        assert fixture.facts.draws == {}
        cases = {(check, place) for check, found in fixture.checks.items() for place in range(len(found))}
        assert {(item.check, item.place) for item in movements if item.kind == kind} == cases
        assert set(fixture.facts.conditioning) == set(fixture.checks)
    assert all(0 <= item.share <= 0.1 for item in movements) and any(item.share for item in movements)
    text = (project.root / "fixtures" / "toy" / "certificate.md").read_text()
    assert text.split("## Conditioning")[1].split("## ")[0].count("| `scale_forward` |") == len(
        read_fixture(result.folders["hidden"]).checks["scale_forward"]
    )


def test_a_mistake_that_shows_beyond_the_course_costs_no_tier(project):
    """It must be found there, and the certificate names the check apart from those that decide the score."""
    checks = project.root / "labs" / "toy" / "checks.py"
    many = (
        '    yield Case.of("many", x=rng.standard_normal((4, 3)), weight=rng.standard_normal(3),\n'
        "                  bias=rng.standard_normal(3), out_grad=rng.standard_normal((4, 3))).beyond()\n"
    )
    checks.write_text(checks.read_text().replace("\n\n@check(tier=60", f"{many}\n\n@check(tier=60", 1))
    mistakes = project.reference("toy") / "misconceptions.py"
    two_rows = (
        'Misconception("two_rows", "two rows only", ("scale_forward",), ("scale_forward",), "All rows.",\n'
        '    (Edit("layer.py", "return x * self.weight + self.bias", '
        '"return (x * self.weight + self.bias)[:2]"),), "formula (1)"),\n]'
    )
    mistakes.write_text(mistakes.read_text().rstrip().removesuffix("]") + two_rows + "\n")
    rows = {row.name: row for row in published(project).certificate.mistakes}
    assert (rows["two_rows"].checks, rows["two_rows"].beyond, rows["two_rows"].score) == (
        (),
        ("scale_forward",),
        100,
    )
    assert (rows["bias_forgotten"].checks, rows["bias_forgotten"].beyond) == (("scale_forward",), ())


def test_a_scored_check_without_a_case_of_the_course_is_refused(project):
    """A tier cannot be decided by cases that decide none."""
    checks = project.root / "labs" / "toy" / "checks.py"
    text = checks.read_text()
    end = "            out_grad=rng.standard_normal((2, 3)),\n        )"
    assert text.count(end) == 1
    checks.write_text(text.replace(end, f"{end}.beyond()"))
    with pytest.raises(NotProved, match="every scored check has a case of the course: not scale_forward"):
        published(project)


def test_tolerances_follow_the_variants(project):
    """The single-precision variant widens the tolerance of the forward pass to 20 times its error, no other one."""
    tolerances = {item.check: item for item in published(project).certificate.tolerances}
    forward = tolerances["scale_forward"]
    assert forward.widest == "single_precision" and 0 < forward.spread < 1e-6
    assert forward.tolerance == pytest.approx(max(1e-5, 20 * forward.spread))
    assert tolerances["scale_backward"].tolerance == 1e-5


REFUSALS = {
    "a mistake that no check notices": (
        ("misconceptions.py", "x * self.weight\"", "self.bias + x * self.weight\""),
        "bias_forgotten does not lose scale_forward",
    ),
    "a mistake that loses more than it names": (
        ("misconceptions.py", '"return out_grad * 1"', '"return x"'),
        None,
    ),
    "a mistake too small to be told from rounding": (
        ("misconceptions.py", "x * self.weight\"", "x * self.weight + self.bias * 1.00005\""),
        "bias_forgotten exceeds the tolerance of scale_forward only",
    ),
    "a wrong variant": (
        ("variants/other_order/layer.py", "self.bias + self.weight * x", "self.bias + self.weight * x * 1.01"),
        "other_order is",
    ),
    "a gradient that is not that of the forward pass": (
        ("layer.py", "return out_grad * self.weight", "return out_grad * self.weight * 1.5"),
        "FAILED  reference gradients agree with central differences: scale",
    ),
}  # fmt: skip


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_lab_that_is_not_proved_is_refused_by_name(project, reason):
    """The message is the table of conditions with what is wrong; nothing is written."""
    change, message = REFUSALS[reason]
    edit(project, *change)
    if reason == "a mistake that loses more than it names":
        edit(project, "misconceptions.py", '("scale_backward",), "Scale it."', '("scale_forward",), "Scale it."')
    with pytest.raises(NotProved) as refusal:
        published(project)
    assert "FAILED" in str(refusal.value) and (message or "does not lose scale_forward") in str(refusal.value)
    assert not (project.root / "fixtures" / "toy" / "hidden").exists()


def test_fewer_than_three_variants_are_refused(project):
    """Tolerances cannot be measured with two; the lab's files say so before anything is run."""
    (project.reference("toy") / "variants" / "by_rows" / "layer.py").unlink()
    (project.reference("toy") / "variants" / "by_rows").rmdir()
    with pytest.raises(LintError, match="reference/toy/variants: 2 right variants"):
        published(project)


def test_a_solved_skeleton_is_refused(project):
    """What students start from is what the generator makes of the solution, and nothing else."""
    (project.root / "labs" / "toy" / "layer.py").write_text(toy.REFERENCE)
    with pytest.raises(LintError, match=r"labs/toy/layer\.py:8: the skeleton is stale"):
        published(project)


def test_a_reference_that_raises_is_refused_at_once(project):
    """The reference must come through every check; the message says which it did not."""
    edit(project, "layer.py", "return out_grad * self.weight", "raise ValueError('oops')")
    edit(project, "misconceptions.py", "return out_grad * self.weight", "raise ValueError('oops')")
    with pytest.raises(RecordingError, match=r"the reference .*scale_backward.*ValueError oops"):
        published(project)


def test_public_cases_stay_and_hidden_cases_change(project):
    """Publishing again draws new hidden cases, unless the seed is kept; older fixtures move to the archive."""
    first = published(project, seed=None)
    lines = {kind: (first.folders[kind] / "scale_forward.npz").read_bytes() for kind in first.folders}
    second = published(project, seed=None)
    assert (second.folders["public"] / "scale_forward.npz").read_bytes() == lines["public"]
    hidden = (second.folders["hidden"] / "scale_forward.npz").read_bytes()
    assert hidden != lines["hidden"]
    archived = project.root / "fixtures" / "toy" / "archive" / first.release / "hidden"
    assert read_fixture(archived).release == first.release
    lab = project.lab("toy")
    assert fixture_folder(project, lab, "hidden", None, first.release) == archived
    assert fixture_folder(project, lab, "hidden", None, second.release) == second.folders["hidden"]
    with pytest.raises(FixtureError, match=f"no hidden fixtures of release r0; there are: {first.release}"):
        fixture_folder(project, lab, "hidden", None, "r0")
    third = published(project, seed=None, keep_seed=True)
    assert (third.folders["hidden"] / "scale_forward.npz").read_bytes() == hidden


def test_damaged_mistakes_are_refused_by_name(project):
    """A changed byte in the recorded mistakes is noticed when they are read."""
    folder = published(project).folders["hidden"]
    file = folder / "scale_forward.mistakes.npz"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(FixtureError, match=r"scale_forward\.mistakes\.npz"):
        read_mistakes(read_fixture(folder), "scale_forward")


def test_the_story_of_a_published_mistake(project, tmp_path):
    """A submission that makes a recorded mistake is told so, with the command for its inputs."""
    published(project)
    work = tmp_path / "work"
    work.mkdir()
    text = toy.REFERENCE.replace("x * self.weight + self.bias", "self.weight * x").replace("self.weight", "self.w")
    (work / "layer.py").write_text(text.replace("self.w = weight", "self.w = weight"))
    with Progress() as progress:
        story = story_of(project, project.lab("toy"), "scale_forward", work, progress)
    assert story.explanation.misconception == "bias_forgotten"
    assert story.explanation.hint == "Add the bias. See formula (1)."
    assert story.regenerate.endswith("python -m grader case toy scale_forward 1 --out case.npz")
    assert story.picture is not None and story.task[0].startswith("layer.py, scale_forward: scale, then shift")
