"""Text from a submission is harmless before any report escapes it."""

from __future__ import annotations

import unicodedata
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.language.near import nearest
from grader.language.text import clean, one_line, printable

ANY_TEXT = st.text(st.characters(codec=None), max_size=400)


@given(ANY_TEXT)
def test_cleaned_text_stands_in_xml_and_utf8(text):
    """Whatever the text, the cleaned one encodes to UTF-8 and comes back from an XML document unchanged."""
    cleaned = clean(text)
    cleaned.encode("utf-8")
    element = ElementTree.fromstring(f"<a>{escape(cleaned)}</a>")
    assert (element.text or "") == cleaned


@given(ANY_TEXT)
def test_no_control_or_format_character_stays(text):
    """No control, format, surrogate or private character is left but the line feed."""
    assert all(unicodedata.category(c)[0] != "C" for c in clean(text).replace("\n", ""))


@given(ANY_TEXT, st.integers(3, 50))
def test_cap_holds(text, cap):
    """Printable text never has more characters than the cap."""
    assert len(printable(text, cap)) <= cap


@given(ANY_TEXT)
def test_one_line_has_one_line(text):
    """One line stays one line for every notion of a line end."""
    assert len(one_line(text).splitlines()) <= 1


@given(ANY_TEXT, ANY_TEXT)
def test_no_runner_command_survives(before, after):
    """A command to a CI runner is broken up wherever it stands, also when dropped characters hid it."""
    for poison in ("::error::", ":\x00:error::", "##[error]", "#\u200b#[group]", "::add-mask::"):
        cleaned = clean(before + poison + after)
        assert "::error" not in cleaned and "##[" not in cleaned and "::add-mask" not in cleaned


def test_ordinary_text_is_untouched():
    """Python code, Chinese, accents and mathematics stay as they are."""
    text = "x[::2], y[1::-1]\n  卷积层 élan naïve ∑ ≤ 1e-5 → “quoted” 🎉"
    assert clean(text) == text


def test_marks_do_not_pile_up():
    """A letter under a hundred marks keeps three."""
    assert clean("a" + "\u0301" * 100 + "b") == "a" + "\u0301" * 3 + "b"


@pytest.mark.parametrize(
    ("word", "near"),
    [("layer.py", "layers.py"), ("foo.py", None), ("conv", "conv.py"), ("comv.py", "conv.py"), ("lenett", "lenet")],
)
def test_an_ending_makes_no_two_names_alike(word, near):
    """Two files that share nothing but `.py` are not taken for each other."""
    assert nearest(word, ["conv.py", "layers.py", "lenet"]) == near


@given(st.text(st.characters(max_codepoint=127), max_size=60), st.integers(3, 70))
def test_plain_text_is_cleaned_as_any_other(text, cap):
    """What is looked at as a whole comes out as what is looked at letter by letter, beside one that goes."""
    whole, one_by_one = printable(text, cap), printable(text + "\u200b", cap)
    assert whole == one_by_one or len(text) >= cap
