"""What is wrong with the files of a lab is said at once, each with its file and line."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.project.contract import list_labs
from grader.project.places import Project, ProjectError
from grader.publishing.linting import LintError, lint_lab, require_clean
from grader.publishing.new_lab import new_lab
from tests.publish.toy import edit

ROOT = Path(__file__).resolve().parents[2]
LAB, REFERENCE = "labs/tiny", "reference/tiny"


@pytest.fixture
def project(tmp_path):
    """A project with the new lab `tiny`."""
    new_lab(Project(tmp_path), "tiny")
    return Project(tmp_path)


def said(project):
    """Return what is found, a line each."""
    return [item.text(project.root) for item in lint_lab(project, "tiny")]


def test_a_new_lab_is_clean(project):
    """Nothing is found, not even a warning."""
    assert said(project) == []


@pytest.mark.parametrize("name", list_labs(ROOT / "labs"))
def test_every_lab_is_clean(name):
    """No lab of the repository has an error."""
    project = Project(ROOT)
    assert [item.text(ROOT) for item in lint_lab(project, name) if not item.is_warning] == []


FILES = {
    "a mistyped key": (
        (f"{LAB}/lab.yaml", "summary:", "sumary:"),
        "labs/tiny/lab.yaml:5: sumary: unknown key; did you mean 'summary'?",
    ),
    "a mistyped key within": (
        (f"{LAB}/lab.yaml", "call_s:", "call:"),
        "labs/tiny/lab.yaml:21: limits.call: unknown key; did you mean 'call_s'?",
    ),
    "a mistyped key of a file": (
        (f"{LAB}/lab.yaml", "    classes: [", "    clases: ["),
        "labs/tiny/lab.yaml:10: files.0.clases: unknown key; did you mean 'classes'?",
    ),
    "a value that cannot be": (
        (f"{LAB}/lab.yaml", "version: 1 ", "version: one "),
        "labs/tiny/lab.yaml:3: version: Input should be a valid integer, unable to parse string as an integer",
    ),
    "a name that is not the folder's": (
        (f"{LAB}/lab.yaml", "lab: tiny", "lab: other"),
        "labs/tiny/lab.yaml:2: `lab: other` must be the folder's name, tiny",
    ),
    "no YAML": (
        (f"{LAB}/lab.yaml", "given: []", "given: ["),
        "labs/tiny/lab.yaml:14: not valid YAML: expected ',' or ']', but got '<scalar>'",
    ),
    "a hole that the solution does not mark": (
        (f"{LAB}/lab.yaml", "linear_update]", "linear_updat, linear_update]"),
        "labs/tiny/lab.yaml:11: the hole 'linear_updat' is not marked in layer.py; did you mean 'linear_update'?",
    ),
    "a hole that lab.yaml does not list": (
        (f"{LAB}/lab.yaml", ", linear_update]", "]"),
        "reference/tiny/layer.py:32: the hole 'linear_update' is not in lab.yaml; "
        "there are: linear_forward, linear_backward",
    ),
    "a class that no file defines": (
        (f"{LAB}/lab.yaml", "[LinearLayer]", "[LinearLayers]"),
        "labs/tiny/lab.yaml:10: no class 'LinearLayers' is defined in layer.py; did you mean 'LinearLayer'?",
    ),
    "a file that the solution does not have": (
        (f"{LAB}/lab.yaml", "path: layer.py", "path: layers.py"),
        "labs/tiny/lab.yaml:9: reference/tiny/layers.py does not exist",
    ),
    "a given file that is not there": (
        (f"{LAB}/lab.yaml", "given: []", "given: [helpers.py]"),
        "labs/tiny/lab.yaml:12: the given file helpers.py does not exist",
    ),
    "a mark that never ends": (
        (f"{REFERENCE}/layer.py", "outputs = x @ self.weight + self.bias\n        ### END SOLUTION", "outputs = 1"),
        "reference/tiny/layer.py:22: a solution begins inside 'linear_forward', which began on line 16; "
        "end that one first with `### END SOLUTION`",
    ),
    "no Python in the solution": (
        (f"{REFERENCE}/layer.py", "def update(self, rate):", "def update(self, rate:"),
        "reference/tiny/layer.py:30: not valid Python: '(' was never closed",
    ),
    "a stale skeleton": (
        (f"{LAB}/layer.py", "Take one step", "Take two steps"),
        "labs/tiny/layer.py:27: the skeleton is stale: it is not what the generator makes of the solution; "
        "`python -m grader skeleton tiny`",
    ),
    "a keyword that @check does not have": (
        (f"{LAB}/checks.py", "holes=(\"linear_forward\",)", "hole=(\"linear_forward\",)"),
        "labs/tiny/checks.py:64: TypeError: check() got an unexpected keyword argument 'hole'; "
        "did you mean 'holes'?",
    ),
    "a check that needs one that is not there": (
        (f"{LAB}/checks.py", 'needs=("one_step",)', 'needs=("two_steps",)'),
        "labs/tiny/checks.py:97: check learns needs 'two_steps', which does not exist",
    ),
    "a misconception in a hole that is not there": (
        (f"{REFERENCE}/misconceptions.py", 'mistakes_in("linear_update"', 'mistakes_in("linear_updates"'),
        "reference/tiny/misconceptions.py:42: misconception step_uphill: there is no hole 'linear_updates'; "
        "did you mean 'linear_update'?",
    ),
    "a misconception that loses a check that is not there": (
        (f"{REFERENCE}/misconceptions.py", '"one_step", formula', '"one_steps", formula'),
        "reference/tiny/misconceptions.py:42: misconception step_uphill: there is no check 'one_steps'; "
        "did you mean 'one_step'?",
    ),
    "an edit that does not fit": (
        (f"{REFERENCE}/misconceptions.py", '(" + self.bias", "")', '(" - self.bias", "")'),
        "reference/tiny/misconceptions.py:16: misconception bias_forgotten: the text to replace in linear_forward "
        "occurs 0 times, expected once; adapt the edit to the reference: ' - self.bias'",
    ),
    "an edit that makes no Python": (
        (f"{REFERENCE}/misconceptions.py", '(" + self.bias", "")', '(" + self.bias", "(")'),
        "reference/tiny/misconceptions.py:16: misconception bias_forgotten makes no valid Python: "
        "layer.py, line 17: '(' was never closed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_what_is_wrong_is_said_with_file_and_line(project, name):
    """One change, one finding that begins with the place and says what is wrong, and what may have been meant."""
    change, expected = FILES[name]
    edit(project, *change)
    found = said(project)
    assert expected in found, found


def test_everything_is_said_at_once(project):
    """Mistakes in contract, solution, checks and misconceptions are found in the same run."""
    edit(project, f"{LAB}/lab.yaml", "summary:", "sumary:")
    edit(project, f"{LAB}/lab.yaml", "given: []", "given: [helpers.py]")
    edit(project, f"{LAB}/layer.py", "Take one step", "Take two steps")
    edit(project, f"{REFERENCE}/misconceptions.py", '"one_step", formula', '"one_steps", formula')
    (project.root / LAB / "README.md").unlink()
    found = "\n".join(said(project))
    for part in ("sumary", "helpers.py", "stale", "one_steps", "README.md: missing"):
        assert part in found


GRADIENT = "normal(rng, samples, outputs),\n        )"
UNSTEADY = {
    "a clock": (GRADIENT, GRADIENT.replace("),", ") + time.perf_counter_ns() % 1000,", 1), "import time\n"),
    "the order of a set": ("inputs, outputs in SIZES:", "inputs, outputs in set(SIZES):", ""),
    "another generator": (GRADIENT, GRADIENT.replace("rng", "np.random.default_rng()"), ""),
}


@pytest.mark.parametrize("name", UNSTEADY)
def test_cases_that_do_not_follow_from_the_seed_are_found(project, name):
    """The line is that of the function that makes them; checks with other cases are not accused."""
    old, new, imported = UNSTEADY[name]
    edit(project, f"{LAB}/checks.py", old, new)
    edit(project, f"{LAB}/checks.py", "import numpy as np\n", f"{imported}import numpy as np\n")
    found = [line for line in said(project) if "not the same twice" in line]
    assert any(line.startswith("labs/tiny/checks.py:") and "check linear_forward" in line for line in found)
    assert not any("check learns" in line for line in found)


def test_a_lab_may_print_while_it_is_loaded(project):
    """What it says is not taken for its cases."""
    edit(project, f"{LAB}/checks.py", "import numpy as np\n", 'import numpy as np\n\nprint("loaded")\n')
    assert not any(line.startswith("labs/") for line in said(project))


def variants(project):
    """Return the folder of the variants."""
    return project.root / REFERENCE / "variants"


def test_an_empty_variant_is_no_variant(project):
    """Without a body of its own it is the reference, and measures nothing."""
    (variants(project) / "loops" / "layer.py").unlink()
    found = said(project)
    assert any(
        line.startswith("reference/tiny/variants/loops: the variant writes no scored hole") for line in found
    )
    assert any("fewer than 3 variants write the hole 'linear_forward'" in line for line in found)


@pytest.mark.parametrize("source", [f"{REFERENCE}/layer.py", f"{REFERENCE}/variants/einsum/layer.py"])
def test_a_copy_is_no_variant(project, source):
    """Neither one of the reference nor one of another variant, whatever its comments say."""
    text = (project.root / source).read_text().replace("\n\n", "\n\n# Written otherwise.\n", 1)
    (variants(project) / "loops" / "layer.py").write_text(text)
    found = said(project)
    assert sum("the variant writes no scored hole in a way of its own" in line for line in found) == 1
    assert sum("fewer than 3 variants write the hole" in line for line in found) == 3


def test_what_is_left_out_needs_a_reason(project):
    """With one it is no error any more; without, or for what does not exist, it is."""
    (variants(project) / "loops" / "layer.py").write_text(
        "### BEGIN SOLUTION linear_forward: otherwise\n"
        "outputs = self.bias + np.dot(x, self.weight)\n### END SOLUTION\n"
    )
    assert sum("fewer than 3 variants" in line for line in said(project)) == 2
    proof = project.root / REFERENCE / "proof.yaml"
    left_out = "not_varied:\n  - what: [linear_backward, linear_update]\n"
    proof.write_text(f"{left_out}    because: the formulas leave no other way to write it\n")
    assert said(project) == []
    proof.write_text(left_out)
    assert any(
        line.startswith("reference/tiny/proof.yaml:2: not_varied.0.because: Field required")
        for line in said(project)
    )
    proof.write_text("not_lost:\n  - what: [ghost]\n    because: it does not exist\n")
    assert any(
        line.startswith("reference/tiny/proof.yaml:2: not_lost: there is no 'ghost'") for line in said(project)
    )


def test_a_lab_without_misconceptions_is_refused(project):
    """Nothing would show that a check can fail; so is a hole that none is made in."""
    file = project.root / REFERENCE / "misconceptions.py"
    file.write_text("MISCONCEPTIONS = []\n")
    assert said(project) == [
        "reference/tiny/misconceptions.py: there are no misconceptions: nothing shows that a check can fail"
    ]


def test_a_hole_without_misconception_is_refused(project):
    """Each scored hole has at least one mistake that is made in it."""
    file = project.root / REFERENCE / "misconceptions.py"
    text = file.read_text()
    file.write_text(text[: text.index("    update(\n")] + "]\n")
    assert said(project) == [
        "reference/tiny/misconceptions.py: no misconception is made in the hole 'linear_update'"
    ]


def test_untranslated_texts_and_a_missing_second_handout_are_warnings(project):
    """A lab in one language may be published; what lacks is said all the same."""
    pytest.importorskip("babel")
    (project.root / LAB / "README.zh.md").unlink()
    edit(project, f"{LAB}/checks.py", "One step of gradient descent.", "One little step.")
    findings = lint_lab(project, "tiny")
    assert all(item.is_warning for item in findings) and len(findings) == 2
    assert any("1 texts have no translation" in item.message for item in findings)
    require_clean(project, "tiny")


def test_publishing_lints_first(project):
    """The error lists everything, and nothing is written."""
    edit(project, f"{LAB}/layer.py", "Take one step", "Take two steps")
    with pytest.raises(LintError, match=r"errors in its files: 1\n  labs/tiny/layer\.py:27: the skeleton is stale"):
        require_clean(project, "tiny")


@pytest.mark.parametrize(("change", "status"), [((), 0), ((f"{LAB}/layer.py", "Take one step", "x"), 2)])
def test_the_command_ends_with_0_or_2(project, change, status):
    """It prints the findings and their number."""
    if change:
        edit(project, *change)
    command = [sys.executable, "-m", "grader", "lint-lab", "tiny"]
    done = subprocess.run(
        command,
        cwd=project.root,
        env={"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == status
    assert f"tiny: errors: {1 if status else 0}, warnings: 0" in done.stdout


def test_a_lab_that_is_not_there_is_refused(project):
    """The message lists those that are."""
    shutil.copytree(project.root / LAB, project.root / "labs/other")
    with pytest.raises(ProjectError, match="the labs here are: other, tiny"):
        lint_lab(project, "ghost")
