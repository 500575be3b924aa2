"""A check that must be fast: published with its baseline, and graded against it, never against the submission's."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from grader.grading import Request, grade
from grader.lab.checks import Case
from grader.project.fixtures import read_fixture
from grader.project.places import Project
from grader.publishing import speed_bench
from grader.publishing.certificate import SpeedRow
from grader.publishing.publish import publish
from grader.publishing.recording import RecordingError
from grader.publishing.speed_bench import SpeedBench, speed_condition
from grader.publishing.times import time_again
from grader.report.progress import Progress
from grader.timing import baseline

_SPEC = importlib.util.spec_from_file_location("_timed_toy_lab", Path(__file__).with_name("toy.py"))
toy = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(toy)

FORWARD = "return x * self.weight + self.bias"


def make(root):
    """Write the toy lab with its timed check."""
    toy.make(root)
    toy.add_engine(root)
    toy.add_timing(root)
    return Project(root)


def published(project):
    """Publish it."""
    with Progress() as progress:
        return publish(project, project.lab("toy"), seed=1, weights=None, progress=progress)


@pytest.fixture(scope="module", autouse=True)
def _patient():
    """Measure less often, and accept any right solution: here a busy machine must not change what comes out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baseline, "REPEATS", 1)
        patch.setattr(speed_bench, "SPEED_MARGIN", 1.1)
        yield


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The timed toy lab, published once for all tests."""
    project = make(tmp_path_factory.mktemp("timed"))
    published(project)
    return project


def graded(project, text, folder):
    """Grade a submission with this text and return its checks by id."""
    (folder / "work").mkdir()
    (folder / "work" / "layer.py").write_text(text)
    with Progress() as progress:
        result = grade(project, Request(project.lab("toy"), folder / "work"), progress)
    return {check.id: check for check in result.checks}


def test_the_certificate_shows_what_was_timed(project):
    """Reference, variants and baseline have a row each; both manifests hold what other hosts need."""
    folder = project.root / "fixtures" / "toy"
    rows = {row["solution"]: row for row in json.loads((folder / "certificate.json").read_text())["speeds"]}
    assert set(rows) == {"reference", *toy.VARIANTS, "engine", "scale_slowly"}
    assert rows["reference"]["ratio"] > rows["scale_slowly"]["ratio"] > 0
    text = (folder / "certificate.md").read_text()
    assert "## Speed" in text and "| `scale_quickly` | `scale_slowly` | 2.5 | `other_order` |" in text
    for kind in ("public", "hidden"):
        record = json.loads((folder / kind / "manifest.json").read_text())["facts"]["speed"]["scale_quickly"]
        assert min(record["baseline"]["all"]) >= 0.4 and record["yardstick"]["calls"]
        assert len(record["engine"]["all"]) == 3


def test_times_are_measured_again_and_nothing_else(tmp_path):
    """Both manifests get the new times and are whole; cases, release and certificate stay byte by byte."""
    project = make(tmp_path / "project")
    published(project)
    folder = project.root / "fixtures" / "toy"
    before = {file: file.read_bytes() for file in folder.rglob("*.*") if file.name != "manifest.json"}
    old = {kind: read_fixture(folder / kind) for kind in ("public", "hidden")}
    with Progress() as progress:
        times = time_again(project, project.lab("toy"), None, progress)
    assert {file: file.read_bytes() for file in before} == before
    for kind, fixture in old.items():
        new = read_fixture(folder / kind)
        assert new.facts.speed == times.facts().speed != fixture.facts.speed
        assert new.facts.seed == fixture.facts.seed and new.release == fixture.release
    assert times.lines()[0].startswith("scale_quickly: reference ")


def test_times_that_make_a_bound_unfair_are_not_kept(project, monkeypatch):
    """A machine on which right solutions do not reach it twice over is no machine to publish on."""
    manifest = project.root / "fixtures" / "toy" / "hidden" / "manifest.json"
    before = manifest.read_bytes()
    monkeypatch.setattr(speed_bench, "SPEED_MARGIN", 1e6)
    with Progress() as progress, pytest.raises(RecordingError, match="the times of toy were left as they are: "):
        time_again(project, project.lab("toy"), None, progress)
    assert manifest.read_bytes() == before


def test_a_right_and_quick_submission_passes(project, tmp_path):
    """The result holds the ratio, its interval and where the baseline was measured."""
    check = graded(project, toy.REFERENCE + toy.SLOWLY, tmp_path)["scale_quickly"]
    assert check.verdict.value == "pass" and check.speed.baseline == "measured"
    assert check.speed.parts[0].low <= check.speed.parts[0].ratio <= check.speed.parts[0].high
    assert "at least 2.5 times are needed" in check.message
    assert check.speed.parts[0].engine_s > 0


def test_own_slow_loops_buy_nothing(project, tmp_path):
    """Who sleeps in both versions, and four times as long in the one that is to be slow, does not pass."""
    sleeping = toy.REFERENCE.replace(FORWARD, "import time; time.sleep(0.4); " + FORWARD)
    text = sleeping + toy.SLOWLY.replace("0.4", "1.6")
    check = graded(project, text, tmp_path)["scale_quickly"]
    whole = check.speed.parts[0]
    assert check.verdict.value == "wrong" and whole.own_baseline_s / whole.submission_s > 2.5
    assert "right, but they come too slowly" in check.message and check.hint == "Do not sleep."


CHEATS = {
    "stops its clocks": (
        "import time\nreal = time.sleep\n"
        "for name in ('time', 'monotonic', 'perf_counter', 'process_time', 'monotonic_ns', 'perf_counter_ns'):\n"
        "    setattr(time, name, lambda: 0)\n" + toy.REFERENCE.replace(FORWARD, "real(0.4); " + FORWARD),
        "too slowly",
    ),
    "answers later calls from memory": (
        "kept = []\n"
        + toy.REFERENCE.replace(FORWARD, f"kept.append(self.bias + self.weight * x); {FORWARD[:6]} kept[:3][-1]"),
        "differs",
    ),
    "promises an array and works when it is read": (
        "class Later:\n"
        "    def __init__(self, make): self.make = make\n"
        "    def __array__(self, *args, **more):\n"
        "        import time; time.sleep(0.4)\n"
        "        return self.make()\n"
        + toy.REFERENCE.replace(FORWARD, "return Later(lambda: x * self.weight + self.bias)"),
        "too slowly",
    ),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_who_cheats_the_clock_does_not_pass(project, tmp_path, cheat):
    """Only the grader's clock counts, every repeat has values of its own, and bytes count, not promises."""
    text, told = CHEATS[cheat]
    check = graded(project, text + toy.SLOWLY, tmp_path)["scale_quickly"]
    assert check.verdict.value in ("wrong", "output", "exception")
    assert told in check.message, check.message


def test_without_the_solution_the_record_decides(project, tmp_path):
    """In a kit or an autograder the baseline is that of publishing, and the result says so."""
    root = tmp_path / "kit"
    for name in ("labs", "fixtures"):
        shutil.copytree(project.root / name, root / name)
    check = graded(Project(root), toy.REFERENCE + toy.SLOWLY, tmp_path)["scale_quickly"]
    assert check.verdict.value == "pass" and check.speed.baseline == "estimated"


def row(solution, ratio):
    """A row of the certificate for a bound of 20."""
    return SpeedRow("fast", "loops", 20.0, solution, 1.0, ratio, ratio, ratio)


@pytest.mark.parametrize(
    ("rows", "holds", "detail"),
    [
        ([row("reference", 41), row("variant", 55), row("loops", 9.9)], True, "at least 2 times above it"),
        (
            [row("reference", 41), row("variant", 39), row("loops", 1)],
            False,
            "variant reaches only 39 of 20 in fast",
        ),
        ([row("reference", 41), row("loops", 10.1)], False, "loops itself is at 10.1, too near to 20"),
    ],
)
def test_a_bound_is_fair_or_not_published(monkeypatch, rows, holds, detail):
    """Right solutions reach twice the bound, and the baseline itself at most half of it."""
    monkeypatch.setattr(speed_bench, "SPEED_MARGIN", 2.0)
    condition = speed_condition(rows)
    assert condition.holds is holds and detail in condition.detail


def test_too_few_repeats_are_refused(tmp_path):
    """A check with two cases has one repeat, which is no measurement."""
    project = make(tmp_path / "project")
    lab = project.lab("toy")
    cases = {name: [Case.of("slow")] * 2 for name in lab.checks}
    bench = SpeedBench(lab, project.reference("toy"), (), cases, None, None, None, tmp_path, None)
    with pytest.raises(RecordingError, match="scale_quickly asks for a speed and has 2 cases"):
        bench.run()
