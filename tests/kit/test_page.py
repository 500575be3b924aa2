"""Pages for students: the report of `check`, and the handouts with their formulas."""

import re
from html.parser import HTMLParser

import pytest

from grader.kits.handouts import HandoutError, formula, handout_page, handout_pages
from grader.kits.kit import dependencies
from grader.project.contract import list_labs
from grader.student.page import coded
from tests.golden import ROOT, materialise
from tests.kit.conftest import LAB, student

LABS = list_labs(ROOT / "labs")
EMPTY = {"meta", "br", "hr", "img", "input", "link"}


class Nested(HTMLParser):
    """Notes the tags of a page, and fails where one is closed that is not open."""

    def __init__(self):
        super().__init__()
        self.open, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open += [] if tag in EMPTY else [tag]

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(page):
    """Return the tags of a page whose tags are properly nested."""
    found = Nested()
    found.feed(page)
    found.close()
    assert not found.open
    return found.tags


@pytest.mark.parametrize("lab", LABS)
def test_every_formula_of_a_handout_is_drawn(lab, project):
    """Both pages have a MathML element with its number for each formula of the text, and no dollar is left."""
    pages = handout_pages(ROOT / "labs" / lab, "Title")
    assert set(pages) == {"README.html", "README.zh.html"}
    for name, content in pages.items():
        text = (ROOT / "labs" / lab / name.replace(".html", ".md")).read_text(encoding="utf-8")
        page = content.decode()
        formulas = re.findall(r"\$\$.*?\$\$", text, re.S)
        assert page.count('display="block"') == len(formulas) and "$" not in page
        for number in re.findall(r"\\tag\{(\w+)\}", text):
            assert f"<span>({number})</span>" in page
        tags = parsed(page)
        assert "script" not in tags and "link" not in tags
        assert tags.count("img") == page.count('<img src="data:image/') == len(re.findall(r"^!\[", text, re.M))
        assert page.count('<pre tabindex="0">') == len(re.findall(r"^```.*?^```", text, re.M | re.S))


def test_what_stands_in_code_is_no_formula():
    """Dollars in code, in blocks and alone stay; underscores of a formula are no emphasis; markup is escaped."""
    page = handout_page(
        "# One `a`\n\n`$x$` costs 5 $ and 6 $, $a_1 + b_1$ <b>\n\n```sh\necho $HOME $PATH\n```\n", "Title", "en"
    )
    assert "<code>$x$</code> costs 5 $ and 6 $, <math" in page and "echo $HOME $PATH" in page
    assert "<em>" not in page and "&lt;b&gt;" in page and "<title>One a</title>" in page


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("关于它是\n怎样画的", "关于它是怎样画的"),
        ("两次梯度，\n`x` 不变", "两次梯度，<code>x</code> 不变"),
        ("**加粗**\n之后", "<strong>加粗</strong>之后"),
        ("使用 `conv`\n的层", "使用 <code>conv</code>\n的层"),
        ("the gradient\nof the loss", "the gradient\nof the loss"),
    ],
)
def test_the_end_of_a_line_is_no_space_between_chinese_letters(source, shown):
    """A space stays beside Latin letters and code; one between two Chinese letters is a fault of setting."""
    assert shown in handout_page(source, "Title", "zh")


def test_links_between_handouts_lead_to_pages():
    """A link to the other language leads to its page, others stay."""
    page = handout_page("[zh](README.zh.md) [other](../notes.md)", "Title", "zh")
    assert 'href="README.zh.html"' in page and 'href="../notes.md"' in page and 'lang="zh"' in page


def test_pictures_of_the_lab_are_part_of_the_page(tmp_path):
    """Nothing else is taken in, and a picture that is not there is named."""
    (tmp_path / "dot.png").write_bytes(b"\x89PNG")
    page = handout_page("![a dot](dot.png) ![far](https://example.org/dot.png)", "Title", "en", tmp_path)
    assert '<img src="data:image/png;base64,iVBORw==" alt="a dot"' in page
    assert '<img src="https://example.org/dot.png"' in page
    with pytest.raises(HandoutError, match=r"none\.jpg"):
        handout_page("![](none.jpg)", "Title", "en", tmp_path)


@pytest.mark.parametrize("text", [r"\unknown{a}", r"\left( a"])
def test_a_formula_that_cannot_be_read_is_named(text):
    """The kit is not built with a hole in its handout."""
    with pytest.raises(HandoutError, match=re.escape(text)):
        formula(text)


def test_a_kit_has_the_pages_and_not_what_makes_them(files):
    """Handouts lie beside their Markdown; a student installs no converter."""
    assert {f"labs/{LAB}/README.html", f"labs/{LAB}/README.zh.html"} <= set(files)
    assert f"labs/{LAB}/README.zh.html" in files["README.zh.md"].decode()
    lines = "".join(dependencies(ROOT / "pyproject.toml"))
    assert "latex2mathml" not in lines and "markdown" not in lines


def test_back_quotes_are_code_and_nothing_is_markup():
    """What stands between back quotes is code; angle brackets stay letters."""
    assert coded("use `a < b` <script>") == "use <code>a &lt; b</code> &lt;script&gt;"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_opens_as_a_page(kit, language, monkeypatch):
    """It has the bars, the cause, one next step and a drawing of the wrong array, and asks for nothing else."""
    materialise(ROOT / "tests" / "submissions" / LAB / "einsum_windows", kit / "stu_upload" / LAB)
    layer = kit / "stu_upload" / LAB / "layer.py"
    text = layer.read_text().replace("inputs.clip(min=0)", "inputs.clip(max=0)")
    layer.write_text(text + "\n".join(["", *(f"print('seen', {number})" for number in range(40)), ""]))
    monkeypatch.setenv("BROWSER", "true")
    done = student(kit, "check", LAB, "--layer", "relu", "--open", "--lang", language)
    file = kit / "results" / LAB / "check.html"
    assert done.returncode == 1 and "results/vgg16/check.html" in done.stdout, done.stderr
    page = file.read_text(encoding="utf-8")
    tags = parsed(page)
    assert f'<html lang="{language}">' in page and tags.count("svg") == 1 and "script" not in tags
    assert "`" not in re.sub(r"<svg.*?</svg>", "", page, flags=re.S)
    assert page.count('class="next"') == 1 and "--all" not in page
    assert page.count("<details>") == 1 and page.index("<svg") < page.index("<details>") < page.index("seen 39")
