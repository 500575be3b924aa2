"""The table of rooms in the documentation is the contract that `make lint` checks."""

import re
import sys

import pytest

from tests.golden import ROOT

tomllib = pytest.importorskip("tomllib") if sys.version_info >= (3, 11) else pytest.importorskip("tomli")


def test_the_documented_rooms_are_the_contract():
    """Row by row, and no room is missing."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(item["layers"] for item in contracts if item["id"] == "rooms")
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("<!-- rooms:")[1].split("What is found where")[0]
    rows = [re.findall(r"`(\w+)`", line) for line in table.splitlines() if line.startswith("| `")]
    assert rows == [[name.strip() for name in row.split("|")] for row in layers]


def test_few_files_lie_loose():
    """A newcomer sees stages, not files: at most six lie at the top of the package."""
    assert len(list((ROOT / "grader").glob("*.py"))) <= 6


def test_named_files_exist():
    """Every file that the page names within the package is there."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {folder.name for folder in (ROOT / "grader").iterdir() if folder.is_dir()}
    named = {name for name in re.findall(r"`(\w+/\w+\.py)`", page) if name.split("/")[0] in rooms}
    assert named and not [name for name in named if not (ROOT / "grader" / name).is_file()]
