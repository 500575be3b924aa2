"""A certificate of nothing is refused, each with a message of its own; what is left out has a reason in it."""

import json
import math
import re
from types import SimpleNamespace

import pytest

from grader.lab.checks import Case, Check
from grader.project.places import Project
from grader.publishing.certificate import NotProved
from grader.publishing.conditions import _mistakes
from grader.publishing.coverage import changed_condition, lost_condition
from grader.publishing.exemptions import Exemptions
from grader.publishing.gradient_condition import gradient_condition
from grader.publishing.new_lab import new_lab
from grader.publishing.publish import publish
from grader.publishing.spread_condition import Outlier, spread_condition
from grader.publishing.tolerances import DerivedTolerance
from grader.publishing.trials import _too_near
from grader.report.progress import Progress
from tests.publish.toy import edit

CHECKS, SOLUTION = "labs/tiny/checks.py", "reference/tiny/layer.py"
VARIANT = "reference/tiny/variants/{}/layer.py"
ALWAYS = '''

@check(tier=60, cases=layer_cases, files=("layer.py",))
def always(student, case):
    """The layer can be made."""
    layer_of(student, case)
    return {"made": np.ones(2)}
'''


@pytest.fixture
def project(tmp_path, monkeypatch, tmp_path_factory):
    """A project with the new lab `tiny`; what was run is shared between tests."""
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path_factory.getbasetemp() / "tiny-cache"))
    new_lab(Project(tmp_path), "tiny")
    return Project(tmp_path)


def published(project):
    """Publish the lab."""
    with Progress() as progress:
        return publish(project, project.lab("tiny"), seed=1, weights=None, progress=progress)


def failed_rows(project):
    """Return the conditions that do not hold, with what was measured for them."""
    with pytest.raises(NotProved) as refusal:
        published(project)
    assert not (project.root / "fixtures").exists()
    return [line for line in str(refusal.value).splitlines() if line.startswith("  FAILED")]


def test_a_doubled_gradient_is_refused_even_where_all_variants_double_it(project):
    """Central differences of the forward pass know better, and name the output; nothing else is accused."""
    edit(project, SOLUTION, "out_grad.sum(axis=0)", "2 * out_grad.sum(axis=0)")
    edit(project, VARIANT.format("loops"), "+= out_grad[n, j]", "+= 2 * out_grad[n, j]")
    edit(project, VARIANT.format("einsum"), 'np.einsum("nj->j", out_grad)', '2 * np.einsum("nj->j", out_grad)')
    edit(project, VARIANT.format("float64_inside"), "both[-1].astype", "2 * both[-1].astype")
    rows = failed_rows(project)
    assert len(rows) == 1 and re.search(
        r"central differences: linear, d_bias: off by \d\.\de-01 of its length", rows[0]
    )


def test_a_gradient_that_was_not_compared_is_refused(project):
    """What a backward check returns as a gradient has to be that of an array of its cases."""
    edit(project, CHECKS, '"d_bias": "bias"}', '"d_shift": "bias"}')
    rows = failed_rows(project)
    assert len(rows) == 1 and "linear, d_bias: returned, but not compared" in rows[0]


def test_a_check_that_cannot_fail_and_an_output_that_cannot_change_are_refused(project):
    """Each has its own condition, which names it."""
    path = project.root / CHECKS
    path.write_text(path.read_text() + ALWAYS)
    edit(project, CHECKS, '"bias": layer.bias}', '"bias": layer.bias, "rate": np.array([case.rate])}')
    lost, changed = failed_rows(project)
    assert "every scored check and every scored hole is lost by a mistake: not check always;" in lost
    assert "a mistake changes every output of the checks of layers: not always/made, one_step/rate;" in changed


def test_what_is_left_out_stands_in_the_certificate_with_its_reason(project):
    """Publishing then takes it as held, and says how much is left out."""
    path = project.root / CHECKS
    path.write_text(path.read_text() + ALWAYS)
    (project.root / "reference/tiny/proof.yaml").write_text(
        "not_lost:\n  - what: [always]\n    because: making a layer is given code\n"
    )
    published(project)
    text = (project.root / "fixtures/tiny/certificate.md").read_text()
    assert "| not lost | `check always` | making a layer is given code |" in text
    assert "7 of 8: 5 checks, 3 holes; 1 left out, with reasons below" in text
    data = json.loads((project.root / "fixtures/tiny/certificate.json").read_text())
    assert data["left_out"] == [
        {"name": "check always", "reason": "making a layer is given code", "section": "not_lost"}
    ]
    assert "inf" not in re.findall(r"\w+", text)


def test_a_wrong_variant_is_named_and_no_mistake_accused(project):
    """It widens no tolerance, so that nothing but itself is refused."""
    edit(project, VARIANT.format("loops"), "outputs[n, j] += self.bias[j]", "outputs[n, j] += 1.01 * self.bias[j]")
    rows = failed_rows(project)
    assert "right variants score full marks: loops loses linear_forward" in rows[0]
    assert any(
        re.search(r"spread of variants: loops is \d\.\de-0\d away in linear_forward, outputs", row) for row in rows
    )
    assert not any("every mistake loses" in row for row in rows)


def tolerance(spread, widest=""):
    """A tolerance of one output."""
    return {("conv", "y"): DerivedTolerance("conv", "y", "max", max(1e-5, 20 * spread), spread, widest)}


def test_equal_variants_are_said_to_be_equal():
    """No ratio to a spread of zero is printed; and of no outputs nothing is said to hold."""
    held = spread_condition(tolerance(0.0), ())
    assert held.holds and held.detail == "all variants return the same numbers, 1 outputs"
    assert spread_condition({}, ()) is None
    other = spread_condition(tolerance(0.0), [Outlier("loops", "conv", "y", math.inf)])
    assert not other.holds and other.detail == "loops returns another shape or kind of y in conv"


def test_a_tolerance_that_hides_a_mistake_names_the_variant_that_made_it_wide():
    """Where the floor decides there is nobody to name."""
    wide = tolerance(5e-5, "loops")["conv", "y"]
    assert _too_near("slip", "conv", 3.0, wide).endswith("loops, 5.0e-05 away in y, makes it that wide")
    assert _too_near("slip", "conv", 3.0, tolerance(1e-9, "loops")["conv", "y"]).endswith("only 3 times, not 10")


def lab_of(**checks):
    """A lab with these checks, by name: their arguments besides those that all have."""
    found = {
        name: Check(name, name, lambda student, case: None, cases=lambda rng: (), **{"tier": 60, **more})
        for name, more in checks.items()
    }
    return SimpleNamespace(checks=found, facts=SimpleNamespace(files=()))


def test_nothing_is_said_to_hold_of_nothing():
    """Neither mistakes nor gradients nor outputs that do not exist."""
    assert not _mistakes([], 0).holds
    condition, _ = lost_condition(lab_of(forward={}), [], Exemptions())
    assert not condition.holds and condition.detail == "there are no mistakes"
    nothing = SimpleNamespace(gradients=(), reference={"hidden": {}}, cases={"hidden": {}}, exemptions=Exemptions())
    assert gradient_condition(lab_of(forward={}), nothing) == (None, [])
    condition, _ = changed_condition(lab_of(forward={}), [], {"forward": []}, Exemptions())
    assert not condition.holds


@pytest.mark.parametrize("check", [{"conv_backward": {}}, {"pass_back": {"gradients": {"d_weight": "weight"}}}])
def test_gradients_without_a_forward_check_are_refused(check):
    """They cannot be compared, which is not the same as that they agree; with a reason they are left out."""
    lab, name = lab_of(**check), next(iter(check))
    found = SimpleNamespace(
        gradients=(), reference={"hidden": {}}, cases={"hidden": {name: [Case.of("one")]}}, exemptions=Exemptions()
    )
    condition, _ = gradient_condition(lab, found)
    assert (
        not condition.holds
        and f"{name}: no quick forward check has its name and the same cases" in condition.detail
    )
    found.exemptions = Exemptions(not_compared=[{"what": [name], "because": "its partner has another name"}])
    condition, exempt = gradient_condition(lab, found)
    assert condition is None and [item.name for item in exempt] == [name]
