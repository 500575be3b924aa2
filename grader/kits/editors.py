"""What a kit has for editors: an example notebook and VS Code tasks for each lab."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grader.language.translation import speaking, translated
from grader.project.contract import Lab

TEMPLATE = Path(__file__).parent / "kit_files" / "notebook.ipynb.template"
# A place as messages write it, `stu_upload/LAB/FILE.py:LINE`, wherever it stands in a line.
PROBLEM = {
    "owner": "grader",
    "fileLocation": ["relative", "${workspaceFolder}"],
    "pattern": {
        "regexp": r"^(.*?)(stu_upload/[\w./-]+\.py):(\d+)(.*)$",
        "file": 2,
        "line": 3,
        "message": 0,
    },
}


def notebook_of(lab: Lab) -> bytes:
    """Return the example notebook of a lab; explanations are in both languages."""
    check = next(item for item in lab.checks.values() if not item.slow)
    layer = differentiable(lab)
    with speaking("zh"):
        title = translated(lab.facts.title, lab.folder)
    values = {
        "@LAB@": lab.name,
        "@TITLE@": lab.facts.title,
        "@TITLE_ZH@": title,
        "@CHECK@": check.id,
        "@FILE@": (check.files or lab.required)[0],
        "@LAYER@": layer,
    }
    notebook: dict[str, Any] = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    kept = [cell for cell in notebook["cells"] if layer or cell["id"] != "gradcheck"]
    notebook["cells"] = [
        {**cell, "id": f"{lab.name}-{cell['id']}", "source": [_filled(line, values) for line in cell["source"]]}
        for cell in kept
    ]
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def differentiable(lab: Lab) -> str:
    """Return the first layer of a lab whose gradients can be checked; nothing if there is none."""
    layers = [item.id.removesuffix("_backward") for item in lab.checks.values() if not item.slow]
    pairs = (name for name in layers if f"{name}_forward" in lab.checks and f"{name}_backward" in lab.checks)
    return next(pairs, "")


def tasks_of(labs: Sequence[Lab]) -> bytes:
    """Return the VS Code tasks of all labs: check, watch, explain; places in messages become problems to click."""
    tasks = []
    for number, lab in enumerate(labs):
        check = _task(f"check {lab.name}", f"check {lab.name}")
        group = {"kind": "test", "isDefault": True} if number == 0 else "test"
        watch = _task(f"watch {lab.name}", f"check {lab.name} --watch")
        background = {
            "activeOnStart": True,
            "beginsPattern": r"^\d\d:\d\d:\d\d  ",
            "endsPattern": r"(checks pass|项检查)",
        }
        watch |= {"isBackground": True, "problemMatcher": {**PROBLEM, "background": background}}
        tasks += [
            {**check, "group": group},
            watch,
            _task(f"explain {lab.name}", f"explain {lab.name} ${{input:{lab.name}}}"),
        ]
    inputs = [
        {
            "id": lab.name,
            "type": "pickString",
            "description": f"{lab.name}: CHECK",
            "options": list(lab.checks),
        }
        for lab in labs
    ]
    return (json.dumps({"version": "2.0.0", "tasks": tasks, "inputs": inputs}, indent=2) + "\n").encode()


def _task(label: str, command: str) -> dict[str, Any]:
    return {
        "label": label,
        "type": "shell",
        "command": f"python3 -m grader {command}",
        "windows": {"command": f"python -m grader {command}"},
        "presentation": {"clear": True},
        "problemMatcher": PROBLEM,
    }


def _filled(line: str, values: Mapping[str, str]) -> str:
    for place, value in values.items():
        line = line.replace(place, value)
    return line
