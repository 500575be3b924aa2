"""The README's and the Makefile's promises that can be checked without running everything."""

import os
import re
import subprocess
import sys

import pytest

from tests.golden import ROOT

TARGETS = (
    *("help", "setup", "start", "check", "grade", "publish", "run", "data"),
    *("kit", "test", "lint", "doctor", "clean"),
)
COMMANDS = (
    "grade",
    "check",
    "publish",
    "start",
    "run",
    "data",
    "list",
    "doctor",
    "schema",
    "skeleton",
    "explain",
    "case",
    "properties",
    "gradcheck",
    "shell",
    "submit",
    "summary",
    "kit",
    "gradescope",
    "catalogues",
    "class",
)


def text(name):
    """Contents of a file of the project."""
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("target", TARGETS)
def test_the_makefile_has_every_target(target):
    """Each documented target exists and has a line in `make help`."""
    assert re.search(rf"^{target}:.*## ", text("Makefile"), re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    """``--help`` works for each command and says what it does."""
    done = subprocess.run(
        [sys.executable, "-m", "grader", command, "--help"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0
    assert "Usage: grader" in done.stdout


def test_the_commands_in_the_readme_exist():
    """No line of the README names a command or target that is not there."""
    readme = text("README.md")
    assert set(re.findall(r"python -m grader (\w+)", readme)) <= set(COMMANDS)
    targets = set(re.findall(r"^([a-z]+):", text("Makefile"), re.M))
    assert set(re.findall(r"^make ([a-z]+)", readme, re.M)) <= targets


MAKEFILES = ["Makefile", "grader/kits/kit_files/Makefile.template"]


def made(makefile, *words, **variables):
    """What make would do with these words, typed or, with ``MAKELEVEL``, by another make."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--dry-run", "--no-print-directory", "-f", str(ROOT / makefile), *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, env={**kept, **variables}
    )


@pytest.mark.parametrize("makefile", MAKEFILES)
def test_make_passes_on_what_the_handouts_set(makefile):
    """Every variable that a handout gives to `make run` reaches the command as it was typed, a kit's too."""
    for page in ROOT.glob("labs/*/README*.md"):
        lines = re.findall(r"make run .*", page.read_text(encoding="utf-8"))
        for variable in set(re.findall(r"\b([A-Z]+)=", " ".join(lines))):
            done = made(makefile, "run", f"{variable}=my value.jpg")
            shown = {
                "LAB": " run my value.jpg",
                "ARGS": " my value.jpg",
                "PICTURE": '"my value.jpg"',
                "WEIGHTS": '--weights "my value.jpg"',
            }
            wanted = shown.get(variable, f'--set {variable}="my value.jpg"')
            assert done.returncode == 0 and wanted in done.stdout, f"{page.parent.name}: {variable}: {done.stderr}"


@pytest.mark.parametrize("makefile", MAKEFILES)
def test_make_refuses_what_it_does_not_know(makefile):
    """A slip in a variable's name is not passed over: it is named, or goes to where the options are known."""
    refused = made(makefile, "check", "lab=vgg16")
    assert refused.returncode == 2 and "there is no variable" in refused.stderr and " lab;" in refused.stderr
    assert '--set STEP="20"' in made(makefile, "run", "STEP=20").stdout
    assert "--set" not in made(makefile, "run", "LAB=vgg16", "ARGS=--fresh").stdout
    assert made(makefile, "check", "LAB=vgg16", "ARGS=--all").returncode == 0
    assert made(makefile, "check", MAKELEVEL="1", MAKEFLAGS=" -- DEPTH=3").returncode == 0


def test_links_in_the_documentation_lead_somewhere():
    """Every relative link of the Markdown files points to a file."""
    for page in [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("labs/*/README.md")]:
        for link in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_ci_runs_the_readme_commands():
    """.ci/run types the README's test command, lint and the grading, as they stand there."""
    script, readme = text(".ci/run"), text("README.md")
    for command in ("make test ORACLE=1", "make lint", "make grade LAB=vgg16"):
        assert re.search(rf"^{command}$", script, re.M)
        assert command in readme


def test_list_names_every_lab():
    """``grader list`` shows each lab with its title."""
    done = subprocess.run(
        [sys.executable, "-m", "grader", "list"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    for lab in (ROOT / "labs").glob("*/lab.yaml"):
        assert lab.parent.name in done.stdout


def test_the_certificate_shown_is_vgg16s():
    """Its conditions and figures are those of the fixtures that are there."""
    wanted = [
        line
        for line in text("fixtures/vgg16/certificate.md").splitlines()
        if " | yes | " in line or " | no | " in line
    ]
    assert len(wanted) > 5
    assert [line for line in text("README.md").splitlines() if line in wanted or " | yes | " in line] == wanted


@pytest.mark.parametrize("file", sorted(ROOT.glob("fixtures/*/certificate.md")), ids=lambda file: file.parent.name)
def test_every_certificate_shows_what_the_readme_demands(file):
    """Mistakes reach every check, hole and output, and three variants write each hole in ways of their own."""
    page = file.read_text(encoding="utf-8")
    for condition in (
        "at least 3 variants write every scored hole in ways of their own",
        "every scored check and every scored hole is lost by a mistake",
        "a mistake changes every output of the checks of layers",
    ):
        assert f"| {condition} | yes | " in page
