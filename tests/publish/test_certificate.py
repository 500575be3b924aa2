"""A certificate's page and its data are two views of one document."""

import json
from dataclasses import fields

import pytest

from grader.publishing.certificate import SCHEMA_ID, Certificate, Condition, MistakeRow, SpeedRow
from grader.publishing.conditioning import CaseMovement
from grader.publishing.exemptions import Exempt
from grader.publishing.mutants.record import HEADING
from grader.publishing.tolerances import DerivedTolerance
from grader.run.properties import PropertyResult
from tests.golden import ROOT

ROWS = {
    "conditions": Condition,
    "tolerances": DerivedTolerance,
    "mistakes": MistakeRow,
    "gradients": PropertyResult,
    "speeds": SpeedRow,
    "movements": CaseMovement,
}
# Those of earlier releases lack what was measured later.
PUBLISHED = [
    file
    for file in sorted((ROOT / "fixtures").glob("*/certificate.json"))
    if set(json.loads(file.read_text())) == {"schema", *(field.name for field in fields(Certificate))}
]


def row_of(kind, data):
    """A row from its data, which have null for what is infinite."""
    known = {field.name for field in fields(kind)}
    values = {name: float("inf") if value is None else value for name, value in data.items() if name in known}
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda file: file.parent.name)
def test_the_page_of_a_published_certificate_says_what_its_data_say(file):
    """Made from the data again, both files are the same byte by byte, but for what was tried of mutants since."""
    data = json.loads(file.read_text(encoding="utf-8"))
    assert data.pop("schema") == SCHEMA_ID
    rows = {name: [row_of(kind, item) for item in data[name]] for name, kind in ROWS.items()}
    left_out = [Exempt(**item) for item in data.get("left_out", ())]
    certificate = Certificate(**{**data, **rows, "left_out": left_out})
    again = json.dumps(certificate.as_data(), indent=1, sort_keys=True, allow_nan=False) + "\n"
    assert again == file.read_text(encoding="utf-8")
    page, _heading, _mutants = file.with_suffix(".md").read_text(encoding="utf-8").partition(f"\n{HEADING}\n")
    assert certificate.as_text() == page


def test_some_certificate_has_everything():
    """The test above runs on something."""
    assert PUBLISHED
