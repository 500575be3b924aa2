"""`publish --mutants` does not succeed while a mutant survives: it names it and says what to do."""

import pytest
from typer.testing import CliRunner

import grader.publishing.mutants as mutants
from grader.commands.main import app
from grader.publishing.mutants.record import MutantReport, MutantRow
from grader.publishing.mutants.survivors import Survived, require_none_survived
from tests.golden import ROOT

TOLD = MutantRow("conv/signs/1", "conv", 3, "a sign changed", ("conv",), ("conv",))
SAME = MutantRow("conv/calls/2", "conv", 4, "two arguments exchanged", (), ("conv",), "the larger of two")
ALIVE = MutantRow("conv/constants/3", "conv", 5, "a number off by one", (), ("conv",))


def report(*rows):
    """A report of these mutants of lenet, which none of them is."""
    return MutantReport("lenet", "lenet-1", rows, len(rows))


def test_caught_and_equal_ones_are_enough(tmp_path):
    """A reason why no check could tell it is as good as a check that does."""
    require_none_survived(report(TOLD, SAME), tmp_path)


def test_the_survivor_the_case_and_the_reason_are_named(tmp_path):
    """Which one it is, where, and both ways to mend it."""
    with pytest.raises(Survived) as error:
        require_none_survived(report(TOLD, SAME, ALIVE), tmp_path)
    said = str(error.value)
    assert "conv/constants/3, line 5: a number off by one" in said
    assert "conv/signs/1" not in said and "conv/calls/2" not in said
    assert "add a case that tells it" in said and f"under `equal` in {tmp_path / 'proof.yaml'}" in said


@pytest.mark.parametrize(("rows", "status"), [((TOLD, SAME), 0), ((TOLD, ALIVE), 3)])
def test_the_command_ends_with_a_status(rows, status, monkeypatch):
    """The counts are printed in both cases."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(mutants, "try_mutants", lambda *_: report(*rows))
    done = CliRunner().invoke(app, ["publish", "lenet", "--mutants", "--sample", "2"])
    assert done.exit_code == status, done.output
    assert "lenet: 2 mutants, 1 caught" in done.output
    assert ("conv/constants/3" in done.output) == (status == 3)
