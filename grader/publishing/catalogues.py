"""Keeps the catalogues of translations: finds every message in the source, updates the ``.po``, writes the ``.mo``.

For developers and authors of labs; nothing that grades needs it. Three kinds of text are found:

- messages: constants in ``_()``, ``ngettext()`` and ``marked()``, the help of commands, pages of reports;
- sentences: what modules say that translate nothing themselves, because it is compared, recorded, or made in the
  jail; an f-string is kept as a template with named places;
- texts of a lab: titles, names of cases, instructions, requirements, and what is said of known mistakes.
"""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import product
from pathlib import Path
from typing import Any

from grader.language.errors import BadInput
from grader.language.translation import (
    CATALOGUES,
    CONTEXT_SIGN,
    DOMAIN,
    ELSEWHERE,
    ENGLISH,
    LAB_DOMAIN,
    LANGUAGES,
    PLACEHOLDER,
)
from grader.project.contract import Lab, list_labs
from grader.project.places import Project

PACKAGE = Path(__file__).parents[1]
MARKS = ("_", "ngettext", "marked")
# Modules whose sentences are translated by those that show them; of a module that translates, only its errors.
SPEAKING_MODULES = (
    "collect/archives.py", "collect/submission.py", "commands/common.py", "commands/student.py",
    "compare.py", "experiment/drive.py", "experiment/folder.py", "experiment/options.py",
    "experiment/records.py", "grading.py", "inside/disk.py", "inside/imports.py", "inside/runner.py",
    "inside/submission.py", "inside/traps.py", "jail/box.py", "jail/endings.py", "jail/worker.py",
    "prepare/downloads.py", "prepare/matconvnet.py", "prepare/resources.py", "prepare/weights.py",
    "project/fixtures.py", "project/places.py", "report/classroom50.py", "report/files.py",
    "run/opening.py", "run/order.py", "run/properties.py", "run/session.py",
    "student/demo.py", "student/gradcheck.py", "student/gradcheck_lab/checks.py", "student/layer_checks.py",
    "student/start.py", "student/story.py", "student/summary.py", "student/watch.py", "timing/baseline.py",
)  # fmt: skip
# Errors that are no message to a person who learns or grades.
INTERNAL_ERRORS = frozenset(
    (
        "ValueError",
        "RuntimeError",
        "AssertionError",
        "KeyError",
        "TypeError",
        "ImportError",
        "FrameError",
        "JailError",
    )
)
# Texts of several words that are no sentences: commands, patterns, what allocators print.
NO_SENTENCE = re.compile(
    r"python -m |# TODO|Iterator\[|bytes \(|bold |[Oo]ut of memory$|.*Unable to allocate|.?nnot allocate"
    r"|.*ocation failed"
)
WORD = re.compile(r"[A-Za-z]{3}")
# Words that stand for a value in such sentences, and how publishing joins what is said of two mistakes.
VALUES = (
    "convolution",
    "fully connected",
    "max pooling",
    "relu",
    "ReLU",
    "flatten",
    "softmax",
    "infinite",
    "adjoint",
)
PAIR = "(1) {first} (2) {second}"
INSTRUCTION = re.compile(r"# TODO\(\w+\): (.+)")
PAGE_MARK = re.compile(r"""_\("([^"]+)"[,)]""")
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


class CatalogueError(BadInput):
    """Catalogues cannot be made here; the message says why and what to do."""


@dataclass(frozen=True, order=True)
class Message:
    """One entry: ``many`` is the plural form, ``context`` keeps equal words apart; both may be empty."""

    text: str
    many: str = ""
    context: str = ""


def messages_of_program() -> list[Message]:
    """Return everything that the grader itself says, in the order of its files."""
    found = dict.fromkeys(Message(word, context=ELSEWHERE) for word in (*VALUES, PAIR))
    for file in sorted(PACKAGE.rglob("*.py")):
        source = file.read_text(encoding="utf-8")
        found |= dict.fromkeys(messages_in(source))
        if file.parent.name == "commands":
            found |= dict.fromkeys(help_in(source))
        if file.relative_to(PACKAGE).as_posix() in SPEAKING_MODULES:
            found |= dict.fromkeys(Message(text, context=ELSEWHERE) for text in sentences_in(source))
    for file in sorted(PACKAGE.rglob("*.html")):
        found |= dict.fromkeys(Message(text) for text in PAGE_MARK.findall(file.read_text(encoding="utf-8")))
    return list(found)


def messages_in(source: str) -> Iterator[Message]:
    """Yield what a module marks.

    Raises
    ------
    CatalogueError : something is marked that is no constant, and therefore never found in a catalogue.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
            texts = [str(part.value) for part in node.args if isinstance(part, ast.Constant)]
            if node.args and isinstance(node.args[0], ast.JoinedStr):
                raise CatalogueError(
                    f"line {node.lineno}: an f-string cannot be translated; use {{names}} and values"
                )
            if node.func.id == "ngettext":
                yield Message(*texts[:2])
            elif texts:
                yield Message(texts[0])


def help_in(source: str) -> Iterator[Message]:
    """Yield the help of commands and options in a module of the command line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg == "help" and isinstance(node.value, ast.Constant):
            yield Message(str(node.value.value))
        elif isinstance(node, ast.FunctionDef) and any("command" in ast.dump(mark) for mark in node.decorator_list):
            yield Message(ast.get_docstring(node) or "")


def sentences_in(source: str) -> Iterator[str]:
    """Yield what a module says without translating it: every text of several words outside documentation."""
    tree = ast.parse(source)
    translates = any(
        isinstance(node, ast.ImportFrom) and node.module == "grader.language.translation" for node in tree.body
    )
    roots = [node for node in ast.walk(tree) if isinstance(node, ast.Raise)] if translates else [tree]
    found = dict.fromkeys(text for root in roots for node in _spoken(root) for text in templates_of(node))
    for template in found:
        own = PLACEHOLDER.sub("", template)
        if " " in template.strip() and WORD.search(own) and not NO_SENTENCE.match(template):
            yield template


def _spoken(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and _name(node.exc.func) in INTERNAL_ERRORS:
        return
    if isinstance(node, ast.Call) and _name(node.func) in (*MARKS, "compile", "Option", "Argument", "deprecated"):
        return
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield node
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    for child in ast.iter_child_nodes(node):
        yield from _spoken(child)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def templates_of(node: ast.Constant | ast.JoinedStr) -> Iterator[str]:
    """Yield a text with a named place for each of its values, once for each choice between words in it.

    What has braces of its own is left out.
    """
    if isinstance(node, ast.Constant):
        if "{" not in str(node.value):
            yield str(node.value)
        return
    pieces: list[tuple[str, ...]] = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            pieces.append((str(part.value),))
        elif isinstance(part, ast.FormattedValue) and (words := _choice(part.value)):
            pieces.append(words)
        elif isinstance(part, ast.FormattedValue):
            name = _place(part.value)
            taken = sum(piece[0].rstrip("0123456789}") == f"{{{name}" for piece in pieces)
            pieces.append((f"{{{name}{taken + 1 if taken else ''}}}",))
    yield from map("".join, product(*pieces))


def _choice(node: ast.expr) -> tuple[str, ...]:
    """Return the words of ``"a" if ... else "b"``; empty if it is something else."""
    if not isinstance(node, ast.IfExp):
        return ()
    ends = (node.body, node.orelse)
    return (
        tuple(str(end.value) for end in ends if isinstance(end, ast.Constant))
        if all(isinstance(end, ast.Constant) for end in ends)
        else ()
    )


def _place(node: ast.expr) -> str:
    """Return a name for what an expression gives."""
    if isinstance(node, ast.Name | ast.Attribute):
        return _name(node).strip("_")
    if isinstance(node, ast.Call) and node.args:
        return _place(node.args[0])
    if isinstance(node, ast.Subscript | ast.Call):
        return _place(node.value if isinstance(node, ast.Subscript) else node.func)
    return "value"


def texts_of_lab(project: Project, lab: Lab) -> list[Message]:
    """Return what a lab says: from its contract, its checks, its skeletons, and what was published."""
    texts = [lab.facts.title, *lab.facts.tiers.values()]
    texts += [check.title for check in lab.checks.values()]
    if lab.facts.experiment is not None:
        texts += [lab.facts.experiment.title, *(option.help for option in lab.facts.experiment.options.values())]
    for handed in lab.facts.files:
        file = lab.folder / handed.path
        texts += INSTRUCTION.findall(file.read_text(encoding="utf-8")) if file.is_file() else []
    for file in sorted(lab.folder.glob("*.py")):
        texts += _requirements(file.read_text(encoding="utf-8"))
    for kind in ("public", "hidden"):
        manifest = project.fixtures(lab.name, kind) / "manifest.json"
        if manifest.is_file():
            texts += _published(json.loads(manifest.read_text(encoding="utf-8")))
    return [Message(text) for text in dict.fromkeys(texts) if text]


def _requirements(source: str) -> Iterator[str]:
    """Yield what ``student.require`` says, and the hints of checks that must be fast."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            said = [keyword.value for keyword in node.keywords if keyword.arg in ("hint", "message")]
            if _name(node.func) == "require":
                said += node.args[1:2]
            for text in said:
                if isinstance(text, ast.Constant | ast.JoinedStr):
                    yield from templates_of(text)


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


def update(file: Path, messages: Iterable[Message], known: Mapping[Message, str] | None = None) -> list[Message]:
    """Bring a catalogue up to date and compile it; return the messages that have no translation yet.

    New messages are added, translated as in ``known`` if they are there; what is not said any more is dropped.

    Raises
    ------
    CatalogueError : Babel is not installed, or ``file`` cannot be read.
    """
    catalog = read(file)
    kept = translations(catalog)
    fresh = _empty(catalog.locale)
    missing = []
    for message in messages:
        text = kept.get(message) or (known or {}).get(message, "")
        if not text:
            missing.append(message)
        _add(fresh, message, text)
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import write_po

    file.parent.mkdir(parents=True, exist_ok=True)
    written = io.BytesIO()
    write_po(written, fresh, width=WIDTH, no_location=True, omit_header=True)
    file.write_bytes(HEADER.format(language=fresh.locale).encode() + written.getvalue())
    compiled = io.BytesIO()
    write_mo(compiled, fresh)
    file.with_suffix(".mo").write_bytes(compiled.getvalue())
    return missing


def _empty(language: str) -> Any:
    from babel.messages.catalog import Catalog

    return Catalog(
        locale=language,
        project=DOMAIN,
        version="1",
        creation_date=SOME_DATE,
        revision_date=SOME_DATE,
        msgid_bugs_address="",
        last_translator="",
        language_team="",
        fuzzy=False,
    )


def _add(catalog: Any, message: Message, text: str) -> None:
    ident = (message.text, message.many) if message.many else message.text
    catalog.add(ident, (text,) if message.many else text, context=message.context or None)


def read(file: Path) -> Any:
    """Return a catalogue as Babel has it, an empty one if there is no such file.

    Raises
    ------
    CatalogueError : Babel is not installed, or the file cannot be read.
    """
    try:
        from babel.messages.pofile import PoFileError, read_po
    except ImportError:
        raise CatalogueError("catalogues need the package babel: pip install -e '.[dev]'") from None
    language = file.parent.parent.name
    if not file.is_file():
        return _empty(language)
    try:
        return read_po(io.BytesIO(file.read_bytes()), locale=language, abort_invalid=True)
    except (PoFileError, ValueError) as error:
        raise CatalogueError(f"{file} cannot be read: {error}") from None


def translations(catalog: Any) -> dict[Message, str]:
    """Return what a catalogue translates, by message."""
    found = {}
    for entry in catalog:
        if entry.id:
            text, many = entry.id if isinstance(entry.id, tuple) else (entry.id, "")
            string = entry.string[0] if isinstance(entry.string, tuple) else entry.string
            found[Message(text, many, entry.context or "")] = string
    return {message: string for message, string in found.items() if string}


def update_all(project: Project, names: Sequence[str] = ()) -> dict[Path, list[Message]]:
    """Bring the program's catalogues and those of labs up to date; return what lacks a translation, by file.

    Raises
    ------
    CatalogueError : as for `update`.
    """
    lacking = {}
    labs = [project.lab(name) for name in names or list_labs(project.root / "labs")]
    for language in LANGUAGES:
        if language == ENGLISH:
            continue
        file = catalogue_file(CATALOGUES, DOMAIN, language)
        lacking[file] = update(file, messages_of_program())
        # What one lab says, others often say too.
        known: dict[Message, str] = {}
        for lab in map(project.lab, list_labs(project.root / "labs")):
            known |= translations(read(catalogue_file(lab.folder / "locale", LAB_DOMAIN, language)))
        for lab in labs:
            file = catalogue_file(lab.folder / "locale", LAB_DOMAIN, language)
            lacking[file] = update(file, texts_of_lab(project, lab), known)
    return lacking


def key_of(message: Message) -> str:
    """Return the key of a message in a compiled catalogue."""
    start = f"{message.context}{CONTEXT_SIGN}" if message.context else ""
    return start + message.text + (f"\0{message.many}" if message.many else "")
