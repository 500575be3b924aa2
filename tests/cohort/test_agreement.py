"""The same class on both back ends, through the real jail: equal documents, but for times and memory."""

import json
import os
import subprocess
import sys

import pytest

from tests.cohort.walk import prepare
from tests.golden import ROOT
from tests.hostile.project import make_project

LIMIT_S = 240
# What differs between two equal gradings: when, how long, how much.
MEASURED = ("started_at", "times", "memory")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The result documents of one class by key, from each back end."""
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    root = tmp_path_factory.mktemp("agreement")
    make_project(root)
    prepare(root)
    found = {}
    for name, options in (("pool", ["--jobs", "2"]), ("dask", ["--cluster", "local:2"])):
        place = tmp_path_factory.mktemp(f"tmp-{name}")
        place.chmod(0o711)
        environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(place), "GRADER_SLOTS": str(place / "slots"),
            "GRADER_CLASS": str(root / name),
        }  # fmt: skip
        for words in (
            ["init", name, "--class", str(root / name)],
            ["roster", "roster.csv", "--yes"],
            ["ingest", "tiny", "download.zip", "--guesses", "--unknown", "--yes"],
            ["grade", "tiny", *options],
        ):
            done = subprocess.run(
                [sys.executable, "-m", "grader", "class", *words],
                cwd=root, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False,
            )  # fmt: skip
            assert done.returncode in (0, 1), (words, done.stdout, done.stderr)
        found[name] = {
            file.stem: without_measures(json.loads(file.read_text()))
            for file in (root / name / "results").glob("*.json")
        }
        assert not list(place.rglob("class-*")), "a folder was left over"
    return found


def without_measures(document):
    """Return a document without what is measured."""
    kept = {name: value for name, value in document.items() if name not in MEASURED}
    kept["checks"] = [
        {name: value for name, value in check.items() if name != "seconds"} for check in kept["checks"]
    ]
    return kept


def test_both_back_ends_give_the_same_documents(results):
    """Same keys, same verdicts, same words."""
    assert len(results["pool"]) == 4
    assert results["pool"] == results["dask"]


def test_a_document_names_nobody_and_no_folder(results):
    """Equal work is graded once, whoever handed it in, so nothing of a person or of this machine stands in it."""
    text = json.dumps(list(results["pool"].values()), ensure_ascii=False)
    assert not any(word in text for word in ("Ann", "García", "7001", "0012", "/tmp", str(ROOT)))
