"""Handouts as pages: Markdown becomes HTML, formulas become MathML, and nothing is fetched from anywhere.

CommonMark leaves backslashes and underscores of a formula to be read as marks, so formulas are taken out first and
put back, converted, into the finished page. Pictures of the lab's folder are part of the page.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from grader.language.errors import BadInput
from grader.language.translation import speaking
from grader.report.pages import page

TEMPLATE = "handout.html"
FENCE = re.compile(r"^```.*?^```[ ]*$", re.M | re.S)
CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.S)
DISPLAYED = re.compile(r"\$\$(.+?)\$\$", re.S)
# A dollar that a letter or a digit does not stand before, and that no blank follows.
INLINE = re.compile(r"(?<![\w\\$])\$(?![\s$])([^$\n]+?)(?<!\s)\$(?![\w$])")
TAG = re.compile(r"\\tag\{([^}]*)\}")
PLACE = "\ue000{}\ue001"
PLACES = re.compile("\ue000(\\d+)\ue001")
LINK = re.compile(r'href="(README(?:\.\w+)?)\.md')
PICTURE = re.compile(r'(?<=<img src=")[\w/-]+\.(jpg|png)(?=")')
CHINESE_MARK = re.compile(r"[\u3001-\u301f\uff01-\uff1f]")
CHINESE = re.compile(r"[\u3001-\u9fff\uff01-\uff1f]")
KINDS = {"jpg": "jpeg", "png": "png"}
SUFFIXES = {"README.md": "en", "README.zh.md": "zh"}


class HandoutError(BadInput):
    """A handout cannot be made into a page; the message says what is missing or cannot be read."""


def handout_pages(folder: Path, title: str) -> dict[str, bytes]:
    """Return the page of each handout in a lab's folder by its name, such as ``README.zh.html``.

    Raises
    ------
    HandoutError : a formula cannot be read, a picture is not there, or a package is not installed.
    """
    return {
        name.replace(".md", ".html"): handout_page(
            (folder / name).read_text(encoding="utf-8"), title, language, folder
        ).encode()
        for name, language in SUFFIXES.items()
        if (folder / name).is_file()
    }


def handout_page(markdown: str, title: str, language: str, folder: Path | None = None) -> str:
    """Return a handout as one self-contained page; its pictures lie in ``folder``.

    Raises
    ------
    HandoutError : as for `handout_pages`.
    """
    try:
        from markdown_it import MarkdownIt
    except ImportError:
        raise HandoutError(
            "pages of handouts need markdown-it-py; install it: pip install markdown-it-py"
        ) from None
    kept: list[str] = []

    def keep(text: str) -> str:
        kept.append(text)
        return PLACE.format(len(kept) - 1)

    text = FENCE.sub(lambda found: keep(found[0]), markdown)
    text = CODE.sub(lambda found: keep(found[0]), text)
    plain = set(range(len(kept)))
    text = DISPLAYED.sub(lambda found: keep(formula(found[1], displayed=True)), text)
    text = INLINE.sub(lambda found: keep(formula(found[1])), text)
    text = PLACES.sub(lambda found: kept[int(found[1])] if int(found[1]) in plain else found[0], text)
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("softbreak", _line_end)
    body = reader.render(text)
    body = PLACES.sub(lambda found: kept[int(found[1])], body)
    body = LINK.sub(r'href="\1.html', body)
    if folder is not None:
        body = PICTURE.sub(lambda found: _as_text(folder / found[0], KINDS[found[1]]), body)
    body = body.replace("<table>", '<div class="wide" tabindex="0"><table>').replace("</table>", "</table></div>")
    # What can be scrolled has to be reached by the keyboard; a corner that names nothing is no head.
    body = body.replace("<pre>", '<pre tabindex="0">').replace("<th></th>", "<td></td>")
    first = re.search(r"<h1>(.*?)</h1>", body, re.S)
    with speaking(language):
        return page(
            TEMPLATE,
            {"title": Markup(re.sub(r"<[^>]+>", "", first[1])) if first else title, "body": Markup(body)},
            Path(__file__).parent,
        )


def _line_end(_renderer: Any, tokens: Sequence[Any], place: int, _options: Any, _env: Any) -> str:
    """Return what the end of a source line becomes: nothing between Chinese letters, which no space parts."""
    before = next((token.content for token in reversed(tokens[:place]) if token.content), "")
    after = next((token.content for token in tokens[place + 1 :] if token.content), "")
    marks = bool(CHINESE_MARK.match(before[-1:]) or CHINESE_MARK.match(after[:1]))
    return "" if marks or (CHINESE.match(before[-1:]) and CHINESE.match(after[:1])) else "\n"


def _as_text(picture: Path, kind: str) -> str:
    try:
        data = picture.read_bytes()
    except OSError as error:
        raise HandoutError("{file} cannot be read ({strerror})", file=picture, strerror=error.strerror) from None
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def formula(text: str, *, displayed: bool = False) -> str:
    """Return a formula of LaTeX as MathML, which browsers draw themselves; its number stands behind it.

    Raises
    ------
    HandoutError : it cannot be read, or the package is not installed.
    """
    try:
        from latex2mathml.converter import convert
    except ImportError:
        raise HandoutError("formulas on pages need latex2mathml: pip install latex2mathml") from None
    number = TAG.search(text)
    plain = TAG.sub("", text).strip()
    try:
        drawn = convert(plain, display="block" if displayed else "inline")
    except Exception as error:
        raise HandoutError(
            "the formula {formula} cannot be read ({error})", formula=plain, error=type(error).__name__
        ) from error
    if "\\" in drawn:
        # What the converter does not know stays as it was typed.
        raise HandoutError("the formula {formula} has a command that is not known", formula=plain)
    if not displayed:
        return str(drawn)
    tag = f"<span>({escape(number[1])})</span>" if number else ""
    # Inside of a paragraph no block may stand.
    return f'<span class="formula" tabindex="0"><span>{drawn}</span>{tag}</span>'
