"""The grader in a notebook, the example notebooks of a kit, and its VS Code tasks."""

import json
import os
import re
import sys
from html import unescape

import nbformat
import pytest
from nbclient import NotebookClient

from grader.kits.kit import kit_files
from grader.project.contract import list_labs
from grader.project.packing import write_folder
from tests.golden import ROOT
from tests.kit.conftest import LAB, student

LABS = [
    name for name in list_labs(ROOT / "labs") if (ROOT / "fixtures" / name / "public" / "manifest.json").is_file()
]
PRINT = "print('process', os.getpid())"


@pytest.fixture
def executed(kit, monkeypatch):
    """The outputs of the kit's notebook, and of cells that save a wrong layer, in one run of a kernel."""
    monkeypatch.setenv("PYTHONPATH", str(kit))
    monkeypatch.setenv("GRADER_CACHE", str(ROOT / ".cache"))
    monkeypatch.setenv("JUPYTER_PATH", os.path.join(sys.prefix, "share", "jupyter"))
    notebook = nbformat.read(kit / "notebooks" / f"{LAB}.ipynb", as_version=4)
    nbformat.validate(notebook)
    text = (ROOT / "reference" / LAB / "layer.py").read_text()
    wrong = text.replace("np.maximum(inputs, 0)", "np.minimum(inputs, 0)")
    assert wrong != text or "maximum" not in text
    wrong += f"\nimport os\n{PRINT}\nReluLayer.forward = lambda self, x: -x\n"
    for source in (
        f"%%writefile ../stu_upload/{LAB}/layer.py\n{wrong}",
        f'check("{LAB}", layer="relu")',
        f'picture("{LAB}", "relu_forward")',
        f'gradcheck("{LAB}", "conv", stride=2)',
        f'check("{LAB}x")',
        "import os; os.getpid()",
    ):
        notebook.cells.append(nbformat.v4.new_code_cell(source))
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(kit / "notebooks")}}).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell, kind="text/html"):
    """What a cell shows."""
    return "".join(output.get("data", {}).get(kind, "") for output in cell.outputs)


def test_the_example_notebook_runs_and_shows_reports(executed):
    """Every cell shows HTML and its text; a wrong layer has a picture; nothing runs in the kernel itself."""
    example, (saved, wrong, drawn, compared, refused, kernel) = executed[:-6], executed[-6:]
    for cell in example[1:]:
        assert shown(cell) and shown(cell, "text/plain"), cell.source
        assert len(cell.outputs) == 1, "a report is shown once"
    assert "conv_forward" in shown(example[1]) and "<style>.grader.grader {" in shown(example[1])
    # What is to be done next can be run in a cell.
    assert f'check("{LAB}", "' in unescape(shown(example[1])) and "-m grader check" not in shown(example[1])
    assert "Writing" in saved.outputs[0].text or "Overwriting" in saved.outputs[0].text
    assert "<svg" in shown(wrong) and "<svg" in shown(drawn) and "script" not in shown(wrong)
    assert "All gradients agree" in shown(compared)
    assert f"did you mean {LAB}?" in shown(refused)
    (process,) = set(re.findall(r"process (\d+)", shown(wrong)))
    assert process != shown(kernel, "text/plain")


@pytest.mark.parametrize("lab", LABS)
def test_every_lab_has_a_notebook_and_tasks(lab, project):
    """The notebook is valid and names things that exist; each task is a command of the kit."""
    facts = project.lab(lab)
    files = kit_files(project, [facts])
    notebook = nbformat.reads(files[f"notebooks/{lab}.ipynb"].decode(), as_version=4)
    nbformat.validate(notebook)
    sources = "\n".join(cell.source for cell in notebook.cells)
    assert "@" not in sources and facts.facts.title in sources
    for name in re.findall(rf'\b(?:check|explain|picture)\("{lab}", "(\w+)"\)', sources):
        assert name in facts.checks
    tasks = json.loads(files[".vscode/tasks.json"])
    assert [task["label"] for task in tasks["tasks"]] == [f"{word} {lab}" for word in ("check", "watch", "explain")]
    assert tasks["inputs"][0]["options"] == list(facts.checks)


def test_the_problem_matcher_finds_what_check_prints(kit, files):
    """A file that does not load is a problem at its line."""
    layer = kit / "stu_upload" / LAB / "layer.py"
    layer.write_text("import numpy as np\n\ndef broken(:\n")
    done = student(kit, "check", LAB, "--only", "relu_forward")
    pattern = json.loads(files[".vscode/tasks.json"])["tasks"][0]["problemMatcher"]["pattern"]
    found = [re.match(pattern["regexp"], line) for line in done.stdout.splitlines()]
    places = {(match[pattern["file"]], match[pattern["line"]]) for match in found if match}
    assert places == {(f"stu_upload/{LAB}/layer.py", "3")}


def test_a_kit_of_two_labs_has_tasks_for_both(project, tmp_path):
    """The tasks of each lab are there, and one of them is the default test."""
    write_folder(kit_files(project, [project.lab(name) for name in LABS[:2]]), tmp_path / "kit")
    tasks = json.loads((tmp_path / "kit" / ".vscode" / "tasks.json").read_text())["tasks"]
    assert {task["label"] for task in tasks} == {
        f"{w} {lab}" for w in ("check", "watch", "explain") for lab in LABS[:2]
    }
    assert sum(isinstance(task.get("group"), dict) for task in tasks) == 1
