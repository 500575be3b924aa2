"""Every format says which cases decided, what breaks beyond the course, and that a part has no score."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from grader.report.console import render
from grader.report.csv_report import write_ungraded
from grader.report.files import ReportError
from grader.report.formats import FORMATS
from grader.report.github import classroom
from grader.report.gradescope import gradescope
from grader.report.html import to_html
from grader.report.json_report import document
from grader.score.document import read_document
from tests.report import samples

IDENTITY = {
    "CLASSROOM": "c",
    "ASSIGNMENT": "a",
    "SUBMISSION_TAG": "submit/1",
    "COMMIT_URL": "u",
    "RELEASE_URL": "u",
    "OWNER": "o",
}
# The base64 of a workflow output hides every word.
READABLE = [name for name in FORMATS if name != "github-classroom"]


def printed(result, width=100):
    """Return the report on a terminal."""
    console = Console(file=io.StringIO(), width=width)
    render(result, console)
    return console.file.getvalue()


def written(name, result, tmp_path, monkeypatch):
    """Return what a format writes."""
    for key, value in IDENTITY.items():
        monkeypatch.setenv(key, value)
    FORMATS[name](result, tmp_path / name)
    return (tmp_path / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", READABLE)
def test_every_format_lists_what_breaks_beyond(name, tmp_path, monkeypatch):
    """The check that holds in the course and breaks beyond it is named as such."""
    text = written(name, samples.broken_beyond(), tmp_path, monkeypatch)
    assert "beyond" in text.lower() and ("conv_forward" in text or "Convolution, forward pass" in text)


def test_the_classroom_message_tells_what_breaks_beyond():
    """The encoded result holds the story as well, and the check still passes."""
    test = next(item for item in classroom(samples.broken_beyond())["tests"] if item["test_code"] == "conv_forward")
    assert test["status"] == "pass" and "The stride is not used." in test["message"]


@pytest.mark.parametrize("gates", ["course", "general"])
@pytest.mark.parametrize("name", [name for name in READABLE if name not in ("github-summary",)])
def test_every_format_names_the_gates(name, gates, tmp_path, monkeypatch):
    """Which cases decide the tiers can be read off every machine-readable format, and the page."""
    text = written(name, samples.broken_beyond(gates=gates), tmp_path, monkeypatch)
    assert (
        gates in text
        or {"course": "the course\N{RIGHT SINGLE QUOTATION MARK}s", "general": "all cases decide"}[gates] in text
    )


def test_the_terminal_tells_cause_and_count_beyond():
    """A section of its own, with how many cases hold, the message and the cause."""
    text = printed(samples.broken_beyond())
    assert "Beyond the course (decides no tier)" in text
    assert "3 of 5 cases hold" in text and "The stride is not used." in text


def test_the_page_tells_the_cause_beyond():
    """The section is on the page, escaped like everything else."""
    assert "The stride is not used." in to_html(samples.broken_beyond())
    assert "Beyond the course" not in to_html(samples.honest())


def test_a_part_has_no_score_anywhere(tmp_path, monkeypatch):
    """No format shows a score or points; the terminal counts instead."""
    result = samples.part()
    text = printed(result)
    assert "2 of 16 checks were run, so there is no score; 1 of them pass." in " ".join(text.split())
    assert "Score" not in text
    assert document(result)["score"] is None and document(result)["for_record"] is False
    assert "score" not in gradescope(result) and not any("score" in test for test in gradescope(result)["tests"])
    assert classroom(result)["max_score"] == 0 and sum(test["score"] for test in classroom(result)["tests"]) == 0
    assert 'name="score"' not in written("junit", result, tmp_path, monkeypatch)
    assert ",vgg16,1,,100,false,false," in written("csv", result, tmp_path, monkeypatch)
    with pytest.raises(ReportError, match="has no score"):
        written("classroom50", result, tmp_path, monkeypatch)


def test_a_table_of_a_class_grows(tmp_path):
    """A second result is a second row, and so is what could not be graded; Excel reads it as UTF-8."""
    file = tmp_path / "class.csv"
    whole = samples.honest()
    FORMATS["csv"](whole, file)
    FORMATS["csv"](whole, file)
    write_ungraded(
        Path("in/张三.zip"), "vgg16", [60, 80, 100], [check.id for check in whole.checks], "is damaged", file
    )
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))
    assert [(row["name"], row["score"], row["first_message"][:10]) for row in rows[1:]] == [
        ("vgg16", "80", rows[0]["first_message"][:10]),
        ("张三.zip", "", "is damaged"),
    ]
    with pytest.raises(ReportError, match="other columns"):
        FORMATS["csv"](samples.part(), file)


def test_a_document_of_version_1_is_still_read():
    """It gains what is new: all cases decided, and a part of the checks had no score that counts."""
    plain = json.loads(json.dumps(document(samples.honest())))
    for name in ("gates", "checks_total"):
        del plain[name]
    for tier in plain["tiers"]:
        del tier["not_run"]
    for check in plain["checks"]:
        del check["beyond"]
    plain["schema"] = "grader/result/v1"
    assert read_document(plain).score == 80 and read_document(plain).gates == "general"
    part = read_document(plain | {"complete": False})
    assert part.score is None and part.for_record is False
