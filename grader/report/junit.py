"""JUnit XML: a suite for the lab, a case for each check."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from grader.language.text import clean, one_line
from grader.report.files import write_text
from grader.report.summary import beyond_line, headline, passed, standing, story
from grader.score.document import CheckResult, GradeResult
from grader.verdicts import Verdict

UNTIERED = "exercises"


def write_junit(result: GradeResult, path: Path) -> None:
    """Write the result as JUnit XML to ``path``.

    Raises
    ------
    ReportError : the file cannot be written.
    """
    root = junit(result)
    ElementTree.indent(root, " ")
    text = ElementTree.tostring(root, encoding="unicode")
    write_text(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')


def junit(result: GradeResult) -> ElementTree.Element:
    """Return the ``testsuites`` element.

    A check that does not hold is a ``failure`` whose type is its verdict (``Timeout`` for a slow one); ``error``
    is only for the grader's own faults. Score, largest score and tier are properties.
    """
    checks = result.checks
    counts = {
        "tests": str(len(checks)),
        "failures": str(sum(not passed(c) and c.verdict not in (Verdict.SKIPPED, Verdict.GRADER) for c in checks)),
        "errors": str(sum(check.verdict is Verdict.GRADER for check in checks)),
        "skipped": str(sum(check.verdict is Verdict.SKIPPED for check in checks)),
        "assertions": str(sum(check.cases_total for check in checks)),
        "time": _time(result.times.total),
        "timestamp": one_line(result.started_at),
    }
    root = ElementTree.Element("testsuites", {"name": one_line(result.lab_title), **counts})
    suite = ElementTree.SubElement(
        root, "testsuite", {"name": one_line(result.lab), **counts, "file": one_line(result.submission.path)}
    )
    _add_properties(
        suite,
        {
            **({} if result.score is None else {"score": str(result.score)}),
            "max_score": str(result.max_score),
            "submission_sha256": one_line(result.submission.sha256),
            "jail_level": str(result.jail.level),
            "for_record": str(result.for_record).lower(),
            "complete": str(result.complete).lower(),
            "gates": result.gates,
            "breaks_beyond": " ".join(one_line(check.id) for check in result.breaks_beyond),
        },
    )
    for check in checks:
        _add_case(suite, result.lab, check)
    summary = ElementTree.SubElement(suite, "system-out")
    summary.text = clean("\n".join([headline(result), *filter(None, [beyond_line(result)]), *standing(result)]))
    return root


def _add_case(suite: ElementTree.Element, lab: str, check: CheckResult) -> None:
    section = UNTIERED if check.tier is None else f"tier{check.tier}"
    case = ElementTree.SubElement(
        suite,
        "testcase",
        {
            "name": one_line(check.id),
            "classname": f"{one_line(lab)}.{section}",
            "time": _time(check.seconds),
            "assertions": str(check.cases_total),
        },
    )
    properties = {"title": one_line(check.title), "verdict": check.verdict.value}
    if check.tier is not None:
        properties["tier"] = str(check.tier)
    _add_properties(case, properties)
    if check.verdict is Verdict.SKIPPED:
        ElementTree.SubElement(case, "skipped", {"message": one_line(check.message)})
    elif not passed(check):
        tag = "error" if check.verdict is Verdict.GRADER else "failure"
        kind = "Timeout" if check.verdict is Verdict.TIMEOUT else check.verdict.value
        failure = ElementTree.SubElement(case, tag, {"message": one_line(check.message), "type": kind})
        failure.text = clean(story(check))
    printed = check.output or (story(check) if check.breaks_beyond else "")
    if printed:
        ElementTree.SubElement(case, "system-out").text = clean(printed)


def _add_properties(element: ElementTree.Element, values: dict[str, str]) -> None:
    parent = ElementTree.SubElement(element, "properties")
    for name, value in values.items():
        ElementTree.SubElement(parent, "property", {"name": name, "value": value})


def _time(seconds: float) -> str:
    return f"{seconds:.3f}" if 0 <= seconds < float("inf") else "0.000"
