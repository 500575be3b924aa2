"""Mistakes made by machine: each is another program with one change, and what became of them is recorded."""

import ast
import json
from pathlib import Path

import pytest

from grader.project.holes import holes
from grader.project.places import Project
from grader.publishing.linting import LintError
from grader.publishing.mutants import MUTANTS_NAME, try_mutants
from grader.publishing.mutants.making import mutants_of
from grader.publishing.mutants.record import HEADING, MutantReport, MutantRow, write_report
from grader.publishing.mutants.rules import RULES
from grader.publishing.new_lab import new_lab
from grader.publishing.publish import publish
from grader.report.progress import Progress

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


def row(name, caught=(), tried=("conv",), equal=""):
    """One mutant."""
    return MutantRow(f"conv/{name}", "conv", 3, "`+=` replaced by `=`", tuple(caught), tuple(tried), equal)


def test_the_score_counts_unequal_mutants_only(tmp_path):
    """Survivors lower it; equal ones do not count; the page shows both, once, however often it is written."""
    page = tmp_path / "certificate.md"
    page.write_text("# Certificate\n\n## Versions\n\nnone\n")
    rows = [row("a", ["conv"]), row("b"), row("c", equal="adds a zero"), row("d", ["conv"])]
    report = MutantReport("toy", "toy-1", rows)
    assert (report.caught, report.equal, len(report.survivors)) == (2, 1, 1)
    assert report.score == pytest.approx(2 / 3) and report.by_check() == {"conv": (2, 3)}
    for _ in range(2):
        write_report(report, tmp_path)
    text = page.read_text()
    assert text.startswith("# Certificate\n\n## Versions\n\nnone\n\n## Mistakes made by machine")
    assert text.count(HEADING) == 1 and "| `conv/b` | 3 |" in text and "adds a zero" in text
    data = json.loads((tmp_path / MUTANTS_NAME).read_text())
    assert data["checks"] == {"conv": {"caught": 2, "of": 3}} and data["release"] == "toy-1"
    assert MutantReport("toy", "toy-1", [row("c", equal="adds a zero")]).score is None


def test_a_published_lab_is_tried_and_nothing_is_recorded_anew(tmp_path, monkeypatch):
    """The fixtures stay byte for byte; what is caught is named; a false reason is refused."""
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "cache"))
    project = Project(tmp_path)
    new_lab(project, "tiny")
    with Progress() as progress:
        publish(project, project.lab("tiny"), seed=1, weights=None, progress=progress)
        folder = project.root / "fixtures/tiny"
        before = {file: file.read_bytes() for file in folder.rglob("*.npz")}
        manifests = {file: file.read_bytes() for file in folder.rglob("manifest.json")}
        report = try_mutants(project, project.lab("tiny"), progress)
        assert len(report.rows) >= 25 and report.caught == len(report.rows)
        assert all(set(item.caught) <= set(item.tried) for item in report.rows)
        assert {file: file.read_bytes() for file in before | manifests} == before | manifests
        assert (folder / "certificate.md").read_text().count(HEADING) == 1
        caught = next(item for item in report.rows if item.caught)
        (project.reference("tiny") / "proof.yaml").write_text(
            f"equal:\n  - what: [{caught.id}, ghost/operators/0]\n    because: it is said to be the same\n"
        )
        with pytest.raises(LintError, match=r"tells it from the solution") as refusal:
            try_mutants(project, project.lab("tiny"), progress)
        assert "ghost/operators/0: no such mutant" in str(refusal.value)
