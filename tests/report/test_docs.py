"""docs/result.md tells the truth about the document, the verdicts, the formats and the hash."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from grader.collect.submission import collect
from grader.report.formats import FORMATS
from grader.score import document as document
from grader.verdicts import Verdict

PAGE = (Path(__file__).parents[2] / "docs" / "result.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_is_explained(verdict):
    """Each verdict has a row that says what happened and what to do."""
    assert re.search(rf"^\| `{verdict.value}` \| .+ \| .+ \|$", PAGE, re.M)


@pytest.mark.parametrize(
    "model", [v for v in vars(document).values() if isinstance(v, type) and issubclass(v, document.Part)]
)
def test_every_field_is_named(model):
    """Each field of each part of the document is named on the page."""
    for name, field in model.model_fields.items():
        assert re.search(rf"`(\w+[.\[\]]+)?{field.alias or name}([.\[][^`]*)?`", PAGE), name


def test_every_format_is_listed():
    """Each format of ``--format`` has a row."""
    rows = re.findall(r"^\| `([\w-]+)` \| ", PAGE[PAGE.index("## Other formats") :], re.M)
    assert rows == list(FORMATS)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs the program sha256sum")
def test_hash_can_be_computed_by_hand(tmp_path):
    """The command on the page gives the submission's hash."""
    source = tmp_path / "work"
    (source / "tools").mkdir(parents=True)
    for name in ("layer.py", "Z.py", "tools/a.py", "tools.py"):
        (source / name).write_text(name)
    collected = collect(source, tmp_path / "copy", required=("layer.py",))
    block = re.search(r"```sh\n(find .+)\n```", PAGE)
    assert block is not None
    found = subprocess.run(["bash", "-c", block[1]], cwd=collected.root, capture_output=True, text=True, check=True)
    assert found.stdout.split()[0] == collected.sha256
