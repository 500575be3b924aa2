"""The page for authors: its tutorial works as it stands, and its tables have every key and argument."""

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.lab.checks import check
from grader.project import sections
from grader.project.places import Project
from grader.publishing.exemptions import Exemptions
from grader.publishing.new_lab import new_lab

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "authoring.md").read_text(encoding="utf-8")
TUTORIAL = PAGE.split("## A lab from nothing")[1].split("\n## What is wrong with it")[0]
BLOCKS = re.findall(r"```sh\n(.*?)```", TUTORIAL, re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project after all commands of the tutorial, in their order, each of which must succeed."""
    folder = tmp_path_factory.mktemp("tutorial")
    for name in ("labs", "bin"):
        (folder / name).mkdir()
    shutil.copyfile(ROOT / "pyproject.toml", folder / "pyproject.toml")
    # A folder is a project when it has a lab.
    new_lab(Project(folder), "other")
    python = folder / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "GRADER_CACHE": str(folder / ".cache"),
    }
    for block in BLOCKS:
        done = subprocess.run(["bash", "-euc", block], cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    return folder


def test_the_tutorial_publishes_a_lab(project):
    """Every condition holds, for all seven holes, and what is left out stands in the certificate."""
    data = json.loads((project / "fixtures/mlp/certificate.json").read_text())
    assert all(item["holds"] for item in data["conditions"]) and len(data["mistakes"]) == 9
    assert [item["name"] for item in data["left_out"]] == ["mlp_forward", "mlp_backward"]
    compared = {item["layer"] for item in data["gradients"]}
    assert {"linear, d_bias", "mlp, d_first_weight", "mlp, d_second_bias", "relu"} <= compared
    assert (project / "mlp-kit" / "labs" / "mlp" / "layer.py").is_file()


def test_every_key_of_a_contract_is_explained():
    """Sections and their keys, in the tables of lab.yaml."""
    part = PAGE.split("## `lab.yaml`")[1].split("\n## ")[0]
    models = [
        item for item in vars(sections).values() if inspect.isclass(item) and issubclass(item, sections.Section)
    ]
    keys = {key for model in models for key in model.model_fields}
    assert len(keys) > 40 and [key for key in sorted(keys) if f"`{key}`" not in part] == []


def test_every_argument_of_a_check_is_explained():
    """In the table of `@check`."""
    part = PAGE.split("## Checks")[1].split("\n## ")[0]
    assert [name for name in inspect.signature(check).parameters if f"`{name}`" not in part] == []


def test_everything_that_a_proof_may_leave_out_is_explained():
    """All lists of proof.yaml."""
    assert [name for name in Exemptions.model_fields if f"`{name}`" not in PAGE] == []
