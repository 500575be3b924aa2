"""Hostile text and hostile JSON become harmless or are refused."""

from __future__ import annotations

import contextlib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.jail.text import HostileText, parse_object
from grader.language.text import printable


@given(st.text(), st.integers(1, 50))
def test_cleaned_text_is_harmless(text, limit):
    """No control, bidirectional or surrogate character is left, and the length is bounded."""
    cleaned = printable(text, limit)
    assert len(cleaned) <= limit
    assert all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn") for c in cleaned)
    cleaned.encode("utf-8")


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=40))
def test_ordinary_text_is_unchanged(text):
    """Letters, numbers, punctuation and symbols of all languages stay as they are."""
    assert printable(text, 40) == text


def test_line_ends_are_unified():
    """Line ends that could overwrite a line on a terminal become plain ones."""
    assert printable("a\r\nb\rc\u2028d") == "a\nb\nc\nd"


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_refused(data):
    """Nothing but an object or the one exception ever comes of parsing."""
    with contextlib.suppress(HostileText):
        assert isinstance(parse_object(data), dict)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "1",
        '"x"',
        "",
        "{",
        '{"a": NaN}',
        '{"a": 99999999999999999999}',
        '{"a":' * 20 + "1" + "}" * 20,
        "[" * 65536,
    ],
)
def test_what_is_no_plain_object_is_refused(text):
    """Other values, broken texts, odd numbers and deep nesting are refused."""
    with pytest.raises(HostileText):
        parse_object(text.encode())


def test_strings_inside_are_cleaned():
    """Keys and values are cleaned at every depth, lone surrogates included."""
    assert parse_object(b'{"a\\u202e": ["\\ud800x\\u0000"]}') == {"a": ["x"]}
