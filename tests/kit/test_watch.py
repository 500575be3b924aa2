"""Checking again at every save."""

import io
import shutil
import threading
import time

import pytest
from rich.console import Console

from grader.grading import Request
from grader.project.places import ProjectError
from grader.report.look import Look
from grader.report.progress import Progress
from grader.score.document import CheckResult
from grader.student.layer_checks import checks_of_layer
from grader.student.watch import (
    FIRST_CALL_LIMIT_S,
    Round,
    Watcher,
    affected_checks,
    changed_files,
    limited,
    show,
    snapshot,
    watch,
)
from grader.verdicts import Verdict
from tests.golden import ROOT
from tests.kit.conftest import LAB

ENOUGH_S = 60.0


@pytest.fixture
def work(project, tmp_path):
    """A student's folder that begins with the skeleton."""
    folder = tmp_path / "work"
    folder.mkdir()
    for handed in project.lab(LAB).facts.files:
        shutil.copyfile(ROOT / "labs" / LAB / handed.path, folder / handed.path)
    return folder


@pytest.fixture
def request_of(project, work):
    """A request to check some of the lab's checks."""

    def make(*only):
        return Request(project.lab(LAB), work, kind="public", only=only, slow=False, allow_weak_jail=True)

    return make


def test_what_was_saved_is_seen(tmp_path):
    """A file that is written, added or removed counts; one that is not Python does not."""
    for name in ("a.py", "b.py", "notes.txt"):
        (tmp_path / name).write_text("1")
    before = snapshot(tmp_path)
    assert changed_files(before, snapshot(tmp_path)) == set()
    (tmp_path / "a.py").write_text("12")
    (tmp_path / "b.py").unlink()
    (tmp_path / "notes.txt").write_text("12")
    (tmp_path / "c.py").write_text("1")
    assert changed_files(before, snapshot(tmp_path)) == {"a.py", "b.py", "c.py"}


def test_only_what_a_file_affects_is_run(project):
    """``vgg.py`` affects the network's checks, ``layer.py`` those of the layers too, a helper all."""
    lab = project.lab(LAB)
    checks = lab.in_order()

    def ids(*files):
        return {check.id for check in affected_checks(lab, checks, set(files))}

    assert ids("vgg.py") == {name for name in lab.checks if name.startswith("network")}
    assert ids("layer.py") == ids("helper.py") == set(lab.checks)


def test_a_new_file_is_seen_by_the_box_that_is_running(project, request_of, work):
    """The same box, with a fresh worker, takes the saved file: an unfinished hole passes after it was written."""
    with Watcher(project, request_of("conv_forward")) as watcher:
        first = watcher.run(Progress())
        box = watcher._work.session.box
        supervisor = box._launcher
        shutil.copyfile(ROOT / "reference" / LAB / "layer.py", work / "layer.py")
        second = watcher.run(Progress(), {"layer.py"})
        (work / "layer.py").write_text("def broken(:\n")
        third = watcher.run(Progress(), {"layer.py"})
        assert watcher._work.session.box is box and box._launcher is supervisor
    verdicts = [done.results["conv_forward"].verdict for done in (first, second, third)]
    assert verdicts == [Verdict.UNFINISHED, Verdict.PASS, Verdict.IMPORT]


def test_a_save_is_checked_by_itself(project, request_of, work):
    """Watching prints a round at once and one after a save, and names the file."""
    output = io.StringIO()
    console = Console(file=output, width=100)
    deadline = time.monotonic() + ENOUGH_S
    saved = False

    def keep_on():
        nonlocal saved
        if not saved:
            (work / "layer.py").write_text((ROOT / "reference" / LAB / "layer.py").read_text())
            saved = True
        return "layer.py saved" not in output.getvalue() and time.monotonic() < deadline

    watch(project, request_of("max_pool_forward"), console, keep_on=keep_on)
    first, _, second = output.getvalue().partition("layer.py saved")
    assert "0 of 1 checks pass" in first and "Next: write max_pool_forward" in first
    assert "1 of 1 checks pass" in second


def test_a_round_is_told_as_a_person_would(project, request_of, work):
    """A file that went is not called saved, and many checks that pass are one line."""
    asked = request_of()
    passing = {
        name: CheckResult(id=name, tier=check.tier, title=check.title, verdict=Verdict.PASS)
        for name, check in project.lab(LAB).checks.items()
    }
    output = io.StringIO()
    (work / "vgg.py").unlink()
    console = Console(file=output, width=100)
    show(Round(["layer.py", "vgg.py"], list(passing), passing, 1.0), asked, console, Look.of(console))
    shown = output.getvalue()
    assert "layer.py saved; vgg.py removed" in shown and f"{len(passing)} checks pass" in shown
    assert passing["conv_forward"].title not in shown


def test_a_save_ends_what_runs(project, request_of, work):
    """While a check runs without end its file is mended: it is given up, and the mended file is checked at once."""
    layer = work / "layer.py"
    right = (ROOT / "reference" / LAB / "layer.py").read_text()
    endless = (
        "\nMaxPoolLayer.forward = lambda self, inputs: print('running', flush=True) or [0 for _ in iter(int, 1)]\n"
    )
    layer.write_text(right + endless)
    output = io.StringIO()
    deadline = time.monotonic() + ENOUGH_S
    mend = threading.Timer(FIRST_CALL_LIMIT_S / 4, lambda: layer.write_text(right))
    mend.start()
    watch(
        project,
        request_of("max_pool_forward"),
        Console(file=output, width=100),
        keep_on=lambda: "checks pass" not in output.getvalue() and time.monotonic() < deadline,
    )
    mend.join()
    shown = output.getvalue()
    assert "saved again" in shown and "1 of 1 checks pass" in shown and "timeout" not in shown


def test_small_checks_have_short_limits(project):
    """A call on small arrays ends after ten seconds, while a check with a limit of its own keeps it."""
    lab = project.lab(LAB)
    short = limited(lab)
    assert short.facts.limits.call_s == 10.0 < lab.facts.limits.call_s
    assert [check.limit_s for check in short.checks.values()] == [check.limit_s for check in lab.checks.values()]


def test_what_changed_is_listed(project, request_of, work):
    """A round after a save says which checks pass that did not before."""
    with Watcher(project, request_of("max_pool_forward")) as watcher:
        watcher.run(Progress())
        shutil.copyfile(ROOT / "reference" / LAB / "layer.py", work / "layer.py")
        done = watcher.run(Progress(), {"layer.py"})
    assert done.progressed.gained == ("max_pool_forward",)
    output = io.StringIO()
    console = Console(file=output, width=100)
    show(done, request_of("max_pool_forward"), console, Look.of(console))
    assert "new: `max_pool_forward`" in output.getvalue()


def test_an_archive_cannot_be_watched(project, request_of, work):
    """Only a folder changes."""
    archive = work / "mine.zip"
    archive.write_bytes(b"PK")
    request = Request(project.lab(LAB), archive, kind="public")
    with pytest.raises(ProjectError, match="only a folder"):
        Watcher(project, request)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("conv", ["conv_forward", "conv_backward"]),
        ("ConvolutionLayer", ["conv_forward", "conv_backward"]),
        ("max pool", ["max_pool_forward", "max_pool_backward"]),
        ("MaxPoolLayer", ["max_pool_forward", "max_pool_backward"]),
        ("relu_forward", ["relu_forward"]),
        ("max_pool_backward", ["max_pool_backward"]),
    ],
)
def test_a_layer_is_found_by_the_names_a_student_uses(project, name, expected):
    """A class, a hole, a part of an id or words of a title name the checks of a layer."""
    assert checks_of_layer(project.lab(LAB), name) == expected


@pytest.mark.parametrize("name", ["", "lstm", "_"])
def test_a_layer_that_is_not_there_is_refused(project, name):
    """The message lists the layers of the lab."""
    with pytest.raises(ProjectError, match="it has: conv, max_pool"):
        checks_of_layer(project.lab(LAB), name)
