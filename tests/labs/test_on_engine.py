"""Every lab was compared with its version on the engine when it was published, and its fixtures know its times."""

import json

import pytest

from grader.prepare.resources import prepare_resources
from grader.project.fixtures import read_fixture
from grader.project.places import Project
from grader.publishing.engine import engine_version, package_files
from grader.publishing.engine_condition import CONDITION_NAME
from grader.publishing.recording import as_run
from grader.publishing.trials import judged
from grader.run.opening import open_session
from grader.run.order import by_groups

PROJECT = Project.find()
LABS = sorted(folder.parent.name for folder in PROJECT.root.glob("reference/*/engine"))
PUBLISHED = [lab for lab in LABS if (PROJECT.root / "fixtures" / lab / "certificate.json").is_file()]


def test_all_labs_have_a_version_on_the_engine():
    """None was forgotten."""
    assert sorted(folder.parent.name for folder in PROJECT.root.glob("labs/*/lab.yaml")) == LABS


@pytest.mark.parametrize("lab", PUBLISHED)
def test_the_certificate_says_that_the_engine_agrees(lab):
    """The fixtures that are there were published with this condition."""
    certificate = json.loads((PROJECT.root / "fixtures" / lab / "certificate.json").read_text())
    assert [item["holds"] for item in certificate["conditions"] if item["name"] == CONDITION_NAME] == [True]


@pytest.mark.parametrize("kind", ["public", "hidden"])
@pytest.mark.parametrize("lab", PUBLISHED)
def test_fixtures_know_the_engines_times(lab, kind):
    """Those of every check in which speed counts, and of every layer of a network."""
    facts = read_fixture(PROJECT.fixtures(lab, kind), ()).facts
    loaded = PROJECT.lab(lab)
    timed = [check.id for check in loaded.checks.values() if check.speed is not None]
    assert timed == [name for name, record in facts.speed.items() if min(record.engine["all"]) > 0]
    network = loaded.facts.network
    if network is not None:
        assert facts.layers is not None
        passes = facts.layers.solutions
        assert passes["engine"]["forward"].keys() == passes["reference"]["forward"].keys() != set()
        assert ("backward" in passes["engine"]) == bool(network.backward)


@pytest.mark.parametrize("lab", PUBLISHED)
def test_the_engine_agrees_with_the_public_fixtures(lab, tmp_path, request):
    """All quick checks pass in float64, with the recorded tolerances; that the rest do, publishing has proved."""
    if not request.config.getoption("--all-golden"):
        pytest.skip("compiles the engine for a minute; run it with: make test ARGS=--all-golden")
    loaded = PROJECT.lab(lab)
    checks = [check for check in by_groups(list(loaded.checks.values())) if not check.slow]
    fixture = read_fixture(PROJECT.fixtures(lab, "public"), [check.id for check in checks])
    resources = prepare_resources(PROJECT, loaded, checks, None, print)
    version = engine_version(PROJECT, loaded, resources)
    version.write(tmp_path / "solution", exact=True)
    with open_session(
        loaded, tmp_path / "solution", resources, free=package_files(tmp_path / "solution")
    ) as session:
        verdicts = {
            (check.id, case.case.name): judged(case, as_run(session.run(check, case.case))).verdict
            for check in checks
            for case in fixture.checks[check.id]
        }
    assert {key: verdict for key, verdict in verdicts.items() if verdict != "pass"} == {}
