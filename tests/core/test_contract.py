"""A lab's own mistakes are reported with file and line."""

import textwrap

import pytest

from grader.project.contract import ContractError, load_lab

GOOD_YAML = """\
lab: tiny
version: 1
title: A tiny lab
files:
  - path: layer.py
    holes: [double]
tiers:
  60: it doubles
"""
GOOD_CHECKS = '''\
from grader.lab.checks import check, one_case


@check(tier=60, cases=one_case(), holes=("double",), files=("layer.py",))
def doubles(student, case):
    """Doubles its input."""
    return {}
'''


@pytest.fixture
def lab(tmp_path):
    """Write a lab's two files, valid unless replaced."""

    def write(yaml=GOOD_YAML, checks=GOOD_CHECKS):
        folder = tmp_path / "tiny"
        folder.mkdir()
        (folder / "lab.yaml").write_text(yaml)
        (folder / "checks.py").write_text(checks)
        return folder

    return write


def test_a_valid_lab_loads(lab):
    """Facts and checks are there, the docstring's first line is the title."""
    loaded = load_lab(lab())
    assert loaded.required == ("layer.py",)
    assert loaded.checks["doubles"].title == "Doubles its input"


@pytest.fixture
def lab_in_parts(lab):
    """Write a lab whose checks stand in two files, the second with ``more`` at its end."""

    def write(more=""):
        folder = lab(checks="from . import checks_a, checks_b\n")
        (folder / "checks_a.py").write_text(GOOD_CHECKS)
        later = GOOD_CHECKS.replace("cases=one_case()", "cases=one_case(), needs=('doubles',)")
        (folder / "checks_b.py").write_text(later.replace("def doubles", "def again") + more)
        return folder

    return write


def test_checks_may_stand_in_parts(lab_in_parts, lab):
    """The checks of the parts come one part after the other, and those of another lab take their place."""
    folder = lab_in_parts()
    assert list(load_lab(folder).checks) == ["doubles", "again"]
    (folder / "checks.py").write_text("from . import checks_a\n")
    assert list(load_lab(folder).checks) == ["doubles"]


def test_a_mistake_in_a_part_names_the_part(lab_in_parts):
    """File and line are those of the part."""
    with pytest.raises(ContractError, match=r"checks_b\.py:8: NameError"):
        load_lab(lab_in_parts("ghost\n"))


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("version: 1", "version: none", r"lab\.yaml:2: version"),
        ("title: A tiny lab", "titel: A tiny lab", r"lab\.yaml:3: titel"),
        ("path: layer.py", "path: ../layer.py", r"lab\.yaml:5: files\.0\.path"),
        ("60: it doubles", "70: it doubles", r"lab\.yaml:7: tiers"),
        ("files:", "files: [", r"lab\.yaml:\d+: not valid YAML"),
        ("lab: tiny", "lab: other", r"must be the folder's name, tiny"),
    ],
)
def test_mistakes_in_lab_yaml_name_the_line(lab, old, new, place):
    """Wrong values, misspelt keys, bad paths and broken YAML are found where they are."""
    with pytest.raises(ContractError, match=place):
        load_lab(lab(yaml=GOOD_YAML.replace(old, new)))


def test_a_contract_that_is_not_utf_8_is_refused(lab):
    """The author is told so; it is no failure of the grader's own."""
    folder = lab()
    (folder / "lab.yaml").write_bytes(GOOD_YAML.replace("A tiny lab", "Übung").encode("latin-1"))
    with pytest.raises(ContractError, match=r"lab\.yaml: not valid YAML: invalid continuation byte"):
        load_lab(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"double"', '"triple"', r"checks\.py:\d+: check doubles names the hole 'triple'"),
        ('"layer.py"', '"other.py"', r"names the file 'other\.py'"),
        ("tier=60", "tier=80", r"has tier 80, which lab\.yaml does not name"),
        ("tier=60", "tier=61", r"checks\.py:4: ValueError: tier must be"),
        ("cases=one_case()", "cases=one_case(), needs=('ghost',)", r"needs 'ghost', which does not exist"),
        (
            "cases=one_case()",
            "cases=one_case(), speed=__import__('grader.lab').lab.Speed('ghost', 2.0)",
            r"timed against 'ghost', which must be a check above it",
        ),
        ('"""Doubles its input."""', "pass", r"checks\.py:[45]: ValueError: check doubles has no docstring"),
        ("return {}", "return {", r"checks\.py:\d+: SyntaxError"),
    ],
)
def test_mistakes_in_checks_name_the_check(lab, old, new, message):
    """Unknown holes, files, tiers and needs, and code that does not load, are found where they are."""
    with pytest.raises(ContractError, match=message):
        load_lab(lab(checks=textwrap.dedent(GOOD_CHECKS.replace(old, new))))


def test_needs_come_first(lab):
    """Asking for one check brings those that it needs, before it."""
    second = (
        GOOD_CHECKS.split("\n\n\n")[1].replace("doubles", "again").replace("cases", "needs=('doubles',), cases", 1)
    )
    loaded = load_lab(lab(checks=GOOD_CHECKS + "\n\n" + second))
    assert [check.id for check in loaded.in_order(("again",))] == ["doubles", "again"]
    with pytest.raises(ContractError, match="it has: doubles, again"):
        loaded.in_order(("ghost",))
