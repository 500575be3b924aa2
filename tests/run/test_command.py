"""``grader run`` of an experiment through the command line: to the end, interrupted, continued, and gone wrong."""

import json
import signal
import subprocess
import time

import numpy as np
import pytest

from tests.run.conftest import DEADLINE_S, DOT_PNG, LAYER, command, environment


def folder_of(project):
    """The folder of the only run."""
    (found,) = (project / "results" / "toy").iterdir()
    return found


def kept(project):
    """The arrays of the checkpoint."""
    with np.load(folder_of(project) / "checkpoint.npz") as stored:
        return {name: stored[name] for name in stored.files}


def work(project):
    """The file that the student edits."""
    return project / "stu_upload" / "toy" / "layer.py"


def test_a_run_leaves_curves_pictures_and_results(run, project):
    """It ends with 0, prints its results and where they lie, and every fourth step and the last have a picture."""
    done = run()
    assert done.returncode == 0, done.stderr
    printed = " ".join(done.stdout.split())
    assert "10 of 10 steps done" in printed and "note: walks plain" in printed
    folder = folder_of(project)
    assert str(folder) in printed
    assert sorted(file.name for file in (folder / "steps").iterdir()) == [
        f"bowl-{step:06d}.png" for step in (4, 8, 10)
    ]
    assert (folder / "curves.png").read_bytes()[:4] == b"\x89PNG"
    summary = json.loads((folder / "run.json").read_text())
    place = 8 * 0.75**10
    assert summary["results"]["height"] == pytest.approx(6 * place**2)
    heights = kept(project)["curve/height/values"]
    np.testing.assert_allclose(heights, 6 * (8 * 0.75 ** np.arange(1, 11)) ** 2)


def test_more_steps_go_on_from_the_end(run, project):
    """A run with more steps starts where the shorter one ended and gives what one run of that length gives."""
    assert run("--set", "steps=3").returncode == 0
    done = run("--set", "STEPS=7")
    assert "going on from step 3" in done.stdout and "7 of 7 steps done, 4 of them now" in done.stdout
    continued = kept(project)
    assert run("--set", "steps=7", "--fresh").returncode == 0
    whole = kept(project)
    for name in ("state/place", "curve/height/values", "curve/height/steps"):
        np.testing.assert_array_equal(continued[name], whole[name])


def test_a_finished_run_is_not_run_again(run):
    """The same command once more does no step and shows the results."""
    run()
    done = run()
    assert done.returncode == 0
    assert "10 of 10 steps done, 0 of them now" in done.stdout and "height" in done.stdout
    assert "Ask for more to go on, or begin anew with --fresh" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_kept_and_goes_on(number, run, project):
    """Ctrl+C ends the step under way, keeps it, says so with status 130; the next run gives the same in the end."""
    work(project).write_text(f"import time\n{LAYER}".replace("    return", "    time.sleep(0.05)\n    return"))
    process = subprocess.Popen(
        command("--set", "steps=200", "--every", "2"),
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    limit = time.monotonic() + DEADLINE_S
    while not list(project.glob("results/toy/*/checkpoint.npz")) and time.monotonic() < limit:
        time.sleep(0.02)
    process.send_signal(number)
    printed, errors = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130, printed + errors
    assert "interrupted" in printed and "the same command goes on from there" in printed
    step = json.loads((folder_of(project) / "run.json").read_text())["step"]
    assert 0 < step < 200
    work(project).write_text(LAYER)
    done = run("--set", "steps=200")
    assert f"going on from step {step}" in done.stdout and "your files have changed" in done.stdout
    np.testing.assert_allclose(kept(project)["curve/height/steps"], np.arange(1, 201))
    np.testing.assert_allclose(kept(project)["state/place"], 8 * 0.75**200, rtol=1e-12)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise ValueError('too steep')", "ValueError: too steep"),
        ("return place * float('nan')", "is nan at step 6"),
        ("import os; os._exit(3)", "exit"),
        ("raise NotImplementedError('step')", "Not written yet"),
    ],
)
def test_a_run_that_goes_wrong_keeps_what_it_had(body, message, run, project):
    """The reason is told with status 1, the last checkpoint stays, and a mended submission goes on from it."""
    work(project).write_text(
        "steps = 0\ndef step(place, rate):\n    global steps\n    steps += 1\n"
        f"    if steps == 6:\n        {body}\n    return place - rate * place\n"
    )
    done = run()
    assert done.returncode == 1, done.stderr
    assert message.lower() in done.stdout.lower() and "Kept up to step 4" in done.stdout
    work(project).write_text(LAYER)
    done = run()
    assert done.returncode == 0 and "10 of 10 steps done, 6 of them now" in done.stdout
    np.testing.assert_allclose(kept(project)["state/place"], 8 * 0.75**10)


def test_a_damaged_checkpoint_is_said(run, project):
    """It is named with status 2, and --fresh begins anew."""
    run()
    file = folder_of(project) / "checkpoint.npz"
    file.write_bytes(file.read_bytes()[:-40])
    done = run()
    assert done.returncode == 2 and "checkpoint.npz is damaged" in done.stderr and "--fresh" in done.stderr
    assert run("--fresh").returncode == 0


def test_other_options_are_another_run(run, project):
    """A run with another rate has a folder of its own and does not go on from the first."""
    run()
    done = run("--set", "rate=0.5")
    assert "going on" not in done.stdout
    assert len(list((project / "results" / "toy").iterdir())) == 2


def test_nothing_to_run_says_how_to_start(run, project):
    """Without a submission the command to get the skeleton is named."""
    work(project).unlink()
    work(project).parent.rmdir()
    done = run()
    assert done.returncode == 2
    assert "make start LAB=toy" in done.stderr
    assert not (project / "results").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--set", "stepps=3"), "no option of the experiment of lab toy"),
        (("--set", "steps=3.5"), "steps=3.5: a whole number is expected"),
        (("--set", "steps=0"), "at least 1 and at most 1000 is expected"),
        (("--set", "rate=nan"), "rate=nan: at least 0 and at most 10"),
        (("--set", "size=3"), "rows x columns are expected, such as 192x320"),
        (("--set", "mode=loud"), "one of plain, other is expected"),
        (("--set", "layers=a;b"), "names with commas"),
        (("/nowhere.png",), "/nowhere.png cannot be read"),
        (("--weights", "x.npz"), "takes no weights"),
    ],
)
def test_a_wrong_option_is_status_2(words, message, run, project):
    """What is wrong is named, and nothing is written."""
    done = run(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (project / "results").exists()


def test_what_is_no_picture_is_refused_by_the_name_that_was_typed(run, project):
    """A web page and half of a picture: status 2, the name, and nothing is run or kept."""
    for name, content, said in (
        ("text.jpg", b"<!DOCTYPE html><title>404</title>", "text.jpg is no picture; expected a JPEG or PNG file"),
        ("half.png", DOT_PNG[: len(DOT_PNG) // 2], "half.png is only the beginning of a picture"),
        ("half.jpg", b"\xff\xd8\xff\xe0" + bytes(64), "half.jpg is only the beginning of a picture"),
    ):
        (project / name).write_bytes(content)
        done = run("--set", f"photo={name}")
        assert done.returncode == 2, done.stdout
        assert said in " ".join(done.stderr.split())
    assert not (project / "results").exists()
