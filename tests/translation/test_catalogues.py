"""The catalogues: everything that is said is translated, with the same values, and compiled as it is written."""

import re
import string

import pytest

from grader.language.translation import CATALOGUES, DOMAIN, LAB_DOMAIN, pattern_of, read_catalogue
from grader.project.contract import list_labs
from grader.publishing.catalogues import (
    CatalogueError,
    Message,
    catalogue_file,
    help_in,
    key_of,
    messages_in,
    messages_of_program,
    read,
    sentences_in,
    texts_of_lab,
    translations,
    update,
)
from tests.golden import ROOT

LABS = list_labs(ROOT / "labs")
HELP = "; write it: python -m grader catalogues, then fill the empty places"


def places(text):
    """Return the names of the values in a message."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def catalogue(name):
    """Return the file of the program's catalogue or of a lab's."""
    return (
        catalogue_file(CATALOGUES, DOMAIN, "zh")
        if name == DOMAIN
        else catalogue_file(ROOT / "labs" / name / "locale", LAB_DOMAIN, "zh")
    )


def said_by(name, project):
    """Return everything that the program or a lab says."""
    return messages_of_program() if name == DOMAIN else texts_of_lab(project, project.lab(name))


@pytest.mark.parametrize("name", [DOMAIN, *LABS])
def test_everything_is_translated(name, project):
    """No message that the source marks, and no text of a lab, is missing in Chinese."""
    missing = set(said_by(name, project)) - set(translations(read(catalogue(name))))
    assert not missing, f"{sorted(missing)[:5]}{HELP}"


@pytest.mark.parametrize("name", [DOMAIN, *LABS])
def test_nothing_is_left_over(name, project):
    """What is not said any more is not kept."""
    left = set(translations(read(catalogue(name)))) - set(said_by(name, project))
    assert not left, f"{sorted(left)[:5]}: python -m grader catalogues"


@pytest.mark.parametrize("name", [DOMAIN, *LABS])
def test_a_translation_has_the_same_values(name):
    """A place for a value that is lost or new in the translation would fail, or hide a fact, when it is shown."""
    for message, text in translations(read(catalogue(name))).items():
        assert places(text) == places(message.many or message.text), message.text


@pytest.mark.parametrize("name", [DOMAIN, *LABS])
def test_what_is_typed_is_not_translated(name):
    """Code in back quotes stands in the translation as it is, so that it can be typed."""
    for message, text in translations(read(catalogue(name))).items():
        code = re.findall(r"`([^`]+)`", message.many or message.text)
        assert sorted(code) == sorted(re.findall(r"`([^`]+)`", text)), message.text


@pytest.mark.parametrize("name", [DOMAIN, *LABS])
def test_the_compiled_catalogue_is_that_of_the_source(name):
    """The ``.mo`` that is shipped holds exactly what the ``.po`` says."""
    written = {key_of(message): text for message, text in translations(read(catalogue(name))).items()}
    compiled = {key: text for key, text in read_catalogue(catalogue(name).with_suffix(".mo")).items() if key}
    assert compiled == written


def test_an_f_string_is_refused():
    """It would never be found in a catalogue."""
    with pytest.raises(CatalogueError, match="line 1"):
        list(messages_in('_(f"{name} is missing")'))


def test_marked_texts_are_found():
    """Calls, plurals, constants and help."""
    assert list(messages_in('_("a"); ngettext("one", "many", n); X = marked("b" " c")')) == [
        Message("a"),
        Message("one", "many"),
        Message("b c"),
    ]
    source = '@app.command()\ndef run(lang: Annotated[str, Option(help="The h.")]) -> None:\n    """Run it."""\n'
    assert set(help_in(source)) == {Message("The h."), Message("Run it.")}


def test_sentences_become_templates():
    """Values of f-strings get names, choices between words make two sentences, internal errors are left out."""
    source = (
        '"""Doc string of a module."""\n'
        "raise Broken(f\"{lab.name} has {'a' if x else 'no'} layer {layer!r}\")\n"
        'raise ValueError(f"{x} is an internal matter")\n'
    )
    assert list(sentences_in(source)) == ["{name} has a layer {layer}", "{name} has no layer {layer}"]


def test_updating_keeps_adds_and_drops(tmp_path):
    """Translations stay, new messages get an empty place, what is not said any more goes."""
    file = catalogue_file(tmp_path, "grader", "zh")
    assert update(file, [Message("a"), Message("b")], {Message("a"): "甲"}) == [Message("b")]
    before = file.read_bytes()
    update(file, [Message("a"), Message("b")])
    assert file.read_bytes() == before
    assert update(file, [Message("a"), Message("c")], {Message("c"): "丙"}) == []
    assert translations(read(file)) == {Message("a"): "甲", Message("c"): "丙"}


def test_a_damaged_catalogue_is_named(tmp_path):
    """The error says which file cannot be read."""
    file = catalogue_file(tmp_path, "grader", "zh")
    file.parent.mkdir(parents=True)
    file.write_bytes(b'msgid "\xff"\nmsgstr ""\n')
    with pytest.raises(CatalogueError, match="cannot be read"):
        read(file)


def test_patterns_are_quick_on_hostile_text():
    """A sentence of a submission that nearly fits costs no more than a moment: it is compared, not searched."""
    pattern = pattern_of("{a} has {b} of {c}; {d} is needed")
    assert pattern.fullmatch("x has 1 of 2; 3 is needed")
    assert pattern.fullmatch(" has " * 120) is None
