"""A box that goes as a whole while a submission runs: the host may have ended it, so nobody is charged at once."""

import shutil
import threading
import time

import numpy as np
import pytest

from grader.jail import Level, probe
from grader.project.contract import load_lab
from grader.run.opening import open_session
from grader.verdicts import Verdict
from tests.hostile.project import HERE

CALL = "        self.inputs = inputs\n"
SLOW = CALL + "        import time; time.sleep(1.0)\n"
# At level 3 a box is one process.
pytestmark = pytest.mark.skipif(probe().level is not Level.NAMESPACES, reason="this host has no namespaces")


def run_while_killing(tmp_path, times):
    """Run a slow solution while its box is killed so many times, each in the middle of a call."""
    shutil.copytree(HERE / "lab", tmp_path / "tiny")
    lab = load_lab(tmp_path / "tiny")
    source = (HERE / "lab/solution/layer.py").read_text()
    assert source.count(CALL) == 1
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "layer.py").write_text(source.replace(CALL, SLOW))
    check = lab.checks["forward"]
    case = next(iter(check.cases(np.random.default_rng(1))))
    killed = []
    with open_session(lab, folder, {}) as session:

        def kill():
            for _ in range(times):
                while session.box._worker is None or session.box._launcher in killed:
                    time.sleep(0.01)
                time.sleep(0.4)
                killed.append(session.box._launcher)
                session.box._launcher.process.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        outcome = session.run(check, case)
        killer.join()
        assert len(killed) == times
        assert session.used_s < 10
    return outcome, case


@pytest.mark.parametrize("times", [0, 1])
def test_a_box_that_was_ended_once_charges_nobody(tmp_path, times):
    """The case runs again in another one, and its answer counts."""
    outcome, case = run_while_killing(tmp_path, times)
    assert outcome.verdict is None, outcome.message
    height = case.inputs.shape[2] - case.weight.shape[2] + 1
    assert outcome.outputs["outputs"].shape[2] == height


def test_what_ends_a_second_box_is_charged(tmp_path):
    """Otherwise a submission could have itself run for ever."""
    outcome, _case = run_while_killing(tmp_path, 2)
    assert outcome.verdict is Verdict.CRASH
    assert "the whole box came to an end" in str(outcome.message)
