"""Mistakes made by machine: each is another program with one change, and what became of them is recorded."""

import ast
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grader.compare import Tolerance
from grader.grading import Request, grade
from grader.kits.leaks import secrets_of
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase, RecordedMistake, RecordedRun
from grader.project.holes import holes
from grader.project.library import SUFFIX, Change, packed
from grader.project.manifest import read_manifest
from grader.project.one_parser import read_arrays
from grader.project.places import Project
from grader.publishing.exemptions import read_exemptions
from grader.publishing.linting import LintError
from grader.publishing.mutants import MUTANTS_NAME, library, run, trial, try_mutants
from grader.publishing.mutants.making import chosen, mutants_of
from grader.publishing.mutants.record import HEADING, MutantReport, MutantRow, write_report
from grader.publishing.mutants.rules import RULES
from grader.publishing.new_lab import new_lab
from grader.publishing.publish import publish
from grader.report.progress import Progress
from grader.verdicts import Verdict

ROOT = Path(__file__).resolve().parents[2]
CHANGES = {
    "a + b": {"a - b", "a", "b"},
    "a * b": {"a / b", "a", "b"},
    "a @ b": {"b @ a"},
    "-a": {"a"},
    "a[i, 2]": {"a[i - 1, 2]"},
    "a[1:n:2]": {"1 + 1:n:2", ":n:2", "1:n + 1:2", "1::2", "1:n"},
    "a > b": {"a >= b", "a < b"},
    "total += a": {"total = a", "total -= a", "pass"},
    "self.x = a": {"pass"},
    "range(n)": {"range(n - 1)", "range(1, n)"},
    "a.T": {"a"},
    "a.transpose(1, 0)": {"a"},
    "a.sum(axis=0)": {"a.sum()"},
    "a.copy()": {"a"},
    "f(a, b)": {"f(b, a)"},
    "f(a, b=c)": {"f(a)"},
    "[a, b]": {"[a]", "[b]", "[b, a]"},
    "a and b": {"a or b"},
    "a if b else c": {"a if not b else c", "a", "c"},
    "padding": {"0"},
    "self.stride": {"1"},
    "rows": {"cols", "columns"},
    "1": {"2", "0"},
    "y = a * b": {"y = np.asarray(a * b, dtype=np.float16)"},
}


@pytest.mark.parametrize("source", CHANGES)
def test_the_rules_make_what_is_listed(source):
    """Of each kind of node; parentheses around what replaces it do not count."""
    made = {
        text[1:-1] if text.startswith("(") else text
        for node in ast.walk(ast.parse(source))
        for rule in RULES
        for _, text in rule(node)
    }
    assert CHANGES[source] <= made


@pytest.mark.parametrize("lab", ["lenet", "vgg16"])
def test_mutants_differ_from_the_solution_and_from_each_other(lab):
    """At least 150, each valid, in one scored hole, with an id of its own and words without the solution's text."""
    project = Project(ROOT)
    mutants = mutants_of(project.lab(lab), project.reference(lab))
    trees = {(item.file, ast.dump(ast.parse(item.source))) for item in mutants}
    assert len(mutants) >= 150 and len(trees) == len(mutants) == len({item.id for item in mutants})
    for item in mutants:
        source = (project.reference(lab) / item.file).read_text()
        hole = next(found for found in holes(source) if found.name == item.hole)
        assert hole.line < item.line < hole.end_line
        lines, changed = source.splitlines(), item.source.splitlines()
        assert lines[: hole.line] == changed[: hole.line]
        assert lines[hole.end_line :] == changed[len(changed) - len(lines) + hole.end_line :]
        assert item.before not in item.words


def test_an_id_does_not_depend_on_what_stands_elsewhere(tmp_path):
    """Reasons given for it stay valid when the file above it grows."""
    new_lab(Project(tmp_path), "tiny")
    project = Project(tmp_path)
    before = [item.id for item in mutants_of(project.lab("tiny"), project.reference("tiny"))]
    file = project.reference("tiny") / "layer.py"
    file.write_text(f"# A line more.\n{file.read_text()}")
    assert [item.id for item in mutants_of(project.lab("tiny"), project.reference("tiny"))] == before


def test_a_sample_is_even_and_grows():
    """Every pair of a hole and a rule is in it before any is in it twice; a larger one has all of a smaller one."""
    project = Project(ROOT)
    made = mutants_of(project.lab("lenet"), project.reference("lenet"))
    pairs = {(item.hole, item.rule) for item in made}
    first, larger = chosen(made, len(pairs)), chosen(made, 2 * len(pairs))
    assert {(item.hole, item.rule) for item in first} == pairs and len(first) == len(pairs)
    assert {item.id for item in first} < {item.id for item in larger} and len(larger) == 2 * len(pairs)
    assert [item for item in made if item in larger] == larger == chosen(made[::-1], 2 * len(pairs))[::-1]
    assert chosen(made, None) == chosen(made, len(made) + 1) == made


def row(name, caught=(), tried=("conv",), equal=""):
    """One mutant."""
    return MutantRow(f"conv/{name}", "conv", 3, "`+=` replaced by `=`", tuple(caught), tuple(tried), equal)


def test_the_score_counts_unequal_mutants_only(tmp_path):
    """Survivors lower it; equal ones do not count; the page shows both, once, however often it is written."""
    page = tmp_path / "certificate.md"
    page.write_text("# Certificate\n\n## Versions\n\nnone\n")
    rows = [row("a", ["conv"]), row("b"), row("c", equal="adds a zero"), row("d", ["conv"])]
    report = MutantReport("toy", "toy-1", rows, len(rows))
    assert (report.caught, report.equal, len(report.survivors)) == (2, 1, 1)
    assert report.score == pytest.approx(2 / 3) and report.by_check() == {"conv": (2, 3)}
    for _ in range(2):
        write_report(report, tmp_path)
    text = page.read_text()
    assert text.startswith("# Certificate\n\n## Versions\n\nnone\n\n## Mistakes made by machine")
    assert text.count(HEADING) == 1 and "| `conv/b` | 3 |" in text and "adds a zero" in text
    data = json.loads((tmp_path / MUTANTS_NAME).read_text())
    assert data["checks"] == {"conv": {"caught": 2, "of": 3}} and data["release"] == "toy-1"
    assert MutantReport("toy", "toy-1", [row("c", equal="adds a zero")], 1).score is None


def test_a_published_lab_is_tried_and_its_cases_stay(tmp_path, monkeypatch):
    """The fixtures stay byte for byte but for the library; what is caught is named; a false reason is refused."""
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "cache"))
    project = Project(tmp_path)
    new_lab(project, "tiny")
    with Progress() as progress:
        publish(project, project.lab("tiny"), seed=1, weights=None, progress=progress)
        folder = project.root / "fixtures/tiny"
        before = {file: file.read_bytes() for file in folder.rglob("*.npz")}
        manifests = {file: without_mutants(file) for file in folder.rglob("manifest.json")}
        report = try_mutants(project, project.lab("tiny"), progress)
        assert len(report.rows) >= 25 and report.caught == len(report.rows)
        assert all(set(item.caught) <= set(item.tried) for item in report.rows)
        assert {file: file.read_bytes() for file in before} == before
        assert {file: without_mutants(file) for file in manifests} == manifests
        said_of_a_mutant(project, report)
        assert (folder / "certificate.md").read_text().count(HEADING) == 1
        library = {file: file.read_bytes() for file in folder.rglob(f"*{SUFFIX}")}
        caught = next(item for item in report.rows if item.caught)
        (project.reference("tiny") / "proof.yaml").write_text(
            f"equal:\n  - what: [{caught.id}, ghost/operators/0]\n    because: it is said to be the same\n"
        )
        with pytest.raises(LintError, match=r"tells it from the solution") as refusal:
            try_mutants(project, project.lab("tiny"), progress)
        assert "ghost/operators/0: no such mutant" in str(refusal.value)
        assert {file: file.read_bytes() for file in folder.rglob(f"*{SUFFIX}")} == library
        few = _sampled_without_reasons(project, progress)
        assert len(few.rows) == 3 and few.made == len(report.rows) and few.caught == 3
        assert f"3 of {few.made} mutants" in (folder / "certificate.md").read_text()
        assert {item.id for item in few.rows} < {item.id for item in report.rows}
        endless = _endless(project)
        monkeypatch.setattr(run, "mutants_of", lambda *_: [endless])
        monkeypatch.setattr(trial, "AT_LEAST_S", 1.0)
        slow = try_mutants(project, project.lab("tiny"), progress)
        assert slow.by_time == slow.caught == 1 and slow.rows[0].by_time == slow.rows[0].caught
        assert "1 of those caught were told by time alone" in (folder / "certificate.md").read_text()
        assert slow.recorded == 0 and not list(folder.rglob(f"*{SUFFIX}"))
        assert all(not read_manifest(folder / kind).mutants for kind in ("hidden", "public"))


def without_mutants(file):
    """What a manifest says besides."""
    return {key: value for key, value in json.loads(file.read_text()).items() if key not in ("mutants", "sha256")}


def said_of_a_mutant(project, report):
    """What a change gives is told of a submission written otherwise, and what is hidden of it stays hidden."""
    lab, reference = project.lab("tiny"), project.reference("tiny")
    assert report.recorded >= 10
    folder = project.root / "submission"
    folder.mkdir()
    text = (reference / "layer.py").read_text()
    line = "self.weight = self.weight - rate * self.d_weight"
    assert text.count(line) == 1
    (folder / "layer.py").write_text(text.replace(line, "np.add(self.weight, rate * self.d_weight, self.weight)"))
    for kind in ("hidden", "public"):
        request = Request(lab=lab, submission=folder, kind=kind, only=("one_step",))
        found = next(item for item in grade(project, request, Progress()).checks if item.id == "one_step")
        assert "in the hole `linear_update`, a `-` is replaced by a `+`." in found.hint, kind
        assert found.misconception is None
    mutants = {kind: read_manifest(project.fixtures("tiny", kind)).mutants for kind in ("hidden", "public")}
    secret = secrets_of(project, lab).digests
    assert mutants["hidden"]["one_step"].sha256 in secret and mutants["public"]["one_step"].sha256 not in secret
    for text in (line.encode(), b"self.weight", b"np."):
        assert not any(
            text in read_arrays(file)["described"].tobytes() for file in project.root.rglob(f"*{SUFFIX}")
        )


def array_of(size, seed):
    """Numbers that do not pack."""
    return np.random.default_rng(seed).standard_normal(size)


def test_the_library_is_bounded_and_small_ones_go_first():
    """About as many bytes as the files have; what two hold alike is counted once."""
    shared = array_of(4000, 0)

    def group(seed, size):
        run = RecordedRun(Verdict.WRONG, {"y": array_of(size, seed), "beside": shared})
        return library.Group([str(seed)], [Change("conv", "a sign dropped")], [run])

    found = {"conv": [group(1, 3000), group(2, 100), group(3, 1000)], "pool": [group(4, 10)]}
    every = sum(len(packed([item.recorded for item in groups])) for groups in found.values())
    assert library.within(found, every + 2000) == found
    kept = library.within(found, every - 20000)
    assert [item.names for item in kept["conv"]] == [["2"], ["3"]] and [item.names for item in kept["pool"]] == [
        ["4"]
    ]
    assert sum(len(packed([item.recorded for item in groups])) for groups in kept.values()) <= every - 20000
    assert library.within(found, 0) == {}


def test_single_precision_is_enough_where_its_loss_is_far_below_the_bound():
    """Numbers stay as they are where it is not, and so do infinities and NaN."""
    numbers = np.array([1 / 3, 1e5 / 7, np.nan, np.inf, 0.0])
    for bound, kind in ((1e-5, np.float32), (1e-7, np.float64)):
        stored = library._single(numbers, Tolerance(bound, bound))
        assert stored.dtype == kind
        np.testing.assert_allclose(stored, numbers, rtol=bound / 100)
    assert library._single(np.array([1e300]), Tolerance(1e-3, 1e-3)).dtype == np.float64


def test_the_same_effect_is_recorded_once_and_a_known_mistakes_never():
    """With the words of all that have it; what passes every case is no mistake."""
    case = RecordedCase(Case.of("one", x=array_of(3, 1)), {"y": array_of(3, 2)}, {"y": Tolerance(1e-9, 1e-9)})
    wrong, other = (RecordedRun(Verdict.WRONG, {"y": array_of(3, seed)}) for seed in (3, 4))
    known = RecordedMistake("other", "other", "", "", [other])
    made = mutants_of(Project(ROOT).lab("vgg19_dlp"), Project(ROOT).reference("vgg19_dlp"))[:4]
    made = [replace(item, id=f"{number}", words="abac"[number]) for number, item in enumerate(made)]
    close = RecordedRun(Verdict.WRONG, {"y": wrong.outputs["y"] + 1e-10})
    tried = [(made[0], [wrong]), (made[1], [close]), (made[2], [wrong]), (made[3], [other])]
    (found,) = library._distinct([*tried, (made[3], [RecordedRun(Verdict.PASS)])], [case], [known])
    assert found.names == ["0", "1", "2"] and [change.words for change in found.changes] == ["a", "b"]
    assert found.recorded.runs == [wrong]


def _sampled_without_reasons(project, progress):
    """Three mutants, with no reasons given."""
    (project.reference("tiny") / "proof.yaml").unlink()
    return try_mutants(project, project.lab("tiny"), progress, sample=3)


def _endless(project):
    """A mutant that never returns."""
    mutant = mutants_of(project.lab("tiny"), project.reference("tiny"))[0]
    lines = (project.reference("tiny") / mutant.file).read_text().splitlines()
    line = lines[mutant.line - 1]
    lines.insert(mutant.line - 1, f"{line[: len(line) - len(line.lstrip())]}while True: pass")
    return replace(mutant, id=f"{mutant.hole}/assignments/00000000", source="\n".join(lines) + "\n")


@pytest.mark.parametrize("file", sorted(ROOT.glob("fixtures/*/mutants.json")), ids=lambda file: file.parent.name)
def test_what_is_said_of_a_lab_is_of_its_present_release(file):
    """Its mutants are those of its solution, 150 at least; reasons are those of `proof.yaml`; the page agrees."""
    project, name = Project(ROOT), file.parent.name
    data = json.loads(file.read_text())
    assert data["release"] == read_manifest(project.fixtures(name, "hidden")).release
    made = mutants_of(project.lab(name), project.reference(name))
    ids = [item["id"] for item in data["rows"]]
    assert data["made"] == len(made) and ids == [item.id for item in chosen(made, len(ids))] and len(ids) >= 150
    reasons = read_exemptions(project.reference(name)).reasons("equal")
    assert {item["id"]: item["equal"] for item in data["rows"] if item["equal"]} == reasons
    rows = [
        MutantRow(**{key: tuple(v) if type(v) is list else v for key, v in row.items()}) for row in data["rows"]
    ]
    report = MutantReport(name, data["release"], rows, data["made"])
    assert not any(item.caught and item.equal for item in rows)
    page = (file.parent / "certificate.md").read_text()
    assert page.count(HEADING) == 1 and report.summary().partition(": ")[2] in page
    assert all(f"`{item.id}`" in page for item in rows if not item.caught)


def test_every_reason_is_of_a_lab_that_was_tried():
    """Where `proof.yaml` calls mutants equal, there is a report that has them."""
    for reference in sorted((ROOT / "reference").glob("*/proof.yaml")):
        if read_exemptions(reference.parent).equal:
            assert (ROOT / "fixtures" / reference.parent.name / MUTANTS_NAME).is_file()
