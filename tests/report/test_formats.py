"""Files for other systems: the field names they ask for, and hostile text in every field."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest

from grader.report.classroom50 import Identity, classroom50
from grader.report.csv_report import to_csv
from grader.report.files import ReportError
from grader.report.formats import FORMATS
from grader.report.github import classroom, job_summary
from grader.report.gradescope import gradescope
from grader.report.html import to_html
from grader.report.junit import junit
from grader.report.summary import gates
from grader.score.document import GradeResult, TierResult
from grader.verdicts import Verdict

IDENTITY = {
    "CLASSROOM": "cs",
    "ASSIGNMENT": "vgg16",
    "SUBMISSION_TAG": "submit/1",
    "COMMIT_URL": "https://example.org/commit/1",
    "RELEASE_URL": "https://example.org/release/1",
    "OWNER": "alice",
}
VISIBILITIES = {"hidden", "after_due_date", "after_published", "visible"}


@pytest.fixture(autouse=True)
def _identity(monkeypatch):
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("sample", ["honest", "unfinished", "hostile"])
def test_written_files_are_clean_utf8(samples, tmp_path, name, sample):
    """Every format writes UTF-8 with ``\\n`` line ends and without control or direction characters."""
    if (name, sample) == ("classroom50", "unfinished"):
        pytest.skip("a part of the checks has no score, which this format needs")
    file = tmp_path / "new folder" / "report"
    FORMATS[name](getattr(samples, sample)(), file)
    text = file.read_bytes().decode("utf-8")
    assert text.endswith("\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe]", text)


def test_json_is_the_result_document(samples, tmp_path):
    """What is written reads back as the same result document."""
    FORMATS["json"](samples.honest(), tmp_path / "r.json")
    text = (tmp_path / "r.json").read_text(encoding="utf-8")
    assert GradeResult.model_validate_json(text).model_dump() == {
        **samples.honest().model_dump(),
        "checks": [check.model_dump() | {"output": check.output.strip("\n")} for check in samples.honest().checks],
    }
    assert json.loads(text)["schema"] == "grader/result/v2"


def test_json_has_no_numbers_that_json_lacks(samples, tmp_path):
    """NaN and infinity become null instead of the words that JSON does not know."""
    times = samples.Times(total=float("nan"), student=float("inf"))
    FORMATS["json"](samples.honest(times=times), tmp_path / "r.json")
    parsed = json.loads((tmp_path / "r.json").read_text(), parse_constant=pytest.fail)
    assert parsed["times"] == {"total": None, "student": None, "setup": 0.0}


def test_gradescope_fields(samples):
    """Names and enumerations are those of Gradescope's specification."""
    found = gradescope(samples.honest())
    assert set(found) <= {
        "score", "execution_time", "output", "output_format", "test_output_format", "test_name_format",
        "visibility", "stdout_visibility", "extra_data", "tests", "leaderboard",
    }  # fmt: skip
    assert found["visibility"] in VISIBILITIES and found["stdout_visibility"] in VISIBILITIES
    for test in found["tests"]:
        assert set(test) <= {
            "score", "max_score", "status", "name", "name_format", "number", "output", "output_format", "tags",
            "visibility", "extra_data",
        }  # fmt: skip
        assert test["status"] in ("passed", "failed") and test["visibility"] in VISIBILITIES
        assert isinstance(test["number"], str)
    assert all(found[key] == "text" for key in ("output_format", "test_output_format", "test_name_format"))


def test_gradescope_points_add_up(samples):
    """The points of the tests add up to the score, and the largest points to the largest score."""
    found = gradescope(samples.honest())
    assert sum(test.get("score", 0) for test in found["tests"]) == found["score"] == 80
    assert sum(test.get("max_score", 0) for test in found["tests"]) == 100


def test_gradescope_gives_no_points_for_our_own_fault(samples):
    """When the grader itself failed, the score is 0 and the output says whose fault it is."""
    found = gradescope(samples.honest(checks=[samples.failed(verdict=Verdict.GRADER)]))
    assert found["score"] == 0 and "not the submission's fault" in found["output"]


def test_classroom_fields(samples, tmp_path):
    """The step output is base64 of a JSON object of the runner's convention whose scores add up."""
    FORMATS["github-classroom"](samples.honest(), tmp_path / "out")
    line = (tmp_path / "out").read_text()
    name, _, encoded = line.strip().partition("=")
    found = json.loads(base64.b64decode(encoded, validate=True))
    assert name == "result" and line.count("\n") == 1
    assert set(found) == {"version", "status", "max_score", "tests"}
    assert found["status"] == "fail" and found["max_score"] == 100
    assert sum(test["score"] for test in found["tests"]) == 80
    for test in found["tests"]:
        assert set(test) == {
            "name", "status", "score", "message", "test_code", "filename", "line_no", "execution_time",
        }  # fmt: skip
        assert test["status"] in ("pass", "fail", "error")


@pytest.mark.parametrize(
    ("verdict", "status"), [(Verdict.PASS, "pass"), (Verdict.WRONG, "fail"), (Verdict.GRADER, "error")]
)
def test_classroom_status(samples, verdict, status):
    """The status says whether all passed, some did not, or the grader itself failed."""
    assert classroom(samples.honest(checks=[samples.failed(verdict=verdict)]))["status"] == status


def test_classroom50_fields(samples):
    """All required fields are there with their types, and the scores are integers that add up."""
    found = classroom50(samples.honest(), Identity.of_environment(IDENTITY))
    texts = (
        "schema", "classroom", "assignment", "assignment_type", "owner", "submission", "commit", "release",
        "review", "datetime",
    )  # fmt: skip
    assert all(isinstance(found[name], str) and found[name] for name in texts)
    assert found["schema"] == "classroom50/result/v1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["datetime"])
    assert type(found["score"]) is int and type(found["max-score"]) is int
    assert found["score"] == sum(test["score"] for test in found["tests"]) == 80
    assert found["max-score"] == sum(test["max-score"] for test in found["tests"]) == 100
    for test in found["tests"]:
        assert {"test-name", "passed", "score", "max-score"} <= set(test) and type(test["passed"]) is bool


def test_classroom50_says_what_is_missing():
    """Outside the runner, the message names the variables that are not set."""
    with pytest.raises(ReportError, match="SUBMISSION_TAG, COMMIT_URL"):
        Identity.of_environment({"CLASSROOM": "c", "ASSIGNMENT": "a", "RELEASE_URL": "r"})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ASSIGNMENT_TYPE", "team", "individual, group"),
        ("SUBMITTED_AT", "yesterday", "expected UTC"),
        ("OWNER", "", "OWNER"),
    ],
)
def test_classroom50_refuses_what_the_format_does_not_know(name, value, said):
    """An identity that a collector would reject is not written."""
    with pytest.raises(ReportError, match=said):
        Identity.of_environment({**IDENTITY, name: value})


def test_classroom50_collects_nothing_for_our_own_fault(samples, tmp_path):
    """No result is written when the grader itself failed."""
    with pytest.raises(ReportError, match="grade again"):
        FORMATS["classroom50"](samples.honest(checks=[samples.failed(verdict=Verdict.GRADER)]), tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_junit_structure(samples):
    """Counts match the cases, and the attributes are those that readers know."""
    root = junit(samples.honest())
    suite = root[0]
    cases = suite.findall("testcase")
    counts = {"tests": "7", "failures": "1", "errors": "0", "skipped": "1"}
    assert root.tag == "testsuites" and suite.tag == "testsuite"
    assert counts.items() <= root.attrib.items() and counts.items() <= suite.attrib.items()
    assert len(cases) == 7
    assert len(suite.findall("testcase/failure")) == 1 and len(suite.findall("testcase/skipped")) == 1
    assert all(re.fullmatch(r"\d+\.\d{3}", case.attrib["time"]) for case in cases)
    assert {case.attrib["classname"] for case in cases} == {"vgg16.tier60", "vgg16.tier80", "vgg16.tier100"}
    properties = {p.attrib["name"]: p.attrib["value"] for p in suite.findall("properties/property")}
    assert properties["score"] == "80" and properties["max_score"] == "100"


# Element: its attributes (those with ! must be there) and its children in their order, as the schemas of Ant and
# Jenkins and the readers of testmoapp/junitxml agree on them.
COUNTS = "name! tests! failures! errors! skipped assertions time timestamp"
JUNIT_SCHEMA = {
    "testsuites": (COUNTS, ["testsuite"]),
    "testsuite": (f"{COUNTS} file hostname id package", ["properties", "testcase", "system-out", "system-err"]),
    "testcase": (
        "name! classname! time assertions file line",
        ["properties", "skipped", "error", "failure", "system-out", "system-err"],
    ),
    "properties": ("", ["property"]),
    "property": ("name! value!", []),
    "failure": ("message type", []),
    "error": ("message type", []),
    "skipped": ("message", []),
    "system-out": ("", []),
    "system-err": ("", []),
}
NUMBERS = {"tests", "failures", "errors", "skipped", "assertions", "line"}


def _validate(element):
    allowed, children = JUNIT_SCHEMA[element.tag]
    known = {name.rstrip("!") for name in allowed.split()}
    required = {name.rstrip("!") for name in allowed.split() if name.endswith("!")}
    assert required <= set(element.attrib) <= known, (element.tag, element.attrib)
    for name, value in element.attrib.items():
        if name in NUMBERS:
            assert value.isdecimal(), (element.tag, name, value)
        elif name == "time":
            assert re.fullmatch(r"\d+\.\d+", value), (element.tag, value)
        elif name == "timestamp":
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ?", value), value
    order = [children.index(child.tag) for child in element]
    assert order == sorted(order), (element.tag, [child.tag for child in element])
    for child in element:
        _validate(child)


@pytest.mark.parametrize("sample", ["honest", "unfinished", "hostile"])
def test_junit_follows_the_schema(samples, tmp_path, sample):
    """Elements, attributes, their types and the order of children are those that every reader takes."""
    FORMATS["junit"](getattr(samples, sample)(), tmp_path / "r.xml")
    _validate(ElementTree.parse(tmp_path / "r.xml").getroot())


@pytest.mark.parametrize("verdict", list(Verdict))
def test_junit_verdicts(samples, verdict):
    """Only the grader's own fault is an error; a timeout is a failure of type Timeout."""
    case = junit(samples.honest(checks=[samples.failed(verdict=verdict)])).find("testsuite/testcase")
    assert case is not None
    found = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
    expected = {Verdict.PASS: [], Verdict.SKIPPED: ["skipped"], Verdict.GRADER: ["error"]}
    assert found == expected.get(verdict, ["failure"])
    if verdict is Verdict.TIMEOUT:
        assert case.find("failure").attrib["type"] == "Timeout"


def test_junit_of_hostile_text_parses(samples, tmp_path):
    """Whatever a submission says, the file is well-formed XML with the same structure."""
    FORMATS["junit"](samples.hostile(), tmp_path / "r.xml")
    root = ElementTree.parse(tmp_path / "r.xml").getroot()
    assert len(root.findall("testsuite/testcase")) == len(samples.hostile().checks)
    assert root.find(".//script") is None


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [f"{tag}.{name}" for name, _ in attrs]


def test_html_of_hostile_text_has_no_tag_of_its_own(samples, tmp_path):
    """The page holds no script, no handler, no link, and text of a submission adds no tag."""
    pytest.importorskip("jinja2")
    FORMATS["html"](samples.hostile(), tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    page = _Tags()
    page.feed(text)
    assert not {"script", "img", "iframe", "a", "link"} & set(page.tags)
    assert not [name for name in page.attributes if re.search(r"\.(on\w+|href|src)$", name)]
    assert "&lt;script&gt;" in text and "{{7*7}}" in text


def test_html_shows_the_result(samples, tmp_path):
    """The page shows score, titles, messages and layers."""
    pytest.importorskip("jinja2")
    FORMATS["html"](samples.honest(), tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    for part in ("Score 80 of 100.", "Max pooling, backward pass", "12 % of its entries", "conv1_2", "93.5 %"):
        assert part in text


def test_html_draws_where_an_array_is_wrong(samples):
    """A stretch for equal neighbours, each at its place, wide as they are many."""
    drawn = re.findall(r'<rect x="(\d)" y="(\d)" width="(\d)" height="1" class="(\w+)">', to_html(samples.honest()))
    assert drawn == [
        ("0", "0", "3", "level0"), ("0", "1", "1", "level0"), ("1", "1", "1", "level5"), ("2", "1", "1", "level2"),
        ("0", "2", "1", "unknown"), ("1", "2", "1", "level1"), ("2", "2", "1", "level0"),
    ]  # fmt: skip


def test_html_names_the_next_step_of_the_lowest_open_tier(samples):
    """What is wrong goes before what was only skipped; with all tiers passed there is none."""
    page = to_html(samples.honest())
    step = page[page.index('class="next"') : page.index("</header>")]
    assert "Convolution, backward pass" in step and "--only conv_backward" in step
    done = [check for check in samples.honest().checks if check.verdict is Verdict.PASS]
    assert 'class="next"' not in to_html(samples.honest(checks=done))


def test_html_tells_a_tier_that_was_not_run_from_one_that_failed(samples, tmp_path):
    """With only some checks run, a tier without any of them is neither passed nor failed."""
    pytest.importorskip("jinja2")
    result = samples.honest()
    some = [check for check in result.checks if check.tier != 60]
    tiers = [tier.model_copy(update={"passed": False}) for tier in result.tiers]
    FORMATS["html"](samples.honest(checks=some, tiers=tiers, complete=False), tmp_path / "r.html")
    found = re.findall(r'class="gate (\w+)">([^<]+)<', (tmp_path / "r.html").read_text(encoding="utf-8"))
    assert found == [("skipped", "not run"), ("waiting", "needs 60"), ("failed", "not yet")]


@pytest.mark.parametrize(("slow", "word"), [((), "not run"), (("a",), "not run"), (("a", "b", "c"), "with --all")])
def test_only_slow_checks_wait_for_all(samples, slow, word):
    """A tier is said to need ``--all`` if that is why none of its checks was run."""
    tier = TierResult(score=60, title="layers", passed=False, not_run=["a", "b"])
    result = samples.honest(checks=[], tiers=[tier], mode="check", score=None, complete=False, for_record=False)
    assert [gate.word for gate in gates(result, slow)] == [word]


def test_csv_has_a_row_for_each_submission(samples):
    """Results of a class share one header; a check that one did not run is an empty cell there."""
    rows = list(csv.DictReader(io.StringIO(to_csv([samples.honest(), samples.unfinished()]))))
    assert [row["score"] for row in rows] == ["80", ""]
    assert [row["conv_backward"] for row in rows] == ["wrong", ""]
    assert [row["max_pool_forward"] for row in rows] == ["", "unfinished"]
    assert [row["tier_80"] for row in rows] == ["true", "false"]


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "|", "%", "\t=", "\r=", "\n=", " =", "\x00=", "\u202e=", "\u200b+", "＝", "'\t="]
)
def test_csv_holds_no_formula(samples, start):
    """No text cell begins with what a spreadsheet takes for a formula, also after what it would skip."""
    text = start + "cmd|' /C calc'!A0"
    result = samples.honest(
        submission=samples.SubmissionInfo(path=text, sha256=text), checks=[samples.failed(message=text)]
    )
    for row in csv.reader(io.StringIO(to_csv([result]))):
        for cell in row:
            assert not re.match(r"['\s]*$", cell) or cell == ""
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "|", "%", "＝"))


def test_markdown_of_hostile_text_stays_text(samples):
    """In the step summary, outside code blocks, nothing of a submission is HTML, a link, a mention or a heading."""
    text = job_summary(samples.hostile())
    outside = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    assert "<script" not in outside and "[bold red]" not in outside
    assert not re.search(r"(?<!\\)@here", outside)
    headings = [line for line in outside.splitlines() if line.startswith("#")]
    failed = [check for check in samples.hostile().checks if check.verdict is not Verdict.PASS]
    assert len(headings) == 1 + len(failed)
    rows = [line for line in outside.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(samples.hostile().checks)
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}


def test_page_shows_the_speed(samples):
    """The page has the table of a timed check, with what is needed."""
    page = to_html(samples.timed())
    assert '<td class="number">60 (54 to 66)</td>' in page and "At least 20 times as fast" in page
    assert "Engine: how fast it can be" in page
    assert "Medians of 8 repeats" not in to_html(samples.honest())


def test_page_shows_layers_beside_the_engine(samples):
    """All columns that have a value are there, and a line that says what they are; neither without the engine."""
    page = to_html(samples.compared())
    assert '<th class="number">engine forward</th><th class="number">engine backward</th>' in page
    assert '<td class="number">13.8</td><td class="number">38.8</td>' in page and "they decide nothing" in page
    without = to_html(samples.honest())
    assert "engine" not in without[without.index("</style>") :]
