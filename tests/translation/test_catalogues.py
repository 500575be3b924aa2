"""The catalogues: everything that is said is translated, with the same values, and compiled as it is written."""

import re
import string

import pytest
from babel.messages.mofile import read_mo

from grader.language.translation import CATALOGUES, DOMAIN, LAB_DOMAIN
from grader.project.contract import list_labs
from grader.publishing.catalogues import (
    MARKS,
    CatalogueError,
    catalogue_file,
    error_classes,
    messages_in,
    messages_of_program,
    read_catalogue,
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


def longest(message):
    """Return a message, or the form of it that has all its values."""
    return message if isinstance(message, str) else message[-1]


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
    missing = set(said_by(name, project)) - set(translations(read_catalogue(catalogue(name))))
    assert not missing, f"{sorted(missing)[:5]}{HELP}"


@pytest.mark.parametrize("name", [DOMAIN, *LABS])
def test_nothing_is_left_over(name, project):
    """What is not said any more is not kept."""
    left = set(translations(read_catalogue(catalogue(name)))) - set(said_by(name, project))
    assert not left, f"{sorted(left)[:5]}: python -m grader catalogues"


@pytest.mark.parametrize("name", [DOMAIN, *LABS])
def test_a_translation_has_the_same_values(name):
    """A place for a value that is lost or new in the translation would fail, or hide a fact, when it is shown."""
    for message, text in translations(read_catalogue(catalogue(name))).items():
        assert places(text) == places(longest(message)), message


@pytest.mark.parametrize("name", [DOMAIN, *LABS])
def test_what_is_typed_is_not_translated(name):
    """Code in back quotes stands in the translation as it is, so that it can be typed."""
    for message, text in translations(read_catalogue(catalogue(name))).items():
        code = re.findall(r"`([^`]+)`", longest(message))
        assert sorted(code) == sorted(re.findall(r"`([^`]+)`", text)), message


@pytest.mark.parametrize("name", [DOMAIN, *LABS])
def test_the_compiled_catalogue_is_that_of_the_source(name):
    """The ``.mo`` that is shipped holds exactly what the ``.po`` says."""
    with catalogue(name).with_suffix(".mo").open("rb") as file:
        assert translations(read_mo(file)) == translations(read_catalogue(catalogue(name)))


def test_an_f_string_is_refused():
    """It would never be found in a catalogue."""
    with pytest.raises(CatalogueError, match="line 1"):
        list(messages_in('_(f"{name} is missing")'))


def test_marked_texts_are_found():
    """Calls, plurals, constants and help."""
    assert messages_in('_("a"); ngettext("one", "many", n); X = marked("b" " c")') == ["a", ("one", "many"), "b c"]
    source = '@app.command()\ndef run(lang: Annotated[str, Option(help="The h.")]) -> None:\n    """Run it."""\n'
    assert set(messages_in(source, {"help": (1,)})) == {"The h.", "Run it."}


def test_errors_and_requirements_are_found():
    """Templates of the grader's errors, of whatever class they derive, and of requirements; no internal errors."""
    classes = "class Broken(GraderFailed): pass\nclass Torn(Broken): pass\nclass GraderFailed(GraderError): pass\n"
    said = (
        'raise Torn("{name} has no layer {layer}", name=lab.name, layer=layer)\n'
        'raise ValueError("an internal matter")\n'
        'student.require(x == y, "x is {x}", x=x)\n'
    )
    keywords = {**MARKS, **dict.fromkeys(error_classes([classes, said]), (1,))}
    assert messages_in(said, keywords) == ["{name} has no layer {layer}", "x is {x}"]


def test_updating_keeps_adds_and_drops(tmp_path):
    """Translations stay, new messages get an empty place, what is not said any more goes."""
    file = catalogue_file(tmp_path, "grader", "zh")
    assert update(file, ["a", "b"], {"a": "甲"}) == ["b"]
    before = file.read_bytes(), file.with_suffix(".mo").read_bytes()
    update(file, ["a", "b"])
    assert (file.read_bytes(), file.with_suffix(".mo").read_bytes()) == before
    assert update(file, ["a", "c"], {"c": "丙"}) == []
    assert translations(read_catalogue(file)) == {"a": "甲", "c": "丙"}


def test_a_damaged_catalogue_is_named(tmp_path):
    """The error says which file cannot be read."""
    file = catalogue_file(tmp_path, "grader", "zh")
    file.parent.mkdir(parents=True)
    file.write_bytes(b'msgid "\xff"\nmsgstr ""\n')
    with pytest.raises(CatalogueError, match="cannot be read"):
        read_catalogue(file)
