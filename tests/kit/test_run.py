"""A student's kit can run a lab's experiment, too."""

import os
import subprocess

import pytest

from grader.kits.kit import kit_files
from grader.project.packing import write_folder
from tests.golden import ROOT
from tests.kit.conftest import student

LAB = "style_transfer"


@pytest.fixture(scope="module")
def style_kit(project, tmp_path_factory):
    """A kit of a lab with an experiment."""
    folder = tmp_path_factory.mktemp("kit")
    write_folder(kit_files(project, [project.lab(LAB)]), folder / "kit")
    return folder / "kit"


def test_the_experiment_starts_in_a_kit(style_kit):
    """With the untouched skeleton it gets as far as the first hole, names it, and keeps nothing."""
    done = student(style_kit, "run", LAB, "--set", "steps=1", "--set", "size=16x32")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Not written yet" in done.stdout and "Nothing was kept yet" in done.stdout
    assert f"Next: python -m grader check {LAB}" in done.stdout
    assert not (style_kit / "results").exists()


def test_where_nothing_can_be_kept_nothing_is_run(style_kit):
    """It is said before the first step, not after minutes of it."""
    (style_kit / "results").touch()
    done = student(style_kit, "run", LAB, "--set", "steps=1", "--set", "size=16x32")
    (style_kit / "results").unlink()
    assert done.returncode == 2 and "cannot be written" in done.stderr
    assert "Not written yet" not in done.stdout


@pytest.mark.parametrize("folder", ["kit", "repository"])
def test_make_passes_the_options_on(folder, style_kit):
    """Variables on the command line become options, those of the environment do not."""
    done = subprocess.run(
        ["make", "-n", "run", f"LAB={LAB}", "STEPS=3", "CONTENT=my photo.jpg"],
        cwd=style_kit if folder == "kit" else ROOT,
        env={**os.environ, "STYLE": "stylish", "SIZE": "large"},
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = [line for line in done.stdout.splitlines() if " run " in line]
    assert '--set CONTENT="my photo.jpg"' in line and '--set STEPS="3"' in line
    assert "stylish" not in line and "large" not in line
