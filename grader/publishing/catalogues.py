"""Keeps the catalogues of translations: finds every message in the source, updates the ``.po``, writes the ``.mo``.

For developers and authors of labs; nothing that grades needs it. Babel does the work; what it has to be told is
where messages stand: constants in the calls of `MARKS` and of the errors' classes, the help of commands, pages of
reports, and, in a lab, titles, names of cases, instructions, requirements, and what is said of known mistakes.
"""

from __future__ import annotations

import ast
import importlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

from grader.inside.answers import SENTENCES
from grader.language.errors import BadInput, GraderError
from grader.language.translation import CATALOGUES, DOMAIN, ENGLISH, LAB_DOMAIN, LANGUAGES
from grader.project.contract import Lab, list_labs
from grader.project.holes import left_open
from grader.project.places import Project

PACKAGE = Path(__file__).parents[1]
# Which arguments of a call are messages, counted from 1, as Babel wants it.
MARKS: Mapping[str, tuple[int, ...]] = {
    "_": (1,),
    "ngettext": (1, 2),
    "marked": (1,),
    "sentence": (1,),
    "Message": (1,),
    "require": (2,),
    "_Broken": (2,),
}
HELP = "help"
REQUIREMENTS = {"require": MARKS["require"], "Unlike": (1,), "note": (1,), "named": (1,)}
WIDTH = 116
HEADER = """msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
# The same on every day, so that a catalogue changes only with its messages.
SOME_DATE = datetime(2026, 1, 1, tzinfo=timezone.utc)
# What is said, as Babel has it: with its plural form if it has one.
Text = str | tuple[str, str]


class CatalogueError(BadInput):
    """Catalogues cannot be made here; the message says why and what to do."""


def messages_of_program() -> list[Text]:
    """Return everything that the grader itself says, in the order of its files."""
    sources = [file.read_text(encoding="utf-8") for file in sorted(PACKAGE.rglob("*.py"))]
    keywords = {**MARKS, HELP: (1,), **dict.fromkeys(error_classes(sources), (1,))}
    found = dict.fromkeys(text for source in sources for text in messages_in(source, keywords))
    found |= dict.fromkeys(SENTENCES.values())
    for file in sorted(PACKAGE.rglob("*.html")):
        found |= dict.fromkeys(_extracted("jinja2", file.read_bytes(), MARKS))
    return list(found)


def error_classes(sources: Iterable[str]) -> set[str]:
    """Return the names of the errors that are made of a template and values: all that derive from `GraderError`."""
    classes = [node for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)]
    found, before = {GraderError.__name__}, 0
    while len(found) > before:
        before = len(found)
        found |= {node.name for node in classes if any(_name(base) in found for base in node.bases)}
    return found


def messages_in(source: str, keywords: Mapping[str, tuple[int, ...]] = MARKS) -> list[Text]:
    """Return what the calls of ``keywords`` say in a Python source.

    Raises
    ------
    CatalogueError : an f-string is marked, which is never found in a catalogue.
    """
    return _extracted(constants_in_calls, source.encode(), keywords)


def constants_in_calls(
    file: IO[bytes], keywords: Iterable[str], comment_tags: Any, options: Any
) -> Iterator[tuple[int, str, tuple[str | None, ...], list[str]]]:
    """Find messages for Babel: constants among the arguments of a call, and the help of commands and options."""
    for node in ast.walk(ast.parse(file.read())):
        if isinstance(node, ast.Call) and _name(node.func) in keywords:
            if any(isinstance(part, ast.JoinedStr) for part in node.args):
                raise CatalogueError(
                    "line {line}: an f-string cannot be translated; use {places} and values",
                    line=node.lineno,
                    places="{names}",
                )
            yield node.lineno, _name(node.func), tuple(map(_constant, node.args)), []
        elif HELP in keywords and isinstance(node, ast.keyword) and node.arg == HELP:
            yield node.value.lineno, HELP, (_constant(node.value),), []
        elif HELP in keywords and isinstance(node, ast.FunctionDef) and _is_command(node):
            yield node.lineno, HELP, (ast.get_docstring(node),), []


def _is_command(node: ast.FunctionDef) -> bool:
    return any("command" in ast.dump(mark) for mark in node.decorator_list)


def _constant(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _extracted(method: Any, source: bytes, keywords: Mapping[str, tuple[int, ...]]) -> list[Text]:
    extract = _babel("extract").extract
    return [text for _line, text, _comments, _context in extract(method, io.BytesIO(source), keywords)]


def _babel(part: str) -> Any:
    try:
        return importlib.import_module(f"babel.messages.{part}")
    except ImportError:
        raise CatalogueError("catalogues need the package babel: pip install -e '.[dev]'") from None


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def texts_of_lab(project: Project, lab: Lab) -> list[Text]:
    """Return what a lab says: from its contract, its checks, its skeletons, and what was published."""
    texts: list[Text] = [lab.facts.title, *lab.facts.tiers.values()]
    texts += [check.title for check in lab.checks.values()]
    texts += [check.speed.hint for check in lab.checks.values() if check.speed is not None]
    if lab.facts.experiment is not None:
        texts += [lab.facts.experiment.title, *(option.help for option in lab.facts.experiment.options.values())]
        if lab.facts.experiment.trained is not None:
            texts.append(lab.facts.experiment.trained.about)
    if lab.facts.measured is not None and lab.facts.measured.about:
        texts.append(lab.facts.measured.about)
    for handed in lab.facts.files:
        file = lab.folder / handed.path
        holes = left_open(file.read_text(encoding="utf-8")) if file.is_file() else []
        texts += [hole.instruction for hole in holes]
    for file in sorted(lab.folder.glob("*.py")):
        texts += messages_in(file.read_text(encoding="utf-8"), REQUIREMENTS)
    for kind in ("public", "hidden"):
        manifest = project.fixtures(lab.name, kind) / "manifest.json"
        if manifest.is_file():
            texts += _published(json.loads(manifest.read_text(encoding="utf-8")))
    return [text for text in dict.fromkeys(texts) if text]


def _published(manifest: Mapping[str, Any]) -> Iterator[str]:
    for part in manifest["checks"].values():
        for case in part["cases"]:
            yield case["name"]
    for part in manifest["mistakes"].values():
        for mistake in part["mistakes"]:
            yield mistake["formula"]
            if " + " not in mistake["name"]:
                yield mistake["title"]
                yield mistake["explanation"]


def catalogue_file(folder: Path, domain: str, language: str) -> Path:
    """Return where the catalogue of a language lies."""
    return folder / language / "LC_MESSAGES" / f"{domain}.po"


def update(file: Path, messages: Iterable[Text], known: Mapping[Text, str] | None = None) -> list[Text]:
    """Bring a catalogue up to date and compile it; return the messages that have no translation yet.

    New messages are added, translated as in ``known`` if they are there; what is not said any more is dropped.

    Raises
    ------
    CatalogueError : Babel is not installed, or ``file`` cannot be read.
    """
    kept = {**(known or {}), **translations(read_catalogue(file))}
    language = file.parent.parent.name
    fresh = _babel("catalog").Catalog(
        locale=language, creation_date=SOME_DATE, revision_date=SOME_DATE, fuzzy=False
    )
    for message in messages:
        text = kept.get(message, "")
        fresh.add(message, text if isinstance(message, str) else (text,))
    written, compiled = io.BytesIO(), io.BytesIO()
    _babel("pofile").write_po(written, fresh, width=WIDTH, no_location=True, omit_header=True)
    _babel("mofile").write_mo(compiled, fresh)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(HEADER.format(language=language).encode() + written.getvalue())
    file.with_suffix(".mo").write_bytes(compiled.getvalue())
    return [message for message in messages if not kept.get(message)]


def read_catalogue(file: Path) -> Any:
    """Return a catalogue as Babel has it, an empty one if there is no such file.

    Raises
    ------
    CatalogueError : Babel is not installed, or the file cannot be read.
    """
    language = file.parent.parent.name
    pofile = _babel("pofile")
    if not file.is_file():
        return _babel("catalog").Catalog(locale=language)
    try:
        return pofile.read_po(io.BytesIO(file.read_bytes()), locale=language, abort_invalid=True)
    except (pofile.PoFileError, ValueError) as error:
        raise CatalogueError("{file} cannot be read: {error}", file=file, error=error) from None


def translations(catalog: Any) -> dict[Text, str]:
    """Return what a catalogue translates, by message; the languages here have one form for all counts."""
    found = {}
    for entry in catalog:
        plural = not isinstance(entry.id, str)
        found[tuple(entry.id) if plural else entry.id] = entry.string[0] if plural else entry.string
    return {message: text for message, text in found.items() if message and text}


def update_all(project: Project, names: Sequence[str] = ()) -> dict[Path, list[Text]]:
    """Bring the program's catalogues and those of labs up to date; return what lacks a translation, by file.

    Raises
    ------
    CatalogueError : as for `update`.
    """
    lacking = {}
    wanted = [project.lab(name) for name in names or list_labs(project.root / "labs")]
    for language in LANGUAGES:
        if language == ENGLISH:
            continue
        file = catalogue_file(CATALOGUES, DOMAIN, language)
        lacking[file] = update(file, messages_of_program())
        # What one lab says, others often say too.
        known: dict[Text, str] = {}
        for name in list_labs(project.root / "labs"):
            known |= translations(
                read_catalogue(catalogue_file(project.root / "labs" / name / "locale", LAB_DOMAIN, language))
            )
        for lab in wanted:
            file = catalogue_file(lab.folder / "locale", LAB_DOMAIN, language)
            lacking[file] = update(file, texts_of_lab(project, lab), known)
    return lacking
