"""A translated handout says the same as the original, as far as a program can tell."""

import re

import pytest

from tests.golden import ROOT

TRANSLATED = [page.parent for page in ROOT.glob("labs/*/README.zh.md")]
FEWEST_NAMES = 40


def both(folder):
    """The two texts."""
    return [(folder / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md")]


@pytest.mark.parametrize("folder", TRANSLATED, ids=lambda folder: folder.name)
def test_formulas_are_the_same(folder):
    """Every numbered formula is in both, letter by letter, but for the words in it."""
    first, second = (
        [re.sub(r"\\text\{[^}]*\}", "", formula) for formula in re.findall(r"\$\$.*?\$\$", text, re.S)]
        for text in both(folder)
    )
    assert first and first == second


@pytest.mark.parametrize("folder", TRANSLATED, ids=lambda folder: folder.name)
def test_names_in_tables_are_the_same(folder):
    """Files, classes and layers in the tables have the same names in the same order."""
    first, second = (
        [name for line in text.splitlines() if line.startswith("|") for name in re.findall(r"`([^`]+)`", line)]
        for text in both(folder)
    )
    assert len(first) > FEWEST_NAMES and first == second


@pytest.mark.parametrize("folder", TRANSLATED, ids=lambda folder: folder.name)
def test_sections_are_the_same(folder):
    """Both have the same numbered sections, because messages and code refer to them."""
    first, second = (re.findall(r"^#+ ([\d.]+)", text, re.M) for text in both(folder))
    assert first and first == second


@pytest.mark.parametrize("folder", TRANSLATED, ids=lambda folder: folder.name)
def test_sizes_and_limits_are_the_same(folder):
    """Every number of a table row, and the constants of the picture's preparation, are in both."""
    first, second = (
        [re.findall(r"\d+(?:\.\d+)?", line) for line in text.splitlines() if line.startswith("|")]
        for text in both(folder)
    )
    assert first == second
    for text in both(folder):
        assert all(
            value in text for value in ("125.307", "122.961", "113.8575", "51.5865", "50.847", "51.255", "114")
        )
