"""A translated handout says the same as the original, as far as a program can tell."""

import re

import pytest

from grader.project.contract import list_labs
from tests.golden import ROOT

LABS = list_labs(ROOT / "labs")
FEWEST_NAMES = 15
FEWEST_FORMULAS = 4
BLOCK = re.compile(r"^```.*?^```", re.M | re.S)
# Written in another way in Chinese: 1.85 billion are 18.5 of its own units.
BILLIONS = {"1.85", "18.5", "19.6", "15.5", "1.34", "1.44"}


def both(lab):
    """The two texts."""
    return [(ROOT / "labs" / lab / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md")]


@pytest.mark.parametrize("lab", LABS)
def test_formulas_are_the_same(lab):
    """Every numbered formula is in both, letter by letter, but for the words in it."""
    first, second = (
        [re.sub(r"\\text\{[^}]*\}", "", formula) for formula in re.findall(r"\$\$.*?\$\$", text, re.S)]
        for text in both(lab)
    )
    assert len(first) >= FEWEST_FORMULAS and first == second


@pytest.mark.parametrize("lab", LABS)
def test_names_in_tables_are_the_same(lab):
    """Files, classes and layers in the tables have the same names in the same order."""
    first, second = (
        [name for line in text.splitlines() if line.startswith("|") for name in re.findall(r"`([^`]+)`", line)]
        for text in both(lab)
    )
    assert len(first) > FEWEST_NAMES and first == second


@pytest.mark.parametrize("lab", LABS)
def test_sections_are_the_same(lab):
    """Both have the same numbered sections, because messages and code refer to them."""
    first, second = (re.findall(r"^#+ ([\d.]+)", text, re.M) for text in both(lab))
    assert first and first == second


@pytest.mark.parametrize("lab", LABS)
def test_sizes_and_limits_are_the_same(lab):
    """Every number of a table row is in both."""
    first, second = (
        [sorted(re.findall(r"\d+(?:\.\d+)?", line)) for line in text.splitlines() if line.startswith("|")]
        for text in both(lab)
    )
    assert first == second


@pytest.mark.parametrize("lab", LABS)
def test_commands_are_the_same(lab):
    """What stands in blocks to be typed is the same, but for what stands behind a ``#`` or is drawn."""
    first, second = (
        [
            [
                re.split(r"\s+#(?: |$)", line)[0].rstrip()
                for line in block.splitlines()
                if line.isascii() or "#" in line
            ]
            for block in re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
            if "make " in block or "python" in block or "TODO" in block
        ]
        for text in both(lab)
    )
    assert first and first == second


@pytest.mark.parametrize("lab", LABS)
def test_code_in_the_text_is_the_same(lab):
    """Names of classes, functions and files occur in both."""
    first, second = (
        {" ".join(name.split()) for name in re.findall(r"`([^`]+)`", re.sub(BLOCK, "", text))} for text in both(lab)
    )
    assert first == second


@pytest.mark.parametrize("lab", LABS)
def test_constants_are_the_same(lab):
    """No decimal number is in one text only: sizes, rates, times."""
    first, second = (set(re.findall(r"\d+\.\d+", text)) - BILLIONS for text in both(lab))
    assert first == second
